/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A kind's table is an array of columns, and a column is a name and a function
 * that prints its cell from the object. The names, the order, what is shown only
 * with -o wide (priority 1), and the small lies (Terminating, "<unset>") are those
 * of Kubernetes' pkg/printers/internalversion/printers.go.
 *
 * Cells are read from the JSON as it is, not from a decoded model: a table must
 * show what is stored, even where it makes no sense. Strings go from the object's
 * text into the table's as they are, escapes and all, and are parsed nowhere.
 */

#include "api_table.h"

#include <ctype.h>
#include <string.h>

#include "json_index.h"
#include "model.h"
#include "parse.h"
#include "timestamp.h"

struct column {
	const char *name;
	int priority; /* 1 = only with -o wide */
	void (*print)(FILE *out, const struct json_index *object);
};

static void print_raw(FILE *out, const struct json_index *object,
		      const struct json_token *token)
{
	size_t len;
	const char *text = json_index_string(object, token, &len);

	(void)fwrite(text, 1, len, out);
}

static void string_cell(FILE *out, const struct json_index *object,
			const char *path)
{
	(void)fputc('"', out);
	print_raw(out, object, json_index_at(object, path));
	(void)fputc('"', out);
}

/* A word of our own in place of a string that is empty or not there. */
static void string_or_cell(FILE *out, const struct json_index *object,
			   const char *path, const char *fallback)
{
	if (json_index_is(object, json_index_at(object, path), ""))
		fprintf(out, "\"%s\"", fallback);
	else
		string_cell(out, object, path);
}

/* Two strings as one. */
static void pair_cell(FILE *out, const struct json_index *object,
		      const char *first, const char *second)
{
	(void)fputc('"', out);
	print_raw(out, object, json_index_at(object, first));
	(void)fputc('/', out);
	print_raw(out, object, json_index_at(object, second));
	(void)fputc('"', out);
}

static void age_cell(FILE *out, const struct json_index *object,
		     const char *path)
{
	const struct json_token *token = json_index_at(object, path);
	char time[64], age[AGE_MAX];

	json_index_copy(object, token, time, sizeof(time));
	age_of(token ? time : NULL, age);
	fprintf(out, "\"%s\"", age);
}

static bool has(const struct json_index *object, const char *path)
{
	return !json_index_is(object, json_index_at(object, path), "");
}

static void cell_name(FILE *out, const struct json_index *object)
{
	string_cell(out, object, "metadata.name");
}

static void cell_age(FILE *out, const struct json_index *object)
{
	age_cell(out, object, "metadata.creationTimestamp");
}

static void cell_phase(FILE *out, const struct json_index *object)
{
	if (json_index_at(object, "metadata.deletionTimestamp"))
		fputs("\"Terminating\"", out);
	else
		string_cell(out, object, "status.phase");
}

/* RWO,ROX,RWX,RWOP, whatever order they were given in. */
static void modes_cell(FILE *out, const struct json_index *object,
		       const char *path)
{
	const struct json_token *array = json_index_at(object, path);
	const struct json_token *item = NULL;
	const char *comma = "";
	unsigned int mask = 0;

	while ((item = json_index_next(object, array, item))) {
		enum access_mode mode;
		char text[32];

		json_index_copy(object, item, text, sizeof(text));
		if (access_mode_parse(text, &mode) == 0)
			mask |= mode;
	}
	(void)fputc('"', out);
	for (unsigned int bit = ACCESS_RWO; bit <= ACCESS_RWOP; bit <<= 1) {
		if (!(mask & bit))
			continue;
		fprintf(out, "%s%s", comma,
			access_mode_short((enum access_mode)bit));
		comma = ",";
	}
	(void)fputc('"', out);
}

static void cell_claim_volume(FILE *out, const struct json_index *object)
{
	string_cell(out, object, "spec.volumeName");
}

/* The real capacity, which an unbound claim does not have. */
static void cell_claim_capacity(FILE *out, const struct json_index *object)
{
	if (has(object, "spec.volumeName"))
		string_cell(out, object, "status.capacity.storage");
	else
		fputs("\"\"", out);
}

static void cell_claim_modes(FILE *out, const struct json_index *object)
{
	if (has(object, "spec.volumeName"))
		modes_cell(out, object, "status.accessModes");
	else
		fputs("\"\"", out);
}

