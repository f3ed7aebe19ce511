/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libsmartcols lays the table out: three blanks between columns, no colours, no
 * cutting to the terminal's width, as with kubectl. Of the server's columns those
 * with a priority are shown only with -o wide.
 *
 * Rows of a watch come one by one, each a table of its own; the widths of what was
 * printed before are given to libsmartcols as the least ones.
 */

#include "ctl_table.h"

#include <ctype.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <libsmartcols.h>

#include "json_field.h"

static void table_unref(struct libscols_table *table)
{
	scols_unref_table(table);
}

DEFINE_CLEANUP(struct libscols_table *, table_unref)

static bool is_shown(const struct ctl_table *table, const cJSON *column)
{
	const cJSON *priority = json_at(column, "priority");

	return (table->flags & CTL_TABLE_WIDE) || !cJSON_IsNumber(priority) ||
	       priority->valueint == 0;
}

/* A cell as text, in a buffer where it is not text already. */
static const char *cell_text(const cJSON *cell, char *buffer, size_t size)
{
	if (cJSON_IsString(cell))
		return cell->valuestring;
	if (cJSON_IsBool(cell))
		return cJSON_IsTrue(cell) ? "true" : "false";
	if (cJSON_IsNumber(cell)) {
		(void)snprintf(buffer, size, "%.0f", cell->valuedouble);
		return buffer;
	}
	return "";
}

struct cells {
	char *text[CTL_COLUMNS_MAX];
	size_t n;
};

static void cells_fini(struct cells *cells)
{
	for (size_t i = 0; i < cells->n; i++)
		free(cells->text[i]);
}

DEFINE_FINI(struct cells, cells_fini)

static bool cells_add(struct cells *cells, const char *prefix, const char *text)
{
	if (cells->n == CTL_COLUMNS_MAX)
		return true;
	if (asprintf(&cells->text[cells->n], "%s%s", prefix, text) < 0)
		return false;
	cells->n++;
	return true;
}

static bool collect_header(const struct ctl_table *table, const cJSON *columns,
			   struct cells *ret)
{
	const cJSON *column;

	if ((table->flags & CTL_TABLE_NAMESPACE) &&
	    !cells_add(ret, "", "NAMESPACE"))
		return false;
	cJSON_ArrayForEach (column, columns) {
		const char *name =
			cJSON_GetStringValue(json_at(column, "name"));

		if (!is_shown(table, column))
			continue;
		if (!cells_add(ret, "", name ? name : ""))
			return false;
		for (char *p = ret->text[ret->n - 1]; *p; p++)
			*p = (char)toupper((unsigned char)*p);
	}
	return true;
}

static bool collect_row(const struct ctl_table *table, const cJSON *columns,
			const cJSON *row, struct cells *ret)
{
	const char *namespace =
		cJSON_GetStringValue(json_at(row, "object.metadata.namespace"));
	const cJSON *cells = json_at(row, "cells");
	const cJSON *column;
	int i = 0;

	if ((table->flags & CTL_TABLE_NAMESPACE) &&
	    !cells_add(ret, "", namespace ? namespace : ""))
		return false;
	cJSON_ArrayForEach (column, columns) {
		char buffer[32];
		const char *text = cell_text(cJSON_GetArrayItem(cells, i),
					     buffer, sizeof(buffer));

		if (is_shown(table, column) &&
		    !cells_add(ret, i == 0 ? table->name_prefix : "", text))
			return false;
		i++;
	}
	return true;
}

/* Adds a line, and remembers how wide its cells are. */
static bool add_line(struct ctl_table *table, struct libscols_table *out,
		     const struct cells *cells)
{
	struct libscols_line *line = scols_table_new_line(out, NULL);

	for (size_t i = 0; line && i < cells->n; i++) {
		size_t len = strlen(cells->text[i]);

		if (len > table->widths[i])
			table->widths[i] = len;
		if (scols_line_set_data(line, i, cells->text[i]) < 0)
			return false;
	}
	return line;
}

static bool add_columns(const struct ctl_table *table,
			struct libscols_table *out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double width = table->widths[i] > 1 && i + 1 < n
				       ? (double)table->widths[i]
				       : 1.0;

		if (!scols_table_new_column(out, "", width,
					    SCOLS_FL_STRICTWIDTH))
			return false;
	}
	return true;
}

static int build(struct ctl_table *table, struct libscols_table *out,
		 const cJSON *json, size_t *ret_n)
{
	const cJSON *columns = json_at(json, "columnDefinitions");
	_cleanup_(cells_fini) struct cells header = { 0 };
	const cJSON *row;

	if (!collect_header(table, columns, &header) ||
	    !add_columns(table, out, header.n))
		return -ENOMEM;
	if (!table->has_header && !add_line(table, out, &header))
		return -ENOMEM;
	cJSON_ArrayForEach (row, json_at(json, "rows")) {
		_cleanup_(cells_fini) struct cells cells = { 0 };

		if (!collect_row(table, columns, row, &cells) ||
		    !add_line(table, out, &cells))
			return -ENOMEM;
		(*ret_n)++;
	}
	/* Now that the widths are known. */
	for (size_t i = 0; i + 1 < header.n; i++)
		(void)scols_column_set_whint(scols_table_get_column(out, i),
					     (double)table->widths[i]);
	return 0;
}

int ctl_table_print(struct ctl_table *table, const struct cJSON *json,
		    size_t *ret_n, struct err *err)
{
	_cleanup_(table_unref) struct libscols_table *out = NULL;
	size_t before = *ret_n;
	int r;

	out = scols_new_table();
	if (!out)
		return err_set(err, -ENOMEM, "print a table: out of memory");
	(void)scols_table_enable_noheadings(out, 1);
	(void)scols_table_enable_noencoding(out, 1);
	(void)scols_table_set_column_separator(out, "   ");
	(void)scols_table_set_termforce(out, SCOLS_TERMFORCE_NEVER);
	r = build(table, out, json, ret_n);
	if (r < 0)
		return err_set(err, r, "print a table: out of memory");
	if (*ret_n == before)
		return 0;
	table->has_header = true;
	if (scols_print_table(out) < 0)
		return err_set(err, -EIO, "print a table");
	(void)fflush(stdout);
	return 0;
}
