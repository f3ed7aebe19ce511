/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A virtual tree from a table: the engine under `.meta` and the node's control
 * tree. A row of the table is a file or a directory with a fixed name, or, with
 * name NULL, a directory per object (volume, server).
 *
 * Node ids need no state: row number + 1 in the low byte, above it a hash of the
 * object's name (0 outside of objects), META_NODE_BIT for a view's tree.
 *
 * Threads: any; the node's lock is taken while objects are looked through.
 */

#include <stdio.h>
#include <sys/types.h>

#include "meta.h"
#include "node.h"

enum meta_object {
	META_OBJECT_NONE,
	META_OBJECT_VOLUME,
	META_OBJECT_SERVER,
};

/* What a text is about. */
struct meta_subject {
	struct node *node;		  /* NULL in a view */
	const struct node_volume *volume; /* for files of volumes */
	const char *server;		  /* for files of servers */
	pid_t reader; /* in a view: who opens it; 0 = can't be told */
};

/* From memory only; for a volume of the node's tree it runs under its lock. */
typedef void (*meta_text_fn)(FILE *out, const struct meta_subject *subject);

struct meta_row {
	const char *name; /* NULL: one per object */
	unsigned int parent;
	mode_t mode;		 /* type and permission bits */
	enum meta_object object; /* of the directory per object, and below */
	meta_text_fn text;	 /* of files that can be read */
	bool is_trace;		 /* `ops` of a volume, instead of a text */
};

struct meta_tree {
	const struct meta_row *rows; /* row 0 is the root */
	size_t n_rows;
	uint64_t id_bits; /* set in every id */
	/* Whose tree it is: one of the two. */
	struct node *node;
	struct volume *volume;
	pid_t reader;
};

struct meta_item {
	char *name;
	uint64_t id;
	mode_t mode;
};

/* The children of a directory. */
struct meta_list {
	struct meta_item *items;
	size_t n;
};

struct meta_text {
	char *data;
	size_t len;
};

/* -ENOENT: there is no such node (any more). */
int meta_tree_mode(const struct meta_tree *tree, uint64_t id, mode_t *ret);

/* -ENOTDIR, -ENOENT, -ENOMEM. */
int meta_tree_list(const struct meta_tree *tree, uint64_t id,
		   struct meta_list *ret);
void meta_list_fini(struct meta_list *list);

/* The child of that name: -ENOENT, -ENOTDIR. ret->name stays NULL. */
int meta_tree_lookup(const struct meta_tree *tree, uint64_t parent,
		     const char *name, struct meta_item *ret);

/*
 * A share of the trace that a file shows: 1; 0: it shows none, but has a content.
 * -ENOENT, -ENOMEM.
 */
int meta_tree_trace(const struct meta_tree *tree, uint64_t id,
		    struct trace **ret);

/* The content of a file. -EISDIR, -EACCES for one that can't be read. */
int meta_tree_read(const struct meta_tree *tree, uint64_t id,
		   struct meta_text *ret);
void meta_text_fini(struct meta_text *text);

DEFINE_FINI(struct meta_list, meta_list_fini)
DEFINE_FINI(struct meta_text, meta_text_fini)
