/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Changes get numbers: the n-th change since the start is in ring[n % length], so
 * a watcher is nothing but the number of the next change that it wants. Nothing
 * is queued per watcher: who reads too slowly is overtaken by the ring and has to
 * list again, as Kubernetes' watch cache has it. The ring has a limit in bytes, too:
 * an object may have a MiB.
 *
 * Invariants: 1. changes first..next-1 are in the ring, in the order of their
 * revisions; 2. every change with a revision above `floor` is among them; 3. a
 * watcher's eventfd is readable when a change came that it has not looked for.
 *
 * Threads: changes come on the threads that write to the record, with the store's
 * lock held. Waiting is poll(2) on the watcher's eventfd and its client's socket
 * without any lock.
 *
 * Filtering by kind, namespace and selector is the readers' affair.
 */

#include "watch_hub.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>

#include "clock.h"

#define DEFAULT_CHANGES	 4096u
#define DEFAULT_BYTES	 (2u << 20)
#define DEFAULT_WATCHERS 256u
#define MAX_CALLBACKS	 8u

struct hub_callback {
	store_change_fn fn;
	void *userdata; /* borrowed */
};

struct watcher {
	struct watch_hub *hub; /* borrowed */
	int event_fd;
	uint64_t next;	   /* number of the change to read next; hub->lock */
	uint64_t revision; /* seen up to here; the watcher's thread */
	LIST_ENTRY(watcher) entry; /* hub->lock */
};

struct watch_hub {
	struct store *store; /* borrowed */
	unsigned int n_changes;
	size_t max_bytes;
	unsigned int max_watchers;

	pthread_mutex_t lock; /* everything below */
	struct watch_change *ring;
	uint64_t first; /* number of the oldest change in the ring */
	uint64_t next;	/* number that the next change gets */
	size_t n_bytes; /* of the objects in the ring, as text */
	uint64_t floor; /* revision; older changes are not in the ring */
	bool is_closed;
	unsigned int n_watchers;
	LIST_HEAD(, watcher) watchers;
	struct hub_callback callbacks[MAX_CALLBACKS];
	unsigned int n_callbacks;
};

static struct watch_change *slot(struct watch_hub *hub, uint64_t number)
{
	return &hub->ring[number % hub->n_changes];
}

static void ring_forget_locked(struct watch_hub *hub)
{
	struct object *oldest = slot(hub, hub->first)->object;

	hub->floor = oldest->resource_version;
	hub->n_bytes -= strlen(oldest->text);
	hub->first++;
	object_unref(oldest);
}

/* However large the newest change is, it is in the ring. */
static bool ring_is_full_locked(const struct watch_hub *hub, size_t len)
{
	uint64_t n = hub->next - hub->first;

	return n == hub->n_changes ||
	       (n > 0 && hub->n_bytes + len > hub->max_bytes);
}

static void ring_push_locked(struct watch_hub *hub, enum store_change change,
			     struct object *object)
{
	size_t len = strlen(object->text);

	while (ring_is_full_locked(hub, len))
		ring_forget_locked(hub);
	*slot(hub, hub->next++) =
		(struct watch_change){ .change = change,
				       .object = object_ref(object) };
	hub->n_bytes += len;
}

static void wake_locked(struct watch_hub *hub)
{
	struct watcher *watcher;

	/* EAGAIN would mean 2^64-2 changes unread: readable, which is all we want. */
	LIST_FOREACH (watcher, &hub->watchers, entry)
		(void)eventfd_write(watcher->event_fd, 1);
}

static void hub_on_change(void *userdata, enum store_change change,
			  struct object *object)
{
	struct watch_hub *hub = userdata;

	(void)pthread_mutex_lock(&hub->lock);
	ring_push_locked(hub, change, object);
	wake_locked(hub);
	for (unsigned int i = 0; i < hub->n_callbacks; i++)
		hub->callbacks[i].fn(hub->callbacks[i].userdata, change,
				     object);
	(void)pthread_mutex_unlock(&hub->lock);
}

int watch_hub_new(struct watch_hub **ret,
		  const struct watch_hub_options *options, struct err *err)
{
	_cleanup_(watch_hub_free) struct watch_hub *hub = NULL;

	hub = calloc(1, sizeof(*hub));
	if (!hub)
		return err_set(err, -ENOMEM, "make watch hub: out of memory");
	(void)pthread_mutex_init(&hub->lock, NULL);
	LIST_INIT(&hub->watchers);
	hub->n_changes =
		options->n_changes ? options->n_changes : DEFAULT_CHANGES;
	hub->max_bytes =
		options->max_bytes ? options->max_bytes : DEFAULT_BYTES;
	hub->max_watchers = options->max_watchers ? options->max_watchers
						  : DEFAULT_WATCHERS;
	hub->ring = calloc(hub->n_changes, sizeof(*hub->ring));
	if (!hub->ring)
		return err_set(err, -ENOMEM, "make watch hub: out of memory");
	hub->store = options->store;
	/*
	 * Changes that are made between the two calls are in the ring and above
	 * the floor, or neither.
	 */
	store_set_listener(hub->store, hub_on_change, hub);
	hub->floor = store_revision(hub->store);
	*ret = TAKE_PTR(hub);
	return 0;
}

struct watch_hub *watch_hub_free(struct watch_hub *hub)
{
	if (!hub)
		return NULL;
	if (hub->store)
		store_set_listener(hub->store, NULL, NULL);
	for (uint64_t i = hub->first; i < hub->next; i++)
		object_unref(slot(hub, i)->object);
	free(hub->ring);
	(void)pthread_mutex_destroy(&hub->lock);
	free(hub);
	return NULL;
}

