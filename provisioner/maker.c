/* SPDX-License-Identifier: Apache-2.0 */

/*
 *	           maker_begin()        a thread
 *	added ------------------> ready ---------> taken up --> done --> maker_take()
 *	  | maker_drop()
 *	  v
 *	gone
 */

#include "maker.h"

#include <pthread.h>
#include <string.h>

#define N_THREADS 8
#define MAX	  2048

TAILQ_HEAD(makings, making);

struct maker {
	struct maker_options options;
	pthread_t threads[N_THREADS];
	size_t n_threads;
	pthread_mutex_t lock; /* guards everything below */
	pthread_cond_t changed;
	bool is_closed;
	size_t n;
	struct makings added;
	struct makings ready;
	struct makings taken; /* being made, or done */
};

struct making *making_free(struct making *making)
{
	if (!making)
		return NULL;
	volume_place_fini(&making->place);
	free(making->provisioner);
	free(making->record);
	free(making->copy);
	object_unref(making->volume);
	err_fini(&making->err);
	free(making);
	return NULL;
}

/* --- the threads ----------------------------------------------------------------- */

static struct making *next(struct maker *maker)
{
	struct making *making;

	(void)pthread_mutex_lock(&maker->lock);
	while (!maker->is_closed && TAILQ_EMPTY(&maker->ready))
		(void)pthread_cond_wait(&maker->changed, &maker->lock);
	making = maker->is_closed ? NULL : TAILQ_FIRST(&maker->ready);
	if (making) {
		TAILQ_REMOVE(&maker->ready, making, link);
		TAILQ_INSERT_TAIL(&maker->taken, making, link);
	}
	(void)pthread_mutex_unlock(&maker->lock);
	return making;
}

static void tell(struct maker *maker, struct making *making)
{
	(void)pthread_mutex_lock(&maker->lock);
	making->is_done = true;
	maker->options.done(maker->options.userdata,
			    making->place.claim_namespace,
			    making->place.claim_name);
	(void)pthread_mutex_unlock(&maker->lock);
}

static void *maker_thread(void *userdata)
{
	struct maker *maker = userdata;
	struct making *making;

	while ((making = next(maker))) {
		making->r = maker->options.make(maker->options.userdata, making,
						&making->err);
		tell(maker, making);
	}
	return NULL;
}

int maker_start(struct maker *maker, struct err *err)
{
	for (; maker->n_threads < N_THREADS; maker->n_threads++) {
		int r = pthread_create(&maker->threads[maker->n_threads], NULL,
				       maker_thread, maker);

		if (r != 0)
			return err_set_errno(err, -r,
					     "start a thread for directories");
	}
	return 0;
}

/* --- the reconciler's side --------------------------------------------------------- */

int maker_add(struct maker *maker, struct making *take_making)
{
	int r = 0;

	(void)pthread_mutex_lock(&maker->lock);
	if (maker->n >= MAX) {
		r = MAKER_FULL;
	} else {
		TAILQ_INSERT_TAIL(&maker->added, take_making, link);
		maker->n++;
	}
	(void)pthread_mutex_unlock(&maker->lock);
	if (r != 0)
		making_free(take_making);
	return r;
}

void maker_begin(struct maker *maker)
{
	(void)pthread_mutex_lock(&maker->lock);
	TAILQ_CONCAT(&maker->ready, &maker->added, link);
	(void)pthread_cond_broadcast(&maker->changed);
	(void)pthread_mutex_unlock(&maker->lock);
}

static void drop(struct maker *maker, struct makings *list)
{
	struct making *making;

	while ((making = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, making, link);
		maker->n--;
		making_free(making);
	}
}

void maker_drop(struct maker *maker)
{
	(void)pthread_mutex_lock(&maker->lock);
	drop(maker, &maker->added);
	(void)pthread_mutex_unlock(&maker->lock);
}

static struct making *find(struct makings *list, const char *namespace,
			   const char *name)
{
	struct making *making;

	TAILQ_FOREACH (making, list, link)
		if (strcmp(making->place.claim_name, name) == 0 &&
		    strcmp(making->place.claim_namespace, namespace) == 0)
			return making;
	return NULL;
}

static int take_locked(struct maker *maker, const char *namespace,
		       const char *name, struct making **ret)
{
	struct making *making = find(&maker->taken, namespace, name);

	if (making && making->is_done) {
		TAILQ_REMOVE(&maker->taken, making, link);
		maker->n--;
		*ret = making;
		return MAKER_DONE;
	}
	if (making || find(&maker->ready, namespace, name) ||
	    find(&maker->added, namespace, name))
		return MAKER_BUSY;
	return 0;
}

int maker_take(struct maker *maker, const char *claim_namespace,
	       const char *claim_name, struct making **ret)
{
	int r;

	(void)pthread_mutex_lock(&maker->lock);
	r = take_locked(maker, claim_namespace, claim_name, ret);
	(void)pthread_mutex_unlock(&maker->lock);
	return r;
}

/* --- its life ------------------------------------------------------------------------ */

int maker_new(struct maker **ret, const struct maker_options *options)
{
	struct maker *maker = calloc(1, sizeof(*maker));

	if (!maker)
		return -ENOMEM;
	maker->options = *options;
	(void)pthread_mutex_init(&maker->lock, NULL);
	(void)pthread_cond_init(&maker->changed, NULL);
	TAILQ_INIT(&maker->added);
	TAILQ_INIT(&maker->ready);
	TAILQ_INIT(&maker->taken);
	*ret = maker;
	return 0;
}

struct maker *maker_free(struct maker *maker)
{
	if (!maker)
		return NULL;
	(void)pthread_mutex_lock(&maker->lock);
	maker->is_closed = true;
	(void)pthread_cond_broadcast(&maker->changed);
	(void)pthread_mutex_unlock(&maker->lock);
	for (size_t i = 0; i < maker->n_threads; i++)
		(void)pthread_join(maker->threads[i], NULL);
	drop(maker, &maker->added);
	drop(maker, &maker->ready);
	drop(maker, &maker->taken);
	(void)pthread_cond_destroy(&maker->changed);
	(void)pthread_mutex_destroy(&maker->lock);
	free(maker);
	return NULL;
}
