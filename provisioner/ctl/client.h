/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Requests to the API over a unix socket or a loopback address. Threads: one.
 */

#include <stdbool.h>

#include "err.h"
#include "object.h"

struct client;
struct cJSON;

#define CLIENT_SERVER_DEFAULT "unix:///run/claimfs/api.sock"
#define CLIENT_TABLE	      "application/json;as=Table;v=v1;g=meta.k8s.io"

enum client_outcome {
	CLIENT_NOT_FOUND = 1, /* err has the server's sentence */
};

struct client_request {
	const char *method; /* "GET" */
	const char *path;
	const char *accept;	  /* NULL = JSON */
	const char *content_type; /* NULL = JSON */
	const char *body;	  /* NULL = none */
};

/* server: "unix:///PATH" or "http://HOST:PORT". */
int client_new(struct client **ret, const char *server, struct err *err);
struct client *client_free(struct client *client);

/*
 * *ret (may be NULL) is the answer's JSON, the caller's. A refusal is
 * CLIENT_NOT_FOUND or a negative errno, with `Error from server (Reason): message`.
 */
int client_call(struct client *client, const struct client_request *request,
		struct cJSON **ret, struct err *err);

/* The same, as the text that came; malloc'ed. */
int client_call_text(struct client *client,
		     const struct client_request *request, char **ret,
		     struct err *err);

/* One event of a watch; non-zero ends the watch and is returned by it. */
typedef int (*client_event_fn)(void *userdata, const char *type,
			       const struct cJSON *object, struct err *err);

/*
 * Follows a watch until the server ends it (0), fn does, or timeout_s are over
 * (-ETIMEDOUT; 0 = no limit).
 */
int client_watch(struct client *client, const struct client_request *request,
		 unsigned int timeout_s, client_event_fn fn, void *userdata,
		 struct err *err);

/* "/api/v1/namespaces/NS/KIND/NAME"; namespace NULL = all, name NULL = the
 * collection. Malloc'ed, NULL = no memory. */
char *client_path(enum object_kind kind, const char *namespace,
		  const char *name);

DEFINE_CLEANUP(struct client *, client_free)
