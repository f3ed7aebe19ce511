/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Names of the enumerations, each in one table, and the destructors. A decoded
 * struct is all zero or all owned: every _fini may be called on either, twice.
 */

#include "model.h"

#include <string.h>

#include "json_field.h"

static const struct {
	enum access_mode mode;
	const char *name;
	const char *short_name;
} access_modes[] = {
	{ ACCESS_RWO, "ReadWriteOnce", "RWO" },
	{ ACCESS_ROX, "ReadOnlyMany", "ROX" },
	{ ACCESS_RWX, "ReadWriteMany", "RWX" },
	{ ACCESS_RWOP, "ReadWriteOncePod", "RWOP" },
};

const char *const claim_phase_names[] = {
	[CLAIM_PENDING] = "Pending",
	[CLAIM_BOUND] = "Bound",
	[CLAIM_LOST] = "Lost",
};

const char *const pv_phase_names[] = {
	[PV_PENDING] = "Pending", [PV_AVAILABLE] = "Available",
	[PV_BOUND] = "Bound",	  [PV_RELEASED] = "Released",
	[PV_FAILED] = "Failed",
};

const char *const reclaim_policy_names[] = {
	[RECLAIM_DELETE] = "Delete",
	[RECLAIM_RETAIN] = "Retain",
	[RECLAIM_RECYCLE] = "Recycle",
};

const char *const binding_mode_names[] = {
	[BINDING_IMMEDIATE] = "Immediate",
	[BINDING_WAIT_FOR_FIRST_CONSUMER] = "WaitForFirstConsumer",
};

const char *const modify_phase_names[] = {
	[MODIFY_NONE] = "",
	[MODIFY_PENDING] = "Pending",
	[MODIFY_IN_PROGRESS] = "InProgress",
	[MODIFY_INFEASIBLE] = "Infeasible",
};

int access_mode_parse(const char *text, enum access_mode *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(access_modes); i++) {
		if (strcmp(text, access_modes[i].name) == 0) {
			*ret = access_modes[i].mode;
			return 0;
		}
	}
	return -EINVAL;
}

const char *access_mode_name(enum access_mode mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(access_modes); i++) {
		if (access_modes[i].mode == mode)
			return access_modes[i].name;
	}
	return "";
}

const char *access_mode_short(enum access_mode mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(access_modes); i++) {
		if (access_modes[i].mode == mode)
			return access_modes[i].short_name;
	}
	return "";
}

const char *labels_get(const struct labels *labels, const char *key)
{
	for (size_t i = 0; i < labels->n; i++) {
		if (strcmp(labels->items[i].key, key) == 0)
			return labels->items[i].value;
	}
	return NULL;
}

bool meta_has_finalizer(const struct object_meta *meta, const char *name)
{
	for (size_t i = 0; i < meta->n_finalizers; i++) {
		if (strcmp(meta->finalizers[i], name) == 0)
			return true;
	}
	return false;
}

void labels_fini(struct labels *labels)
{
	for (size_t i = 0; i < labels->n; i++) {
		free(labels->items[i].key);
		free(labels->items[i].value);
	}
	free(labels->items);
	*labels = (struct labels){ 0 };
}

static void object_meta_fini(struct object_meta *meta)
{
	free(meta->namespace);
	free(meta->name);
	free(meta->uid);
	json_strings_free(meta->finalizers, meta->n_finalizers);
	labels_fini(&meta->labels);
	labels_fini(&meta->annotations);
}

static void claim_ref_fini(struct claim_ref *ref)
{
	free(ref->namespace);
	free(ref->name);
	free(ref->uid);
}

void storage_class_fini(struct storage_class *class)
{
	object_meta_fini(&class->meta);
	free(class->provisioner);
	labels_fini(&class->parameters);
	json_strings_free(class->mount_options, class->n_mount_options);
	*class = (struct storage_class){ 0 };
}

void attributes_class_fini(struct attributes_class *class)
{
	free(class->name);
	free(class->driver);
	labels_fini(&class->parameters);
	*class = (struct attributes_class){ 0 };
}

void persistent_volume_fini(struct persistent_volume *pv)
{
	object_meta_fini(&pv->meta);
	free(pv->class_name);
	free(pv->attributes_class);
	claim_ref_fini(&pv->claim_ref);
	free(pv->driver);
	free(pv->handle);
	labels_fini(&pv->attributes);
	json_strings_free(pv->mount_options, pv->n_mount_options);
	*pv = (struct persistent_volume){ 0 };
}

void claim_fini(struct claim *claim)
{
	object_meta_fini(&claim->meta);
	free(claim->class_name);
	free(claim->attributes_class);
	free(claim->current_attributes_class);
	free(claim->modify_target);
	free(claim->volume_name);
	free(claim->data_source.api_group);
	free(claim->data_source.kind);
	free(claim->data_source.name);
	free(claim->data_source.namespace);
	selector_fini(&claim->selector);
	*claim = (struct claim){ 0 };
}

void pod_fini(struct pod *pod)
{
	object_meta_fini(&pod->meta);
	free(pod->node_name);
	free(pod->phase);
	free(pod->fs_group);
	for (size_t i = 0; i < pod->n_volumes; i++) {
		free(pod->volumes[i].name);
		free(pod->volumes[i].claim_name);
	}
	free(pod->volumes);
	*pod = (struct pod){ 0 };
}
