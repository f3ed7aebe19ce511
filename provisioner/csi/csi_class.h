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

/* Takes the parameters without Kubernetes' own; they are checked when it is made. */
void csi_class_init(struct csi_class *class, const char *driver,
		    struct labels *take_parameters,
		    const struct csi_capabilities *capabilities);
void csi_class_fini(struct csi_class *class);
/* Adds member "parameters" to an object's JSON; false = no memory. */
bool csi_class_add_parameters(struct cJSON *json,
			      const struct labels *parameters);

/* Makes it unless it is there. The caller has self->classes locked for reading. */
enum rpc_status csi_class_ensure(struct csi_controller *self,
				 const struct csi_class *class,
				 struct err *err);
/* Removes one that has no claims and was made here; best effort. */
void csi_class_release(struct csi_controller *self, const char *name);
/* The same for all of them, at the start. */
int csi_class_sweep(struct csi_controller *self, struct err *err);

DEFINE_FINI(struct csi_class, csi_class_fini)
