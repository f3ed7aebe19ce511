/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Waiting for what becomes of one object: a function is asked about what it is, and about
 * what each of its changes makes of it, until it says that this is it.
 *
 * Threads: any may wait.
 */

#include <stdint.h>

#include "cluster.h"
#include "watch_hub.h"

struct object_wait;

struct object_key {
	enum object_kind kind;
	const char *namespace; /* "" for cluster-scoped kinds */
	const char *name;
};

/*
 * What the object, NULL when there is none, means to who waits: 0 = nothing yet. Any
 * other value ends the waiting. Called with locks held, on the thread of who waits or of
 * who made the change: it must only look.
 */
typedef int (*object_wait_fn)(void *userdata, const struct object *object,
			      struct err *err);

int object_wait_new(struct object_wait **ret, struct watch_hub *hub,
		    struct err *err);
/*
 * Whoever changes the record must have been stopped: the hub's callback can't be taken
 * away.
 */
struct object_wait *object_wait_free(struct object_wait *wait);

/* Ends all waiting, now and later, as a deadline does. Idempotent. */
void object_wait_close(struct object_wait *wait);

bool object_wait_is_closed(struct object_wait *wait);

/* What fn said; 0 = the deadline (clock_ns()) came first; or -errno of the record. */
int object_wait_until(struct object_wait *wait, struct cluster *cluster,
		      const struct object_key *key, uint64_t deadline_ns,
		      object_wait_fn fn, void *userdata, struct err *err);

DEFINE_CLEANUP(struct object_wait *, object_wait_free)
