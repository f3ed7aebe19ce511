/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * VolumeAttributesClasses for CSI's mutable_parameters: made with their first volume and
 * removed with their last one. Any thread.
 */

#include "csi_capability.h"
#include "csi_name.h"

struct csi_controller;

struct csi_attributes {
	char name[CSI_OBJECT_NAME_MAX]; /* "" = there are none */
	struct labels parameters;	/* in the order of keys */
};

/*
 * Reads mutable_parameters, a map of a message. *ret is for csi_attributes_fini().
 * RPC_INVALID_ARGUMENT: one of them can't be changed, or has no such value.
 */
enum rpc_status csi_attributes_read(ProtobufCMessage *const *entries, size_t n,
				    struct csi_attributes *ret,
				    struct err *err);
void csi_attributes_fini(struct csi_attributes *attributes);

/*
 * Makes the object unless it exists; RPC_OK also when there are no attributes. The caller
 * has self->classes read-locked. RPC_RESOURCE_EXHAUSTED: there are CSI_CLASS_MAX already.
 */
enum rpc_status csi_attributes_ensure(struct csi_controller *self,
				      const struct csi_attributes *attributes,
				      struct err *err);
/* Removes the object of this name ("" = none) if no claim uses it; best effort. */
void csi_attributes_release(struct csi_controller *self, const char *name);
/* Does so for all of them, at the start. 0 or -errno. */
int csi_attributes_sweep(struct csi_controller *self, struct err *err);

DEFINE_FINI(struct csi_attributes, csi_attributes_fini)
