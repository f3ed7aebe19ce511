/* SPDX-License-Identifier: Apache-2.0 */

/* The record as a mirror of an API server, on a real SQLite database. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "store_mirror.h"

static char dir[64];
static struct store *store;
static char told[512]; /* "added a/1 deleted a/1 " */

static void note(void *userdata, enum store_change change,
		 struct object *object)
{
	static const char *const names[] = { "added", "modified", "deleted" };
	size_t len = strlen(told);

	(void)userdata;
	(void)snprintf(told + len, sizeof(told) - len, "%s %s/%s ",
		       names[change], object->name, object->uid);
}

static void open_record(void)
{
	struct err err = ERR_INIT;
	char path[96];

	(void)snprintf(dir, sizeof(dir), "/tmp/test_mirror.XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/claimfs.db", dir);
	cr_assert_eq(store_open(&store, path, &err), 0, "%s", err_text(&err));
	store_set_listener(store, note, NULL);
}

static void remove_record(void)
{
	char command[128];

	store_close(store);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	cr_assert_eq(system(command), 0); // NOLINT(cert-env33-c)
}

TestSuite(store_mirror, .init = open_record, .fini = remove_record);

static struct object *make_volume(const char *name, const char *uid,
				  unsigned int version)
{
	struct err err = ERR_INIT;
	struct object *object = NULL;
	char text[256];

	(void)snprintf(text, sizeof(text),
		       "{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolume\","
		       "\"metadata\":{\"name\":\"%s\",\"uid\":\"%s\","
		       "\"resourceVersion\":\"%u\"},\"spec\":{}}",
		       name, uid, version);
	cr_assert_eq(object_parse(&object, text, strlen(text), &err), 0, "%s",
		     err_text(&err));
	return object;
}

static void put(const char *name, const char *uid, unsigned int version)
{
	_cleanup_(object_unref) struct object *object =
		make_volume(name, uid, version);
	struct err err = ERR_INIT;

	cr_assert_eq(store_mirror_put(store, object, &err), 0, "%s",
		     err_text(&err));
}

static void put_listed(const char *name, const char *uid, unsigned int version)
{
	_cleanup_(object_unref) struct object *object =
		make_volume(name, uid, version);
	struct err err = ERR_INIT;

	cr_assert_eq(store_mirror_put_listed(store, object, &err), 0, "%s",
		     err_text(&err));
}

static void expect_version(const char *name, uint64_t version)
{
	_cleanup_(object_unref) struct object *object = NULL;
	struct err err = ERR_INIT;

	cr_assert_eq(store_get(store, KIND_PERSISTENT_VOLUME, "", name, &object,
			       &err),
		     version ? 0 : STORE_NOT_FOUND);
	if (version)
		cr_expect_eq(object->resource_version, version);
}

Test(store_mirror, objects_keep_the_version_that_the_server_gave_them)
{
	put("a", "1", 700);
	expect_version("a", 700);
	put("a", "1", 900);
	expect_version("a", 900);
	cr_expect_str_eq(told, "added a/1 modified a/1 ");
}

Test(store_mirror, what_is_older_or_known_changes_nothing_and_is_not_told)
{
	put("a", "1", 700);
	put("a", "1", 700);
	put("a", "1", 650);
	expect_version("a", 700);
	cr_expect_str_eq(told, "added a/1 ");
}

Test(store_mirror, another_uid_tells_that_the_old_object_went)
{
	put("a", "1", 700);
	put("a", "2", 701);
	expect_version("a", 701);
	cr_expect_str_eq(told, "added a/1 deleted a/1 added a/2 ");
}

Test(store_mirror, an_object_made_anew_outlives_the_removal_of_its_predecessor)
{
	struct err err = ERR_INIT;

	put("a", "2", 701);
	cr_expect_eq(store_mirror_remove(store, KIND_PERSISTENT_VOLUME, "", "a",
					 "1", &err),
		     0);
	expect_version("a", 701);
	cr_expect_eq(store_mirror_remove(store, KIND_PERSISTENT_VOLUME, "", "a",
					 "2", &err),
		     0);
	expect_version("a", 0);
	cr_expect_eq(store_mirror_remove(store, KIND_PERSISTENT_VOLUME, "", "a",
					 "2", &err),
		     0);
}

Test(store_mirror, a_late_answer_does_not_bring_back_what_is_gone)
{
	struct err err = ERR_INIT;

	put("a", "1", 700);
	cr_expect_eq(store_mirror_remove(store, KIND_PERSISTENT_VOLUME, "", "a",
					 "1", &err),
		     0);
	put("a", "1", 701);
	expect_version("a", 0);
	/* Nor in the place of its successor. */
	put("a", "2", 703);
	put("a", "1", 702);
	expect_version("a", 703);
	cr_expect_str_eq(told, "added a/1 deleted a/1 added a/2 ");
}

Test(store_mirror, what_a_list_lacks_is_gone_after_it)
{
	struct err err = ERR_INIT;

	put("a", "1", 10);
	put("b", "2", 11);
	put("c", "3", 12);
	told[0] = '\0';
	cr_assert_eq(
		store_mirror_begin_list(store, KIND_PERSISTENT_VOLUME, &err), 0,
		"%s", err_text(&err));
	put_listed("a", "1", 10);
	put_listed("b", "4", 13);
	cr_assert_eq(
		store_mirror_end_list(store, KIND_PERSISTENT_VOLUME, 20, &err),
		0, "%s", err_text(&err));
	expect_version("a", 10);
	expect_version("b", 13);
	expect_version("c", 0);
	cr_expect_str_eq(told, "deleted b/2 added b/4 deleted c/3 ");
}

Test(store_mirror, what_is_younger_than_a_list_stays_and_is_heard_of_again)
{
	struct err err = ERR_INIT;

	cr_assert_eq(
		store_mirror_begin_list(store, KIND_PERSISTENT_VOLUME, &err),
		0);
	put("new", "1", 21);
	cr_assert_eq(
		store_mirror_end_list(store, KIND_PERSISTENT_VOLUME, 20, &err),
		0);
	expect_version("new", 21);
	put("new", "1", 22);
	expect_version("new", 22);
}

Test(store_mirror, what_a_list_lacked_may_come_back)
{
	struct err err = ERR_INIT;

	put("a", "1", 10);
	cr_assert_eq(
		store_mirror_begin_list(store, KIND_PERSISTENT_VOLUME, &err),
		0);
	cr_assert_eq(
		store_mirror_end_list(store, KIND_PERSISTENT_VOLUME, 0, &err),
		0);
	expect_version("a", 0);
	put("a", "1", 10);
	expect_version("a", 10);
}

Test(store_mirror, a_list_that_begins_anew_forgets_the_last_one)
{
	struct err err = ERR_INIT;

	put("a", "1", 10);
	cr_assert_eq(
		store_mirror_begin_list(store, KIND_PERSISTENT_VOLUME, &err),
		0);
	put_listed("a", "1", 10);
	cr_assert_eq(
		store_mirror_begin_list(store, KIND_PERSISTENT_VOLUME, &err),
		0);
	cr_assert_eq(
		store_mirror_end_list(store, KIND_PERSISTENT_VOLUME, 20, &err),
		0);
	expect_version("a", 0);
}
