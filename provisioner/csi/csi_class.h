/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * StorageClasses for CSI's parameters and mount flags: made with their first volume and
 * removed with their last one. Any thread.
 */

#include "csi_capability.h"
#include "csi_name.h"
#include "object.h"

struct cJSON;
struct csi_controller;

struct csi_class {
	char name[CSI_OBJECT_NAME_MAX];
	struct labels parameters; /* in the order of keys */
	char *const *mount_flags; /* borrowed */
	size_t n_mount_flags;
};

/*
 * Keeps the parameters but for those that a sidecar adds (csi_key_is_told()), and gives
 * the class its name. Borrows the mount flags. Nothing is checked: the API does that when
 * the class is made.
 */
void csi_class_init(struct csi_class *class, const char *driver,
		    struct labels *take_parameters,
		    const struct csi_capabilities *capabilities);
void csi_class_fini(struct csi_class *class);
/* Adds member "parameters" to an object's JSON; false = no memory. */
bool csi_class_add_parameters(struct cJSON *json,
			      const struct labels *parameters);

/*
 * Makes the object unless it exists. The caller has self->classes read-locked.
 * RPC_INVALID_ARGUMENT: a parameter or mount flag is wrong; RPC_RESOURCE_EXHAUSTED: there
 * are CSI_CLASS_MAX already; RPC_INTERNAL: another class has this name.
 */
enum rpc_status csi_class_ensure(struct csi_controller *self,
				 const struct csi_class *class,
				 struct err *err);
/* Removes the class of this name if it was made here and no claim uses it; best effort. */
void csi_class_release(struct csi_controller *self, const char *name);
/* Does so for all of them, at the start. 0 or -errno. */
int csi_class_sweep(struct csi_controller *self, struct err *err);

DEFINE_FINI(struct csi_class, csi_class_fini)
