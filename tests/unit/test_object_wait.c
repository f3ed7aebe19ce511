/* SPDX-License-Identifier: Apache-2.0 */

#include <pthread.h>

#include "clock.h"
#include "object_wait.h"
#include "registry_fixture.h"

#define LONG_NS	 (20 * NS_PER_S) /* a test that waits so long has failed */
#define SHORT_NS (50 * NS_PER_MS)

static struct object_wait *waiting;
static const struct object_key key = { KIND_CLAIM, "default", "c" };

static void setup(void)
{
	struct err err = ERR_INIT;

	fixture_open();
	cr_assert_eq(object_wait_new(&waiting, hub, &err), 0);
}

static void teardown(void)
{
	waiting = object_wait_free(waiting);
	fixture_close();
}

TestSuite(object_wait, .init = setup, .fini = teardown);

/* An object_wait_fn: there is one of that label. */
static int has_label(void *userdata, const struct object *object,
		     struct err *err)
{
	const char *wanted = userdata;

	return object &&
	       strcmp(string_at(object, "metadata.labels.app"), wanted) == 0;
}

static int is_gone(void *userdata, const struct object *object, struct err *err)
{
	return object ? 0 : 7;
}

static int until(object_wait_fn fn, const char *label, uint64_t ns)
{
	struct err err = ERR_INIT;

	return object_wait_until(waiting, registry_cluster(registry), &key,
				 clock_ns() + ns, fn, (void *)label, &err);
}

Test(object_wait, says_at_once_what_is_so_already)
{
	cr_expect_eq(until(is_gone, NULL, LONG_NS), 7);
	object_unref(must_create(CLAIM_TEXT("c")));
	cr_expect_eq(until(has_label, "x", LONG_NS), 1);
}

Test(object_wait, ends_at_its_deadline)
{
	uint64_t begin_ns = clock_ns();

	cr_expect_eq(until(has_label, "x", SHORT_NS), 0);
	cr_expect_geq(clock_ns() - begin_ns, SHORT_NS);
}

static void *create_others_first(void *unused)
{
	object_unref(must_create(CLAIM_TEXT("b")));
	object_unref(must_create(CLASS_TEXT("c")));
	object_unref(must_create(CLAIM_TEXT("c")));
	return NULL;
}

Test(object_wait, is_woken_by_the_object)
{
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, create_others_first, NULL),
		     0);
	cr_expect_eq(until(has_label, "x", LONG_NS), 1);
	(void)pthread_join(thread, NULL);
}

static void *close_it(void *unused)
{
	object_wait_close(waiting);
	return NULL;
}

Test(object_wait, ends_when_it_is_closed)
{
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, close_it, NULL), 0);
	cr_expect_eq(until(has_label, "x", LONG_NS), 0);
	(void)pthread_join(thread, NULL);
	cr_expect(object_wait_is_closed(waiting));
	cr_expect_eq(until(has_label, "x", LONG_NS), 0);
}
