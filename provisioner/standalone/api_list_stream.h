/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A list as the body of a response, as JSON or as a Table, made while it is sent.
 * Threads: the connection's.
 */

#include "api.h"
#include "api_pages.h"
#include "api_table.h"

struct api_list_form {
	enum object_kind kind;
	bool is_table;
	enum api_table_include include; /* of a table */
};

/* Takes a reference to the list. NULL = no memory. */
struct api_stream *api_list_stream_new(const struct api_list_form *form,
				       const struct api_list_part *part,
				       const struct api_list_meta *meta);
