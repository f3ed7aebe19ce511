/* SPDX-License-Identifier: Apache-2.0 */

/*
 *	thawed -- begin --> freezing -- nothing is under way --> frozen -- end --> thawed
 *	                       \-- too slow, end, stop --> thawed    \-- limit -----^
 *
 * Freezing, step by step:
 *
 *  1. The kernel writes back what it keeps (flusher.h), twice: most of it comes while
 *     writers still run.
 *  2. syncfs(2) does not wait for FUSE's pages, or not on every kernel. What it began to
 *     write is in the kernel's queue of background requests, and so is the RELEASEDIR
 *     of a directory that is closed behind it: when that is read, all before it was.
 *     Nobody can tell the flusher's directory from others, but one that was opened
 *     after the first syncfs(2) is closed after it, whoever did so. So directories
 *     have numbers.
 *  3. The gate is closed (gate.h), and those inside come to an end.
 *  4. What is behind (behind.h) is sent.
 *
 * UNSTABLE data need no COMMIT: who copies reads through the same server. It is a state
 * that a crash could have left: who had an answer to fsync(2), here or on another node
 * that is frozen, finds its data in it, and whatever came before that.
 *
 * The limit is the gate's. Whether it came is seen there, too (is_interrupted), so that
 * nobody takes a copy for one of a frozen volume which was not frozen to its end.
 */

#include "freeze.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "behind.h"
#include "clock.h"
#include "flusher.h"
#include "shard.h"
#include "view.h"

#define N_FLUSHES 2

enum freeze_state {
	THAWED,
	FREEZING,
	FROZEN,
};

struct freeze {
	struct view *view;
	struct shards *shards;
	int wake_fd; /* ends the wait for the flusher */
	_Atomic uint64_t n_dirs;
	_Atomic uint64_t
		awaited_dir; /* it, or a later one; UINT64_MAX = none */
	_Atomic uint64_t since_ns;

	pthread_mutex_t lock; /* of what follows; shards don't take it */
	pthread_cond_t thawed;
	enum freeze_state state;
	char token[FREEZE_TOKEN_MAX + 1];
	bool is_over;
};

/* --- directories ------------------------------------------------------------------- */

uint64_t freeze_number_dir(struct freeze *freeze)
{
	return freeze ? atomic_fetch_add_explicit(&freeze->n_dirs, 1,
						  memory_order_relaxed)
		      : 0;
}

void freeze_dir_closed(struct freeze *freeze, uint64_t number)
{
	if (!freeze || number < atomic_load(&freeze->awaited_dir))
		return;
	atomic_store(&freeze->awaited_dir, UINT64_MAX);
	gate_changed(&freeze->view->gate);
}

static void await_dir(struct freeze *freeze)
{
	atomic_store(&freeze->awaited_dir, atomic_load(&freeze->n_dirs));
}

static bool is_dir_closed(const struct view *view)
{
	return atomic_load(&view->freeze->awaited_dir) == UINT64_MAX;
}

/* --- the steps ----------------------------------------------------------------------- */

/* The gate's limit may be seen before one's own. */
static int await(struct freeze *freeze, bool (*is_so)(const struct view *view),
		 uint64_t until_ns)
{
	int r = gate_await(freeze->view, is_so, until_ns);

	return r == -ECANCELED && clock_ns() >= until_ns ? -ETIMEDOUT : r;
}

static int write_back(struct freeze *freeze, const struct freeze_wish *wish,
		      uint64_t end_ns, struct err *err)
{
	int r = 0;

	for (int i = 0; i < N_FLUSHES && r == 0; i++) {
		if (i == N_FLUSHES - 1)
			await_dir(freeze);
		r = flusher_run(wish->mountpoint, wish->dev_minor,
				freeze->wake_fd, end_ns, err);
	}
	if (r < 0)
		return r;
	r = await(freeze, is_dir_closed, end_ns);
	return r < 0 ? err_set_errno(err, r, "read what is written back") : 0;
}

static void send_behind(struct shard *shard, void *userdata)
{
	const struct view *view = userdata;

	behind_flush_all(view->commits);
}

static bool has_nothing_behind(const struct view *view)
{
	return behind_is_empty(view->commits);
}

static int stand_still(struct freeze *freeze, uint64_t until_ns,
		       struct err *err)
{
	int r = gate_close(freeze->view, freeze->shards, until_ns);

	if (r < 0)
		return err_set_errno(err, r, "hold new changes back");
	r = await(freeze, gate_is_empty, until_ns);
	if (r < 0)
		return err_set_errno(err, r, "wait for changes under way");
	shard_call(shards_get(freeze->shards, 0), send_behind, freeze->view);
	r = await(freeze, has_nothing_behind, until_ns);
	return r < 0 ? err_set_errno(err, r, "send what was written") : 0;
}

static int work(struct freeze *freeze, const struct freeze_wish *wish,
		struct err *err)
{
	const uint64_t limit_ns = wish->seconds * NS_PER_S;
	int r = write_back(freeze, wish, clock_ns() + limit_ns, err);

	return r < 0 ? r : stand_still(freeze, clock_ns() + limit_ns, err);
}

/* --- begin and end --------------------------------------------------------------------- */

