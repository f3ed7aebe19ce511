/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Each thread asks what is due, takes the row that had a turn longest ago, gives it a
 * turn, and asks again; with nothing to do it waits for what comes due next, the next
 * try of what failed, or turns_wake().
 *
 * Lock order: this one, then the record's. No turn is taken with a lock held.
 */

#include "turns.h"

#include <pthread.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "clock.h"
#include "cond.h"
#include "log.h"
#include "store_history.h"

#define THREADS_MAX 16
#define RETRY_MIN_S 2
#define RETRY_MAX_S 300
/* For wall clocks that are set, and what was overlooked. */
#define LOOK_S 60

struct job {
	LIST_ENTRY(job) link;
	char *name;
	bool is_running;
	bool is_slow;
	uint64_t served_ns;	/* when its last turn ended */
	uint64_t not_before_ns; /* after a failure */
	unsigned int n_failures;
	struct turn_view view;
};

struct turns {
	struct turns_options options;
	pthread_mutex_t lock; /* guards what is below */
	pthread_cond_t changed;
	LIST_HEAD(, job) jobs;
	unsigned int n_slow; /* that are running */
	bool is_stopping;
	bool is_woken;
	struct job *best; /* of what was offered until now */
	uint64_t wake_ns; /* when there may be more than was offered */
	pthread_t threads[THREADS_MAX];
	unsigned int n_threads;
};

/* --- jobs -------------------------------------------------------------------------- */

static struct job *find_job(struct turns *turns, const char *name)
{
	struct job *job;

	LIST_FOREACH (job, &turns->jobs, link)
		if (strcmp(job->name, name) == 0)
			return job;
	return NULL;
}

static struct job *add_job(struct turns *turns, const char *name)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job)
		job->name = strdup(name);
	if (!job || !job->name) {
		free(job);
		return NULL;
	}
	LIST_INSERT_HEAD(&turns->jobs, job, link);
	return job;
}

static void free_job(struct job *job)
{
	LIST_REMOVE(job, link);
	free(job->name);
	free(job);
}

void turns_offer(struct turns *turns, const char *name, enum turns_flags flags)
{
	struct job *job = find_job(turns, name);

	if (!job)
		job = add_job(turns, name);
	if (!job || job->is_running)
		return;
	job->is_slow = flags & TURNS_SLOW;
	/* Whoever ends one asks again what is due. */
	if (job->is_slow && turns->n_slow >= turns->options.n_slow)
		return;
	if (job->not_before_ns > clock_ns()) {
		if (job->not_before_ns < turns->wake_ns)
			turns->wake_ns = job->not_before_ns;
		return;
	}
	if (!turns->best || job->served_ns < turns->best->served_ns)
		turns->best = job;
}

/* NULL: nothing to do until wake_ns. */
static struct job *next_job(struct turns *turns)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int64_t wait_s = LOOK_S;
	uint64_t next_ns;

	turns->best = NULL;
	turns->wake_ns = clock_ns() + LOOK_S * NS_PER_S;
	if (turns->options.due(turns->options.userdata, turns, &wait_s, &err) <
	    0) {
		log_warn("the record was not read", F_ERR(&err));
		return NULL;
	}
	next_ns = clock_ns() + (uint64_t)(wait_s > 0 ? wait_s : 0) * NS_PER_S;
	if (wait_s < LOOK_S && next_ns < turns->wake_ns)
		turns->wake_ns = next_ns;
	return turns->best;
}

static void back_off(const struct turns *turns, struct job *job,
		     const struct err *err)
{
	uint64_t wait_s = RETRY_MIN_S;

	/* Whoever interrupted it changed the row: this was about another one. */
	if (atomic_load(&job->view.is_stopping))
		return;
	for (unsigned int i = 0; i < job->n_failures && wait_s < RETRY_MAX_S;
	     i++)
		wait_s *= 2;
	if (wait_s > RETRY_MAX_S)
		wait_s = RETRY_MAX_S;
	job->n_failures++;
	job->not_before_ns = clock_ns() + wait_s * NS_PER_S;
	log_warn(turns->options.complaint, F_STR("volume", job->name),
		 F_U64("seconds", wait_s), F_ERR(err));
}

/* --- the threads ------------------------------------------------------------------- */

/* With the lock; without it during the turn. */
static void run_job(struct turns *turns, struct job *job)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r;

	job->is_running = true;
	turns->n_slow += job->is_slow;
	atomic_store(&job->view.is_stopping, false);
	(void)pthread_mutex_unlock(&turns->lock);
	r = turns->options.take(turns->options.userdata, job->name, &job->view,
				&err);
	if (turns->options.ended)
		turns->options.ended(turns->options.userdata, job->name, r);
	(void)pthread_mutex_lock(&turns->lock);
	job->is_running = false;
	turns->n_slow -= job->is_slow;
	job->served_ns = clock_ns();
	if (r < 0)
		back_off(turns, job, &err);
	else
		job->n_failures = 0;
	/* Of one that may rest there is nothing to remember. */
	if (r == TURN_GONE || r == 0)
		free_job(job);
	(void)pthread_cond_broadcast(&turns->changed);
}

