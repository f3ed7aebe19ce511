/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Of a page there is the text, an index into it and one object at a time: 10,000
 * volumes never are a tree of cJSON nodes, which would be twenty times their text.
 *
 * A list without a resourceVersion is of the state when it began, and its pages stay
 * with that, until it is compacted away under a slow reader (410).
 */

#include "kube_list.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "json_index.h"
#include "kube_answer.h"
#include "kube_object.h"
#include "parse.h"

#define VERSION_MAX 32

struct pages {
	struct kube_http *http;
	const struct kube_list *list;
	char *next; /* the continue token; NULL = there is no other page */
	uint64_t resource_version;
	bool is_inconsistent;
};

DEFINE_CLEANUP(cJSON *, cJSON_Delete)

static bool print_parameter(FILE *out, const char *name, const char *value)
{
	_cleanup_(free) char *escaped = NULL;

	if (!value)
		return true;
	escaped = kube_http_escape(value);
	if (!escaped)
		return false;
	(void)fprintf(out, "&%s=%s", name, escaped);
	return true;
}

static char *print_path(const struct kube_selection *selection,
			const char *first, const char *next)
{
	_cleanup_(free) char *base = kube_api_path(
		selection->kind, selection->namespace, NULL, NULL);
	char *path = NULL;
	bool is_complete;
	size_t len;
	FILE *out;

	if (!base)
		return NULL;
	out = open_memstream(&path, &len);
	if (!out)
		return NULL;
	(void)fprintf(out, "%s?%s", base, first);
	is_complete =
		print_parameter(out, "labelSelector", selection->labels) &&
		print_parameter(out, "fieldSelector", selection->fields) &&
		print_parameter(out, "continue", next);
	if (fclose(out) != 0 || !is_complete) {
		free(path);
		return NULL;
	}
	return path;
}

char *kube_list_path(const struct kube_selection *selection, const char *first)
{
	return print_path(selection, first, NULL);
}

static char *page_path(const struct pages *pages)
{
	char limit[32];

	(void)snprintf(limit, sizeof(limit), "limit=%u", pages->list->page);
	return print_path(pages->list->selection, limit, pages->next);
}

static int tell_object(const struct pages *pages, const char *text, size_t len,
		       struct err *err)
{
	const struct kube_list *list = pages->list;
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(err_fini) struct err unread = ERR_INIT;
	int r = kube_object_parse(&object, list->selection->kind, text, len,
				  &unread);

	if (r == -ENOMEM)
		return json_no_memory(err);
	if (r == 0)
		return list->object(list->userdata, object, err);
	if (list->left_out)
		list->left_out(list->userdata, &unread);
	return 0;
}

static int tell_items(const struct pages *pages, const struct json_index *index,
		      struct err *err)
{
	const struct json_token *items = json_index_at(index, "items");
	const struct json_token *item = NULL;
	int r = 0;

	while (r == 0 && items && (item = json_index_next(index, items, item)))
		r = tell_object(pages, json_index_text(index, item), item->len,
				err);
	return r;
}

static int read_position(struct pages *pages, const struct json_index *index,
			 struct err *err)
{
	char version[VERSION_MAX];
	const char *next;
	size_t len;

	json_index_copy(index, json_index_at(index, "metadata.resourceVersion"),
			version, sizeof(version));
	if (parse_u64(version, 0, INT64_MAX, &pages->resource_version) < 0)
		return err_set(err, -EPROTO,
			       "a list has the resourceVersion \"%s\"",
			       version);
	next = json_index_string(
		index, json_index_at(index, "metadata.continue"), &len);
	free(pages->next);
	pages->next = NULL;
	if (len == 0)
		return 0;
	pages->next = strndup(next, len);
	return pages->next ? 0 : json_no_memory(err);
}

static int tell_page(struct pages *pages, const char *text, struct err *err)
{
	_cleanup_(json_index_fini) struct json_index index = { 0 };
	const struct kube_list *list = pages->list;
	int r = json_index_read(&index, text);

	if (r < 0)
		return err_set(err, -EPROTO, "a list is no JSON");
	r = read_position(pages, &index, err);
	if (r < 0)
		return r;
	if (list->begin_page) {
		r = list->begin_page(list->userdata, err);
		if (r < 0)
			return r;
	}
	r = tell_items(pages, &index, err);
	if (r == 0 && list->end_page)
		r = list->end_page(list->userdata, err);
	return r;
}

/* The server says by which token the rest of an expired list can be had. */
static int go_on_after_expiry(struct pages *pages,
			      const struct kube_http_answer *refusal)
{
	_cleanup_(cJSON_Delete) cJSON *status = NULL;
	const char *next;

	if (!pages->next || pages->is_inconsistent ||
	    json_parse(refusal->body ? refusal->body : "", refusal->len,
		       &status, NULL) < 0)
		return -ESTALE;
	next = cJSON_GetStringValue(json_at(status, "metadata.continue"));
	if (!next || !*next)
		return -ESTALE;
	free(pages->next);
	pages->next = strdup(next);
	pages->is_inconsistent = true;
	return pages->next ? 0 : -ENOMEM;
}

/* 0 = there was a page, or there is another way to get it. */
static int next_page(struct pages *pages, struct err *err)
{
	const struct kube_list *list = pages->list;
	_cleanup_(kube_http_answer_fini) struct kube_http_answer refusal =
		KUBE_HTTP_ANSWER_INIT;
	_cleanup_(free) char *path = page_path(pages);
	_cleanup_(free) char *text = NULL;
	struct kube_call call = { .method = "GET",
				  .path = path,
				  .cancel = list->cancel };
	_cleanup_(err_fini) struct err refused = ERR_INIT;
	size_t len;
	int r;

	if (!path)
		return json_no_memory(err);
	r = kube_call(pages->http, &call, &text, &len, &refusal, &refused);
	if (r == -ESTALE)
		r = go_on_after_expiry(pages, &refusal);
	if (r != 0) {
		(void)err_set(err, refused.code, "%s", err_text(&refused));
		return r;
	}
	return text ? tell_page(pages, text, err) : 0;
}

int kube_list(struct kube_http *http, const struct kube_list *list,
	      uint64_t *ret_resource_version, struct err *err)
{
	struct pages pages = { .http = http, .list = list };
	int r;

	do
		r = next_page(&pages, err);
	while (r == 0 && pages.next);
	free(pages.next);
	if (r != 0)
		return r;
	*ret_resource_version = pages.resource_version;
	return pages.is_inconsistent ? KUBE_LIST_INCONSISTENT : 0;
}
