/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The registry's sentences are complete messages already; what is added here is
 * the machine's side: code, reason, details. A 422's causes are read off the
 * sentence, which has the form `<Kind> "<name>" is invalid: <field>: <Reason>: <rest>`.
 *
 * Every function leaves a complete response: without memory for a body, a 500
 * with an empty one.
 */

#include "api_status.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "api_pages.h"
#include "cluster.h"

static const struct {
	const char *words; /* how a cause begins */
	const char *reason;
} causes[] = {
	{ "Required value", "FieldValueRequired" },
	{ "Duplicate value", "FieldValueDuplicate" },
	{ "Unsupported value", "FieldValueNotSupported" },
	{ "Forbidden", "FieldValueForbidden" },
	{ "Not found", "FieldValueNotFound" },
	{ "Invalid value", "FieldValueInvalid" },
};

void api_status_body(struct api_response *response, unsigned int code,
		     char *take_body)
{
	free(response->body);
	response->body = take_body;
	response->status = take_body ? code : 500;
}

static cJSON *status_new(const char *outcome)
{
	cJSON *json = cJSON_CreateObject();

	if (cJSON_AddStringToObject(json, "kind", "Status") &&
	    cJSON_AddStringToObject(json, "apiVersion", "v1") &&
	    cJSON_AddObjectToObject(json, "metadata") &&
	    cJSON_AddStringToObject(json, "status", outcome))
		return json;
	cJSON_Delete(json);
	return NULL;
}

static cJSON *failure_new(const char *reason, const char *message)
{
	cJSON *json = status_new("Failure");

	if (cJSON_AddStringToObject(json, "message", message) &&
	    cJSON_AddStringToObject(json, "reason", reason))
		return json;
	cJSON_Delete(json);
	return NULL;
}

/* Consumes the JSON. */
static char *print_with_code(cJSON *json, unsigned int code)
{
	char *text = NULL;

	if (cJSON_AddNumberToObject(json, "code", code))
		text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	return text;
}

char *api_status_text(unsigned int code, const char *reason,
		      const char *message)
{
	return print_with_code(failure_new(reason, message), code);
}

void api_status_fail(struct api_response *response, unsigned int code,
		     const char *reason, const char *message)
{
	api_status_body(response, code, api_status_text(code, reason, message));
}

void api_status_bad_request(struct api_response *response,
			    const struct err *err)
{
	if (err->code == -ENOMEM)
		api_status_fail(response, 500, "InternalError", err_text(err));
	else
		api_status_fail(response, 400, "BadRequest", err_text(err));
}

/* "storage.k8s.io"; "" for the core group. */
static void add_group(cJSON *details, enum object_kind kind)
{
	const char *version = object_kind_info(kind)->api_version;
	const char *slash = strchr(version, '/');
	char group[64];

	if (!slash)
		return;
	(void)snprintf(group, sizeof(group), "%.*s", (int)(slash - version),
		       version);
	(void)cJSON_AddStringToObject(details, "group", group);
}

static const char *cause_reason(const char *message)
{
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		if (strncmp(message, causes[i].words,
			    strlen(causes[i].words)) == 0)
			return causes[i].reason;
	}
	return NULL;
}

/* The length of a field's path if a cause begins here; 0 = it does not. */
static size_t cause_field_len(const char *text)
{
	size_t len = strcspn(text, ": ");

	if (text[len] != ':' || text[len + 1] != ' ' ||
	    !cause_reason(text + len + 2))
		return 0;
	return len;
}

/* Up to the next ", <field>: <Reason>": values and reasons may have commas, too. */
static size_t cause_len(const char *text)
{
	const char *end = text;

	while ((end = strstr(end, ", "))) {
		if (cause_field_len(end + 2))
			return (size_t)(end - text);
		end += 2;
	}
	return strlen(text);
}

static void add_cause(cJSON *list, const char *text, size_t len)
{
	size_t field_len = cause_field_len(text);
	_cleanup_(free) char *field = strndup(text, field_len);
	_cleanup_(free) char *message =
		strndup(text + field_len + 2, len - field_len - 2);
	cJSON *cause = cJSON_CreateObject();

	if (field && message &&
	    cJSON_AddStringToObject(cause, "reason", cause_reason(message)) &&
	    cJSON_AddStringToObject(cause, "message", message) &&
	    cJSON_AddStringToObject(cause, "field", field) &&
	    cJSON_AddItemToArray(list, cause))
		return;
	cJSON_Delete(cause);
}

