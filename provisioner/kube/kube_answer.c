/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The status code decides, and the Status' reason only where one code has two
 * meanings (409). Not everything that answers is the API server's registry: its
 * filters for load and time answer in plain text or with a Status that has no kind,
 * and a balancer before it with a page of its own.
 *
 * A 404 is about an object only if it names one; else the server does not know the
 * resource, which is how an older one says that it lacks a kind.
 */

#include "kube_answer.h"

#include <ctype.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "kube_http.h"

#define SENTENCE_MAX 2048

DEFINE_CLEANUP(cJSON *, cJSON_Delete)

static const char *text_at(const cJSON *json, const char *path)
{
	const char *text = cJSON_GetStringValue(json_at(json, path));

	return text ? text : "";
}

static int code_to_result(unsigned int code, const cJSON *status)
{
	switch (code) {
	case 400: /* Bad Request */
	case 413: /* Request Entity Too Large */
	case 422: /* Invalid */
		return CLUSTER_INVALID;
	case 401:
		return -EACCES;
	case 403:
		return CLUSTER_FORBIDDEN;
	case 404:
		return *text_at(status, "details.name") ? CLUSTER_NOT_FOUND
							: -EOPNOTSUPP;
	case 409:
		return strcmp(text_at(status, "reason"), "AlreadyExists") == 0
			       ? CLUSTER_EXISTS
			       : CLUSTER_CONFLICT;
	case 410: /* Expired, or Gone */
		return -ESTALE;
	case 429:
		return -EAGAIN;
	default:
		return code >= 500 ? -EAGAIN : -EPROTO;
	}
}

int kube_status_judge(const cJSON *status, unsigned int http_status,
		      struct err *err)
{
	const cJSON *code = json_at(status, "code");
	const char *message = text_at(status, "message");
	unsigned int n = http_status;
	int r;

	if (cJSON_IsNumber(code) && code->valuedouble >= 400 &&
	    code->valuedouble < 600)
		n = (unsigned int)code->valuedouble;
	r = code_to_result(n, status);
	if (*message)
		(void)err_set(err, r < 0 ? r : -EREMOTEIO, "%.*s", SENTENCE_MAX,
			      message);
	else
		(void)err_set(err, r < 0 ? r : -EREMOTEIO,
			      "the server answers %u without a reason", n);
	return r;
}

/* The first line of what is no JSON, if it is for people. */
static int judge_text(const struct kube_http_answer *answer, struct err *err)
{
	int r = code_to_result(answer->status, NULL);
	const char *text = answer->body ? answer->body : "";
	int len = (int)strcspn(text, "\r\n");

	for (int i = 0; i < len; i++)
		if (!isprint((unsigned char)text[i]) || text[i] == '<')
			len = 0;
	(void)err_set(err, r < 0 ? r : -EREMOTEIO,
		      "the server answers %u%s%.*s", answer->status,
		      len > 0 ? ": " : "", len > 256 ? 256 : len, text);
	return r;
}

int kube_answer_judge(const struct kube_http_answer *answer, struct err *err)
{
	_cleanup_(cJSON_Delete) cJSON *status = NULL;

	if (answer->status / 100 == 2)
		return 0;
	if (answer->is_json &&
	    json_parse(answer->body ? answer->body : "", answer->len, &status,
		       NULL) == 0 &&
	    *text_at(status, "message"))
		return kube_status_judge(status, answer->status, err);
	return judge_text(answer, err);
}
