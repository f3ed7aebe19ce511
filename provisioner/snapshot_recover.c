/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The descriptor has all fields of the row (snapshot_record.h). Only its server and share
 * are not believed: the snapshot lies on the share where it was found, which may have
 * another name by now. Snapshots that are still being copied or removed are not found, as
 * they do not lie in .claimfs/snapshots.
 */

#include "snapshot_recover.h"

#include <string.h>

#include "snapshot_record.h"
#include "volume_place.h"

static int left(struct err *err, const char *why)
{
	(void)err_set(err, -ENODATA, "%s", why);
	return SNAPSHOT_LEFT;
}

static int set_place(struct store_snapshot *row,
		     const struct share_volume *where, struct err *err)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	int r = volume_place_from_detail(row->detail, &place, err);

	if (r < 0)
		return r;
	place.port = where->port;
	place.mountport = where->mountport;
	free(row->detail);
	row->detail = NULL;
	if (volume_place_set(&place.server, where->server) < 0 ||
	    volume_place_set(&place.share, where->share) < 0 ||
	    volume_place_to_detail(&place, &row->detail) < 0)
		return err_set(err, -ENOMEM, "no memory");
	return 0;
}

static int read_row(const struct share_volume *where,
		    const struct share_snapshot_found *found,
		    struct store_snapshot *ret, struct err *err)
{
	_cleanup_(err_fini) struct err why = ERR_INIT;
	int r;

	if (!found->is_whole)
		return left(err, "it lacks what was kept");
	if (!found->record)
		return left(err, "it has no descriptor that can be read");
	r = snapshot_record_read(found->record, found->id, ret, &why);
	if (r == 0)
		r = set_place(ret, where, &why);
	if (r == -ENOMEM)
		return err_set(err, r, "no memory");
	return r < 0 ? left(err, err_text(&why)) : 0;
}

static int put(struct store *store, const struct store_snapshot *row,
	       struct err *err)
{
	int r = store_snapshot_put(store, row, err);

	return r == STORE_EXISTS
		       ? left(err,
			      "another snapshot has its name, or it is being removed")
		       : r;
}

int snapshot_recover(struct store *store, const struct share_volume *where,
		     const struct share_snapshot_found *found,
		     enum snapshot_recover_flags flags, struct err *err)
{
	_cleanup_(store_snapshot_fini) struct store_snapshot there = { 0 };
	_cleanup_(store_snapshot_fini) struct store_snapshot row = { 0 };
	int r = store_snapshot_get(store, found->id, &there, err);

	if (r != STORE_NOT_FOUND)
		return r < 0 ? r : SNAPSHOT_EXISTS;
	r = read_row(where, found, &row, err);
	if (r != 0 || (flags & SNAPSHOT_RECOVER_DRY_RUN))
		return r;
	return put(store, &row, err);
}
