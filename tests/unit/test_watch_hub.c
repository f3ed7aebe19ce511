/* SPDX-License-Identifier: Apache-2.0 */

#include <pthread.h>
#include <sys/socket.h>

#include "clock.h"
#include "registry_fixture.h"

#define LONG_NS (30 * NS_PER_S)

TestSuite(watch_hub, .init = fixture_open, .fini = fixture_close);

static void make_claims(int from, int n)
{
	for (int i = from; i < from + n; i++) {
		char text[512];

		(void)snprintf(text, sizeof(text), CLAIM_TEXT("c%d"), i);
		object_unref(must_create(text));
	}
}

static void assert_next(struct watcher *watcher, const char *name)
{
	struct watch_change change = { 0 };

	cr_assert_eq(watcher_next(watcher, clock_ns() + LONG_NS, -1, &change),
		     0);
	cr_assert_str_eq(change.object->name, name);
	cr_assert_eq(watcher_revision(watcher),
		     change.object->resource_version);
	object_unref(change.object);
}

Test(watch_hub, a_watch_resumes_after_the_revision_that_it_names)
{
	_cleanup_(watcher_free) struct watcher *watcher = NULL;
	_cleanup_(object_unref) struct object *first =
		must_create(CLAIM_TEXT("first"));
	struct watch_change none;

	make_claims(1, 2);
	cr_assert_eq(watcher_new(&watcher, hub, first->resource_version), 0);
	assert_next(watcher, "c1");
	assert_next(watcher, "c2");
	cr_assert_eq(watcher_next(watcher, clock_ns(), -1, &none),
		     WATCH_TIMEOUT);
}

Test(watch_hub, what_the_ring_forgot_is_too_old)
{
	_cleanup_(watcher_free) struct watcher *watcher = NULL;
	uint64_t start = store_revision(store);

	make_claims(0, 9); /* the ring has 8 */
	cr_assert_eq(watcher_new(&watcher, hub, start), WATCH_TOO_OLD);
	cr_assert_eq(watcher_new(&watcher, hub, start + 1), 0,
		     "the first one alone is forgotten");
	assert_next(watcher, "c1");
}

Test(watch_hub, large_changes_are_forgotten_sooner)
{
	_cleanup_(watcher_free) struct watcher *watcher = NULL;
	char large[2 * HUB_BYTES];
	uint64_t start;

	make_claims(0, 2);
	(void)snprintf(large, sizeof(large),
		       CLAIM_TEXT("large\",\"annotations\":{\"a\":\"%0*d\"},"
				  "\"namespace\":\"default"),
		       HUB_BYTES, 0);
	start = store_revision(store);
	object_unref(must_create(large));
	cr_assert_eq(watcher_new(&watcher, hub, start - 1), WATCH_TOO_OLD);
	cr_assert_eq(watcher_new(&watcher, hub, start), 0);
	assert_next(watcher, "large");
}

Test(watch_hub, a_slow_reader_is_overtaken)
{
	_cleanup_(watcher_free) struct watcher *watcher = NULL;
	struct watch_change none;

	cr_assert_eq(watcher_new(&watcher, hub, store_revision(store)), 0);
	make_claims(0, 1);
	assert_next(watcher, "c0");
	make_claims(1, 9);
	cr_assert_eq(watcher_next(watcher, clock_ns() + LONG_NS, -1, &none),
		     WATCH_TOO_OLD);
}

Test(watch_hub, watchers_are_limited)
{
	_cleanup_(watcher_free) struct watcher *one = NULL;
	_cleanup_(watcher_free) struct watcher *two = NULL;
	struct watcher *three = NULL;
	uint64_t now = store_revision(store);

	cr_assert_eq(watcher_new(&one, hub, now), 0);
	cr_assert_eq(watcher_new(&two, hub, now), 0);
	cr_assert_eq(watcher_new(&three, hub, now), WATCH_FULL);
	two = watcher_free(two);
	cr_assert_eq(watcher_new(&two, hub, now), 0);
}

Test(watch_hub, a_client_that_leaves_ends_its_watch)
{
	_cleanup_(watcher_free) struct watcher *watcher = NULL;
	struct watch_change none;
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	cr_assert_eq(watcher_new(&watcher, hub, store_revision(store)), 0);
	(void)close(fds[1]);
	cr_assert_eq(watcher_next(watcher, clock_ns() + LONG_NS, fds[0], &none),
		     WATCH_GONE);
	(void)close(fds[0]);
}

static void *close_hub(void *userdata)
{
	watch_hub_close(userdata);
	return NULL;
}

Test(watch_hub, closing_wakes_who_waits)
{
	_cleanup_(watcher_free) struct watcher *watcher = NULL;
	struct watcher *late = NULL;
	struct watch_change none;
	pthread_t thread;

	cr_assert_eq(watcher_new(&watcher, hub, store_revision(store)), 0);
	cr_assert_eq(pthread_create(&thread, NULL, close_hub, hub), 0);
	cr_assert_eq(watcher_next(watcher, clock_ns() + LONG_NS, -1, &none),
		     WATCH_CLOSED);
	(void)pthread_join(thread, NULL);
	cr_assert_eq(watcher_new(&late, hub, store_revision(store)),
		     WATCH_CLOSED);
}

static void count(void *userdata, enum store_change change,
		  struct object *object)
{
	(void)object;
	((unsigned int *)userdata)[change]++;
}

Test(watch_hub, callbacks_hear_of_every_change)
{
	unsigned int counts[3] = { 0 };

	cr_assert_eq(watch_hub_add_callback(hub, count, counts), 0);
	object_unref(must_create(CLASS_TEXT("c")));
	cr_assert_eq(registry_delete(registry, KIND_STORAGE_CLASS, "", "c",
				     NULL, NULL, NULL),
		     0);
	cr_assert_eq(counts[STORE_ADDED], 1);
	cr_assert_eq(counts[STORE_DELETED], 1);
}
