/* SPDX-License-Identifier: Apache-2.0 */

/*
 * VolumeAttributesClasses, and what the status of a claim says of the way from one to
 * another. Words of the status that are not known yet count as none: the modification
 * begins anew, and each of its steps can be repeated.
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "model_decode.h"

int attributes_class_decode(const struct object *object,
			    struct attributes_class *ret, struct err *err)
{
	_cleanup_(attributes_class_fini) struct attributes_class class = { 0 };
	int r;

	class.name = strdup(object->name);
	if (!class.name)
		return json_no_memory(err);
	r = json_string_dup(object->json, "driverName", "", &class.driver, err);
	if (r >= 0)
		r = json_labels(object->json, "parameters", &class.parameters,
				err);
	if (r < 0)
		return r;
	*ret = class;
	class = (struct attributes_class){ 0 };
	return 0;
}

static enum modify_phase phase_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(modify_phase_names); i++)
		if (strcmp(modify_phase_names[i], name) == 0)
			return (enum modify_phase)i;
	return MODIFY_NONE;
}

static bool has_condition(const cJSON *json, const char *type)
{
	const cJSON *condition;

	cJSON_ArrayForEach (condition, json_at(json, "status.conditions")) {
		const char *text = cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(condition, "type"));

		if (text && strcmp(text, type) == 0)
			return true;
	}
	return false;
}

int claim_modification_decode(const struct object *object, struct claim *claim,
			      struct err *err)
{
	const cJSON *json = object->json;
	const char *phase;
	int r;

	r = json_string(json, "status.modifyVolumeStatus.status", "", &phase,
			err);
	if (r >= 0)
		r = json_string_dup(json,
				    "status.currentVolumeAttributesClassName",
				    "", &claim->current_attributes_class, err);
	if (r >= 0)
		r = json_string_dup(
			json,
			"status.modifyVolumeStatus.targetVolumeAttributesClassName",
			"", &claim->modify_target, err);
	if (r < 0)
		return r;
	claim->modify_phase = phase_named(phase);
	claim->tells_of_modifying = has_condition(json, "ModifyingVolume");
	return 0;
}
