/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A source is looked up only when the claim for the volume is made. The claim keeps which
 * source it was (clone_source.h), so a repeated request is answered even if the source was
 * deleted in between.
 */

#include "csi_source.h"

#include <inttypes.h>
#include <string.h>

#include "csi_calls.h"
#include "csi_find.h"
#include "csi_name.h"
#include "snapshots.h"

enum rpc_status csi_source_read(const Csi__V1__VolumeContentSource *wire,
				struct csi_source *ret, struct err *err)
{
	*ret = (struct csi_source){ 0 };
	if (!wire)
		return RPC_OK;
	switch (wire->type_case) {
	case CSI__V1__VOLUME_CONTENT_SOURCE__TYPE_SNAPSHOT:
		ret->is_snapshot = true;
		ret->id = wire->snapshot->snapshot_id;
		break;
	case CSI__V1__VOLUME_CONTENT_SOURCE__TYPE_VOLUME:
		ret->id = wire->volume->volume_id;
		break;
	default:
		return csi_refuse(
			err, RPC_INVALID_ARGUMENT,
			"volume_content_source is neither a snapshot nor a volume");
	}
	if (!*ret->id)
		return csi_refuse(err, RPC_INVALID_ARGUMENT,
				  "volume_content_source has no id");
	if (strlen(ret->id) > CSI_ID_MAX || !csi_text_is_clean(ret->id))
		return csi_refuse(err, RPC_NOT_FOUND,
				  "there is no source of that id");
	(void)snprintf(ret->text, sizeof(ret->text), "%s:%s",
		       ret->is_snapshot ? "snapshot" : "volume", ret->id);
	return RPC_OK;
}

static enum rpc_status find_snapshot(struct csi_controller *self,
				     const char *id,
				     struct csi_source_found *ret,
				     struct err *err)
{
	_cleanup_(store_snapshot_fini) struct store_snapshot snapshot = { 0 };
	int r = snapshots_get(self->options.snapshots, id, &snapshot, err);

	if (r == SNAPSHOTS_NOT_FOUND)
		return RPC_NOT_FOUND;
	if (r != 0)
		return csi_status_of(r);
	ret->name = TAKE_PTR(snapshot.id);
	ret->capacity = snapshot.capacity;
	return RPC_OK;
}

enum rpc_status csi_source_find(struct csi_controller *self,
				const struct csi_source *source,
				struct csi_source_found *ret, struct err *err)
{
	_cleanup_(csi_volume_fini) struct csi_volume volume = { 0 };
	enum rpc_status status;

	if (source->is_snapshot)
		return find_snapshot(self, source->id, ret, err);
	status = csi_find_volume(self, source->id, &volume, err);
	if (status != RPC_OK)
		return status;
	ret->name = strdup(volume.pv.meta.name);
	ret->capacity = volume.pv.capacity;
	return ret->name ? RPC_OK : csi_refuse(err, RPC_INTERNAL, "no memory");
}

enum rpc_status csi_source_fit(const struct csi_source_found *found,
			       struct csi_range *range, struct err *err)
{
	if (range->required < found->capacity)
		range->required = found->capacity;
	if (range->limit == 0 || range->required <= range->limit)
		return RPC_OK;
	return csi_refuse(err, RPC_OUT_OF_RANGE,
			  "capacity_range: the source has %" PRIu64
			  " bytes, more than limit_bytes %" PRIu64,
			  found->capacity, range->limit);
}

void csi_source_found_fini(struct csi_source_found *found)
{
	free(found->name);
	found->name = NULL;
}
