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

/* RPC_INVALID_ARGUMENT for what can't be changed. */
enum rpc_status csi_attributes_read(ProtobufCMessage *const *entries, size_t n,
				    struct csi_attributes *ret,
				    struct err *err);
void csi_attributes_fini(struct csi_attributes *attributes);

/* As csi_class_ensure(); 0 also when there are none. */
enum rpc_status csi_attributes_ensure(struct csi_controller *self,
				      const struct csi_attributes *attributes,
				      struct err *err);
/* As csi_class_release(). */
void csi_attributes_release(struct csi_controller *self, const char *name);
int csi_attributes_sweep(struct csi_controller *self, struct err *err);

DEFINE_FINI(struct csi_attributes, csi_attributes_fini)
