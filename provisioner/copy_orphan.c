/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An orphan is removed as any other copy is, by a row that says so: so it is stopped by
 * nothing, and whoever wants to make a copy of that name waits until it is gone. The row
 * has its name on the share; of one that somebody began to remove nothing else is touched.
 */

#include "copy_orphan.h"

#include "volume_place.h"

static int is_known(struct store *store, const char *name, struct err *err)
{
	_cleanup_(store_copy_fini) struct store_copy copy = { 0 };
	int r = store_copy_get(store, name, &copy, err);

	return r < 0 ? r : r == 0;
}

int copy_orphan_is_one(struct store *store,
		       const struct share_copy_found *found, struct err *err)
{
	int r = is_known(store, found->name, err);

	if (r == 0 && found->is_dropped)
		r = is_known(store, found->copy, err);
	return r < 0 ? r : r == 0;
}

int copy_orphan_drop(struct store *store, const struct share_volume *where,
		     const struct share_copy_found *found, struct err *err)
{
	char *name = (char *)found->name;
	const struct volume_place place = {
		.server = (char *)where->server,
		.share = (char *)where->share,
		.port = where->port,
		.mountport = where->mountport,
		.path = name,
		.name = name,
		.claim_namespace = (char *)"",
		.claim_name = (char *)"",
		.claim_uid = (char *)"",
		.class_name = (char *)"",
	};
	_cleanup_(free) char *detail = NULL;
	struct store_copy copy = { .name = name,
				   .volume = name,
				   .state = COPY_DROPPING };
	int r = copy_orphan_is_one(store, found, err);

	if (r <= 0)
		return r < 0 ? r : STORE_EXISTS;
	if (volume_place_to_detail(&place, &detail) < 0)
		return err_set(err, -ENOMEM, "no memory");
	copy.source = copy.target = detail;
	return store_copy_put(store, &copy, err);
}