void watch_hub_close(struct watch_hub *hub)
{
	(void)pthread_mutex_lock(&hub->lock);
	hub->is_closed = true;
	wake_locked(hub);
	(void)pthread_mutex_unlock(&hub->lock);
}

int watch_hub_add_callback(struct watch_hub *hub, store_change_fn fn,
			   void *userdata)
{
	int r = -ENOSPC;

	(void)pthread_mutex_lock(&hub->lock);
	if (hub->n_callbacks < MAX_CALLBACKS) {
		hub->callbacks[hub->n_callbacks++] =
			(struct hub_callback){ .fn = fn, .userdata = userdata };
		r = 0;
	}
	(void)pthread_mutex_unlock(&hub->lock);
	return r;
}

/* The first change above a revision; changes are in the order of revisions. */
static uint64_t find_locked(struct watch_hub *hub, uint64_t after)
{
	uint64_t low = hub->first, high = hub->next;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (slot(hub, middle)->object->resource_version > after)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

uint64_t watch_hub_revision(struct watch_hub *hub)
{
	return store_revision(hub->store);
}

bool watch_hub_has_changed(struct watch_hub *hub, enum object_kind kind,
			   uint64_t after)
{
	bool has_changed;

	(void)pthread_mutex_lock(&hub->lock);
	has_changed = after < hub->floor;
	for (uint64_t i = find_locked(hub, after);
	     i < hub->next && !has_changed; i++)
		has_changed = slot(hub, i)->object->kind == kind;
	(void)pthread_mutex_unlock(&hub->lock);
	return has_changed;
}

static int attach_locked(struct watch_hub *hub, struct watcher *watcher)
{
	if (hub->is_closed)
		return WATCH_CLOSED;
	if (watcher->revision < hub->floor)
		return WATCH_TOO_OLD;
	if (hub->n_watchers == hub->max_watchers)
		return WATCH_FULL;
	watcher->next = find_locked(hub, watcher->revision);
	watcher->hub = hub;
	hub->n_watchers++;
	LIST_INSERT_HEAD(&hub->watchers, watcher, entry);
	return 0;
}

int watcher_new(struct watcher **ret, struct watch_hub *hub, uint64_t after)
{
	_cleanup_(watcher_free) struct watcher *watcher = NULL;
	int r;

	watcher = calloc(1, sizeof(*watcher));
	if (!watcher)
		return -ENOMEM;
	watcher->revision = after;
	watcher->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (watcher->event_fd < 0)
		return -errno;
	(void)pthread_mutex_lock(&hub->lock);
	r = attach_locked(hub, watcher);
	(void)pthread_mutex_unlock(&hub->lock);
	if (r != 0)
		return r;
	*ret = TAKE_PTR(watcher);
	return 0;
}

struct watcher *watcher_free(struct watcher *watcher)
{
	if (!watcher)
		return NULL;
	if (watcher->hub) {
		(void)pthread_mutex_lock(&watcher->hub->lock);
		LIST_REMOVE(watcher, entry);
		watcher->hub->n_watchers--;
		(void)pthread_mutex_unlock(&watcher->hub->lock);
	}
	(void)fd_close(watcher->event_fd);
	free(watcher);
	return NULL;
}

/* WATCH_TIMEOUT here means: nothing there yet. */
static int take_locked(struct watcher *watcher, struct watch_change *ret)
{
	struct watch_hub *hub = watcher->hub;
	const struct watch_change *change;

	if (hub->is_closed)
		return WATCH_CLOSED;
	if (watcher->next < hub->first)
		return WATCH_TOO_OLD;
	if (watcher->next == hub->next)
		return WATCH_TIMEOUT;
	change = slot(hub, watcher->next++);
	watcher->revision = change->object->resource_version;
	*ret = (struct watch_change){ .change = change->change,
				      .object = object_ref(change->object) };
	return 0;
}

static int take(struct watcher *watcher, struct watch_change *ret)
{
	eventfd_t ignored;
	int r;

	/* Before looking: a change that comes afterwards wakes us again. */
	(void)eventfd_read(watcher->event_fd, &ignored);
	(void)pthread_mutex_lock(&watcher->hub->lock);
	r = take_locked(watcher, ret);
	(void)pthread_mutex_unlock(&watcher->hub->lock);
	return r;
}

/* 0 = look again, WATCH_TIMEOUT, WATCH_GONE. */
static int wait_for_change(struct watcher *watcher, uint64_t deadline_ns,
			   int client_fd)
{
	struct pollfd fds[] = {
		{ .fd = watcher->event_fd, .events = POLLIN },
		{ .fd = client_fd, .events = POLLRDHUP },
	};
	uint64_t now = clock_ns();
	struct timespec left;

	if (now >= deadline_ns)
		return WATCH_TIMEOUT;
	left.tv_sec = (time_t)((deadline_ns - now) / NS_PER_S);
	left.tv_nsec = (long)((deadline_ns - now) % NS_PER_S);
	if (ppoll(fds, ARRAY_SIZE(fds), &left, NULL) < 0)
		return errno == EINTR ? 0 : -errno;
	return fds[1].revents ? WATCH_GONE : 0;
}

int watcher_next(struct watcher *watcher, uint64_t deadline_ns, int client_fd,
		 struct watch_change *ret)
{
	for (;;) {
		int r = take(watcher, ret);

		if (r != WATCH_TIMEOUT)
			return r;
		r = wait_for_change(watcher, deadline_ns, client_fd);
		if (r != 0)
			return r;
	}
}

uint64_t watcher_revision(const struct watcher *watcher)
{
	return watcher->revision;
}
