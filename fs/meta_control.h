/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The write-only file `control` of the node's tree: one command per write, answered
 * by success or an errno.
 *
 *	log-level error|warn|info|debug
 *	drop-caches PV
 */

#include <pthread.h>

#include <fuse_lowlevel.h>

#include "loop.h"
#include "node.h"

#define CONTROL_COMMAND_MAX 512

struct control {
	struct node *node; /* borrowed */
	struct loop *loop; /* borrowed: of a thread that may wait for shards */
	pthread_mutex_t lock;
	pthread_cond_t idle;
	bool is_busy;	/* lock: a command is on its way to the loop */
	bool is_closed; /* lock: no command is taken any more */
	/* The command that is_busy is about. */
	struct post post;
	fuse_req_t req;
	size_t len;
	char name[CONTROL_COMMAND_MAX];
};

void control_init(struct control *control, struct node *node,
		  struct loop *loop);
/* Waits for the command that is running. */
void control_fini(struct control *control);

/* Carries a command out and answers req, now or later. Shard's thread. */
void control_write(struct control *control, fuse_req_t req, const char *text,
		   size_t len);
