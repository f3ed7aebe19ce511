/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A list of those who wait, each with the key of his object and a condition of his own;
 * the hub's callback marks and wakes those that a change is about. Nobody waits for
 * long and there are few of them at a time (a thread each), so a list will do.
 *
 * Lock order: the store's lock, then ours. Nothing of the store is called with ours
 * held.
 */

#include "object_wait.h"

#include <pthread.h>
#include <string.h>
#include <sys/queue.h>

#include "cond.h"

struct waiter {
	const struct object_key *key; /* borrowed */
	pthread_cond_t changed;
	bool is_changed;
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

/* A store_change_fn. */
static void change(void *userdata, enum store_change change,
		   struct object *object)
{
	struct object_wait *wait = userdata;
	struct waiter *waiter;

	(void)change;
	(void)pthread_mutex_lock(&wait->lock);
	LIST_FOREACH (waiter, &wait->waiters, link) {
		if (!is_about(waiter->key, object))
			continue;
		waiter->is_changed = true;
		(void)pthread_cond_signal(&waiter->changed);
	}
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
		(void)pthread_cond_signal(&waiter->changed);
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

/* False: it is over. */
static bool await_change(struct object_wait *wait, struct waiter *waiter,
			 uint64_t deadline_ns)
{
	bool is_changed;
	int r = 0;

	(void)pthread_mutex_lock(&wait->lock);
	while (!waiter->is_changed && !wait->is_closed && r != ETIMEDOUT)
		r = cond_wait_until(&waiter->changed, &wait->lock, deadline_ns);
	is_changed = waiter->is_changed && !wait->is_closed;
	waiter->is_changed = false;
	(void)pthread_mutex_unlock(&wait->lock);
	return is_changed;
}

static int look(struct cluster *cluster, const struct object_key *key,
		object_wait_fn fn, void *userdata, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(err_fini) struct err why = ERR_INIT;
	int r = cluster->ops->get(cluster, key->kind, key->namespace, key->name,
				  &object, &why);

	if (r != 0 && r != CLUSTER_NOT_FOUND)
		return err_set(err, r < 0 ? r : -EIO, "%s", err_text(&why));
	return fn(userdata, object, err);
}

int object_wait_until(struct object_wait *wait, struct cluster *cluster,
		      const struct object_key *key, uint64_t deadline_ns,
		      object_wait_fn fn, void *userdata, struct err *err)
{
	struct waiter waiter = { .key = key };
	int r;

	cond_init_monotonic(&waiter.changed);
	(void)pthread_mutex_lock(&wait->lock);
	LIST_INSERT_HEAD(&wait->waiters, &waiter, link);
	(void)pthread_mutex_unlock(&wait->lock);
	do
		r = look(cluster, key, fn, userdata, err);
	while (r == 0 && await_change(wait, &waiter, deadline_ns));
	(void)pthread_mutex_lock(&wait->lock);
	LIST_REMOVE(&waiter, link);
	(void)pthread_mutex_unlock(&wait->lock);
	(void)pthread_cond_destroy(&waiter.changed);
	return r;
}
