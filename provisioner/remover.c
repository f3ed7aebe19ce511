/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Each thread asks the record what is due, takes the row that had a turn longest ago,
 * gives it a turn (remover_turn.c), and asks again; with nothing to do it waits for
 * the next expiry, the next try of what failed, or remover_wake(). The record has all
 * that must last; a job is what is only known here of a row: whether a thread is at
 * it, and when it may be tried again.
 *
 * Lock order: remover's, then the record's. No turn is taken with a lock held.
 */

#include "remover.h"

#include <pthread.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "clock.h"
#include "log.h"
#include "remover_turn.h"
#include "store_history.h"

#define THREADS_MAX 16
#define THREADS	    4
#define RETRY_MIN_S 2
#define RETRY_MAX_S 300
/* For wall clocks that are set, and what was overlooked. */
#define LOOK_S 60

struct job {
	LIST_ENTRY(job) link;
	char *volume;
	bool is_running;
	uint64_t served_ns;	/* when its last turn ended */
	uint64_t not_before_ns; /* after a failure */
	unsigned int n_failures;
	struct turn_view view;
};

struct remover {
	struct remover_options options;
	pthread_mutex_t lock; /* guards what is below */
	pthread_cond_t changed;
	LIST_HEAD(, job) jobs;
	bool is_stopping;
	bool is_woken;
	pthread_t threads[THREADS_MAX];
	unsigned int n_threads;
};

/* --- jobs -------------------------------------------------------------------------- */

static struct job *find_job(struct remover *remover, const char *volume)
{
	struct job *job;

	LIST_FOREACH (job, &remover->jobs, link)
		if (strcmp(job->volume, volume) == 0)
			return job;
	return NULL;
}

static struct job *add_job(struct remover *remover, const char *volume)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job)
		job->volume = strdup(volume);
	if (!job || !job->volume) {
		free(job);
		return NULL;
	}
	LIST_INSERT_HEAD(&remover->jobs, job, link);
	return job;
}

static void free_job(struct job *job)
{
	LIST_REMOVE(job, link);
	free(job->volume);
	free(job);
}

/* The one that had a turn longest ago; *wake_ns comes down to the next try. */
static struct job *choose(struct remover *remover,
			  const struct store_trash_list *due, uint64_t *wake_ns)
{
	uint64_t now = clock_ns();
	struct job *best = NULL;

	for (size_t i = 0; i < due->n; i++) {
		const char *volume = due->items[i].volume;
		struct job *job = find_job(remover, volume);

		if (!job)
			job = add_job(remover, volume);
		if (!job || job->is_running)
			continue;
		if (job->not_before_ns > now &&
		    due->items[i].state != TRASH_RESTORING) {
			if (job->not_before_ns < *wake_ns)
				*wake_ns = job->not_before_ns;
			continue;
		}
		if (!best || job->served_ns < best->served_ns)
			best = job;
	}
	return best;
}

/* NULL: nothing to do until *wake_ns. */
static struct job *next_job(struct remover *remover, uint64_t *wake_ns)
{
	_cleanup_(store_trash_list_fini) struct store_trash_list due = { 0 };
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int64_t now_s = time(NULL), next_s = INT64_MAX;

	*wake_ns = clock_ns() + LOOK_S * NS_PER_S;
	if (store_trash_due(remover->options.store, now_s, &due, &next_s,
			    &err) < 0) {
		log_warn("trash not read", F_ERR(&err));
		return NULL;
	}
	if (next_s - now_s < LOOK_S)
		*wake_ns = clock_ns() + (uint64_t)(next_s - now_s) * NS_PER_S;
	return choose(remover, &due, wake_ns);
}

static void back_off(struct job *job, const struct err *err)
{
	uint64_t wait_s = RETRY_MIN_S;

	for (unsigned int i = 0; i < job->n_failures && wait_s < RETRY_MAX_S;
	     i++)
		wait_s *= 2;
	if (wait_s > RETRY_MAX_S)
		wait_s = RETRY_MAX_S;
	job->n_failures++;
	job->not_before_ns = clock_ns() + wait_s * NS_PER_S;
	log_warn("trash not emptied, will be tried again",
		 F_STR("volume", job->volume), F_U64("seconds", wait_s),
		 F_ERR(err));
}

/* --- the threads ------------------------------------------------------------------- */

/* With the lock; without it during the turn. */
static void run_job(struct remover *remover, struct job *job)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r;

	job->is_running = true;
	atomic_store(&job->view.is_stopping, false);
	(void)pthread_mutex_unlock(&remover->lock);
	r = remover_turn(&remover->options, job->volume, &job->view, &err);
	if (r == TURN_GONE && remover->options.done)
		remover->options.done(remover->options.userdata, job->volume);
	(void)pthread_mutex_lock(&remover->lock);
	job->is_running = false;
	job->served_ns = clock_ns();
	if (r < 0)
		back_off(job, &err);
	else
		job->n_failures = 0;
	/* Of one that may rest there is nothing to remember. */
	if (r == TURN_GONE || r == 0)
		free_job(job);
	(void)pthread_cond_broadcast(&remover->changed);
}

