/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A kind's table is an array of columns, and a column is a name and a function
 * that makes its cell from the object. The names, the order, what is shown only
 * with -o wide (priority 1), and the small lies (Terminating, "<unset>") are those
 * of Kubernetes' pkg/printers/internalversion/printers.go.
 *
 * Cells are read from the JSON as it is, not from a decoded model: a table must
 * show what is stored, even where it makes no sense.
 */

#include "api_table.h"

#include <ctype.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "model.h"
#include "parse.h"
#include "timestamp.h"

struct column {
	const char *name;
	int priority; /* 1 = only with -o wide */
	cJSON *(*cell)(const cJSON *json);
};

static const char *text_at(const cJSON *json, const char *path,
			   const char *fallback)
{
	const char *text = cJSON_GetStringValue(json_at(json, path));

	return text ? text : fallback;
}

static cJSON *string_cell(const cJSON *json, const char *path)
{
	return cJSON_CreateString(text_at(json, path, ""));
}

static cJSON *age_cell(const cJSON *json, const char *path)
{
	char age[AGE_MAX];

	age_of(cJSON_GetStringValue(json_at(json, path)), age);
	return cJSON_CreateString(age);
}

static cJSON *cell_name(const cJSON *json)
{
	return string_cell(json, "metadata.name");
}

static cJSON *cell_age(const cJSON *json)
{
	return age_cell(json, "metadata.creationTimestamp");
}

static cJSON *cell_phase(const cJSON *json)
{
	if (json_at(json, "metadata.deletionTimestamp"))
		return cJSON_CreateString("Terminating");
	return string_cell(json, "status.phase");
}

/* RWO,ROX,RWX,RWOP, whatever order they were given in. */
static cJSON *modes_cell(const cJSON *json, const char *path)
{
	unsigned int mask = 0;
	char text[32] = "";
	const cJSON *item;

	cJSON_ArrayForEach (item, json_at(json, path)) {
		enum access_mode mode;

		if (cJSON_IsString(item) &&
		    access_mode_parse(item->valuestring, &mode) == 0)
			mask |= mode;
	}
	for (unsigned int bit = ACCESS_RWO; bit <= ACCESS_RWOP; bit <<= 1) {
		size_t len = strlen(text);

		if (mask & bit)
			(void)snprintf(
				text + len, sizeof(text) - len, "%s%s",
				len ? "," : "",
				access_mode_short((enum access_mode)bit));
	}
	return cJSON_CreateString(text);
}

static cJSON *cell_claim_volume(const cJSON *json)
{
	return string_cell(json, "spec.volumeName");
}

/* The real capacity, which an unbound claim does not have. */
static cJSON *cell_claim_capacity(const cJSON *json)
{
	if (!*text_at(json, "spec.volumeName", ""))
		return cJSON_CreateString("");
	return string_cell(json, "status.capacity.storage");
}

static cJSON *cell_claim_modes(const cJSON *json)
{
	if (!*text_at(json, "spec.volumeName", ""))
		return cJSON_CreateString("");
	return modes_cell(json, "status.accessModes");
}

static cJSON *cell_class(const cJSON *json)
{
	return string_cell(json, "spec.storageClassName");
}

static cJSON *cell_attributes_class(const cJSON *json)
{
	const char *name = text_at(json, "spec.volumeAttributesClassName", "");

	return cJSON_CreateString(*name ? name : "<unset>");
}

static cJSON *cell_volume_mode(const cJSON *json)
{
	return string_cell(json, "spec.volumeMode");
}

static cJSON *cell_pv_capacity(const cJSON *json)
{
	return string_cell(json, "spec.capacity.storage");
}

static cJSON *cell_pv_modes(const cJSON *json)
{
	return modes_cell(json, "spec.accessModes");
}

static cJSON *cell_pv_policy(const cJSON *json)
{
	return string_cell(json, "spec.persistentVolumeReclaimPolicy");
}

static cJSON *cell_pv_claim(const cJSON *json)
{
	char text[2 * 256];

	if (!json_at(json, "spec.claimRef"))
		return cJSON_CreateString("");
	(void)snprintf(text, sizeof(text), "%s/%s",
		       text_at(json, "spec.claimRef.namespace", ""),
		       text_at(json, "spec.claimRef.name", ""));
	return cJSON_CreateString(text);
}

static cJSON *cell_pv_reason(const cJSON *json)
{
	return string_cell(json, "status.reason");
}

static bool is_default_class(const cJSON *json)
{
	static const char *const names[] = {
		"storageclass.kubernetes.io/is-default-class",
		"storageclass.beta.kubernetes.io/is-default-class",
	};
	const cJSON *annotations = json_at(json, "metadata.annotations");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(
				annotations, names[i]));

		if (value && strcmp(value, "true") == 0)
			return true;
	}
	return false;
}

