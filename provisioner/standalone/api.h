/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A request and its response between the transport (api_server.c) and what
 * answers (api_route.c and the files that it calls). Nothing here knows HTTP
 * libraries, so that everything but the transport can be tested without sockets.
 *
 * Threads: a request and its response belong to the connection's thread.
 */

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct api_admin;
struct api_pages;
struct registry;
struct watch_hub;

#define API_BODY_MAX (3u << 20)

struct api {
	struct registry *registry; /* borrowed */
	struct watch_hub *hub;	   /* borrowed */
	struct api_pages *pages;   /* borrowed; NULL = lists are always whole */
	struct api_admin *admin;   /* borrowed; NULL = none of our own verbs */
	/* The record mirrors a cluster: its objects are only looked at here. */
	bool is_mirror;
};

enum api_method {
	API_GET,
	API_POST,
	API_PUT,
	API_PATCH,
	API_DELETE,
	API_METHOD_N,
};

/* Parameters after "?"; NULL = absent. Borrowed from the transport. */
struct api_query {
	const char *watch;
	const char *resource_version;
	const char *resource_version_match;
	const char *limit;
	const char *continues; /* `continue` */
	const char *timeout_seconds;
	const char *allow_watch_bookmarks;
	const char *send_initial_events;
	const char *label_selector;
	const char *field_selector;
	const char *dry_run;
	const char *include_object;
	const char *field_validation;
};

struct api_request {
	enum api_method method;
	const char *path;
	const char *accept;	  /* NULL = absent */
	const char *content_type; /* NULL = absent */
	const char *user_agent;	  /* NULL = absent */
	const char *body;
	size_t body_len;
	struct api_query query;
};

/* A body that is made while it is sent; the first member of whoever makes it. */
struct api_stream {
	/*
	 * The next bytes, at most size; waits for them. 0 = the end, or the client
	 * is gone (client_fd tells, -1 = nobody to watch).
	 */
	size_t (*read)(struct api_stream *stream, int client_fd, char *buffer,
		       size_t size);
	void (*free)(struct api_stream *stream);
	bool waits; /* for something to happen: a silent connection is not idle */
};

struct api_response {
	unsigned int status;
	const char *content_type; /* NULL = application/json */
	char *body;		  /* malloc'ed; NULL = empty */
	size_t body_len;	  /* 0 = up to its NUL */
	char *warning; /* malloc'ed; a sentence for people; NULL = none */
	struct api_stream *stream; /* owned; instead of a body */
};

/* Sets one parameter by its name in the URL; unknown ones are ignored. */
void api_query_set(struct api_query *query, const char *name,
		   const char *value);

/* "true", "1" and a parameter without a value are true, as in Kubernetes. */
bool api_query_is_true(const char *value);

void api_response_fini(struct api_response *response);

DEFINE_FINI(struct api_response, api_response_fini)
