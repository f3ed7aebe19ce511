/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A volume by its id, which is its PersistentVolume's handle, and as an answer. Any
 * thread.
 */

#include "csi.pb-c.h"
#include "csi_message.h"
#include "model.h"
#include "object.h"
#include "rpc_status.h"

struct csi_controller;

struct csi_volume {
	struct object *object;
	struct persistent_volume pv;
};

/* RPC_INVALID_ARGUMENT without an id; RPC_NOT_FOUND. */
enum rpc_status csi_find_volume(struct csi_controller *self, const char *id,
				struct csi_volume *ret, struct err *err);
/* The same by the PersistentVolume's name; an outcome of struct cluster, or -errno. */
int csi_volume_read(struct csi_controller *self, const char *name,
		    struct csi_volume *ret, struct err *err);
/*
 * RPC_FAILED_PRECONDITION: it is a claim's that was not made by CreateVolume, and what
 * becomes of it is that one's owner's to say.
 */
enum rpc_status csi_volume_check_owner(const struct csi_volume *volume,
				       struct err *err);
void csi_volume_fini(struct csi_volume *volume);

/* csi.v1.Volume with what it points to. */
struct csi_volume_wire {
	Csi__V1__Volume volume;
	ProtobufCMessage **context;
};

/* Borrows from the volume. -ENOMEM. */
int csi_volume_wire_init(struct csi_volume_wire *wire,
			 const struct csi_volume *volume);
void csi_volume_wire_fini(struct csi_volume_wire *wire);

DEFINE_FINI(struct csi_volume, csi_volume_fini)
DEFINE_FINI(struct csi_volume_wire, csi_volume_wire_fini)
