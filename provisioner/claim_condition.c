/* SPDX-License-Identifier: Apache-2.0 */

/* Conditions of others, an administrator's tools' for instance, stay as they are. */

#include "claim_condition.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "object_change.h"
#include "timestamp.h"

static bool says(const cJSON *condition, const char *key, const char *value)
{
	const char *text = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(condition, key));

	return strcmp(text ? text : "", value ? value : "") == 0;
}

static bool says_so(const cJSON *old, const struct claim_condition *condition)
{
	return says(old, "status", "True") &&
	       says(old, "reason", condition->reason) &&
	       (condition->keeps_message ||
		says(old, "message", condition->message));
}

static cJSON *condition_new(const struct claim_condition *condition)
{
	cJSON *json = cJSON_CreateObject();
	char now[TIMESTAMP_MAX];

	timestamp_now(now);
	if (cJSON_AddStringToObject(json, "type", condition->type) &&
	    cJSON_AddStringToObject(json, "status", "True") &&
	    (condition->is_probed
		     ? cJSON_AddStringToObject(json, "lastProbeTime", now)
		     : cJSON_AddNullToObject(json, "lastProbeTime")) &&
	    cJSON_AddStringToObject(json, "lastTransitionTime", now) &&
	    (!condition->reason ||
	     cJSON_AddStringToObject(json, "reason", condition->reason)) &&
	    (!condition->message ||
	     cJSON_AddStringToObject(json, "message", condition->message)))
		return json;
	cJSON_Delete(json);
	return NULL;
}

static const cJSON *find(const cJSON *list, const char *type)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, list)
		if (says(item, "type", type))
			return item;
	return NULL;
}

int claim_condition_set(struct cJSON *status,
			const struct claim_condition *condition)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(status, "conditions");
	const cJSON *old = find(list, condition->type);
	cJSON *new;

	if (old && says_so(old, condition))
		return CHANGE_NONE;
	claim_conditions_drop(status, &condition->type, 1);
	list = cJSON_GetObjectItemCaseSensitive(status, "conditions");
	if (!list)
		list = cJSON_AddArrayToObject(status, "conditions");
	new = condition_new(condition);
	if (list && new &&cJSON_AddItemToArray(list, new))
		return 0;
	cJSON_Delete(new);
	return -ENOMEM;
}

static bool is_one_of(const cJSON *condition, const char *const *types,
		      size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (says(condition, "type", types[i]))
			return true;
	return false;
}

void claim_conditions_drop(struct cJSON *status, const char *const *types,
			   size_t n)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(status, "conditions");

	for (int i = cJSON_GetArraySize(list) - 1; i >= 0; i--)
		if (is_one_of(cJSON_GetArrayItem(list, i), types, n))
			cJSON_DeleteItemFromArray(list, i);
	if (cJSON_GetArraySize(list) == 0)
		cJSON_DeleteItemFromObjectCaseSensitive(status, "conditions");
}
