/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a volume is to begin as: CreateVolume's volume_content_source. Any thread. */

#include "csi.pb-c.h"
#include "csi_capability.h"

struct csi_controller;

/* "snapshot:ID" and "volume:ID" have at most so many bytes. */
#define CSI_SOURCE_MAX 144

struct csi_source {
	char text[CSI_SOURCE_MAX]; /* both kind and id; "" = nothing */
	const char *id;		   /* borrowed from the message */
	bool is_snapshot;
};

enum rpc_status csi_source_read(const Csi__V1__VolumeContentSource *wire,
				struct csi_source *ret, struct err *err);

/* What is found of one that is there. */
struct csi_source_found {
	char *name; /* the snapshot's id, or the PersistentVolume's name */
	uint64_t capacity;
};

/* RPC_NOT_FOUND. */
enum rpc_status csi_source_find(struct csi_controller *self,
				const struct csi_source *source,
				struct csi_source_found *ret, struct err *err);
/*
 * What the volume is to ask for, so that the source fits. RPC_OUT_OF_RANGE: that is
 * more than the limit.
 */
enum rpc_status csi_source_fit(const struct csi_source_found *found,
			       struct csi_range *range, struct err *err);
void csi_source_found_fini(struct csi_source_found *found);

DEFINE_FINI(struct csi_source_found, csi_source_found_fini)
