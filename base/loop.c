/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The event loop. The idea is a round: wait, collect what is ready into a list,
 * walk the list, run the timers that are due, run the posts, call the round-end
 * hook. Because callbacks are called from our list and not from epoll's array, a
 * callback may remove any watch: removal unlinks it from the list as well.
 *
 * Invariants:
 *  1. watch->loop != NULL  <=>  the fd is registered with epoll with watch->events.
 *  2. A watch is on the ready list only between collection and its callback.
 *  3. heap[t->index] == t for every armed timer, and no child is due before its
 *     parent.
 *  4. Posts run in the order in which they were posted, each exactly once, but for
 *     those that are taken back.
 *
 * Descriptors are level-triggered: a callback that leaves data unread is called
 * again in the next round, which is what bounds the work per callback.
 *
 * Locks: post_lock guards posts and nothing else; no callback runs under it.
 */

#include "loop.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>

#include "clock.h"

#define EVENTS_PER_ROUND 64

TAILQ_HEAD(watch_list, watch);
STAILQ_HEAD(post_list, post);

struct loop {
	int epoll_fd;
	int wake_fd; /* eventfd; written by loop_post() and loop_stop() */
	struct watch wake;
	struct watch_list ready;
	struct timer **heap; /* binary heap by deadline_ns */
	size_t n_timers;
	size_t n_heap; /* allocated entries */
	atomic_int is_stopped;
	round_fn round_end;
	void *round_userdata;
	pthread_mutex_t post_lock;
	struct post_list posts; /* post_lock */
	size_t n_posts;		/* post_lock */
};

/* --- timers ------------------------------------------------------------- */

static void heap_put(struct loop *loop, size_t i, struct timer *timer)
{
	loop->heap[i] = timer;
	timer->index = i;
}

static void heap_up(struct loop *loop, size_t i)
{
	struct timer *timer = loop->heap[i];

	while (i > 0) {
		size_t parent = (i - 1) / 2;

		if (loop->heap[parent]->deadline_ns <= timer->deadline_ns)
			break;
		heap_put(loop, i, loop->heap[parent]);
		i = parent;
	}
	heap_put(loop, i, timer);
}

static void heap_down(struct loop *loop, size_t i)
{
	struct timer *timer = loop->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= loop->n_timers)
			break;
		if (child + 1 < loop->n_timers &&
		    loop->heap[child + 1]->deadline_ns <
			    loop->heap[child]->deadline_ns)
			child++;
		if (timer->deadline_ns <= loop->heap[child]->deadline_ns)
			break;
		heap_put(loop, i, loop->heap[child]);
		i = child;
	}
	heap_put(loop, i, timer);
}

