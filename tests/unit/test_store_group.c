/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Writes that share a commit: who sees them when, and what becomes of them when there
 * is no room on the disk.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "store.h"

#define WRITERS 8
#define WRITES	50

static char dir[] = "/tmp/claimfs-group-XXXXXX";
static char path[64];
static struct store *store;
static unsigned int n_announced;
static atomic_uint n_syncs;

/* SQLite's: in its place in this program. */
__attribute__((visibility("default"))) int fdatasync(int fd)
{
	(void)atomic_fetch_add(&n_syncs, 1);
	return (int)syscall(SYS_fdatasync, fd);
}

static void count_change(void *userdata, enum store_change change,
			 struct object *object)
{
	(void)userdata;
	(void)change;
	(void)object;
	n_announced++;
}

static void open_store(void)
{
	struct err err = ERR_INIT;

	cr_assert_eq(store_open(&store, path, &err), 0, "%s", err_text(&err));
	store_set_listener(store, count_change, NULL);
}

static void setup(void)
{
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/claimfs.db", dir);
	open_store();
}

static void teardown(void)
{
	char command[96];

	store_close(store);
	(void)umount2(dir, MNT_DETACH);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

static int create(const char *name, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	char text[768];

	(void)snprintf(
		text, sizeof(text),
		"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolume\","
		"\"metadata\":{\"name\":\"%s\",\"uid\":\"%s\"},\"spec\":{}}",
		name, name);
	cr_assert_eq(object_parse(&object, text, strlen(text), err), 0);
	return store_create(store, object, NULL, err);
}

static size_t count(void)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;

	cr_assert_eq(
		store_list(store, KIND_PERSISTENT_VOLUME, NULL, &list, NULL),
		0);
	return list.n;
}

static void *write_many(void *userdata)
{
	const char *name = userdata;
	intptr_t n_failed = 0;

	for (int i = 0; i < WRITES; i++) {
		char each[32];

		(void)snprintf(each, sizeof(each), "%s-%d", name, i);
		n_failed += create(each, NULL) != 0;
	}
	return (void *)n_failed;
}

TestSuite(store_group, .init = setup, .fini = teardown);

Test(store_group, many_threads_write_and_all_of_it_is_there, .timeout = 60)
{
	pthread_t threads[WRITERS];
	char names[WRITERS][8];

	for (int i = 0; i < WRITERS; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "t%d", i);
		cr_assert_eq(
			pthread_create(&threads[i], NULL, write_many, names[i]),
			0);
	}
	for (int i = 0; i < WRITERS; i++) {
		void *n_failed;

		(void)pthread_join(threads[i], &n_failed);
		cr_expect_null(n_failed);
	}
	cr_expect_eq(n_announced, WRITERS * WRITES);
	store_close(store);
	open_store();
	cr_expect_eq(count(), WRITERS * WRITES);
}

Test(store_group, a_deferred_write_is_announced_when_it_is_flushed)
{
	store_defer(store);
	cr_expect_eq(create("a", NULL), 0);
	cr_expect_eq(create("b", NULL), 0);
	cr_expect_eq(count(), 2);
	cr_expect_eq(n_announced, 0);
	cr_expect_eq(store_flush(store, NULL), 0);
	cr_expect_eq(n_announced, 2);
}

Test(store_group, a_deferred_write_that_is_not_flushed_did_not_happen)
{
	store_defer(store);
	cr_expect_eq(create("a", NULL), 0);
	store_close(store);
	open_store();
	cr_expect_eq(count(), 0);
}

static void *look(void *userdata)
{
	struct object *object = NULL;
	unsigned int *ret_announced = userdata;

	if (store_get(store, KIND_PERSISTENT_VOLUME, "", "a", &object, NULL) ==
	    0)
		*ret_announced = n_announced;
	object_unref(object);
	return NULL;
}

Test(store_group, whoever_sees_a_deferred_write_sees_it_on_the_disk)
{
	unsigned int n_announced_then = 0;
	pthread_t thread;

	store_defer(store);
	cr_expect_eq(create("a", NULL), 0);
	cr_assert_eq(pthread_create(&thread, NULL, look, &n_announced_then), 0);
	(void)pthread_join(thread, NULL);
	cr_expect_eq(n_announced_then, 1);
}

Test(store_group, a_transaction_comes_after_what_was_deferred)
{
	store_defer(store);
	cr_expect_eq(create("a", NULL), 0);
	cr_assert_eq(store_begin(store, NULL), 0);
	cr_expect_eq(create("b", NULL), 0);
	store_rollback(store);
	cr_expect_eq(store_flush(store, NULL), 0);
	cr_expect_eq(n_announced, 1);
	cr_expect_eq(count(), 1);
}

Test(store_group, a_write_that_needs_no_sync_has_none)
{
	unsigned int n = n_syncs;

	store_skip_sync(store, true);
	cr_expect_eq(create("a", NULL), 0);
	cr_expect_eq(n_syncs, n);
	cr_expect_eq(n_announced, 1);
	store_skip_sync(store, false);
	cr_expect_eq(create("b", NULL), 0);
	cr_expect_eq(n_syncs, n + 1);
	store_close(store);
	open_store();
	cr_expect_eq(count(), 2);
}

static void *create_unsynced(void *userdata)
{
	store_skip_sync(store, true);
	cr_expect_eq(create("unsynced", NULL), 0);
	*(unsigned int *)userdata = n_syncs;
	return NULL;
}

Test(store_group, a_write_that_needs_no_sync_shares_that_of_others)
{
	unsigned int n = n_syncs, n_then = 0;
	pthread_t thread;

	store_defer(store);
	cr_expect_eq(create("a", NULL), 0);
	cr_assert_eq(pthread_create(&thread, NULL, create_unsynced, &n_then),
		     0);
	(void)pthread_join(thread, NULL);
	cr_expect_eq(n_then, n + 1);
	cr_expect_eq(n_announced, 2);
}

/* Until some write, or the flush, finds that there is no room. */
static unsigned int fill(struct err *err)
{
	unsigned int n = 0;
	int r = 0;

	while (r == 0 && n < 20000) {
		char name[300];

		(void)snprintf(name, sizeof(name), "v%0250u", n++);
		r = create(name, err);
		if (r == 0 && n % 100 == 0)
			r = store_flush(store, err);
	}
	return n;
}

Test(store_group, whoever_lost_deferred_writes_is_told_before_he_writes_more)
{
	struct err err = ERR_INIT;
	unsigned int n;

	store_close(store);
	if (mount("tmpfs", dir, "tmpfs", 0, "size=1m") < 0) {
		open_store();
		cr_skip_test("needs the right to mount a tmpfs");
	}
	open_store();
	store_defer(store);
	n = fill(&err);
	cr_expect_lt(n, 20000);
	if (n % 100 != 0) {
		err_fini(&err);
		cr_expect_eq(create("after", &err), -ENOSPC, "%s",
			     err_text(&err));
		err_fini(&err);
		cr_expect_eq(store_flush(store, &err), -ENOSPC, "%s",
			     err_text(&err));
	}
	err_fini(&err);
	n = (unsigned int)count();
	cr_expect_eq(n % 100, 0, "%u", n);
	cr_expect_eq(n_announced, n);
}
