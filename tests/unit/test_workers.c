/* SPDX-License-Identifier: Apache-2.0 */

/* What is done on threads: who is told, and what is dropped. */

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <criterion/criterion.h>

#include "workers.h"

#define MANY 6

static struct workers *workers;
static atomic_int n_now;
static pthread_mutex_t lock =
	PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int n_most, n_told;
static int n_awaited; /* nobody goes on before so many were there at once */

static int run(struct work *work, const struct applier *applier,
	       struct err *err)
{
	int n = atomic_fetch_add(&n_now, 1) + 1;

	(void)applier;
	(void)pthread_mutex_lock(&lock);
	if (n > n_most)
		n_most = n;
	(void)pthread_cond_broadcast(&changed);
	while (n_most < n_awaited)
		(void)pthread_cond_wait(&changed, &lock);
	(void)pthread_mutex_unlock(&lock);
	(void)atomic_fetch_sub(&n_now, 1);
	return strcmp(work->name, "bad") == 0
		       ? err_set(err, -EIO, "the share is on fire")
		       : 0;
}

static void done(void *userdata, enum object_kind kind, const char *namespace,
		 const char *name)
{
	(void)userdata;
	(void)kind;
	(void)namespace;
	(void)name;
	(void)pthread_mutex_lock(&lock);
	n_told++;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
}

static void wait_told(int n)
{
	(void)pthread_mutex_lock(&lock);
	while (n_told < n)
		(void)pthread_cond_wait(&changed, &lock);
	(void)pthread_mutex_unlock(&lock);
}

static void setup(void)
{
	const struct workers_options options = { .done = done };

	cr_assert_eq(workers_new(&workers, &options), 0);
	cr_assert_eq(workers_start(workers, NULL), 0);
}

static void teardown(void)
{
	workers_free(workers);
}

static void free_it(struct work *work)
{
	free(work);
}

static void add(enum object_kind kind, const char *name)
{
	struct work *work = calloc(1, sizeof(*work));

	cr_assert_not_null(work);
	*work = (struct work){ .kind = kind,
			       .namespace = "default",
			       .name = name,
			       .run = run,
			       .free = free_it };
	cr_assert_eq(workers_add(workers, work), 0);
}

static void add_many(void)
{
	static const char *const names[MANY] = { "c0", "c1", "c2",
						 "c3", "c4", "c5" };

	for (int i = 0; i < MANY; i++)
		add(KIND_CLAIM, names[i]);
	workers_begin(workers);
}

static int take(enum object_kind kind, const char *namespace, const char *name,
		struct work **ret)
{
	return workers_take(workers, kind, namespace, name, ret);
}

TestSuite(workers, .init = setup, .fini = teardown, .timeout = 60);

Test(workers, much_is_done_together)
{
	n_awaited = 2;
	add_many();
	wait_told(MANY);
}

Test(workers, what_was_done_is_taken_once)
{
	_cleanup_(work_free) struct work *work = NULL;
	struct work *again;

	add(KIND_CLAIM, "bad");
	cr_expect_eq(take(KIND_CLAIM, "default", "bad", &work), WORKERS_BUSY);
	cr_expect(workers_have(workers, KIND_CLAIM, "default", "bad"));
	workers_begin(workers);
	wait_told(1);
	cr_expect_eq(take(KIND_CLAIM, "else", "bad", &work), 0);
	cr_expect_eq(take(KIND_PERSISTENT_VOLUME, "default", "bad", &work), 0);
	cr_assert_eq(take(KIND_CLAIM, "default", "bad", &work), WORKERS_DONE);
	cr_expect_eq(work->r, -EIO);
	cr_expect_str_eq(err_text(&work->err), "the share is on fire");
	cr_expect_eq(take(KIND_CLAIM, "default", "bad", &again), 0);
	cr_expect_not(workers_have(workers, KIND_CLAIM, "default", "bad"));
}

Test(workers, what_was_not_begun_can_be_dropped)
{
	struct work *work;

	add(KIND_CLAIM, "c");
	workers_drop(workers);
	workers_begin(workers);
	cr_expect_eq(take(KIND_CLAIM, "default", "c", &work), 0);
	cr_expect_eq(n_told, 0);
}
