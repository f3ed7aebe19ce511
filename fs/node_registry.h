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
	struct shards *shards; /* borrowed */
	struct meta *meta;
	pthread_mutex_t lock;	    /* guards what follows */
	pthread_cond_t reader_gone; /* an entry's n_readers became 0 */
	struct node_entries entries;
	size_t n_entries;
};

/* RPC_ABORTED with its sentence. */
enum rpc_status node_refuse_busy(const struct node_entry *entry,
				 struct err *err);

/* The verb is over; the entry stays. */
void node_entry_end(struct node *node, struct node_entry *entry);

/* Stops the volume, if there is one, and frees the entry, which is busy. */
void node_entry_shut_down(struct node *node, struct node_entry *take_entry);
