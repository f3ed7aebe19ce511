/* SPDX-License-Identifier: Apache-2.0 */

/* They are printed as the server's are, so they are made as those: as a Table. */

#include "ctl_rows.h"

#include <stdio.h>

#include <cjson/cJSON.h>

#include "ctl_table.h"
#include "json_field.h"

const char *ctl_text_at(const cJSON *json, const char *key)
{
	const char *text = cJSON_GetStringValue(json_at(json, key));

	return text ? text : "";
}

uint64_t ctl_number_at(const cJSON *json, const char *key)
{
	const cJSON *number = json_at(json, key);

	return cJSON_IsNumber(number) ? (uint64_t)number->valuedouble : 0;
}

void ctl_write_size(char *buffer, size_t size, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	size_t i = 0;

	for (; value >= 1024 && i + 1 < ARRAY_SIZE(units); i++)
		value /= 1024;
	(void)snprintf(buffer, size, i == 0 ? "%.0f%s" : "%.1f%s", value,
		       units[i]);
}

cJSON *ctl_rows_new(const char *const *names, size_t n)
{
	cJSON *table = cJSON_CreateObject();
	cJSON *columns = cJSON_AddArrayToObject(table, "columnDefinitions");
	bool ok = columns && cJSON_AddArrayToObject(table, "rows");

	for (size_t i = 0; ok && i < n; i++) {
		cJSON *column = cJSON_CreateObject();

		ok = cJSON_AddStringToObject(column, "name", names[i]) &&
		     cJSON_AddNumberToObject(column, "priority", 0) &&
		     cJSON_AddItemToArray(columns, column);
	}
	if (ok)
		return table;
	cJSON_Delete(table);
	return NULL;
}

bool ctl_rows_add(cJSON *table, const char *const *cells, size_t n)
{
	cJSON *row = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(row, "cells");

	if (!list ||
	    !cJSON_AddItemToArray(cJSON_GetObjectItem(table, "rows"), row)) {
		cJSON_Delete(row);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		if (!cJSON_AddItemToArray(list, cJSON_CreateString(cells[i])))
			return false;
	return true;
}

int ctl_rows_print(cJSON *take_table, const char *empty, struct err *err)
{
	struct ctl_table printer = { .name_prefix = "" };
	size_t n = 0;
	int r;

	if (!take_table)
		return err_set(err, -ENOMEM, "out of memory");
	r = ctl_table_print(&printer, take_table, &n, err);
	cJSON_Delete(take_table);
	if (r == 0 && n == 0)
		fprintf(stderr, "%s\n", empty);
	return r;
}
