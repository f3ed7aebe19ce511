/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The write-only file `control` of the node's tree: one command per write, answered
 * by success or an errno.
 *
 *	log-level error|warn|info|debug
 *	drop-caches PV
 *	trace PV on|off
 */

#include <pthread.h>

#include <fuse_lowlevel.h>

#include "loop.h"
#include "node.h"
#include "trace_log.h"

#define CONTROL_COMMAND_MAX 512

struct control {
	struct node *node; /* borrowed */
	struct loop *loop; /* borrowed: of a thread that may wait for shards */
	pthread_mutex_t lock;
	pthread_cond_t idle;
	bool is_busy;	/* lock: a command is on its way to the loop */
	bool is_closed; /* lock: no command is taken any more */
	bool has_logs;	/* lock: a trace was asked for */
	/* The command that is_busy is about. */
	struct post post;
	fuse_req_t req;
	size_t len;
	char name[CONTROL_COMMAND_MAX]; /* of a volume */
	struct trace_logs logs;		/* loop's thread */
};

void control_init(struct control *control, struct node *node,
		  struct loop *loop);
/* Waits for the command that is running. The volumes must have gone. */
void control_fini(struct control *control);

/* Carries a command out and answers req, now or later. Shard's thread. */
void control_write(struct control *control, fuse_req_t req, const char *text,
		   size_t len);
