/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Descriptors are files: to look whether one has a path and to write one's own is not
 * one step on the server. So it is one in this process, which is the only one that
 * works on a share's places (a standby does nothing, kube_mode.c).
 *
 * Places are held by server and not by share, because shares may lie in each other. A
 * volume in a directory of its own name is made without, or thousands of descriptors
 * would be read each time; it holds the top, and so does whoever comes to a directory of
 * that name by a class.
 * There is a handful of holders, the threads that work on shares, in one list.
 */

#include "share_hold.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static pthread_mutex_t lock =
	PTHREAD_MUTEX_INITIALIZER; /* guards everything below */
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static LIST_HEAD(, share_hold) holds = LIST_HEAD_INITIALIZER(holds);

static bool is_same(const char *a, const char *b)
{
	size_t len = strcspn(a, "/");

	return strcspn(b, "/") == len && strncmp(a, b, len) == 0;
}

static bool is_held_locked(enum share_hold_kind kind, const char *name)
{
	const struct share_hold *hold;

	LIST_FOREACH (hold, &holds, link)
		if (hold->kind == kind && is_same(hold->name, name))
			return true;
	return false;
}

void share_hold_take(struct share_hold *hold, enum share_hold_kind kind,
		     const char *name)
{
	(void)pthread_mutex_lock(&lock);
	while (is_held_locked(kind, name))
		(void)pthread_cond_wait(&released, &lock);
	hold->kind = kind;
	hold->name = name;
	LIST_INSERT_HEAD(&holds, hold, link);
	(void)pthread_mutex_unlock(&lock);
}

void share_hold_release(struct share_hold *hold)
{
	if (!hold->name)
		return;
	(void)pthread_mutex_lock(&lock);
	LIST_REMOVE(hold, link);
	(void)pthread_cond_broadcast(&released);
	(void)pthread_mutex_unlock(&lock);
	hold->name = NULL;
}
