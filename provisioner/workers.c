/* SPDX-License-Identifier: Apache-2.0 */

/*
 *	          workers_begin()        a thread
 *	added ------------------> ready ---------> taken up --> done --> workers_take()
 *	  | workers_drop()
 *	  v
 *	gone
 */

#include "workers.h"

#include <pthread.h>
#include <string.h>

#define N_THREADS 8
#define MAX	  2048

TAILQ_HEAD(works, work);

struct workers {
	struct workers_options options;
	pthread_t threads[N_THREADS];
	size_t n_threads;

	pthread_mutex_t lock; /* guards everything below */
	pthread_cond_t changed;
	bool is_closed;
	size_t n;
	struct works added;
	struct works ready;
	struct works taken; /* being done, or done */
};

struct work *work_free(struct work *work)
{
	if (work) {
		err_fini(&work->err);
		work->free(work);
	}
	return NULL;
}

/* --- the threads ----------------------------------------------------------------- */

static struct work *next(struct workers *workers)
{
	struct work *work;

	(void)pthread_mutex_lock(&workers->lock);
	while (!workers->is_closed && TAILQ_EMPTY(&workers->ready))
		(void)pthread_cond_wait(&workers->changed, &workers->lock);
	work = workers->is_closed ? NULL : TAILQ_FIRST(&workers->ready);
	if (work) {
		TAILQ_REMOVE(&workers->ready, work, link);
		TAILQ_INSERT_TAIL(&workers->taken, work, link);
	}
	(void)pthread_mutex_unlock(&workers->lock);
	return work;
}

static void tell(struct workers *workers, struct work *work)
{
	(void)pthread_mutex_lock(&workers->lock);
	work->is_done = true;
	workers->options.done(workers->options.userdata, work->kind,
			      work->namespace, work->name);
	(void)pthread_mutex_unlock(&workers->lock);
}

static void *worker_thread(void *userdata)
{
	struct workers *workers = userdata;
	struct work *work;

	while ((work = next(workers))) {
		work->r = work->run(work, workers->options.applier, &work->err);
		tell(workers, work);
	}
	return NULL;
}

int workers_start(struct workers *workers, struct err *err)
{
	for (; workers->n_threads < N_THREADS; workers->n_threads++) {
		int r = pthread_create(&workers->threads[workers->n_threads],
				       NULL, worker_thread, workers);

		if (r != 0)
			return err_set_errno(err, -r,
					     "start a thread for directories");
	}
	return 0;
}

/* --- the reconciler's side --------------------------------------------------------- */

int workers_add(struct workers *workers, struct work *take_work)
{
	int r = 0;

	(void)pthread_mutex_lock(&workers->lock);
	if (workers->n >= MAX) {
		r = WORKERS_FULL;
	} else {
		TAILQ_INSERT_TAIL(&workers->added, take_work, link);
		workers->n++;
	}
	(void)pthread_mutex_unlock(&workers->lock);
	if (r != 0)
		work_free(take_work);
	return r;
}

void workers_begin(struct workers *workers)
{
	(void)pthread_mutex_lock(&workers->lock);
	TAILQ_CONCAT(&workers->ready, &workers->added, link);
	(void)pthread_cond_broadcast(&workers->changed);
	(void)pthread_mutex_unlock(&workers->lock);
}

static void drop(struct workers *workers, struct works *list)
{
	struct work *work;

	while ((work = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, work, link);
		workers->n--;
		work_free(work);
	}
}

void workers_drop(struct workers *workers)
{
	(void)pthread_mutex_lock(&workers->lock);
	drop(workers, &workers->added);
	(void)pthread_mutex_unlock(&workers->lock);
}

static struct work *find(struct works *list, enum object_kind kind,
			 const char *namespace, const char *name)
{
	struct work *work;

	TAILQ_FOREACH (work, list, link)
		if (work->kind == kind && strcmp(work->name, name) == 0 &&
		    strcmp(work->namespace, namespace) == 0)
			return work;
	return NULL;
}

static int take_locked(struct workers *workers, enum object_kind kind,
		       const char *namespace, const char *name,
		       struct work **ret)
{
	struct work *work = find(&workers->taken, kind, namespace, name);

	if (work && work->is_done) {
		TAILQ_REMOVE(&workers->taken, work, link);
		workers->n--;
		*ret = work;
		return WORKERS_DONE;
	}
	if (work || find(&workers->ready, kind, namespace, name) ||
	    find(&workers->added, kind, namespace, name))
		return WORKERS_BUSY;
	return 0;
}

int workers_take(struct workers *workers, enum object_kind kind,
		 const char *namespace, const char *name, struct work **ret)
{
	int r;

	(void)pthread_mutex_lock(&workers->lock);
	r = take_locked(workers, kind, namespace, name, ret);
	(void)pthread_mutex_unlock(&workers->lock);
	return r;
}

bool workers_have(struct workers *workers, enum object_kind kind,
		  const char *namespace, const char *name)
{
	bool has;

	if (!workers)
		return false;
	(void)pthread_mutex_lock(&workers->lock);
	has = find(&workers->taken, kind, namespace, name) ||
	      find(&workers->ready, kind, namespace, name) ||
	      find(&workers->added, kind, namespace, name);
	(void)pthread_mutex_unlock(&workers->lock);
	return has;
}

/* --- its life ------------------------------------------------------------------------ */

int workers_new(struct workers **ret, const struct workers_options *options)
{
	struct workers *workers = calloc(1, sizeof(*workers));

	if (!workers)
		return -ENOMEM;
	workers->options = *options;
	(void)pthread_mutex_init(&workers->lock, NULL);
	(void)pthread_cond_init(&workers->changed, NULL);
	TAILQ_INIT(&workers->added);
	TAILQ_INIT(&workers->ready);
	TAILQ_INIT(&workers->taken);
	*ret = workers;
	return 0;
}

struct workers *workers_free(struct workers *workers)
{
	if (!workers)
		return NULL;
	(void)pthread_mutex_lock(&workers->lock);
	workers->is_closed = true;
	(void)pthread_cond_broadcast(&workers->changed);
	(void)pthread_mutex_unlock(&workers->lock);
	for (size_t i = 0; i < workers->n_threads; i++)
		(void)pthread_join(workers->threads[i], NULL);
	drop(workers, &workers->added);
	drop(workers, &workers->ready);
	drop(workers, &workers->taken);
	(void)pthread_cond_destroy(&workers->changed);
	(void)pthread_mutex_destroy(&workers->lock);
	free(workers);
	return NULL;
}
