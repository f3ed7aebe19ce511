/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Waits until an object of the record is as somebody wants it. A function is called with
 * the object as it is, and again with what each change makes of it, until it says that the
 * waiting is over.
 *
 * Threads: any may wait.
 */

#include <stdint.h>

#include "cluster.h"
#include "watch_hub.h"

struct object_wait;

/* Borrowed while it is waited for. */
struct object_key {
	enum object_kind kind;
	const char *namespace; /* "" for cluster-scoped kinds */
	const char *name;
};

/*
 * Looks at the object; NULL = it does not exist. Returns 0 to wait on; any other value ends
 * the waiting. Called with locks held, on the waiting thread or on that which made the
 * change: it must only look.
 */
typedef int (*object_wait_fn)(void *userdata, const struct object *object,
			      struct err *err);

int object_wait_new(struct object_wait **ret, struct watch_hub *hub,
		    struct err *err);
/*
 * NULL is accepted. All that change the record must have ended before, since the hub's
 * callback, which uses *wait, can't be removed.
 */
struct object_wait *object_wait_free(struct object_wait *wait);

/* Ends all waiting, now and in future, as if the deadline had come. Idempotent. */
void object_wait_close(struct object_wait *wait);

bool object_wait_is_closed(struct object_wait *wait);

/*
 * Returns what fn did; 0 when the deadline (of clock_ns()) came first or waiting was
 * closed; -errno when the object could not be read.
 */
int object_wait_until(struct object_wait *wait, struct cluster *cluster,
		      const struct object_key *key, uint64_t deadline_ns,
		      object_wait_fn fn, void *userdata, struct err *err);

DEFINE_CLEANUP(struct object_wait *, object_wait_free)
