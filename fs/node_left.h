/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The volumes of a former process, as the keeper gives them. Their node tables are
 * mapped by two threads, since page tables are most of what a take-over costs: the
 * one that takes the volumes over, and one that comes to meet it from the other end.
 *
 * Threads: the one that takes over.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "cleanup.h"
#include "keeper_wire.h"

struct inode_table;

enum node_left_state {
	NODE_LEFT_UNMAPPED,
	NODE_LEFT_MAPPING,
	NODE_LEFT_MAPPED, /* or not, as r says */
};

struct node_left_volume {
	uint32_t key;
	struct keeper_fds fds;

	enum node_left_state state; /* the list's lock */
	struct inode_table *table;  /* of whose thread state says */
	int r;
	TAILQ_ENTRY(node_left_volume) entry;
};

TAILQ_HEAD(node_left_list, node_left_volume);

struct node_left {
	struct node_left_list volumes;
	pthread_mutex_t lock; /* of their states */
	pthread_cond_t mapped;
	pthread_t thread;
	bool has_thread;
};

void node_left_init(struct node_left *left);
void node_left_fini(struct node_left *left);

/* A keeper_take_fn; userdata is the struct node_left. */
void node_left_add(void *userdata, uint32_t key, struct keeper_fds take_fds);

/* The versions of all were checked, and none is added any more. */
void node_left_map_ahead(struct node_left *left);

/* As inode_table_attach(); *ret is the caller's. Once for each volume. */
int node_left_map(struct node_left *left, struct node_left_volume *volume,
		  struct inode_table **ret);

DEFINE_FINI(struct node_left, node_left_fini)
