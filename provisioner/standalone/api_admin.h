/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * claimfs' own verbs, for claimctl: POST /claimfs/v1/VERB with a JSON object, answered
 * by a JSON object, or by a Status as everywhere in the API. A verb that takes long
 * answers with lines as a watch has them, each an object:
 *
 *	{"type":"PROGRESS","object":{"message":"..."}}	as often as it has news
 *	{"type":"DONE","object":{...}}	its answer, or
 *	{"type":"ERROR","object":{"kind":"Status",...}}
 *
 * A stream that ends with neither was cut off. Nothing here needs the standalone
 * API: where a real API server has the objects, the same verbs are served on the
 * provisioner's own socket.
 *
 * Threads: any; a verb runs on a thread of its own if it takes long, on the
 * connection's otherwise.
 */

#include <stdatomic.h>
#include <sys/types.h>

#include "api.h"
#include "cluster.h"
#include "remover.h"
#include "share.h"
#include "store_history.h"

struct cJSON;
struct snapshots;

/* What verbs work on; all borrowed. */
struct api_admin {
	struct cluster *cluster;
	struct store *store;
	const struct share_ops *share;
	struct remover *remover; /* NULL = none */
	const struct snapshots *snapshots;
	const char *const *drivers;
	size_t n_drivers;
	atomic_uint n_long; /* that run now: at most API_ADMIN_LONG_MAX */
	atomic_bool is_stopping;
};

#define API_ADMIN_LONG_MAX 8u

/* One call of a verb. */
struct api_admin_call {
	struct api_admin *admin;
	int line_fd; /* -1 = this verb has no lines */
	atomic_bool is_over;
};

/*
 * A line of progress. -ECANCELED when nobody reads any more, or the program ends:
 * the verb then ends at the next point where it may be interrupted.
 */
int api_admin_say(struct api_admin_call *call, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same for a whole object; takes it. */
int api_admin_say_object(struct api_admin_call *call,
			 struct cJSON *take_object);

/*
 * *ret: the answer, the caller's; NULL is an empty object. -EINVAL (400), -ENOENT
 * (404), -EEXIST and -EBUSY (409), anything else (500) with a sentence.
 */
typedef int (*api_admin_fn)(struct api_admin_call *call, const struct cJSON *in,
			    struct cJSON **ret, struct err *err);

void api_admin_handle(struct api_admin *admin,
		      const struct api_request *request, const char *name,
		      struct api_response *ret);
/* Has long verbs end soon, and begins no more. */
void api_admin_stop(struct api_admin *admin);

/* A string member of `in`; fallback NULL = it is required. -EINVAL. */
int api_admin_string(const struct cJSON *in, const char *key,
		     const char *fallback, const char **ret, struct err *err);