static bool is_interrupted(const struct freeze *freeze)
{
	return atomic_load(&freeze->view->gate.is_interrupted);
}

static void open_locked(struct freeze *freeze)
{
	atomic_store(&freeze->since_ns, 0);
	atomic_store(&freeze->awaited_dir, UINT64_MAX);
	gate_open(freeze->view, freeze->shards);
	freeze->state = THAWED;
	pthread_cond_broadcast(&freeze->thawed);
}

/* Whoever is about to freeze it opens the gate again. */
static void interrupt_locked(struct freeze *freeze)
{
	const uint64_t one = 1;

	gate_interrupt(&freeze->view->gate);
	(void)write(freeze->wake_fd, &one, sizeof(one));
}

/*
 * Who asks once more has lost the first answer, with his process perhaps: that call is
 * nobody's. Neither is one that was told to end, and has not yet.
 */
static void end_abandoned_locked(struct freeze *freeze, const char *token)
{
	while (freeze->state == FREEZING &&
	       (is_interrupted(freeze) || strcmp(freeze->token, token) == 0)) {
		interrupt_locked(freeze);
		pthread_cond_wait(&freeze->thawed, &freeze->lock);
	}
}

/* 1 = it is frozen by that word already. */
static int enter_locked(struct freeze *freeze, const char *token,
			struct err *err)
{
	uint64_t unused;

	end_abandoned_locked(freeze, token);
	if (freeze->is_over)
		return err_set(err, -ECANCELED, "the volume ends");
	if (freeze->state == FROZEN && is_interrupted(freeze))
		open_locked(freeze);
	if (freeze->state == FROZEN && strcmp(freeze->token, token) == 0)
		return 1;
	if (freeze->state != THAWED)
		return err_set(err, -EBUSY, "it is frozen for somebody else");
	(void)read(freeze->wake_fd, &unused, sizeof(unused));
	(void)strncpy(freeze->token, token, FREEZE_TOKEN_MAX);
	atomic_store(&freeze->view->gate.is_interrupted, false);
	freeze->state = FREEZING;
	return 0;
}

static int leave_locked(struct freeze *freeze, int r, struct err *err)
{
	if (r == 0 && is_interrupted(freeze))
		r = err_set(err, -ECANCELED, "it was told to thaw");
	if (r < 0) {
		open_locked(freeze);
		return r;
	}
	freeze->state = FROZEN;
	atomic_store(&freeze->since_ns, clock_ns());
	return 0;
}

int freeze_begin(struct freeze *freeze, const struct freeze_wish *wish,
		 struct err *err)
{
	int r;

	pthread_mutex_lock(&freeze->lock);
	r = enter_locked(freeze, wish->token, err);
	pthread_mutex_unlock(&freeze->lock);
	if (r != 0)
		return r < 0 ? r : 0;
	r = work(freeze, wish, err);
	pthread_mutex_lock(&freeze->lock);
	r = leave_locked(freeze, r, err);
	pthread_mutex_unlock(&freeze->lock);
	return r;
}

bool freeze_end(struct freeze *freeze, const char *token)
{
	bool was_frozen = false;

	pthread_mutex_lock(&freeze->lock);
	if (freeze->state != THAWED && strcmp(freeze->token, token) == 0) {
		was_frozen = freeze->state == FROZEN && !is_interrupted(freeze);
		if (freeze->state == FROZEN)
			open_locked(freeze);
		else
			interrupt_locked(freeze);
	}
	pthread_mutex_unlock(&freeze->lock);
	return was_frozen;
}

void freeze_stop(struct freeze *freeze)
{
	if (!freeze)
		return;
	pthread_mutex_lock(&freeze->lock);
	freeze->is_over = true;
	if (freeze->state == FREEZING)
		interrupt_locked(freeze);
	while (freeze->state == FREEZING)
		pthread_cond_wait(&freeze->thawed, &freeze->lock);
	if (freeze->state == FROZEN)
		open_locked(freeze);
	pthread_mutex_unlock(&freeze->lock);
}

uint64_t freeze_since(const struct freeze *freeze)
{
	return freeze && !is_interrupted(freeze)
		       ? atomic_load(&freeze->since_ns)
		       : 0;
}

/* --- life -------------------------------------------------------------------------------- */

int freeze_new(struct freeze **ret, struct view *view, struct shards *shards,
	       const char *name)
{
	struct freeze *freeze = calloc(1, sizeof(*freeze));

	if (!freeze)
		return -ENOMEM;
	freeze->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (freeze->wake_fd < 0) {
		free(freeze);
		return -errno;
	}
	freeze->view = view;
	freeze->shards = shards;
	view->gate.name = name;
	/* A former process's numbers are of another time. */
	freeze->n_dirs = clock_ns();
	freeze->awaited_dir = UINT64_MAX;
	pthread_mutex_init(&freeze->lock, NULL);
	pthread_cond_init(&freeze->thawed, NULL);
	*ret = freeze;
	return 0;
}

struct freeze *freeze_free(struct freeze *freeze)
{
	if (!freeze)
		return NULL;
	pthread_cond_destroy(&freeze->thawed);
	pthread_mutex_destroy(&freeze->lock);
	(void)close(freeze->wake_fd);
	free(freeze);
	return NULL;
}
