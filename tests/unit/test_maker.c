/* SPDX-License-Identifier: Apache-2.0 */

/* Directories that are made on threads: who is told, and what is dropped. */

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <criterion/criterion.h>

#include "maker.h"

#define MANY 6

static struct maker *maker;
static atomic_int n_now;
static pthread_mutex_t lock =
	PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int n_most, n_told;
static int n_awaited; /* nobody goes on before so many were there at once */

static int make(void *userdata, const struct making *making, struct err *err)
{
	int n = atomic_fetch_add(&n_now, 1) + 1;

	(void)userdata;
	(void)pthread_mutex_lock(&lock);
	if (n > n_most)
		n_most = n;
	(void)pthread_cond_broadcast(&changed);
	while (n_most < n_awaited)
		(void)pthread_cond_wait(&changed, &lock);
	(void)pthread_mutex_unlock(&lock);
	(void)atomic_fetch_sub(&n_now, 1);
	return strcmp(making->place.claim_name, "bad") == 0
		       ? err_set(err, -EIO, "the share is on fire")
		       : 0;
}

static void done(void *userdata, const char *namespace, const char *name)
{
	(void)userdata;
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
	const struct maker_options options = { .make = make, .done = done };

	cr_assert_eq(maker_new(&maker, &options), 0);
	cr_assert_eq(maker_start(maker, NULL), 0);
}

static void teardown(void)
{
	maker_free(maker);
}

static void add(const char *claim)
{
	struct making *making = calloc(1, sizeof(*making));

	cr_assert_not_null(making);
	making->place.claim_namespace = strdup("default");
	making->place.claim_name = strdup(claim);
	making->place.name = strdup(claim);
	making->place.path = strdup(claim);
	cr_assert_eq(maker_add(maker, making), 0);
}

static void add_many(void)
{
	for (int i = 0; i < MANY; i++) {
		char claim[8];

		(void)snprintf(claim, sizeof(claim), "c%d", i);
		add(claim);
	}
	maker_begin(maker);
	wait_told(MANY);
}

TestSuite(maker, .init = setup, .fini = teardown, .timeout = 60);

Test(maker, directories_are_made_together)
{
	n_awaited = 2;
	add_many();
}

Test(maker, what_was_made_is_taken_once)
{
	_cleanup_(making_free) struct making *making = NULL;
	struct making *again;

	add("bad");
	cr_expect_eq(maker_take(maker, "default", "bad", &making), MAKER_BUSY);
	maker_begin(maker);
	wait_told(1);
	cr_expect_eq(maker_take(maker, "else", "bad", &making), 0);
	cr_assert_eq(maker_take(maker, "default", "bad", &making), MAKER_DONE);
	cr_expect_eq(making->r, -EIO);
	cr_expect_str_eq(err_text(&making->err), "the share is on fire");
	cr_expect_eq(maker_take(maker, "default", "bad", &again), 0);
}

Test(maker, what_was_not_begun_can_be_dropped)
{
	struct making *making;

	add("c");
	maker_drop(maker);
	maker_begin(maker);
	cr_expect_eq(maker_take(maker, "default", "c", &making), 0);
	cr_expect_eq(n_told, 0);
}