static void wait_until(struct turns *turns, uint64_t wake_ns)
{
	if (!turns->is_woken && !turns->is_stopping)
		(void)cond_wait_until(&turns->changed, &turns->lock, wake_ns);
	turns->is_woken = false;
}

static void *work(void *userdata)
{
	struct turns *turns = userdata;

	store_act_as(turns->options.store, turns->options.who);
	(void)pthread_mutex_lock(&turns->lock);
	while (!turns->is_stopping) {
		struct job *job = next_job(turns);

		if (job)
			run_job(turns, job);
		else
			wait_until(turns, turns->wake_ns);
	}
	(void)pthread_mutex_unlock(&turns->lock);
	return NULL;
}

int turns_new(struct turns **ret, const struct turns_options *options,
	      struct err *err)
{
	struct turns *turns = calloc(1, sizeof(*turns));

	if (!turns)
		return err_set(err, -ENOMEM, "no memory");
	turns->options = *options;
	if (turns->options.n_threads > THREADS_MAX)
		turns->options.n_threads = THREADS_MAX;
	LIST_INIT(&turns->jobs);
	(void)pthread_mutex_init(&turns->lock, NULL);
	cond_init_monotonic(&turns->changed);
	*ret = turns;
	return 0;
}

int turns_start(struct turns *turns, struct err *err)
{
	for (unsigned int i = 0; i < turns->options.n_threads; i++) {
		int r = pthread_create(&turns->threads[i], NULL, work, turns);

		if (r != 0)
			return err_set_errno(err, -r,
					     "start a thread for the %s",
					     turns->options.who);
		turns->n_threads++;
	}
	return 0;
}

void turns_stop(struct turns *turns)
{
	struct job *job;

	(void)pthread_mutex_lock(&turns->lock);
	turns->is_stopping = true;
	LIST_FOREACH (job, &turns->jobs, link)
		atomic_store(&job->view.is_stopping, true);
	(void)pthread_cond_broadcast(&turns->changed);
	(void)pthread_mutex_unlock(&turns->lock);
	while (turns->n_threads > 0)
		(void)pthread_join(turns->threads[--turns->n_threads], NULL);
}

struct turns *turns_free(struct turns *turns)
{
	if (!turns)
		return NULL;
	turns_stop(turns);
	while (!LIST_EMPTY(&turns->jobs))
		free_job(LIST_FIRST(&turns->jobs));
	(void)pthread_cond_destroy(&turns->changed);
	(void)pthread_mutex_destroy(&turns->lock);
	free(turns);
	return NULL;
}

/* --- from outside ------------------------------------------------------------------- */

void turns_wake(struct turns *turns)
{
	(void)pthread_mutex_lock(&turns->lock);
	turns->is_woken = true;
	(void)pthread_cond_broadcast(&turns->changed);
	(void)pthread_mutex_unlock(&turns->lock);
}

void turns_interrupt(struct turns *turns, const char *name)
{
	struct job *job;

	(void)pthread_mutex_lock(&turns->lock);
	job = find_job(turns, name);
	if (job && job->is_running)
		atomic_store(&job->view.is_stopping, true);
	if (job) {
		job->not_before_ns = 0;
		job->n_failures = 0;
	}
	turns->is_woken = true;
	(void)pthread_cond_broadcast(&turns->changed);
	(void)pthread_mutex_unlock(&turns->lock);
}

struct turns_speed turns_look(struct turns *turns, const char *name)
{
	struct turns_speed speed = { 0 };
	struct job *job;

	(void)pthread_mutex_lock(&turns->lock);
	job = find_job(turns, name);
	if (job && job->is_running) {
		speed.files_per_s = atomic_load(&job->view.files_per_s);
		speed.bytes_per_s = atomic_load(&job->view.bytes_per_s);
	}
	(void)pthread_mutex_unlock(&turns->lock);
	return speed;
}

static bool is_at_work(struct turns *turns, const char *name)
{
	const struct job *job = find_job(turns, name);

	return job && job->is_running;
}

void turns_wait(struct turns *turns, const char *name, turns_busy_fn is_busy,
		void *userdata, uint64_t deadline_ns)
{
	int r = 0;

	(void)pthread_mutex_lock(&turns->lock);
	while (r == 0 && !turns->is_stopping &&
	       (is_at_work(turns, name) ||
		(is_busy && is_busy(userdata, name))))
		r = cond_wait_until(&turns->changed, &turns->lock, deadline_ns);
	(void)pthread_mutex_unlock(&turns->lock);
}

void turns_wait_for_turn(struct turns *turns, const char *name,
			 turns_busy_fn is_busy, void *userdata,
			 uint64_t deadline_ns)
{
	int r = 0;

	(void)pthread_mutex_lock(&turns->lock);
	while (r == 0 && !turns->is_stopping && is_busy(userdata, name))
		r = cond_wait_until(&turns->changed, &turns->lock, deadline_ns);
	(void)pthread_mutex_unlock(&turns->lock);
}
