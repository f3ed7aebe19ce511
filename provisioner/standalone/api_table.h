/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * meta.k8s.io/v1 Tables: the columns that kubectl (and claimctl) print, made on
 * the server as in Kubernetes. Pure but for the clock. Threads: any.
 */

#include <stdio.h>

#include "json_index.h"
#include "object.h"

enum api_table_include {
	API_INCLUDE_METADATA, /* rows carry PartialObjectMetadata */
	API_INCLUDE_OBJECT,
	API_INCLUDE_NONE,
};

/* Whether an Accept header asks for a Table before anything else. */
bool api_table_is_accepted(const char *accept);
/* "Metadata", "Object", "None"; NULL = Metadata; -EINVAL. */
int api_table_include_parse(const char *text, enum api_table_include *ret);

/* What a list says of itself. */
struct api_list_meta {
	uint64_t resource_version;
	const char *next; /* `continue` of the next page; NULL = the last one */
	size_t n_left;	  /* objects after this page; 0 = none, or not told */
};

/* As JSON: a list's `metadata`. */
void api_list_meta_print(FILE *out, const struct api_list_meta *meta);

/* A Table up to its first row; rows are joined by commas, and "]}" ends it. */
void api_table_print_head(FILE *out, enum object_kind kind,
			  const struct api_list_meta *meta);
void api_table_print_row(FILE *out, enum object_kind kind,
			 const struct json_index *object,
			 enum api_table_include include);

/* A Table of one object's text, or of none; malloc'ed, NULL = no memory. */
char *api_table_text(enum object_kind kind, const char *object,
		     enum api_table_include include);
char *api_table_empty(enum object_kind kind, const struct api_list_meta *meta);
