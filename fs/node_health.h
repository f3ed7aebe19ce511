/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the node says of itself over HTTP: /healthz, /readyz and /metrics.
 *
 * Threads: that of its loop.
 */

#include "err.h"
#include "loop.h"

struct keeper;
struct node;
struct node_health;

/* All borrowed, but for the strings, which are borrowed as well. */
struct node_health_options {
	struct node *node;
	struct keeper *keeper;
	const char *csi_socket;
	const char *listen; /* as listen_tcp() takes it */
};

int node_health_new(struct node_health **ret, struct loop *loop,
		    const struct node_health_options *options, struct err *err);
/* Answers no more. Idempotent. */
void node_health_stop(struct node_health *health);
/* Once shards have ended. */
struct node_health *node_health_free(struct node_health *health);

DEFINE_CLEANUP(struct node_health *, node_health_free)
