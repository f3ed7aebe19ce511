/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * meta.k8s.io/v1 Tables: the columns that kubectl (and claimctl) print, made on
 * the server as in Kubernetes. Pure but for the clock. Threads: any.
 */

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

/* A Table of n objects of one kind, compact; malloc'ed, NULL = no memory. */
char *api_table_text(enum object_kind kind, struct object *const *objects,
		     size_t n, const struct api_list_meta *meta,
		     enum api_table_include include);
