/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tables as kubectl prints them, from the server's Table objects. A printer keeps
 * the widths of its columns, so that the rows of a watch line up. Threads: one.
 */

#include <stdbool.h>

#include "err.h"

struct cJSON;

#define CTL_COLUMNS_MAX 24

enum ctl_table_flags {
	CTL_TABLE_WIDE = 1u << 0,
	CTL_TABLE_NAMESPACE = 1u << 1, /* a first column with the namespace */
};

struct ctl_table {
	enum ctl_table_flags flags;
	const char *name_prefix; /* "pod/" where kinds are mixed; "" = none */
	size_t widths[CTL_COLUMNS_MAX];
	bool has_header; /* printed already */
};

/*
 * Prints the rows of a Table's text, with a header before the first ones. *ret_n is
 * raised by the number of rows.
 */
int ctl_table_print_text(struct ctl_table *table, const char *text,
			 size_t *ret_n, struct err *err);
/* The same of one that was parsed. */
int ctl_table_print(struct ctl_table *table, const struct cJSON *json,
		    size_t *ret_n, struct err *err);
