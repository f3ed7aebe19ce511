/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Threads that work off rows of the record turn by turn: of all that is due, the one
 * that had its turn longest ago has the next. What must last is in the record; what is
 * kept here of a row is whether a thread is at it, and when it may be tried again. So a
 * restart goes on where it was, and who changes a row calls turns_wake().
 *
 * Threads: its own, as many as turns at a time; its functions may be called by any, and
 * turns_offer() by options.due only.
 */

#include <stdatomic.h>

#include "store.h"

struct turns;

/* Between a turn and those who look at it. */
struct turn_view {
	atomic_bool is_stopping; /* set by others: it ends soon */
	atomic_ullong files_per_s;
	atomic_ullong bytes_per_s;
};

enum turn_outcome {
	TURN_MORE = 1, /* it ended before the work did */
	TURN_GONE = 2, /* there is nothing left to do, now or later */
};

struct turns_options {
	struct store *store;	/* borrowed */
	const char *who;	/* for the history */
	const char *complaint;	/* when a turn failed; will be tried again */
	unsigned int n_threads; /* at most 16 */
	unsigned int n_slow;	/* TURNS_SLOW at a time, at most */
	/*
	 * Offers all that is due, and says in how many seconds there may be more; with the
	 * lock held.
	 */
	int (*due)(void *userdata, struct turns *turns, int64_t *ret_wait_s,
		   struct err *err);
	/* 0: nothing to do now. Negative: err has a sentence. */
	int (*take)(void *userdata, const char *name, struct turn_view *view,
		    struct err *err);
	/* A turn ended; outcome as of take; NULL = nobody cares. */
	void (*ended)(void *userdata, const char *name, int outcome);
	void *userdata;
};

enum turns_flags {
	TURNS_SLOW =
		1u << 0, /* it takes long: some threads are kept for others */
};

int turns_new(struct turns **ret, const struct turns_options *options,
	      struct err *err);
int turns_start(struct turns *turns, struct err *err);
/* Waits for the threads: their turns end soon. */
void turns_stop(struct turns *turns);
struct turns *turns_free(struct turns *turns);

void turns_offer(struct turns *turns, const char *name, enum turns_flags flags);

/* Rows are new or changed. */
void turns_wake(struct turns *turns);
/*
 * What is being done to this one is ended soon, and looked at again, whatever has failed
 * before.
 */
void turns_interrupt(struct turns *turns, const char *name);
/* How fast it goes at present; zeroes = it does not. */
struct turns_speed {
	uint64_t files_per_s;
	uint64_t bytes_per_s;
};
struct turns_speed turns_look(struct turns *turns, const char *name);
/*
 * Until no thread is at it and is_busy says so (NULL: it has no opinion), or the
 * deadline (clock_ns()).
 */
typedef bool (*turns_busy_fn)(void *userdata, const char *name);
void turns_wait(struct turns *turns, const char *name, turns_busy_fn is_busy,
		void *userdata, uint64_t deadline_ns);
/* Until a turn after which is_busy does not say so any more, though others may follow. */
void turns_wait_for_turn(struct turns *turns, const char *name,
			 turns_busy_fn is_busy, void *userdata,
			 uint64_t deadline_ns);

DEFINE_CLEANUP(struct turns *, turns_free)
