/* SPDX-License-Identifier: Apache-2.0 */

/*
 * PersistentVolumeClaims. What may change in the spec of a stored claim:
 * volumeName and storageClassName once, from nothing (that is the binder);
 * resources.requests once it is bound (expansion), not below what it has;
 * volumeAttributesClassName.
 */

#include <string.h>

#include "json_field.h"
#include "selector.h"
#include "validate_internal.h"

#define REQUEST "spec.resources.requests.storage"

void validate_claim(struct faults *faults, const cJSON *json,
		    const struct drivers *drivers)
{
	_cleanup_(selector_fini) struct selector selector = { 0 };
	struct err err = ERR_INIT;
	const cJSON *request;
	const char *class;

	if (!field_object(faults, json, "spec")) {
		fault_required(faults, "spec", "");
		return;
	}
	validate_access_modes(faults, json);
	if (selector_decode(json, "spec.selector", &selector, &err) < 0)
		fault_err(faults, "", &err);
	request = json_at(json, REQUEST);
	if (request)
		validate_amount(faults, request, "spec.resources[storage]");
	else
		fault_required(faults, "spec.resources[storage]", "");
	class = field_string(faults, json, "spec.storageClassName");
	if (class && *class)
		validate_subdomain(faults, "spec.storageClassName", class);
	(void)field_string(faults, json, "spec.volumeName");
	validate_volume_mode(faults, json);
}

/* Takes a member out of both specs when it may change in this way. */
static void allow_first(cJSON *old, cJSON *new, const char *name)
{
	const cJSON *before = cJSON_GetObjectItemCaseSensitive(old, name);

	if (before && !cJSON_IsNull(before) &&
	    !(strcmp(name, "volumeName") == 0 && cJSON_IsString(before) &&
	      !*before->valuestring))
		return;
	cJSON_DeleteItemFromObjectCaseSensitive(old, name);
	cJSON_DeleteItemFromObjectCaseSensitive(new, name);
}

static void allow(cJSON *spec, const char *name)
{
	cJSON_DeleteItemFromObjectCaseSensitive(spec, name);
}

static void default_volume_mode(cJSON *spec)
{
	if (!cJSON_GetObjectItemCaseSensitive(spec, "volumeMode"))
		(void)cJSON_AddStringToObject(spec, "volumeMode", "Filesystem");
}

/* The amount is compared for itself: "1Gi" and "1024Mi" are the same. */
static void allow_requests(cJSON *spec)
{
	allow(cJSON_GetObjectItemCaseSensitive(spec, "resources"), "requests");
}

static bool is_spec_kept(const cJSON *old_json, const cJSON *new_json)
{
	cJSON *old = cJSON_Duplicate(json_at(old_json, "spec"), true);
	cJSON *new = cJSON_Duplicate(json_at(new_json, "spec"), true);
	bool is_kept;

	allow_first(old, new, "volumeName");
	allow_first(old, new, "storageClassName");
	allow_requests(old);
	allow_requests(new);
	allow(old, "volumeAttributesClassName");
	allow(new, "volumeAttributesClassName");
	default_volume_mode(old);
	default_volume_mode(new);
	is_kept = json_is_equal(old, new);
	cJSON_Delete(old);
	cJSON_Delete(new);
	return is_kept;
}

static bool is_bound(const cJSON *json)
{
	const char *phase = cJSON_GetStringValue(json_at(json, "status.phase"));

	return phase && strcmp(phase, "Bound") == 0;
}

void validate_claim_update(struct faults *faults, const cJSON *old,
			   const cJSON *new)
{
	uint64_t before = 0, after = 0, capacity = 0;

	(void)json_quantity(old, REQUEST, 0, &before, NULL);
	(void)json_quantity(new, REQUEST, 0, &after, NULL);
	(void)json_quantity(old, "status.capacity.storage", 0, &capacity, NULL);
	if (!is_spec_kept(old, new) || (before != after && !is_bound(old)))
		fault_forbidden(
			faults, "spec",
			"spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims");
	else if (after < before && after <= capacity)
		fault_forbidden(faults, REQUEST,
				"field can not be less than status.capacity");
}
