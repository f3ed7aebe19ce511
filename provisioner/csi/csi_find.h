/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Finds a volume by its volume_id, which is its PersistentVolume's handle, and writes one
 * as csi.v1.Volume. Any thread.
 */

#include "csi.pb-c.h"
#include "csi_message.h"
#include "model.h"
#include "object.h"
#include "rpc_status.h"

struct csi_controller;

/* Owned; for csi_volume_fini(). pv is decoded from object. */
struct csi_volume {
	struct object *object;
	struct persistent_volume pv;
};

/* RPC_INVALID_ARGUMENT: the id is empty; RPC_NOT_FOUND: none of our volumes has it. */
enum rpc_status csi_find_volume(struct csi_controller *self, const char *id,
				struct csi_volume *ret, struct err *err);
/*
 * Reads a volume by its PersistentVolume's name instead. Returns 0, an outcome of struct
 * cluster, or -errno.
 */
int csi_volume_read(struct csi_controller *self, const char *name,
		    struct csi_volume *ret, struct err *err);
/*
 * RPC_FAILED_PRECONDITION: the volume was not made by CreateVolume. Then the owner of its
 * claim changes and deletes it, not CSI.
 */
enum rpc_status csi_volume_check_owner(const struct csi_volume *volume,
				       struct err *err);
void csi_volume_fini(struct csi_volume *volume);

/* csi.v1.Volume and what it points to. */
struct csi_volume_wire {
	Csi__V1__Volume volume;
	ProtobufCMessage **context;
};

/* Borrows from the volume; for csi_volume_wire_fini(). 0 or -ENOMEM. */
int csi_volume_wire_init(struct csi_volume_wire *wire,
			 const struct csi_volume *volume);
void csi_volume_wire_fini(struct csi_volume_wire *wire);

DEFINE_FINI(struct csi_volume, csi_volume_fini)
DEFINE_FINI(struct csi_volume_wire, csi_volume_wire_fini)
