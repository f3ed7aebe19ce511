/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What can't be waited for is -EINVAL: dataSource and sizes of a claim that is not
 * bound never change. All else may come: a claim that is bound later, a snapshot that
 * is not whole yet.
 */

#include "clone_source.h"

#include <inttypes.h>
#include <string.h>

#include "csi_origin.h"
#include "model_decode.h"
#include "volume_place.h"

#define SNAPSHOT_GROUP "snapshot.storage.k8s.io"

enum source_kind {
	SOURCE_CLAIM,
	SOURCE_VOLUME_SNAPSHOT,
	SOURCE_SNAPSHOT,
	SOURCE_VOLUME,
	SOURCE_NONE,
};

void clone_source_fini(struct clone_source *source)
{
	free(source->volume);
	free(source->snapshot);
	free(source->detail);
	*source = (struct clone_source){ 0 };
}

static enum source_kind kind_of(const struct claim *claim)
{
	static const struct {
		const char *group;
		const char *kind;
		enum source_kind value;
		bool is_csi; /* of claims that were made over CSI only */
	} kinds[] = {
		{ "", "PersistentVolumeClaim", SOURCE_CLAIM, false },
		{ SNAPSHOT_GROUP, "VolumeSnapshot", SOURCE_VOLUME_SNAPSHOT,
		  false },
		{ CLONE_GROUP, CLONE_SNAPSHOT_KIND, SOURCE_SNAPSHOT, false },
		{ CLONE_GROUP, CLONE_VOLUME_KIND, SOURCE_VOLUME, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(claim->data_source.api_group, kinds[i].group) == 0 &&
		    strcmp(claim->data_source.kind, kinds[i].kind) == 0 &&
		    (!kinds[i].is_csi || claim_is_csi(claim)))
			return kinds[i].value;
	return SOURCE_NONE;
}

bool clone_source_refusal(const struct claim *claim, char *buffer, size_t size)
{
	const struct data_source *source = &claim->data_source;

	if (*source->namespace &&
	    strcmp(source->namespace, claim->meta.namespace) != 0) {
		(void)snprintf(
			buffer, size,
			"dataSourceRef.namespace \"%s\" is not supported: a source is of the claim's own namespace",
			source->namespace);
		return true;
	}
	if (kind_of(claim) != SOURCE_NONE)
		return false;
	(void)snprintf(
		buffer, size, "dataSource of kind \"%s%s%s\" is not supported",
		source->kind, *source->api_group ? "." : "", source->api_group);
	return true;
}

/* --- a volume --------------------------------------------------------------------- */

static int take_volume(const struct persistent_volume *pv,
		       struct clone_source *ret, struct err *err)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	_cleanup_(clone_source_fini) struct clone_source source = {
		.volume = strdup(pv->meta.name),
		.capacity = pv->capacity,
	};
	int r = volume_place_of_volume(pv, &place, err);

	if (r < 0)
		return r;
	if (!source.volume ||
	    volume_place_to_detail(&place, &source.detail) < 0)
		return err_set(err, -ENOMEM, "no memory");
	*ret = source;
	source = (struct clone_source){ 0 };
	return 0;
}

static int find_volume(const struct clone_finder *finder, const char *name,
		       struct clone_source *ret, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(persistent_volume_fini) struct persistent_volume pv = { 0 };
	int r = finder->cluster->ops->get(finder->cluster,
					  KIND_PERSISTENT_VOLUME, "", name,
					  &object, err);

	if (r > 0)
		return err_set(err, -ENOENT, "error getting volume %s", name);
	if (r == 0)
		r = persistent_volume_decode(object, &pv, err);
	if (r < 0)
		return r;
	if (!world_has_driver(finder->world, pv.driver))
		return err_set(
			err, -EINVAL,
			"volume %s of the dataSource is not of this driver",
			name);
	if (pv.meta.is_deleting)
		return err_set(
			err, -EINVAL,
			"volume %s of the dataSource is currently being deleted",
			name);
	return take_volume(&pv, ret, err);
}

static int find_claim(const struct clone_finder *finder,
		      const struct claim *claim, struct clone_source *ret,
		      struct err *err)
{
	const char *name = claim->data_source.name;
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(claim_fini) struct claim from = { 0 };
	int r = finder->cluster->ops->get(finder->cluster, KIND_CLAIM,
					  claim->meta.namespace, name, &object,
					  err);