static void cell_class(FILE *out, const struct json_index *object)
{
	string_cell(out, object, "spec.storageClassName");
}

static void cell_attributes_class(FILE *out, const struct json_index *object)
{
	string_or_cell(out, object, "spec.volumeAttributesClassName",
		       "<unset>");
}

static void cell_volume_mode(FILE *out, const struct json_index *object)
{
	string_cell(out, object, "spec.volumeMode");
}

static void cell_pv_capacity(FILE *out, const struct json_index *object)
{
	string_cell(out, object, "spec.capacity.storage");
}

static void cell_pv_modes(FILE *out, const struct json_index *object)
{
	modes_cell(out, object, "spec.accessModes");
}

static void cell_pv_policy(FILE *out, const struct json_index *object)
{
	string_cell(out, object, "spec.persistentVolumeReclaimPolicy");
}

static void cell_pv_claim(FILE *out, const struct json_index *object)
{
	if (json_index_at(object, "spec.claimRef"))
		pair_cell(out, object, "spec.claimRef.namespace",
			  "spec.claimRef.name");
	else
		fputs("\"\"", out);
}

static void cell_pv_reason(FILE *out, const struct json_index *object)
{
	string_cell(out, object, "status.reason");
}

static bool is_default_class(const struct json_index *object)
{
	static const char *const names[] = {
		"storageclass.kubernetes.io/is-default-class",
		"storageclass.beta.kubernetes.io/is-default-class",
	};
	const struct json_token *annotations =
		json_index_at(object, "metadata.annotations");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (json_index_is(
			    object,
			    json_index_member(object, annotations, names[i]),
			    "true"))
			return true;
	}
	return false;
}

static void cell_class_name(FILE *out, const struct json_index *object)
{
	(void)fputc('"', out);
	print_raw(out, object, json_index_at(object, "metadata.name"));
	fputs(is_default_class(object) ? " (default)\"" : "\"", out);
}

static void cell_class_provisioner(FILE *out, const struct json_index *object)
{
	string_cell(out, object, "provisioner");
}

static void cell_class_policy(FILE *out, const struct json_index *object)
{
	string_cell(out, object, "reclaimPolicy");
}

static void cell_class_binding(FILE *out, const struct json_index *object)
{
	string_cell(out, object, "volumeBindingMode");
}

static void cell_class_expansion(FILE *out, const struct json_index *object)
{
	const struct json_token *token =
		json_index_at(object, "allowVolumeExpansion");

	fputs(token && *json_index_text(object, token) == 't' ? "true"
							      : "false",
	      out);
}

/* Containers are not run here: all are as ready as the pod's volumes. */
static void cell_pod_ready(FILE *out, const struct json_index *object)
{
	const struct json_token *containers =
		json_index_at(object, "spec.containers");
	const struct json_token *item = NULL;
	int n = 0;

	while ((item = json_index_next(object, containers, item)))
		n++;
	fprintf(out, "\"%d/%d\"",
		json_index_is(object, json_index_at(object, "status.phase"),
			      "Running")
			? n
			: 0,
		n);
}

static void cell_pod_restarts(FILE *out, const struct json_index *object)
{
	(void)object;
	fputs("\"0\"", out);
}

static void cell_pod_node(FILE *out, const struct json_index *object)
{
	string_or_cell(out, object, "spec.nodeName", "<none>");
}

static void cell_event_last_seen(FILE *out, const struct json_index *object)
{
	age_cell(out, object, "lastTimestamp");
}

static void cell_event_type(FILE *out, const struct json_index *object)
{
	string_cell(out, object, "type");
}

static void cell_event_reason(FILE *out, const struct json_index *object)
{
	string_cell(out, object, "reason");
}

static void cell_event_object(FILE *out, const struct json_index *object)
{
	size_t len;
	const char *kind = json_index_string(
		object, json_index_at(object, "involvedObject.kind"), &len);

	(void)fputc('"', out);
	/* No kind has an escape, which is none any more in lower case. */
	if (!memchr(kind, '\\', len)) {
		for (size_t i = 0; i < len; i++)
			(void)fputc(tolower((unsigned char)kind[i]), out);
	}
	(void)fputc('/', out);
	print_raw(out, object, json_index_at(object, "involvedObject.name"));
	(void)fputc('"', out);
}