static cJSON *cell_class_name(const cJSON *json)
{
	char text[300];

	(void)snprintf(text, sizeof(text), "%s%s",
		       text_at(json, "metadata.name", ""),
		       is_default_class(json) ? " (default)" : "");
	return cJSON_CreateString(text);
}

static cJSON *cell_class_provisioner(const cJSON *json)
{
	return string_cell(json, "provisioner");
}

static cJSON *cell_class_policy(const cJSON *json)
{
	return string_cell(json, "reclaimPolicy");
}

static cJSON *cell_class_binding(const cJSON *json)
{
	return string_cell(json, "volumeBindingMode");
}

static cJSON *cell_class_expansion(const cJSON *json)
{
	return cJSON_CreateBool(
		cJSON_IsTrue(json_at(json, "allowVolumeExpansion")));
}

/* Containers are not run here: all are as ready as the pod's volumes. */
static cJSON *cell_pod_ready(const cJSON *json)
{
	int n = cJSON_GetArraySize(json_at(json, "spec.containers"));
	bool is_running =
		strcmp(text_at(json, "status.phase", ""), "Running") == 0;
	char text[32];

	(void)snprintf(text, sizeof(text), "%d/%d", is_running ? n : 0, n);
	return cJSON_CreateString(text);
}

static cJSON *cell_pod_restarts(const cJSON *json)
{
	(void)json;
	return cJSON_CreateString("0");
}

static cJSON *cell_pod_node(const cJSON *json)
{
	const char *name = text_at(json, "spec.nodeName", "");

	return cJSON_CreateString(*name ? name : "<none>");
}

static cJSON *cell_event_last_seen(const cJSON *json)
{
	return age_cell(json, "lastTimestamp");
}

static cJSON *cell_event_type(const cJSON *json)
{
	return string_cell(json, "type");
}

static cJSON *cell_event_reason(const cJSON *json)
{
	return string_cell(json, "reason");
}

static cJSON *cell_event_object(const cJSON *json)
{
	char text[400];

	(void)snprintf(text, sizeof(text), "%s/%s",
		       text_at(json, "involvedObject.kind", ""),
		       text_at(json, "involvedObject.name", ""));
	for (char *p = text; *p && *p != '/'; p++)
		*p = (char)tolower((unsigned char)*p);
	return cJSON_CreateString(text);
}

static cJSON *cell_event_message(const cJSON *json)
{
	return string_cell(json, "message");
}

static cJSON *cell_event_source(const cJSON *json)
{
	return string_cell(json, "source.component");
}

static cJSON *cell_event_first_seen(const cJSON *json)
{
	return age_cell(json, "firstTimestamp");
}

static cJSON *cell_event_count(const cJSON *json)
{
	const cJSON *count = json_at(json, "count");

	return cJSON_CreateNumber(cJSON_IsNumber(count) ? count->valuedouble
							: 1);
}

static const struct column claim_columns[] = {
	{ "Name", 0, cell_name },
	{ "Status", 0, cell_phase },
	{ "Volume", 0, cell_claim_volume },
	{ "Capacity", 0, cell_claim_capacity },
	{ "Access Modes", 0, cell_claim_modes },
	{ "StorageClass", 0, cell_class },
	{ "VolumeAttributesClass", 0, cell_attributes_class },
	{ "Age", 0, cell_age },
	{ "VolumeMode", 1, cell_volume_mode },
	{ 0 },
};

static const struct column volume_columns[] = {
	{ "Name", 0, cell_name },
	{ "Capacity", 0, cell_pv_capacity },
	{ "Access Modes", 0, cell_pv_modes },
	{ "Reclaim Policy", 0, cell_pv_policy },
	{ "Status", 0, cell_phase },
	{ "Claim", 0, cell_pv_claim },
	{ "StorageClass", 0, cell_class },
	{ "VolumeAttributesClass", 0, cell_attributes_class },
	{ "Reason", 0, cell_pv_reason },
	{ "Age", 0, cell_age },
	{ "VolumeMode", 1, cell_volume_mode },
	{ 0 },
};

static const struct column class_columns[] = {
	{ "Name", 0, cell_class_name },
	{ "Provisioner", 0, cell_class_provisioner },
	{ "ReclaimPolicy", 0, cell_class_policy },
	{ "VolumeBindingMode", 0, cell_class_binding },
	{ "AllowVolumeExpansion", 0, cell_class_expansion },
	{ "Age", 0, cell_age },
	{ 0 },
};

static const struct column pod_columns[] = {
	{ "Name", 0, cell_name },
	{ "Ready", 0, cell_pod_ready },
	{ "Status", 0, cell_phase },
	{ "Restarts", 0, cell_pod_restarts },
	{ "Age", 0, cell_age },
	{ "Node", 1, cell_pod_node },
	{ 0 },
};