/* One cause, or "[" several, joined by commas, "]". */
static void add_causes(cJSON *details, const char *sentence)
{
	static const char words[] = " is invalid: ";
	const char *text = strstr(sentence, words);
	cJSON *list;

	if (!text)
		return;
	text += sizeof(words) - 1;
	text += *text == '[';
	if (!cause_field_len(text))
		return;
	list = cJSON_AddArrayToObject(details, "causes");
	while (cause_field_len(text)) {
		size_t len = cause_len(text);
		bool is_last = !text[len];

		add_cause(list, text,
			  len - (is_last &&
				 sentence[strlen(sentence) - 1] == ']'));
		text += is_last ? len : len + 2;
	}
}

static const struct {
	enum cluster_outcome outcome;
	unsigned int code;
	const char *reason;
} outcomes[] = {
	{ CLUSTER_NOT_FOUND, 404, "NotFound" },
	{ CLUSTER_EXISTS, 409, "AlreadyExists" },
	{ CLUSTER_CONFLICT, 409, "Conflict" },
	{ CLUSTER_INVALID, 422, "Invalid" },
	{ CLUSTER_FORBIDDEN, 403, "Forbidden" },
};

void api_status_outcome(struct api_response *response, int r,
			const struct err *err, enum object_kind kind,
			const char *name)
{
	const struct object_kind_info *info = object_kind_info(kind);
	cJSON *json, *details;
	size_t i = 0;

	while (i < ARRAY_SIZE(outcomes) && (int)outcomes[i].outcome != r)
		i++;
	if (i == ARRAY_SIZE(outcomes)) {
		api_status_fail(response, 500, "InternalError", err_text(err));
		return;
	}
	json = failure_new(outcomes[i].reason, err_text(err));
	details = cJSON_AddObjectToObject(json, "details");
	if (details) {
		(void)cJSON_AddStringToObject(details, "name", name);
		add_group(details, kind);
		(void)cJSON_AddStringToObject(
			details, "kind",
			r == CLUSTER_INVALID ? info->name : info->plural);
		if (r == CLUSTER_INVALID)
			add_causes(details, err_text(err));
	}
	api_status_body(response, outcomes[i].code,
			print_with_code(json, outcomes[i].code));
}

void api_status_success(struct api_response *response,
			const struct object *object)
{
	const struct object_kind_info *info = object_kind_info(object->kind);
	cJSON *json = status_new("Success");
	cJSON *details = cJSON_AddObjectToObject(json, "details");
	char *text = NULL;

	if (cJSON_AddStringToObject(details, "name", object->name) &&
	    cJSON_AddStringToObject(details, "kind", info->plural) &&
	    cJSON_AddStringToObject(details, "uid", object->uid))
		text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	api_status_body(response, 200, text);
}

void api_status_expired(struct api_response *response,
			const struct api_continue *next)
{
	cJSON *json = failure_new(
		"Expired",
		"The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.");
	char text[API_CONTINUE_MAX];

	api_continue_print(next, text);
	(void)cJSON_AddStringToObject(
		cJSON_GetObjectItemCaseSensitive(json, "metadata"), "continue",
		text);
	api_status_body(response, 410, print_with_code(json, 410));
}

void api_status_too_large(struct api_response *response, uint64_t version,
			  uint64_t current)
{
	char message[128];
	cJSON *json, *details, *cause = cJSON_CreateObject();

	(void)snprintf(
		message, sizeof(message),
		"Timeout: Too large resource version: %llu, current: %llu",
		(unsigned long long)version, (unsigned long long)current);
	json = failure_new("Timeout", message);
	details = cJSON_AddObjectToObject(json, "details");
	(void)cJSON_AddStringToObject(cause, "reason",
				      "ResourceVersionTooLarge");
	(void)cJSON_AddStringToObject(cause, "message",
				      "Too large resource version");
	(void)cJSON_AddItemToArray(cJSON_AddArrayToObject(details, "causes"),
				   cause);
	(void)cJSON_AddNumberToObject(details, "retryAfterSeconds", 1);
	api_status_body(response, 504, print_with_code(json, 504));
}