static int heap_reserve(struct loop *loop)
{
	size_t n = loop->n_heap ? loop->n_heap * 2 : 16;
	struct timer **heap;

	if (loop->n_timers < loop->n_heap)
		return 0;
	heap = reallocarray(loop->heap, n, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	loop->heap = heap;
	loop->n_heap = n;
	return 0;
}

int timer_set(struct timer *timer, struct loop *loop, uint64_t deadline_ns)
{
	int r;

	if (timer->loop) {
		timer->deadline_ns = deadline_ns;
		heap_up(loop, timer->index);
		heap_down(loop, timer->index);
		return 0;
	}
	r = heap_reserve(loop);
	if (r < 0)
		return r;
	timer->loop = loop;
	timer->deadline_ns = deadline_ns;
	heap_put(loop, loop->n_timers, timer);
	heap_up(loop, loop->n_timers++);
	return 0;
}

void timer_cancel(struct timer *timer)
{
	struct loop *loop = timer->loop;
	size_t i = timer->index;

	if (!loop)
		return;
	timer->loop = NULL;
	loop->n_timers--;
	if (i == loop->n_timers)
		return;
	heap_put(loop, i, loop->heap[loop->n_timers]);
	heap_up(loop, i);
	heap_down(loop, loop->heap[i]->index);
}

static void run_timers(struct loop *loop)
{
	uint64_t now = clock_ns();

	/* Timers armed by the callbacks for "now" wait for the next round. */
	while (loop->n_timers > 0 && loop->heap[0]->deadline_ns <= now) {
		struct timer *timer = loop->heap[0];

		timer_cancel(timer);
		timer->fn(timer);
	}
}

static int wait_ms(const struct loop *loop, int timeout_ms)
{
	uint64_t now, left_ms;

	if (loop->n_timers == 0)
		return timeout_ms;
	now = clock_ns();
	if (loop->heap[0]->deadline_ns <= now)
		return 0;
	/* Rounded up: waking a little late beats spinning until it is due. */
	left_ms = (loop->heap[0]->deadline_ns - now) / NS_PER_MS + 1;
	if (timeout_ms >= 0 && (uint64_t)timeout_ms < left_ms)
		return timeout_ms;
	return left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

/* --- posts -------------------------------------------------------------- */

static void wake(struct loop *loop)
{
	uint64_t one = 1;

	/* EAGAIN means that the counter is full: the loop wakes up anyway. */
	if (write(loop->wake_fd, &one, sizeof(one)) < 0)
		return;
}

void loop_post(struct loop *loop, struct post *post)
{
	int was_empty;

	pthread_mutex_lock(&loop->post_lock);
	was_empty = STAILQ_EMPTY(&loop->posts);
	STAILQ_INSERT_TAIL(&loop->posts, post, entry);
	loop->n_posts++;
	pthread_mutex_unlock(&loop->post_lock);
	if (was_empty)
		wake(loop);
}

bool loop_unpost(struct loop *loop, struct post *post)
{
	struct post *queued;

	pthread_mutex_lock(&loop->post_lock);
	STAILQ_FOREACH (queued, &loop->posts, entry) {
		if (queued == post)
			break;
	}
	if (queued) {
		STAILQ_REMOVE(&loop->posts, post, post, entry);
		loop->n_posts--;
	}
	pthread_mutex_unlock(&loop->post_lock);
	return queued;
}

static struct post *take_post(struct loop *loop)
{
	struct post *post;

	pthread_mutex_lock(&loop->post_lock);
	post = STAILQ_FIRST(&loop->posts);
	if (post) {
		STAILQ_REMOVE_HEAD(&loop->posts, entry);
		loop->n_posts--;
	}
	pthread_mutex_unlock(&loop->post_lock);
	return post;
}

/* What the posts themselves post waits for the next round. */
static void run_posts(struct loop *loop)
{
	struct post *post;
	bool has_more;
	size_t n;

	pthread_mutex_lock(&loop->post_lock);
	n = loop->n_posts;
	pthread_mutex_unlock(&loop->post_lock);
	/* One at a time: those that wait may still be taken back. */
	while (n-- > 0 && (post = take_post(loop)))
		post->fn(post);
	pthread_mutex_lock(&loop->post_lock);
	has_more = !STAILQ_EMPTY(&loop->posts);
	pthread_mutex_unlock(&loop->post_lock);
	if (has_more)
		wake(loop);
}

static void on_wake(struct watch *watch, uint32_t events)
{
	struct loop *loop = container_of(watch, struct loop, wake);
	uint64_t count;

	if (read(loop->wake_fd, &count, sizeof(count)) < 0)
		return;
	run_posts(loop);
}

/* --- watches ------------------------------------------------------------ */

int watch_add(struct watch *watch, struct loop *loop, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	watch->loop = loop;
	watch->fd = fd;
	watch->events = events;
	watch->ready = 0;
	return 0;
}

int watch_set(struct watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (watch->events == events)
		return 0;
	if (epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) <
	    0)
		return -errno;
	watch->events = events;
	return 0;
}

void watch_remove(struct watch *watch)
{
	if (!watch->loop)
		return;
	if (watch->ready)
		TAILQ_REMOVE(&watch->loop->ready, watch, ready_entry);
	watch->ready = 0;
	/* Fails only when the owner closed the fd first, against the contract. */
	(void)epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->loop = NULL;
	watch->fd = -1;
}

static int collect(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[EVENTS_PER_ROUND];
	int n = epoll_wait(loop->epoll_fd, events, EVENTS_PER_ROUND,
			   timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		struct watch *watch = events[i].data.ptr;

		watch->ready = events[i].events;
		TAILQ_INSERT_TAIL(&loop->ready, watch, ready_entry);
	}
	return 0;
}

static void run_ready(struct loop *loop)
{
	while (!TAILQ_EMPTY(&loop->ready)) {
		struct watch *watch = TAILQ_FIRST(&loop->ready);
		uint32_t events = watch->ready;

		TAILQ_REMOVE(&loop->ready, watch, ready_entry);
		watch->ready = 0;
		watch->fn(watch, events);
	}
}

/* --- the loop ----------------------------------------------------------- */

int loop_run_once(struct loop *loop, int timeout_ms)
{
	int r = collect(loop, wait_ms(loop, timeout_ms));

	if (r < 0)
		return r;
	run_ready(loop);
	run_timers(loop);
	if (loop->round_end)
		loop->round_end(loop->round_userdata);
	return 0;
}

int loop_run(struct loop *loop)
{
	while (!atomic_load(&loop->is_stopped)) {
		int r = loop_run_once(loop, -1);

		if (r < 0)
			return r;
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->is_stopped, 1);
	wake(loop);
}

void loop_set_round_end(struct loop *loop, round_fn fn, void *userdata)
{
	loop->round_end = fn;
	loop->round_userdata = userdata;
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	watch_remove(&loop->wake);
	fd_close(loop->wake_fd);
	fd_close(loop->epoll_fd);
	pthread_mutex_destroy(&loop->post_lock);
	free(loop->heap);
	free(loop);
	return NULL;
}

int loop_new(struct loop **ret)
{
	_cleanup_(loop_free) struct loop *loop = calloc(1, sizeof(*loop));
	int r;

	if (!loop)
		return -ENOMEM;
	loop->wake = WATCH_INIT(on_wake);
	loop->wake_fd = -1;
	TAILQ_INIT(&loop->ready);
	STAILQ_INIT(&loop->posts);
	pthread_mutex_init(&loop->post_lock, NULL);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return -errno;
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0)
		return -errno;
	r = watch_add(&loop->wake, loop, loop->wake_fd, EPOLLIN);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(loop);
	return 0;
}
