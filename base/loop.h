/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An epoll loop for one thread: file descriptors, timers, signals and posts from
 * other threads.
 *
 * Ownership: watches and timers are embedded in their owner, which removes them
 * before it closes the descriptor or frees itself. A callback may add, change or
 * remove any watch or timer, its own included. At most one callback per watch
 * runs per round, so a busy descriptor can't starve the others; who reads a
 * descriptor limits himself to a budget per callback.
 *
 * Threads: everything here belongs to the loop's thread, except loop_post(),
 * loop_unpost() and loop_stop(), which any thread may call.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include "cleanup.h"

struct loop;
struct watch;
struct timer;
struct post;

/* events: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR as epoll reported them. */
typedef void (*watch_fn)(struct watch *watch, uint32_t events);
typedef void (*timer_fn)(struct timer *timer);
typedef void (*post_fn)(struct post *post);
typedef void (*round_fn)(void *userdata);

struct watch {
	struct loop *loop; /* borrowed; NULL = not watched */
	int fd;		   /* borrowed */
	uint32_t events;   /* what is asked of epoll */
	uint32_t ready;	   /* what epoll reported in this round */
	watch_fn fn;
	TAILQ_ENTRY(watch) ready_entry;
};

#define WATCH_INIT(callback) ((struct watch){ .fd = -1, .fn = (callback) })

struct timer {
	struct loop *loop;    /* borrowed; NULL = not armed */
	uint64_t deadline_ns; /* clock_ns() at which it fires */
	size_t index;	      /* position in the loop's heap */
	timer_fn fn;
};

#define TIMER_INIT(callback) ((struct timer){ .fn = (callback) })

/* A message to the loop's thread; embedded in its owner, free again when fn runs. */
struct post {
	post_fn fn;
	STAILQ_ENTRY(post) entry;
};

int loop_new(struct loop **ret);
/* Every watch and timer must have been removed before. */
struct loop *loop_free(struct loop *loop);

/* Runs until loop_stop(); 0, or -errno when epoll itself fails. */
int loop_run(struct loop *loop);
/* One round that waits at most timeout_ms (-1 = until something happens). */
int loop_run_once(struct loop *loop, int timeout_ms);
void loop_stop(struct loop *loop);

/*
 * Called at the end of every round, after all callbacks: the place to send what
 * they queued in one system call.
 */
void loop_set_round_end(struct loop *loop, round_fn fn, void *userdata);

/* Starts watching; events may hold EPOLLEXCLUSIVE. -errno from epoll_ctl(2). */
int watch_add(struct watch *watch, struct loop *loop, int fd, uint32_t events);
/* Changes the mask; no system call when it is the same. */
int watch_set(struct watch *watch, uint32_t events);
/* Idempotent; to be called before the descriptor is closed. */
void watch_remove(struct watch *watch);

/* Arms or re-arms. -ENOMEM only when the timer was not armed. */
int timer_set(struct timer *timer, struct loop *loop, uint64_t deadline_ns);
/* Idempotent. */
void timer_cancel(struct timer *timer);

/* Runs post->fn on the loop's thread. A post that is queued must not be queued again. */
void loop_post(struct loop *loop, struct post *post);
/* Takes it back; false when it does not wait there (any more). Any thread. */
bool loop_unpost(struct loop *loop, struct post *post);

DEFINE_CLEANUP(struct loop *, loop_free)
