/* SPDX-License-Identifier: Apache-2.0 */

/* The events of an object's uid; columns are as wide as what is in them. */

#include "describe_events.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "timestamp.h"

#define CELL_MAX      128
#define EVENT_COLUMNS 4 /* before the message */

static const char *text_at(const cJSON *json, const char *path)
{
	const char *text = cJSON_GetStringValue(json_at(json, path));

	return text ? text : "";
}

static void event_cells(const cJSON *event, char cells[EVENT_COLUMNS][CELL_MAX])
{
	const cJSON *count = json_at(event, "count");
	char first[AGE_MAX], last[AGE_MAX];

	age_of(text_at(event, "firstTimestamp"), first);
	age_of(text_at(event, "lastTimestamp"), last);
	(void)snprintf(cells[0], CELL_MAX, "%s", text_at(event, "type"));
	(void)snprintf(cells[1], CELL_MAX, "%s", text_at(event, "reason"));
	if (cJSON_IsNumber(count) && count->valuedouble > 1)
		(void)snprintf(cells[2], CELL_MAX, "%s (x%.0f over %s)", last,
			       count->valuedouble, first);
	else
		(void)snprintf(cells[2], CELL_MAX, "%s", last);
	(void)snprintf(cells[3], CELL_MAX, "%s",
		       text_at(event, "source.component"));
}

static void print_row(const int widths[EVENT_COLUMNS],
		      char cells[EVENT_COLUMNS][CELL_MAX], const char *message,
		      FILE *out)
{
	for (size_t i = 0; i < EVENT_COLUMNS; i++)
		fprintf(out, "  %-*s", widths[i], cells[i]);
	fprintf(out, "  %s\n", message);
}

static void print_events(const cJSON **events, size_t n, FILE *out)
{
	char names[EVENT_COLUMNS][CELL_MAX] = { "Type", "Reason", "Age",
						"From" };
	char dashes[EVENT_COLUMNS][CELL_MAX] = { "----", "------", "----",
						 "----" };
	char cells[EVENT_COLUMNS][CELL_MAX];
	int widths[EVENT_COLUMNS] = { 4, 6, 4, 4 };

	for (size_t i = 0; i < n; i++) {
		event_cells(events[i], cells);
		for (size_t j = 0; j < EVENT_COLUMNS; j++)
			if ((int)strlen(cells[j]) > widths[j])
				widths[j] = (int)strlen(cells[j]);
	}
	print_row(widths, names, "Message", out);
	print_row(widths, dashes, "-------", out);
	for (size_t i = 0; i < n; i++) {
		event_cells(events[i], cells);
		print_row(widths, cells, text_at(events[i], "message"), out);
	}
}

/* Several in one second: versions are numbers without leading zeros. */
static int by_version(const char *a, const char *b)
{
	size_t len_a = strlen(a), len_b = strlen(b);

	return len_a != len_b ? (len_a < len_b ? -1 : 1) : strcmp(a, b);
}

static int by_last_seen(const void *a, const void *b)
{
	const cJSON *x = *(cJSON *const *)a, *y = *(cJSON *const *)b;
	int r = strcmp(text_at(x, "lastTimestamp"),
		       text_at(y, "lastTimestamp"));

	return r ? r
		 : by_version(text_at(x, "metadata.resourceVersion"),
			      text_at(y, "metadata.resourceVersion"));
}

static void put_events(const cJSON *list, FILE *out)
{
	const cJSON *items = json_at(list, "items");
	size_t n = 0;
	_cleanup_(free) const cJSON **sorted = NULL;
	const cJSON *item;

	sorted = calloc((size_t)cJSON_GetArraySize(items) + 1, sizeof(*sorted));
	if (!sorted || !items || !items->child) {
		fprintf(out, "Events:%c<none>\n", DESCRIBE_MARK);
		return;
	}
	cJSON_ArrayForEach (item, items)
		sorted[n++] = item;
	qsort((void *)sorted, n, sizeof(*sorted), by_last_seen);
	fputs("Events:\n", out);
	print_events(sorted, n, out);
}

static int fetch_events(struct client *client, const cJSON *object, cJSON **ret,
			struct err *err)
{
	const char *namespace = text_at(object, "metadata.namespace");
	_cleanup_(free) char *path = client_path(
		KIND_EVENT, *namespace ? namespace : "default", NULL);
	_cleanup_(free) char *url = NULL;
	struct client_request request = { .method = "GET" };
	int r;

	if (!path || asprintf(&url, "%s?fieldSelector=involvedObject.uid%%3D%s",
			      path, text_at(object, "metadata.uid")) < 0) {
		url = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	request.path = url;
	r = client_call(client, &request, ret, err);
	return r > 0 ? -ENOENT : r;
}

int describe_events(struct client *client, const cJSON *object, FILE *out,
		    struct err *err)
{
	cJSON *events = NULL;
	int r = fetch_events(client, object, &events, err);

	if (r < 0)
		return r;
	put_events(events, out);
	cJSON_Delete(events);
	return 0;
}
