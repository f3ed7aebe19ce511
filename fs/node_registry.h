/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of struct node, for node*.c only: the entries under their lock, and
 * what the verbs share.
 */

#include <pthread.h>

#include "node_entry.h"

struct node {
	char *name;
	char *driver;
	char *state_dir;
	bool never_resends;
	struct shards *shards;		   /* borrowed */
	struct keeper *keeper;		   /* borrowed; NULL = none */
	struct registration *registration; /* the same */
	unsigned int max_volumes;
	struct node_inline *inline_volumes;
	struct meta *meta;
	pthread_mutex_t lock;	    /* guards what follows */
	pthread_cond_t reader_gone; /* an entry's n_readers became 0 */
	struct node_entries entries;
	size_t n_entries;
};

/* RPC_ABORTED with its sentence. */
enum rpc_status node_refuse_busy(const struct node_entry *entry,
				 struct err *err);

/* The entry that is staged at the path, or published there. NOT_FOUND. */
enum rpc_status node_find_locked(struct node *node, const char *id,
				 const char *path, struct node_entry **ret,
				 struct err *err);

/*
 * The next one in order of name that is served, with one reader more; NULL = none. after
 * NULL: the first.
 */
struct node_entry *node_reader_next(struct node *node, const char *after);
/* While there are readers, nobody stops the volume. */
void node_reader_end(struct node *node, struct node_entry *entry);

/* Whether it is handed over at the end; else it is taken down. */
bool node_is_kept(const struct node_entry *entry);

/*
 * Lets the keeper have the entry, which is busy, as it is now; without a keeper
 * nothing happens. A failure is logged: the volume is served all the same.
 */
void node_keep(struct node *node, const struct node_entry *entry);

/* The verb is over; the entry stays. */
void node_entry_end(struct node *node, struct node_entry *entry);

/* Stops the volume, if there is one, and frees the entry, which is busy. */
void node_entry_shut_down(struct node *node, struct node_entry *take_entry);
