/* SPDX-License-Identifier: Apache-2.0 */

/*
 * All waiting threads are in a list, each with the key of its object and a condition
 * variable. The watch hub's callback calls the functions of those whose object has changed,
 * and wakes a thread only when its function says that the waiting is over: an object changes
 * several times before that. A list is enough: each waits in a thread of its own, so there
 * are few at a time.
 *
 * Lock order: the store's lock, then ours. With ours held nothing of the store is called.
 */

#include "object_wait.h"

#include <pthread.h>
#include <string.h>
#include <sys/queue.h>

#include "cond.h"

struct waiter {
	const struct object_key *key; /* borrowed, as what follows */
	object_wait_fn fn;
	void *userdata;
	struct err *err;
	pthread_cond_t ended;
	bool is_told; /* of a change: younger than whatever was read */
	int r;	      /* what fn said last */
	LIST_ENTRY(waiter) link;
};

struct object_wait {
	pthread_mutex_t lock; /* guards everything below */
	LIST_HEAD(, waiter) waiters;
	bool is_closed;
};

static bool is_about(const struct object_key *key, const struct object *object)
{
	return key->kind == object->kind &&
	       strcmp(key->name, object->name) == 0 &&
	       strcmp(key->namespace, object->namespace) == 0;
}

/* NULL: there is none. */
static void tell(struct waiter *waiter, const struct object *object)
{
	waiter->is_told = true;
	if (waiter->r != 0)
		return;
	waiter->r = waiter->fn(waiter->userdata, object, waiter->err);
	if (waiter->r != 0)
		(void)pthread_cond_signal(&waiter->ended);
}

/* A store_change_fn. */
static void change(void *userdata, enum store_change change,
		   struct object *object)
{
	struct object_wait *wait = userdata;
	struct waiter *waiter;

	(void)pthread_mutex_lock(&wait->lock);
	LIST_FOREACH (waiter, &wait->waiters, link)
		if (is_about(waiter->key, object))
			tell(waiter, change == STORE_DELETED ? NULL : object);
	(void)pthread_mutex_unlock(&wait->lock);
}

int object_wait_new(struct object_wait **ret, struct watch_hub *hub,
		    struct err *err)
{
	_cleanup_(object_wait_free) struct object_wait *wait =
		calloc(1, sizeof(*wait));
	int r;

	if (!wait)
		return err_set(err, -ENOMEM, "no memory");
	(void)pthread_mutex_init(&wait->lock, NULL);
	LIST_INIT(&wait->waiters);
	r = watch_hub_add_callback(hub, change, wait);
	if (r < 0)
		return err_set_errno(err, r, "listen to changes");
	*ret = TAKE_PTR(wait);
	return 0;
}

struct object_wait *object_wait_free(struct object_wait *wait)
{
	if (!wait)
		return NULL;
	(void)pthread_mutex_destroy(&wait->lock);
	free(wait);
	return NULL;
}

void object_wait_close(struct object_wait *wait)
{
	struct waiter *waiter;

	(void)pthread_mutex_lock(&wait->lock);
	wait->is_closed = true;
	LIST_FOREACH (waiter, &wait->waiters, link)
		(void)pthread_cond_signal(&waiter->ended);
	(void)pthread_mutex_unlock(&wait->lock);
}

bool object_wait_is_closed(struct object_wait *wait)
{
	bool is_closed;

	(void)pthread_mutex_lock(&wait->lock);
	is_closed = wait->is_closed;
	(void)pthread_mutex_unlock(&wait->lock);
	return is_closed;
}

static void await_end(struct object_wait *wait, struct waiter *waiter,
		      uint64_t deadline_ns)
{
	int r = 0;

	while (waiter->r == 0 && !wait->is_closed && r != ETIMEDOUT)
		r = cond_wait_until(&waiter->ended, &wait->lock, deadline_ns);
}

int object_wait_until(struct object_wait *wait, struct cluster *cluster,
		      const struct object_key *key, uint64_t deadline_ns,
		      object_wait_fn fn, void *userdata, struct err *err)
{
	struct waiter waiter = {
		.key = key, .fn = fn, .userdata = userdata, .err = err
	};
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(err_fini) struct err why = ERR_INIT;
	int r;

	cond_init_monotonic(&waiter.ended);
	(void)pthread_mutex_lock(&wait->lock);
	LIST_INSERT_HEAD(&wait->waiters, &waiter, link);
	(void)pthread_mutex_unlock(&wait->lock);
	r = cluster->ops->get(cluster, key->kind, key->namespace, key->name,
			      &object, &why);
	if (r == CLUSTER_NOT_FOUND)
		r = 0;
	(void)pthread_mutex_lock(&wait->lock);
	if (r == 0 && !waiter.is_told)
		tell(&waiter, object);
	if (r == 0)
		await_end(wait, &waiter, deadline_ns);
	LIST_REMOVE(&waiter, link);
	(void)pthread_mutex_unlock(&wait->lock);
	(void)pthread_cond_destroy(&waiter.ended);
	if (r != 0)
		return err_set(err, r < 0 ? r : -EIO, "%s", err_text(&why));
	return waiter.r;
}