static const struct column event_columns[] = {
	{ "Last Seen", 0, cell_event_last_seen },
	{ "Type", 0, cell_event_type },
	{ "Reason", 0, cell_event_reason },
	{ "Object", 0, cell_event_object },
	{ "Source", 1, cell_event_source },
	{ "Message", 0, cell_event_message },
	{ "First Seen", 1, cell_event_first_seen },
	{ "Count", 1, cell_event_count },
	{ "Name", 1, cell_name },
	{ 0 },
};

static const struct column *const tables[KIND_N] = {
	[KIND_CLAIM] = claim_columns,
	[KIND_PERSISTENT_VOLUME] = volume_columns,
	[KIND_STORAGE_CLASS] = class_columns,
	[KIND_POD] = pod_columns,
	[KIND_EVENT] = event_columns,
};

bool api_table_is_accepted(const char *accept)
{
	/* kubectl names it first; v1beta1 is answered by a v1 table's twin, too. */
	const char *first = accept ? strstr(accept, "as=Table") : NULL;

	return first && first < accept + strcspn(accept, ",");
}

int api_table_include_parse(const char *text, enum api_table_include *ret)
{
	static const char *const names[] = {
		[API_INCLUDE_METADATA] = "Metadata",
		[API_INCLUDE_OBJECT] = "Object",
		[API_INCLUDE_NONE] = "None",
	};
	int r = text && *text ? parse_name(text, names, ARRAY_SIZE(names))
			      : API_INCLUDE_METADATA;

	if (r >= 0)
		*ret = (enum api_table_include)r;
	return r < 0 ? r : 0;
}

static void add_columns(cJSON *table, const struct column *columns)
{
	cJSON *list = cJSON_AddArrayToObject(table, "columnDefinitions");

	for (; columns->name; columns++) {
		cJSON *column = cJSON_CreateObject();
		bool is_name = strcmp(columns->name, "Name") == 0;

		(void)cJSON_AddStringToObject(column, "name", columns->name);
		(void)cJSON_AddStringToObject(column, "type", "string");
		(void)cJSON_AddStringToObject(column, "format",
					      is_name ? "name" : "");
		(void)cJSON_AddStringToObject(column, "description", "");
		(void)cJSON_AddNumberToObject(column, "priority",
					      columns->priority);
		(void)cJSON_AddItemToArray(list, column);
	}
}

/* The object is only referred to: rows live as long as the list does. */
static void add_object(cJSON *row, const struct object *object,
		       enum api_table_include include)
{
	cJSON *partial;

	if (include == API_INCLUDE_NONE)
		return;
	if (include == API_INCLUDE_OBJECT) {
		(void)cJSON_AddItemReferenceToObject(row, "object",
						     (cJSON *)object->json);
		return;
	}
	partial = cJSON_AddObjectToObject(row, "object");
	(void)cJSON_AddStringToObject(partial, "kind", "PartialObjectMetadata");
	(void)cJSON_AddStringToObject(partial, "apiVersion", "meta.k8s.io/v1");
	(void)cJSON_AddItemReferenceToObject(
		partial, "metadata",
		(cJSON *)json_at(object->json, "metadata"));
}

static void add_row(cJSON *rows, const struct column *columns,
		    const struct object *object, enum api_table_include include)
{
	cJSON *row = cJSON_CreateObject();
	cJSON *cells = cJSON_AddArrayToObject(row, "cells");

	for (; columns->name; columns++)
		(void)cJSON_AddItemToArray(cells, columns->cell(object->json));
	add_object(row, object, include);
	(void)cJSON_AddItemToArray(rows, row);
}

static void add_meta(cJSON *table, const struct api_list_meta *meta)
{
	cJSON *json = cJSON_AddObjectToObject(table, "metadata");
	char version[24];

	(void)snprintf(version, sizeof(version), "%llu",
		       (unsigned long long)meta->resource_version);
	(void)cJSON_AddStringToObject(json, "resourceVersion", version);
	if (meta->next)
		(void)cJSON_AddStringToObject(json, "continue", meta->next);
	if (meta->n_left)
		(void)cJSON_AddNumberToObject(json, "remainingItemCount",
					      (double)meta->n_left);
}

char *api_table_text(enum object_kind kind, struct object *const *objects,
		     size_t n, const struct api_list_meta *meta,
		     enum api_table_include include)
{
	cJSON *table = cJSON_CreateObject();
	cJSON *rows;
	char *text;

	(void)cJSON_AddStringToObject(table, "kind", "Table");
	(void)cJSON_AddStringToObject(table, "apiVersion", "meta.k8s.io/v1");
	add_meta(table, meta);
	add_columns(table, tables[kind]);
	rows = cJSON_AddArrayToObject(table, "rows");
	for (size_t i = 0; i < n; i++)
		add_row(rows, tables[kind], objects[i], include);
	text = table ? cJSON_PrintUnformatted(table) : NULL;
	cJSON_Delete(table);
	return text;
}
