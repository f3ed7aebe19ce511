/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pods, as far as storage goes: their volumes, the node and fsGroup. Containers are
 * kept as they are and not looked at.
 */

#include <string.h>

#include "json_field.h"
#include "validate_internal.h"

static void check_claim_source(struct faults *faults, const cJSON *volume,
			       const char *path)
{
	const cJSON *claim = cJSON_GetObjectItemCaseSensitive(
		volume, "persistentVolumeClaim");
	_cleanup_(err_fini) struct err err = ERR_INIT;
	const char *name = NULL;
	bool is_read_only;
	char field[96];

	if (!claim)
		return;
	(void)snprintf(field, sizeof(field), "%s.persistentVolumeClaim", path);
	if (!cJSON_IsObject(claim)) {
		fault_invalid(faults, field, claim, "must be an object");
		return;
	}
	name = cJSON_GetStringValue(json_at(claim, "claimName"));
	if (json_bool(claim, "readOnly", false, &is_read_only, &err) < 0) {
		(void)err_wrap(&err, "%s", field);
		fault_err(faults, "", &err);
	}
	(void)snprintf(field, sizeof(field),
		       "%s.persistentVolumeClaim.claimName", path);
	if (!name || !*name)
		fault_required(faults, field, "");
	else
		validate_subdomain(faults, field, name);
}

static bool is_repeated(const cJSON *volumes, const cJSON *volume,
			const char *name)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, volumes) {
		const char *other = cJSON_GetStringValue(json_at(item, "name"));

		if (item == volume)
			return false;
		if (other && strcmp(other, name) == 0)
			return true;
	}
	return false;
}

static void check_volume(struct faults *faults, const cJSON *volumes,
			 const cJSON *volume, unsigned int i)
{
	const char *name = cJSON_GetStringValue(json_at(volume, "name"));
	char path[48], field[64];

	(void)snprintf(path, sizeof(path), "spec.volumes[%u]", i);
	(void)snprintf(field, sizeof(field), "%s.name", path);
	if (!cJSON_IsObject(volume)) {
		fault_invalid(faults, path, volume, "must be an object");
		return;
	}
	if (!name || !*name)
		fault_required(faults, field, "");
	else if (is_repeated(volumes, volume, name))
		fault_duplicate(faults, field, name);
	else
		validate_dns_label(faults, field, name);
	check_claim_source(faults, volume, path);
}

/* The limit is Kubernetes'. */
static void check_fs_group(struct faults *faults, const cJSON *json)
{
	static const char field[] = "spec.securityContext.fsGroup";
	const cJSON *group = json_at(json, field);
	double value = cJSON_GetNumberValue(group);

	/* What is no number is NaN, which no comparison holds for. */
	if (group && !(value >= 0 && value <= INT32_MAX &&
		       value == (double)(int32_t)value))
		fault_invalid(faults, field, group,
			      "must be between 0 and 2147483647, inclusive");
}

void validate_pod(struct faults *faults, const cJSON *json,
		  const struct drivers *drivers)
{
	const cJSON *volumes, *item;
	const char *node;
	unsigned int i = 0;

	if (!field_object(faults, json, "spec")) {
		fault_required(faults, "spec", "");
		return;
	}
	node = field_string(faults, json, "spec.nodeName");
	if (node && *node)
		validate_subdomain(faults, "spec.nodeName", node);
	check_fs_group(faults, json);
	volumes = field_array(faults, json, "spec.volumes");
	cJSON_ArrayForEach (item, volumes)
		check_volume(faults, volumes, item, i++);
}

void validate_pod_update(struct faults *faults, const cJSON *old,
			 const cJSON *new)
{
	const char *node = cJSON_GetStringValue(json_at(old, "spec.nodeName"));

	field_immutable(faults, old, new, "spec.volumes", NULL);
	field_immutable(faults, old, new, "spec.securityContext", NULL);
	if (node && *node)
		field_immutable(faults, old, new, "spec.nodeName", NULL);
}
