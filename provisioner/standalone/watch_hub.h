/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What changed lately: a ring of the newest changes of the record with their
 * objects, for watches (which may resume from any revision that the ring still
 * reaches back to) and for callbacks.
 *
 * Threads: any thread may call; a watcher belongs to one thread. Lock order: the
 * store's lock, then the hub's. The hub calls nothing of the store with its own
 * lock held.
 */

#include <stdint.h>

#include "store.h"

struct watch_hub;
struct watcher;

struct watch_hub_options {
	struct store *store;	/* borrowed; the hub becomes its listener */
	unsigned int n_changes; /* length of the ring; 0 = 4096 */
	/* Of JSON in it, which takes seven times as much memory; 0 = 2 MiB. */
	size_t max_bytes;
	unsigned int max_watchers; /* 0 = 256 */
};

/* Changes before this call are unknown: resuming from them is WATCH_TOO_OLD. */
int watch_hub_new(struct watch_hub **ret,
		  const struct watch_hub_options *options, struct err *err);
/* Every watcher must have been closed before. */
struct watch_hub *watch_hub_free(struct watch_hub *hub);

/* Ends every watch, now and later, with WATCH_CLOSED. Idempotent. */
void watch_hub_close(struct watch_hub *hub);

/* The record's revision now. */
uint64_t watch_hub_revision(struct watch_hub *hub);
/* Whether an object of a kind changed after a revision; true if it is not known. */
bool watch_hub_has_changed(struct watch_hub *hub, enum object_kind kind,
			   uint64_t after);

/*
 * Calls fn for each change, in the order of revisions, on the thread that made it
 * and with the store's lock held: fn must only queue. At most 8 callbacks; -ENOSPC.
 * There is no removal: callbacks are made while the program starts.
 */
int watch_hub_add_callback(struct watch_hub *hub, store_change_fn fn,
			   void *userdata);

enum watch_outcome {
	WATCH_TIMEOUT = 1,
	WATCH_TOO_OLD =
		2,	  /* the ring doesn't reach back that far: list again */
	WATCH_FULL = 3,	  /* max_watchers */
	WATCH_CLOSED = 4, /* watch_hub_close() */
	WATCH_GONE = 5,	  /* the client closed its connection */
};

struct watch_change {
	enum store_change change;
	struct object *object; /* a reference of the receiver's */
};

/* Starts after revision `after`. WATCH_TOO_OLD, WATCH_FULL, WATCH_CLOSED. */
int watcher_new(struct watcher **ret, struct watch_hub *hub, uint64_t after);
struct watcher *watcher_free(struct watcher *watcher);

/*
 * The next change of any kind; waits until deadline_ns (clock_ns()). client_fd is
 * watched for the client's leaving, -1 = nobody to watch. A reader that is overtaken
 * by the ring gets WATCH_TOO_OLD.
 */
int watcher_next(struct watcher *watcher, uint64_t deadline_ns, int client_fd,
		 struct watch_change *ret);

/* The revision up to which this watcher has seen everything. */
uint64_t watcher_revision(const struct watcher *watcher);

DEFINE_CLEANUP(struct watch_hub *, watch_hub_free)
DEFINE_CLEANUP(struct watcher *, watcher_free)