	if (r > 0)
		return err_set(
			err, -ENOENT,
			"error getting PVC %s (namespace \"%s\") from api server: persistentvolumeclaims \"%s\" not found",
			name, claim->meta.namespace, name);
	if (r == 0)
		r = claim_decode(object, &from, err);
	if (r < 0)
		return r;
	if (from.phase != CLAIM_BOUND || !*from.volume_name)
		return err_set(
			err, -EAGAIN,
			"the PVC DataSource %s must have a status of Bound. Got %s",
			name, claim_phase_names[from.phase]);
	if (from.meta.is_deleting)
		return err_set(
			err, -EINVAL,
			"the PVC DataSource %s is currently being deleted",
			name);
	return find_volume(finder, from.volume_name, ret, err);
}

/* --- a snapshot -------------------------------------------------------------------- */

/* By filter; the first that there is. */
static int take_snapshot(const struct clone_finder *finder,
			 const struct snapshot_filter *filter, const char *name,
			 struct clone_source *ret, struct err *err)
{
	_cleanup_(store_snapshot_list_fini) struct store_snapshot_list list = {
		0
	};
	struct store_snapshot *found;
	int r = store_snapshot_list(finder->store, filter, &list, err);

	if (r < 0)
		return r;
	if (list.n == 0)
		return err_set(err, -ENOENT,
			       "error getting snapshot %s: it does not exist",
			       name);
	found = &list.items[0];
	if (found->state != SNAPSHOT_READY)
		return err_set(err, -EAGAIN, "snapshot %s is not Ready", name);
	*ret = (struct clone_source){ .volume = TAKE_PTR(found->volume),
				      .snapshot = TAKE_PTR(found->id),
				      .detail = TAKE_PTR(found->detail),
				      .capacity = found->capacity };
	return 0;
}

static int find_snapshot(const struct clone_finder *finder,
			 const struct claim *claim, struct clone_source *ret,
			 struct err *err)
{
	const char *name = claim->data_source.name;
	struct snapshot_filter filter = { .limit = 1 };

	if (claim_is_csi(claim)) {
		filter.id = name;
	} else {
		filter.namespace = claim->meta.namespace;
		filter.name = name;
	}
	return take_snapshot(finder, &filter, name, ret, err);
}

static int find_volume_snapshot(const struct clone_finder *finder,
				const struct claim *claim,
				struct clone_source *ret, struct err *err)
{
	const char *name = claim->data_source.name;
	struct snapshot_filter filter = { .limit = 1 };
	_cleanup_(free) char *handle = NULL;
	int r;

	if (finder->world->is_binder)
		return find_snapshot(finder, claim, ret, err);
	r = clone_snapshot_handle(finder->cluster, finder->world,
				  claim->meta.namespace, name, &handle, err);
	if (r < 0)
		return r;
	filter.id = handle;
	return take_snapshot(finder, &filter, name, ret, err);
}

/* --- whatever it is ------------------------------------------------------------------ */

static int find_any(const struct clone_finder *finder,
		    const struct claim *claim, struct clone_source *ret,
		    struct err *err)
{
	switch (kind_of(claim)) {
	case SOURCE_CLAIM:
		return find_claim(finder, claim, ret, err);
	case SOURCE_VOLUME_SNAPSHOT:
		return find_volume_snapshot(finder, claim, ret, err);
	case SOURCE_SNAPSHOT:
		return find_snapshot(finder, claim, ret, err);
	case SOURCE_VOLUME:
		return find_volume(finder, claim->data_source.name, ret, err);
	case SOURCE_NONE:
		break;
	}
	return err_set(err, -EINVAL, "dataSource is not supported");
}

int clone_source_find(const struct clone_finder *finder,
		      const struct claim *claim, struct clone_source *ret,
		      struct err *err)
{
	_cleanup_(clone_source_fini) struct clone_source source = { 0 };
	int r = find_any(finder, claim, &source, err);

	if (r < 0)
		return r;
	if (claim->request < source.capacity)
		return err_set(
			err, -EINVAL,
			"new PVC request must be greater than or equal in size to its data source, requested %" PRIu64
			" but source is %" PRIu64,
			claim->request, source.capacity);
	*ret = source;
	source = (struct clone_source){ 0 };
	return 0;
}
