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

static void begin_list(void)
{
	struct err err = ERR_INIT;

	cr_assert_eq(
		store_mirror_begin_list(store, KIND_PERSISTENT_VOLUME, &err), 0,
		"%s", err_text(&err));
}

static void end_list(uint64_t version)
{
	struct err err = ERR_INIT;

	cr_assert_eq(store_mirror_end_list(store, KIND_PERSISTENT_VOLUME,
					   version, &err),
		     0, "%s", err_text(&err));
}

static void remove_volume(const char *name, const char *uid)
{
	struct err err = ERR_INIT;

	cr_assert_eq(store_mirror_remove(store, KIND_PERSISTENT_VOLUME, "",
					 name, uid, &err),
		     0, "%s", err_text(&err));
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
	put("a", "2", 701);
	remove_volume("a", "1");
	expect_version("a", 701);
	remove_volume("a", "2");
	expect_version("a", 0);
	remove_volume("a", "2");
}

Test(store_mirror, a_late_answer_does_not_bring_back_what_is_gone)
{
	put("a", "1", 700);
	remove_volume("a", "1");
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
	put("a", "1", 10);
	put("b", "2", 11);
	put("c", "3", 12);
	told[0] = '\0';
	begin_list();
	put_listed("a", "1", 10);
	put_listed("b", "4", 13);
	end_list(20);
	expect_version("a", 10);
	expect_version("b", 13);
	expect_version("c", 0);
	cr_expect_str_eq(told, "deleted b/2 added b/4 deleted c/3 ");
}

Test(store_mirror, what_is_younger_than_a_list_stays_and_is_heard_of_again)
{
	put("a", "1", 10);
	begin_list();
	put("a", "1", 22);
	put("new", "2", 21);
	put_listed("a", "1", 10);
	end_list(20);
	expect_version("a", 22);
	expect_version("new", 21);
	put("new", "2", 22);
	expect_version("new", 22);
}

Test(store_mirror, what_was_answered_before_the_end_of_a_list_may_be_gone_by_it)
{
	begin_list();
	put("a", "1", 15);
	put("b", "2", 16);
	put_listed("b", "2", 18);
	end_list(20);
	expect_version("a", 0);
	expect_version("b", 18);
}

/* Of an etcd that was restored from a backup: its versions are used twice. */
Test(store_mirror, a_list_is_believed_though_its_versions_are_older)
{
	put("a", "1", 900);
	put("b", "2", 910);
	put("c", "3", 450);
	told[0] = '\0';
	begin_list();
	put_listed("a", "1", 450);
	put_listed("c", "3", 450);
	end_list(500);
	expect_version("a", 450);
	expect_version("b", 0);
	cr_expect_str_eq(told, "modified a/1 deleted b/2 ");
	put("a", "1", 510);
	expect_version("a", 510);
}

Test(store_mirror, what_a_list_has_was_removed_in_another_life_of_etcd)
{
	put("a", "1", 890);
	remove_volume("a", "1");
	begin_list();
	put_listed("a", "1", 450);
	end_list(500);
	expect_version("a", 450);
}

Test(store_mirror, what_was_removed_since_a_list_began_stays_gone)
{
	put("a", "1", 10);
	begin_list();
	remove_volume("a", "1");
	put_listed("a", "1", 10);
	end_list(20);
	expect_version("a", 0);
}

Test(store_mirror, what_a_list_lacked_may_come_back)
{
	put("a", "1", 10);
	begin_list();
	end_list(0);
	expect_version("a", 0);
	put("a", "1", 10);
	expect_version("a", 10);
}

Test(store_mirror, a_list_that_begins_anew_forgets_the_last_one)
{
	put("a", "1", 10);
	begin_list();
	put_listed("a", "1", 10);
	begin_list();
	end_list(20);
	expect_version("a", 0);
}