static void cell_event_message(FILE *out, const struct json_index *object)
{
	string_cell(out, object, "message");
}

static void cell_event_source(FILE *out, const struct json_index *object)
{
	string_cell(out, object, "source.component");
}

static void cell_event_first_seen(FILE *out, const struct json_index *object)
{
	age_cell(out, object, "firstTimestamp");
}

static void cell_event_count(FILE *out, const struct json_index *object)
{
	const struct json_token *token = json_index_at(object, "count");
	const char *text = token ? json_index_text(object, token) : "";

	if (*text == '-' || isdigit((unsigned char)*text))
		(void)fwrite(text, 1, token->len, out);
	else
		(void)fputc('1', out);
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

static const struct column *const tables[KIND_STANDALONE_N] = {
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

void api_list_meta_print(FILE *out, const struct api_list_meta *meta)
{
	fprintf(out, "{\"resourceVersion\":\"%llu\"",
		(unsigned long long)meta->resource_version);
	if (meta->next)
		fprintf(out, ",\"continue\":\"%s\"", meta->next);
	if (meta->n_left)
		fprintf(out, ",\"remainingItemCount\":%zu", meta->n_left);
	(void)fputc('}', out);
}

static void print_definitions(FILE *out, const struct column *columns)
{
	for (const struct column *column = columns; column->name; column++)
		fprintf(out,
			"%s{\"name\":\"%s\",\"type\":\"string\",\"format\":\"%s\",\"description\":\"\",\"priority\":%d}",
			column == columns ? "" : ",", column->name,
			strcmp(column->name, "Name") == 0 ? "name" : "",
			column->priority);
}

void api_table_print_head(FILE *out, enum object_kind kind,
			  const struct api_list_meta *meta)
{
	fputs("{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":",
	      out);
	api_list_meta_print(out, meta);
	fputs(",\"columnDefinitions\":[", out);
	print_definitions(out, tables[kind]);
	fputs("],\"rows\":[", out);
}

static void print_object(FILE *out, const struct json_index *object,
			 enum api_table_include include)
{
	const struct json_token *metadata = json_index_at(object, "metadata");

	if (include == API_INCLUDE_OBJECT)
		fprintf(out, ",\"object\":%s", object->text);
	if (include != API_INCLUDE_METADATA)
		return;
	fputs(",\"object\":{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":",
	      out);
	if (metadata)
		(void)fwrite(json_index_text(object, metadata), 1,
			     metadata->len, out);
	else
		fputs("{}", out);
	(void)fputc('}', out);
}

void api_table_print_row(FILE *out, enum object_kind kind,
			 const struct json_index *object,
			 enum api_table_include include)
{
	const struct column *columns = tables[kind];

	fputs("{\"cells\":[", out);
	for (const struct column *column = columns; column->name; column++) {
		if (column != columns)
			(void)fputc(',', out);
		column->print(out, object);
	}
	(void)fputc(']', out);
	print_object(out, object, include);
	(void)fputc('}', out);
}

/* object NULL = no row. */
static char *table_text(enum object_kind kind, const struct json_index *object,
			enum api_table_include include,
			const struct api_list_meta *meta)
{
	_cleanup_(free) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	api_table_print_head(out, kind, meta);
	if (object)
		api_table_print_row(out, kind, object, include);
	fputs("]}", out);
	return fclose(out) == 0 ? TAKE_PTR(text) : NULL;
}

char *api_table_text(enum object_kind kind, const char *object,
		     enum api_table_include include)
{
	_cleanup_(json_index_fini) struct json_index index = { 0 };
	struct api_list_meta meta = { 0 };
	char version[24];

	if (json_index_read(&index, object) < 0)
		return NULL;
	json_index_copy(&index,
			json_index_at(&index, "metadata.resourceVersion"),
			version, sizeof(version));
	(void)parse_u64(version, 0, INT64_MAX, &meta.resource_version);
	return table_text(kind, &index, include, &meta);
}

char *api_table_empty(enum object_kind kind, const struct api_list_meta *meta)
{
	return table_text(kind, NULL, API_INCLUDE_NONE, meta);
}
