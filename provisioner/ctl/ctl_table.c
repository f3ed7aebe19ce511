/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Three blanks between columns, no colours, no cutting to the terminal's width, as
 * with kubectl. Of the server's columns those with a priority are shown only with -o
 * wide. Cells are printed from the text of the server's answer, which is gone over
 * twice: for the widths and for the lines. A table of 10,000 rows is 100,000 cells:
 * nothing is allocated for one, unless it has escapes.
 *
 * Rows of a watch come one by one, each a table of its own; the widths of what was
 * printed before are the least ones.
 */

#include "ctl_table.h"

#include <ctype.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_index.h"

struct cell {
	const char *text;
	size_t len;
	char *owned; /* text, where it had to be made */
};

struct line {
	struct cell cells[CTL_COLUMNS_MAX];
	size_t n;
};

/* One answer. */
struct page {
	struct ctl_table *table;
	struct json_index index;
	const struct json_token *columns;
	const struct json_token *rows;
	bool is_shown[CTL_COLUMNS_MAX]; /* by the server's columns */
	size_t n_columns;		/* of the server */
};

static void page_fini(struct page *page)
{
	json_index_fini(&page->index);
}

DEFINE_FINI(struct page, page_fini)

static void line_fini(struct line *line)
{
	for (size_t i = 0; i < line->n; i++)
		free(line->cells[i].owned);
	line->n = 0;
}

DEFINE_FINI(struct line, line_fini)

/* In characters, as kubectl counts them. */
static size_t width_of(const struct cell *cell)
{
	size_t width = 0;

	for (size_t i = 0; i < cell->len; i++)
		width += ((unsigned char)cell->text[i] & 0xc0) != 0x80;
	return width;
}

static void line_add(struct line *line, const char *text, size_t len)
{
	if (line->n < CTL_COLUMNS_MAX)
		line->cells[line->n++] =
			(struct cell){ .text = text, .len = len };
}

static bool line_add_owned(struct line *line, char *take_text)
{
	if (!take_text || line->n == CTL_COLUMNS_MAX) {
		free(take_text);
		return take_text;
	}
	line_add(line, take_text, strlen(take_text));
	line->cells[line->n - 1].owned = take_text;
	return true;
}

/* A string without its escapes; what would move the cursor is a blank. */
static char *unescape(const struct json_index *index,
		      const struct json_token *token)
{
	cJSON *json = token ? cJSON_ParseWithLength(
				      json_index_text(index, token), token->len)
			    : NULL;
	const char *text = cJSON_GetStringValue(json);
	char *copy = strdup(text ? text : "");

	cJSON_Delete(json);
	for (char *p = copy; p && *p; p++) {
		if (iscntrl((unsigned char)*p))
			*p = ' ';
	}
	return copy;
}

/* NULL is an empty one. */
static bool add_value(const struct page *page, const struct json_token *token,
		      struct line *ret)
{
	const char *text = token ? json_index_text(&page->index, token) : "";
	size_t len = token ? token->len : 0;

	if (*text == '"')
		text = json_index_string(&page->index, token, &len);
	else if (*text == 'n')
		len = 0;
	if (memchr(text, '\\', len))
		return line_add_owned(ret, unescape(&page->index, token));
	line_add(ret, text, len);
	return true;
}

static bool add_name(const struct page *page, const struct json_token *token,
		     struct line *ret)
{
	const char *prefix = page->table->name_prefix;
	char *text = NULL;
	size_t len;
	const char *name;

	if (!*prefix)
		return add_value(page, token, ret);
	name = json_index_string(&page->index, token, &len);
	if (asprintf(&text, "%s%.*s", prefix, (int)len, name) < 0)
		text = NULL;
	return line_add_owned(ret, text);
}

static const struct json_token *member(const struct page *page,
				       const struct json_token *object,
				       const char *name)
{
	return json_index_member(&page->index, object, name);
}

static bool read_header(const struct page *page, struct line *ret)
{
	const struct json_token *column = NULL;

	if (page->table->flags & CTL_TABLE_NAMESPACE)
		line_add(ret, "NAMESPACE", strlen("NAMESPACE"));
	for (size_t i = 0; i < page->n_columns; i++) {
		char *name;

		column = json_index_next(&page->index, page->columns, column);
		if (!page->is_shown[i])
			continue;
		name = unescape(&page->index, member(page, column, "name"));
		for (char *p = name; p && *p; p++)
			*p = (char)toupper((unsigned char)*p);
		if (!line_add_owned(ret, name))
			return false;
	}
	return true;
}