static void wait_until(struct remover *remover, uint64_t wake_ns)
{
	struct timespec at = { .tv_sec = (time_t)(wake_ns / NS_PER_S),
			       .tv_nsec = (long)(wake_ns % NS_PER_S) };

	if (!remover->is_woken && !remover->is_stopping)
		(void)pthread_cond_timedwait(&remover->changed, &remover->lock,
					     &at);
	remover->is_woken = false;
}

static void *work(void *userdata)
{
	struct remover *remover = userdata;

	store_act_as(remover->options.store, "remover");
	(void)pthread_mutex_lock(&remover->lock);
	while (!remover->is_stopping) {
		uint64_t wake_ns;
		struct job *job = next_job(remover, &wake_ns);

		if (job)
			run_job(remover, job);
		else
			wait_until(remover, wake_ns);
	}
	(void)pthread_mutex_unlock(&remover->lock);
	return NULL;
}

int remover_new(struct remover **ret, const struct remover_options *options,
		struct err *err)
{
	struct remover *remover = calloc(1, sizeof(*remover));
	pthread_condattr_t monotonic;

	if (!remover)
		return err_set(err, -ENOMEM, "no memory");
	remover->options = *options;
	if (!remover->options.n_threads)
		remover->options.n_threads = THREADS;
	if (remover->options.n_threads > THREADS_MAX)
		remover->options.n_threads = THREADS_MAX;
	LIST_INIT(&remover->jobs);
	(void)pthread_mutex_init(&remover->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&remover->changed, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	*ret = remover;
	return 0;
}

int remover_start(struct remover *remover, struct err *err)
{
	for (unsigned int i = 0; i < remover->options.n_threads; i++) {
		int r = pthread_create(&remover->threads[i], NULL, work,
				       remover);

		if (r != 0)
			return err_set_errno(err, -r,
					     "start a thread for the trash");
		remover->n_threads++;
	}
	return 0;
}

void remover_stop(struct remover *remover)
{
	struct job *job;

	(void)pthread_mutex_lock(&remover->lock);
	remover->is_stopping = true;
	LIST_FOREACH (job, &remover->jobs, link)
		atomic_store(&job->view.is_stopping, true);
	(void)pthread_cond_broadcast(&remover->changed);
	(void)pthread_mutex_unlock(&remover->lock);
	while (remover->n_threads > 0)
		(void)pthread_join(remover->threads[--remover->n_threads],
				   NULL);
}

struct remover *remover_free(struct remover *remover)
{
	if (!remover)
		return NULL;
	remover_stop(remover);
	while (!LIST_EMPTY(&remover->jobs))
		free_job(LIST_FIRST(&remover->jobs));
	(void)pthread_cond_destroy(&remover->changed);
	(void)pthread_mutex_destroy(&remover->lock);
	free(remover);
	return NULL;
}

/* --- from outside ------------------------------------------------------------------- */

void remover_wake(struct remover *remover)
{
	if (!remover)
		return;
	(void)pthread_mutex_lock(&remover->lock);
	remover->is_woken = true;
	(void)pthread_cond_broadcast(&remover->changed);
	(void)pthread_mutex_unlock(&remover->lock);
}

void remover_interrupt(struct remover *remover, const char *volume)
{
	struct job *job;

	if (!remover)
		return;
	(void)pthread_mutex_lock(&remover->lock);
	job = find_job(remover, volume);
	if (job && job->is_running)
		atomic_store(&job->view.is_stopping, true);
	if (job)
		job->not_before_ns = 0;
	remover->is_woken = true;
	(void)pthread_cond_broadcast(&remover->changed);
	(void)pthread_mutex_unlock(&remover->lock);
}

struct trash_speed remover_look(struct remover *remover, const char *volume)
{
	struct trash_speed speed = { 0 };
	struct job *job;

	if (!remover)
		return speed;
	(void)pthread_mutex_lock(&remover->lock);
	job = find_job(remover, volume);
	if (job && job->is_running)
		speed.files_per_s = atomic_load(&job->view.files_per_s);
	(void)pthread_mutex_unlock(&remover->lock);
	return speed;
}

static bool is_busy(struct remover *remover, const char *volume)
{
	_cleanup_(store_trash_fini) struct store_trash trash = { 0 };
	struct job *job = find_job(remover, volume);

	if (job && job->is_running)
		return true;
	return store_trash_get(remover->options.store, volume, &trash, NULL) ==
		       0 &&
	       trash.state == TRASH_RESTORING;
}

void remover_wait(struct remover *remover, const char *volume,
		  unsigned int timeout_s)
{
	uint64_t deadline = clock_ns() + timeout_s * NS_PER_S;
	struct timespec at = { .tv_sec = (time_t)(deadline / NS_PER_S),
			       .tv_nsec = (long)(deadline % NS_PER_S) };
	int r = 0;

	if (!remover)
		return;
	(void)pthread_mutex_lock(&remover->lock);
	while (r == 0 && !remover->is_stopping && is_busy(remover, volume))
		r = pthread_cond_timedwait(&remover->changed, &remover->lock,
					   &at);
	(void)pthread_mutex_unlock(&remover->lock);
}
