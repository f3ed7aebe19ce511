/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Writes that share a commit.
 *
 *	      store_enter()                  the last who waits
 *	idle ----------------> group open ----------------------> idle, announced
 *	                         |    ^
 *	          store_leave(), +----+ others write, too
 *
 * A sync of the disk takes as long as many writes. So all calls that come while
 * another one is on its way to the disk become one transaction, a group: each waits
 * for its end, and who finds nobody else about to write ends it. A thread that
 * defers (store_defer()) does not wait; it asks for the end when it has to know.
 *
 * Invariants:
 * 1. What a group wrote is seen by nobody but who takes part in it: whoever else
 *    reads waits for its end.
 * 2. A group is committed as a whole or not at all, and everybody who waits for it
 *    is told the same.
 * 3. Who deferred and lost something can't write before he was told: what he writes
 *    next may need what is lost.
 * 4. While somebody waits, somebody else is about to write (n_coming), who will end
 *    the group if nobody comes after him.
 * 5. A group without a sync has only writes of those who said that they need none.
 */

#include <string.h>

#include "store_internal.h"

/* One per thread, made at first use. */
struct thread_state *store_thread(struct store *store)
{
	struct thread_state *state = pthread_getspecific(store->thread_key);

	if (state)
		return state;
	state = calloc(1, sizeof(*state));
	if (state && pthread_setspecific(store->thread_key, state) != 0) {
		free(state);
		state = NULL;
	}
	return state;
}

static bool is_deferring(struct store *store)
{
	const struct thread_state *state =
		pthread_getspecific(store->thread_key);

	return state && state->is_deferring;
}

static bool skips_sync(struct store *store)
{
	const struct thread_state *state =
		pthread_getspecific(store->thread_key);

	return state && state->skips_sync;
}

void store_skip_sync(struct store *store, bool skips)
{
	struct thread_state *state = store_thread(store);

	/* Without memory its writes are on the disk like everybody else's. */
	if (state)
		state->skips_sync = skips;
}

void store_defer(struct store *store)
{
	struct thread_state *state = store_thread(store);

	/* Without memory it waits like everybody else. */
	if (state)
		state->is_deferring = true;
}

/* Tells everybody who takes part in it; r < 0: it is lost. */
static void tell_group(struct store *store, int r, const char *why)
{
	struct store_waiter *waiter;

	if (r < 0 && store->has_deferred)
		(void)err_set(&store->lost, r, "%s", why);
	store->has_deferred = false;
	SLIST_FOREACH (waiter, &store->waiters, link) {
		waiter->is_done = true;
		waiter->r = r < 0 ? err_set(waiter->err, r, "%s", why) : 0;
	}
	SLIST_INIT(&store->waiters);
	store->n_waiters = 0;
	(void)pthread_cond_broadcast(&store->ended);
}

static void drop_group(struct store *store, int r, const char *why)
{
	store->is_open = false;
	store_rollback_locked(store);
	tell_group(store, r, why);
}

void store_commit_group(struct store *store)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r;

	store->is_open = false;
	r = store_commit_locked(store, &err);
	tell_group(store, r, err_text(&err));
}

/* Waits for the end of the group, or makes it. */
static int await_group(struct store *store, struct err *err)
{
	struct store_waiter self = { .err = err };

	SLIST_INSERT_HEAD(&store->waiters, &self, link);
	store->n_waiters++;
	if (atomic_load(&store->n_coming) == 0 ||
	    store->n_waiters >= STORE_GROUP_MAX)
		store_commit_group(store);
	while (!self.is_done)
		(void)pthread_cond_wait(&store->ended, &store->lock);
	return self.r;
}

static int leave_group(struct store *store, int r, struct err *err)
{
	int committed;

	if (r < 0 && store->is_broken) {
		_cleanup_(free) char *why = err ? strdup(err_text(err)) : NULL;

		drop_group(store, r, why ? why : "a write failed");
		return r;
	}
	if (is_deferring(store)) {
		store->has_deferred = true;
		/* Those who wait may have left the end to us. */
		if (store->n_waiters && atomic_load(&store->n_coming) == 0)
			store_commit_group(store);
		return r;
	}
	committed = await_group(store, r < 0 ? NULL : err);
	return r >= 0 && committed < 0 ? committed : r;
}

int store_flush(struct store *store, struct err *err)
{
	int r;

	store_lock(store);
	if (store->is_open)
		(void)await_group(store, NULL);
	r = store_check_lost(store, err);
	err_fini(&store->lost);
	store_unlock(store);
	return r;
}

void store_lock_to_read(struct store *store)
{
	store_lock(store);
	/* Who goes by what he read has to hear when it is lost. */
	if (store->is_open && is_deferring(store))
		store->has_deferred = true;
	/*
	 * A failure is told to those who wrote; what is read is what was before. The
	 * next group may be open by the time that this thread runs again.
	 */
	while (store->is_open && !is_deferring(store))
		(void)await_group(store, NULL);
}

/* What was to be there before is not. */
int store_check_lost(struct store *store, struct err *err)
{
	if (store->lost.code == 0 || !is_deferring(store))
		return 0;
	return err_set(err, store->lost.code, "%s", err_text(&store->lost));
}

static int open_group(struct store *store, struct err *err)
{
	bool skips = skips_sync(store);
	int r = store_check_lost(store, err);

	if (r < 0)
		return r;
	/* What has no sync can't get one once it is begun. */
	if (store->is_open && store->skips_sync && !skips)
		store_commit_group(store);
	if (store->is_open)
		return 0;
	r = store_begin_locked(store, skips, err);
	store->is_open = r == 0;
	return r;
}

int store_enter(struct store *store, struct err *err)
{
	int r;

	(void)atomic_fetch_add(&store->n_coming, 1);
	store_lock(store);
	(void)atomic_fetch_sub(&store->n_coming, 1);
	if (store->is_begun)
		return 0;
	r = open_group(store, err);
	if (r < 0) {
		if (store->n_waiters && atomic_load(&store->n_coming) == 0)
			store_commit_group(store);
		store_unlock(store);
	}
	return r;
}

int store_leave(struct store *store, int r, struct err *err)
{
	if (!store->is_begun)
		r = leave_group(store, r, err);
	store_unlock(store);
	return r;
}
