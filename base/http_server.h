/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP for probes and metrics: GET of a few paths, one answer per connection, on
 * a loop. No thread, no library, and little memory, however many ask.
 *
 * Threads: the loop's, handlers too: they answer from memory.
 */

#include <stddef.h>
#include <stdio.h>

#include "err.h"
#include "loop.h"

struct http_server;

/* Writes the body; returns the status, which is 200 or 503. */
typedef unsigned int (*http_fn)(void *userdata, FILE *body);

struct http_route {
	const char *path;
	const char *content_type;
	http_fn fn;
};

struct http_server_options {
	const char *listen; /* as listen_tcp() takes it; borrowed */
	const struct http_route *routes; /* borrowed */
	size_t n_routes;
	void *userdata; /* given to every handler */
};

/*
 * Listens, or logs why it can't and tries again: what is served besides does not
 * depend on it. -ENOMEM.
 */
int http_server_new(struct http_server **ret, struct loop *loop,
		    const struct http_server_options *options, struct err *err);
/* Before the loop. */
struct http_server *http_server_free(struct http_server *server);

DEFINE_CLEANUP(struct http_server *, http_server_free)
