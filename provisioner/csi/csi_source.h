/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * CreateVolume's volume_content_source: the snapshot or volume that a new volume begins as
 * a copy of. Any thread.
 */

#include "csi.pb-c.h"
#include "csi_capability.h"

struct csi_controller;

#define CSI_SOURCE_MAX \
	144 /* bytes of "snapshot:ID" or "volume:ID", with the NUL */

struct csi_source {
	char text
		[CSI_SOURCE_MAX]; /* "snapshot:ID", "volume:ID"; "" = no source */
	const char *id;		  /* borrowed from the message */
	bool is_snapshot;
};

/*
 * NULL = no source. RPC_INVALID_ARGUMENT: it is of no known type, or has no id;
 * RPC_NOT_FOUND: nothing can have such an id.
 */
enum rpc_status csi_source_read(const Csi__V1__VolumeContentSource *wire,
				struct csi_source *ret, struct err *err);

/* What a source is in the record; for csi_source_found_fini(). */
struct csi_source_found {
	char *name; /* the snapshot's id, or the PersistentVolume's name */
	uint64_t capacity; /* bytes */
};

/* Looks a source up that is not "". RPC_NOT_FOUND: it does not exist. */
enum rpc_status csi_source_find(struct csi_controller *self,
				const struct csi_source *source,
				struct csi_source_found *ret, struct err *err);
/*
 * Raises what the volume requires to the source's capacity, so that the copy fits.
 * RPC_OUT_OF_RANGE: that is more than the range's limit.
 */
enum rpc_status csi_source_fit(const struct csi_source_found *found,
			       struct csi_range *range, struct err *err);
void csi_source_found_fini(struct csi_source_found *found);

DEFINE_FINI(struct csi_source_found, csi_source_found_fini)
