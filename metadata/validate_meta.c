/* SPDX-License-Identifier: Apache-2.0 */

/*
 * metadata, for every kind: names as RFC 1123 has them and labels as Kubernetes
 * does. Written as scans rather than with regcomp(3): the expressions are in the
 * sentences, the rules are simpler than those.
 */

#include <string.h>

#include "json_field.h"
#include "validate_internal.h"

#define SUBDOMAIN_MAX	253
#define LABEL_MAX	63
#define ANNOTATIONS_MAX (256 * 1024)

#define SUBDOMAIN_FAULT                                                        \
	"a lowercase RFC 1123 subdomain must consist of lower case "           \
	"alphanumeric characters, '-' or '.', and must start and end with an " \
	"alphanumeric character (e.g. 'example.com', regex used for "          \
	"validation is "                                                       \
	"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define DNS_LABEL_FAULT                                                       \
	"a lowercase RFC 1123 label must consist of lower case alphanumeric " \
	"characters or '-', and must start and end with an alphanumeric "     \
	"character (e.g. 'my-name',  or '123-abc', regex used for "           \
	"validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define NAME_PART_FAULT                                                      \
	"name part must consist of alphanumeric characters, '-', '_' or "    \
	"'.', and must start and end with an alphanumeric character (e.g. "  \
	"'MyName',  or 'my.name',  or '123-abc', regex used for validation " \
	"is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define LABEL_VALUE_FAULT                                                   \
	"a valid label must be an empty string or consist of alphanumeric " \
	"characters, '-', '_' or '.', and must start and end with an "      \
	"alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "      \
	"'12345', regex used for validation is "                            \
	"'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

static bool is_dns_label(const char *text, size_t len)
{
	if (len == 0 || !is_lower_alnum(text[0]) ||
	    !is_lower_alnum(text[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_lower_alnum(text[i]) && text[i] != '-')
			return false;
	}
	return true;
}

static bool is_subdomain(const char *text, size_t len)
{
	const char *end = text + len;

	for (;;) {
		const char *dot = memchr(text, '.', (size_t)(end - text));
		const char *stop = dot ? dot : end;

		if (!is_dns_label(text, (size_t)(stop - text)))
			return false;
		if (!dot)
			return true;
		text = dot + 1;
	}
}

/* The name part of a label's key, and a label's value unless it is empty. */
static bool is_name_part(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || !is_alnum(text[0]) || !is_alnum(text[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_alnum(text[i]) && !strchr("-_.", text[i]))
			return false;
	}
	return true;
}

void validate_subdomain(struct faults *faults, const char *field,
			const char *value)
{
	if (strlen(value) > SUBDOMAIN_MAX)
		fault_invalid_text(faults, field, value,
				   "must be no more than 253 bytes");
	else if (!is_subdomain(value, strlen(value)))
		fault_invalid_text(faults, field, value, SUBDOMAIN_FAULT);
}

void validate_dns_label(struct faults *faults, const char *field,
			const char *value)
{
	if (strlen(value) > LABEL_MAX)
		fault_invalid_text(faults, field, value,
				   "must be no more than 63 bytes");
	else if (!is_dns_label(value, strlen(value)))
		fault_invalid_text(faults, field, value, DNS_LABEL_FAULT);
}

void validate_qualified_name(struct faults *faults, const char *field,
			     const char *value)
{
	const char *slash = strchr(value, '/');
	const char *name = slash ? slash + 1 : value;
	size_t prefix = slash ? (size_t)(slash - value) : 0;

	if (slash && (prefix > SUBDOMAIN_MAX || !is_subdomain(value, prefix)))
		fault_invalid_text(faults, field, value,
				   "prefix part " SUBDOMAIN_FAULT);
	else if (strlen(name) > LABEL_MAX)
		fault_invalid_text(faults, field, value,
				   "name part must be no more than 63 bytes");
	else if (!is_name_part(name))
		fault_invalid_text(faults, field, value, NAME_PART_FAULT);
}

static void check_label_value(struct faults *faults, const char *value)
{
	if (strlen(value) > LABEL_MAX)
		fault_invalid_text(faults, "metadata.labels", value,
				   "must be no more than 63 bytes");
	else if (*value && !is_name_part(value))
		fault_invalid_text(faults, "metadata.labels", value,
				   LABEL_VALUE_FAULT);
}

/* A map of strings: every value's type and every key's form. */
static size_t check_map(struct faults *faults, const cJSON *json,
			const char *path)
{
	const cJSON *map = field_object(faults, json, path);
	const cJSON *item;
	size_t size = 0;

	cJSON_ArrayForEach (item, map) {
		validate_qualified_name(faults, path, item->string);
		size += strlen(item->string);
		if (cJSON_IsString(item))
			size += strlen(item->valuestring);
		else
			fault_invalid(faults, path, item, "must be a string");
	}
	return size;
}

static void check_labels(struct faults *faults, const cJSON *json)
{
	const cJSON *item;

	(void)check_map(faults, json, "metadata.labels");
	cJSON_ArrayForEach (item, json_at(json, "metadata.labels")) {
		if (cJSON_IsString(item))
			check_label_value(faults, item->valuestring);
	}
	if (check_map(faults, json, "metadata.annotations") > ANNOTATIONS_MAX)
		fault_invalid_text(faults, "metadata.annotations", "",
				   "may not be more than 262144 bytes");
}

static void check_finalizers(struct faults *faults, const cJSON *json)
{
	const cJSON *list = field_array(faults, json, "metadata.finalizers");
	const cJSON *item;

	cJSON_ArrayForEach (item, list) {
		if (cJSON_IsString(item))
			validate_qualified_name(faults, "metadata.finalizers",
						item->valuestring);
		else
			fault_invalid(faults, "metadata.finalizers", item,
				      "must be a string");
	}
}

/* What is generated is appended, so the prefix may end in '-' or '.'. */
static void check_generate_name(struct faults *faults, const cJSON *json)
{
	const char *prefix =
		field_string(faults, json, "metadata.generateName");
	char name[SUBDOMAIN_MAX + 1];

	if (!prefix || !*prefix)
		return;
	(void)snprintf(name, sizeof(name), "%.*sx", SUBDOMAIN_MAX - 1, prefix);
	if (!is_subdomain(name, strlen(name)))
		fault_invalid_text(faults, "metadata.generateName", prefix,
				   SUBDOMAIN_FAULT);
}

void validate_meta(struct faults *faults, const struct object *object)
{
	check_generate_name(faults, object->json);
	if (*object->name)
		validate_subdomain(faults, "metadata.name", object->name);
	if (object_kind_info(object->kind)->is_namespaced)
		validate_dns_label(faults, "metadata.namespace",
				   object->namespace);
	check_labels(faults, object->json);
	check_finalizers(faults, object->json);
}
