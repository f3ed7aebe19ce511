/* SPDX-License-Identifier: Apache-2.0 */

/*
 * kubectl sorts what it prints, because Go's maps have no order; so does this, so
 * that outputs of both can be compared, and the annotation that apply leaves is
 * the same whoever applied.
 */

#include "ctl_print.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "manifest.h"

static int by_name(const void *a, const void *b)
{
	return strcmp((*(cJSON *const *)a)->string,
		      (*(cJSON *const *)b)->string);
}

/* cJSON's lists: the first's prev is the last, the last's next is NULL. */
static void relink(cJSON *json, cJSON **items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		items[i]->prev = items[i ? i - 1 : n - 1];
		items[i]->next = i + 1 < n ? items[i + 1] : NULL;
	}
	json->child = items[0];
}

void ctl_sort(struct cJSON *json)
{
	_cleanup_(free) cJSON **items = NULL;
	size_t n = 0;
	cJSON *item;

	cJSON_ArrayForEach (item, json)
		ctl_sort(item);
	if (!cJSON_IsObject(json) || !json->child)
		return;
	items = calloc((size_t)cJSON_GetArraySize(json), sizeof(*items));
	if (!items)
		return; /* in the order that it had */
	cJSON_ArrayForEach (item, json)
		items[n++] = item;
	qsort(items, n, sizeof(*items), by_name);
	relink(json, items, n);
}

static const char *text_at(const cJSON *json, const char *path)
{
	const char *text = cJSON_GetStringValue(json_at(json, path));

	return text ? text : "";
}

static void print_names(const cJSON *object)
{
	enum object_kind kind;
	const cJSON *item;

	if (json_at(object, "items")) {
		cJSON_ArrayForEach (item, json_at(object, "items"))
			print_names(item);
		return;
	}
	if (object_kind_from_api(text_at(object, "apiVersion"),
				 text_at(object, "kind"), &kind) == 0)
		printf("%s/%s\n", ctl_kind_label(kind),
		       text_at(object, "metadata.name"));
	(void)fflush(stdout);
}

/* cJSON indents and separates by tabs; kubectl by blanks. */
static char *indent(const char *json)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	for (const char *line = json; *line;) {
		size_t tabs = strspn(line, "\t");
		size_t n = strcspn(line, "\n");

		fprintf(out, "%*s", (int)(4 * tabs), "");
		/* A tab within a string would be escaped: this is a separator. */
		for (const char *p = line + tabs; p < line + n; p++)
			fputc(*p == '\t' ? ' ' : *p, out);
		fputc('\n', out);
		line += n + (line[n] == '\n');
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

int ctl_print(const struct cJSON *object, enum ctl_output output,
	      struct err *err)
{
	_cleanup_(free) char *text = NULL;
	cJSON *sorted;

	if (output == CTL_NAME) {
		print_names(object);
		return 0;
	}
	sorted = cJSON_Duplicate(object, true);
	ctl_sort(sorted);
	if (output == CTL_YAML) {
		text = manifest_to_yaml(sorted);
	} else {
		char *plain = cJSON_Print(sorted);

		text = plain ? indent(plain) : NULL;
		cJSON_free(plain);
	}
	cJSON_Delete(sorted);
	if (!text)
		return err_set(err, -ENOMEM, "print an object: out of memory");
	fputs(text, stdout);
	(void)fflush(stdout);
	return 0;
}
