/* SPDX-License-Identifier: Apache-2.0 */

/*
 * StorageClasses. A class of ours is checked to the bottom when it is made: what
 * is wrong with it would otherwise be found by every claim that uses it.
 */

#include "json_field.h"
#include "validate_internal.h"

void validate_class(struct faults *faults, const cJSON *json,
		    const struct drivers *drivers)
{
	static const char *const policies[] = { "Delete", "Retain", NULL };
	static const char *const modes[] = { "Immediate",
					     "WaitForFirstConsumer", NULL };
	const char *provisioner = field_string(faults, json, "provisioner");
	_cleanup_(err_fini) struct err err = ERR_INIT;
	bool allows_expansion;

	if (!provisioner || !*provisioner)
		fault_required(faults, "provisioner", "");
	else
		validate_qualified_name(faults, "provisioner", provisioner);
	field_enum(faults, json, "reclaimPolicy", policies);
	field_enum(faults, json, "volumeBindingMode", modes);
	if (json_bool(json, "allowVolumeExpansion", false, &allows_expansion,
		      &err) < 0)
		fault_err(faults, "", &err);
	if (!provisioner || !drivers_have(drivers, provisioner))
		return;
	validate_parameters(faults, json, "parameters");
	validate_mount_options(faults, json, "mountOptions");
}

void validate_class_update(struct faults *faults, const cJSON *old,
			   const cJSON *new)
{
	field_immutable(faults, old, new, "provisioner", NULL);
	field_immutable(faults, old, new, "parameters", NULL);
	field_immutable(faults, old, new, "reclaimPolicy", "Delete");
	field_immutable(faults, old, new, "volumeBindingMode", "Immediate");
}