static bool read_row(const struct page *page, const struct json_token *row,
		     struct line *ret)
{
	const struct json_token *cells = member(page, row, "cells");
	const struct json_token *cell = NULL;
	size_t i = 0;

	if ((page->table->flags & CTL_TABLE_NAMESPACE) &&
	    !add_value(page,
		       member(page,
			      member(page, member(page, row, "object"),
				     "metadata"),
			      "namespace"),
		       ret))
		return false;
	while (i < page->n_columns &&
	       (cell = json_index_next(&page->index, cells, cell))) {
		if (page->is_shown[i] && !(i == 0 ? add_name(page, cell, ret)
						  : add_value(page, cell, ret)))
			return false;
		i++;
	}
	return true;
}

static void measure(struct ctl_table *table, const struct line *line)
{
	for (size_t i = 0; i < line->n; i++) {
		size_t width = width_of(&line->cells[i]);

		if (width > table->widths[i])
			table->widths[i] = width;
	}
}

static void print(struct ctl_table *table, const struct line *line)
{
	for (size_t i = 0; i < line->n; i++) {
		const struct cell *cell = &line->cells[i];

		(void)fwrite(cell->text, 1, cell->len, stdout);
		if (i + 1 < line->n)
			printf("%*s",
			       (int)(table->widths[i] - width_of(cell) + 3),
			       "");
	}
	putchar('\n');
}

typedef void (*line_fn)(struct ctl_table *table, const struct line *line);

/* The header, unless it was printed before, and the rows. */
static bool each_line(struct page *page, line_fn fn, size_t *ret_n)
{
	const struct json_token *row = NULL;
	_cleanup_(line_fini) struct line line = { 0 };

	if (!page->table->has_header) {
		if (!read_header(page, &line))
			return false;
		fn(page->table, &line);
	}
	for (*ret_n = 0; (row = json_index_next(&page->index, page->rows, row));
	     (*ret_n)++) {
		line_fini(&line);
		if (!read_row(page, row, &line))
			return false;
		fn(page->table, &line);
	}
	return true;
}

static bool is_shown(const struct page *page, const struct json_token *column)
{
	const struct json_token *priority = member(page, column, "priority");

	return (page->table->flags & CTL_TABLE_WIDE) || !priority ||
	       *json_index_text(&page->index, priority) == '0';
}

static int page_read(struct page *page, const char *text)
{
	const struct json_token *column = NULL;
	int r = json_index_read(&page->index, text);

	if (r < 0)
		return r;
	page->columns = json_index_at(&page->index, "columnDefinitions");
	page->rows = json_index_at(&page->index, "rows");
	while (page->n_columns < CTL_COLUMNS_MAX &&
	       (column = json_index_next(&page->index, page->columns, column)))
		page->is_shown[page->n_columns++] = is_shown(page, column);
	return 0;
}

int ctl_table_print_text(struct ctl_table *table, const char *text,
			 size_t *ret_n, struct err *err)
{
	_cleanup_(page_fini) struct page page = { .table = table };
	size_t n = 0;

	if (page_read(&page, text) < 0)
		return err_set(err, -EPROTO, "the server's answer is no table");
	if (!json_index_next(&page.index, page.rows, NULL))
		return 0;
	if (!each_line(&page, measure, &n) || !each_line(&page, print, &n))
		return err_set(err, -ENOMEM, "print a table: out of memory");
	table->has_header = true;
	*ret_n += n;
	if (fflush(stdout) != 0)
		return err_set_errno(err, -errno, "print a table");
	return 0;
}

int ctl_table_print(struct ctl_table *table, const struct cJSON *json,
		    size_t *ret_n, struct err *err)
{
	char *text = cJSON_PrintUnformatted(json);
	int r = text ? ctl_table_print_text(table, text, ret_n, err)
		     : err_set(err, -ENOMEM, "print a table: out of memory");

	cJSON_free(text);
	return r;
}
