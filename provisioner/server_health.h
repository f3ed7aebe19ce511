/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which servers let us wait in vain lately. One dead server costs the reconciler
 * one time-out now and then instead of one per claim, so that claims on other
 * servers go on.
 *
 * Threads: any.
 */

#include <pthread.h>
#include <stdint.h>

#include "err.h"

#define SERVER_HEALTH_MAX 16

struct server_health {
	pthread_mutex_t lock; /* guards everything below */
	struct {
		char *server;
		uint32_t port;
		uint64_t until_ns; /* not asked again before */
	} down[SERVER_HEALTH_MAX];
	size_t next; /* the oldest, which is overwritten */
};

#define SERVER_HEALTH_INIT \
	((struct server_health){ .lock = PTHREAD_MUTEX_INITIALIZER })

/* -EHOSTDOWN when the server is not to be asked now. */
int server_health_check(struct server_health *health, const char *server,
			uint32_t port, uint64_t now_ns, struct err *err);
/* Notes how a request ended: only time-outs count. Best effort. */
void server_health_note(struct server_health *health, const char *server,
			uint32_t port, int r, uint64_t now_ns);
void server_health_fini(struct server_health *health);
