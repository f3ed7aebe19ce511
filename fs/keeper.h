/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The node daemon's line to claimfs-keeper (keeper_wire.h), which holds the
 * descriptors of every volume so that they outlive this process. There may be no
 * keeper: then nothing is held. One that takes its place is told everything.
 *
 * Threads: hold and drop any, the others the main thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "keeper_wire.h"
#include "loop.h"

struct keeper;

/*
 * Connects to the keeper in state_dir, if there is one. *ret is usable either way.
 * -EPROTONOSUPPORT when it speaks another version: nothing was taken then.
 */
int keeper_new(struct keeper **ret, const char *state_dir, struct err *err);
struct keeper *keeper_free(struct keeper *keeper);

/* Waits for a keeper, but not once fd is readable, nor longer than so many seconds. */
void keeper_await(struct keeper *keeper, int fd, uint32_t seconds);

/* A volume that a former node daemon left. */
typedef void (*keeper_take_fn)(void *userdata, uint32_t key,
			       struct keeper_fds take_fds);

/* Calls fn for each; returns when the keeper has none left to give. */
int keeper_take(struct keeper *keeper, keeper_take_fn fn, void *userdata,
		struct err *err);

bool keeper_is_connected(struct keeper *keeper);

enum keeper_state {
	KEEPER_NONE, /* neither at the start nor since */
	KEEPER_CONNECTED,
	KEEPER_GONE,
	KEEPER_UNUSED, /* one is here that this process can't use */
};

/* The main thread's. */
enum keeper_state keeper_get_state(struct keeper *keeper);

/* key is the minor number of the mount's device; fds are borrowed. */
void keeper_hold(struct keeper *keeper, uint32_t key,
		 const struct keeper_fds *fds);
void keeper_drop(struct keeper *keeper, uint32_t key);

/* Tells a new keeper of all volumes by keeper_hold(). */
typedef void (*keeper_renew_fn)(void *userdata);

/*
 * From now on the loop, which is the main thread's, sees the connection's end, and
 * connects to a keeper whenever there is a new one. renew NULL: this process can't
 * use one, which is logged when there is one.
 */
int keeper_watch(struct keeper *keeper, struct loop *loop,
		 keeper_renew_fn renew, void *userdata, struct err *err);
/* Idempotent. */
void keeper_unwatch(struct keeper *keeper);

DEFINE_CLEANUP(struct keeper *, keeper_free)
