/* SPDX-License-Identifier: Apache-2.0 */

/* The record on a real SQLite database in a folder of the test's own. */

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <criterion/criterion.h>
#include <sqlite3.h>

#include "store_trash.h"

static char dir[64];
static char path[96];

static void remove_dir(void)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	cr_assert_eq(system(command), 0); // NOLINT(cert-env33-c)
}

static void make_dir(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/test_store.XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/claimfs.db", dir);
}

TestSuite(store, .init = make_dir, .fini = remove_dir);

static struct store *must_open(void)
{
	struct err err = ERR_INIT;
	struct store *store = NULL;

	cr_assert_eq(store_open(&store, path, &err), 0, "%s", err_text(&err));
	return store;
}

static struct object *make_claim(const char *name, const char *uid,
				 const char *phase)
{
	struct err err = ERR_INIT;
	struct object *object = NULL;
	char text[512];

	(void)snprintf(
		text, sizeof(text),
		"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\","
		"\"metadata\":{\"name\":\"%s\",\"uid\":\"%s\"},"
		"\"spec\":{\"storageClassName\":\"nfs\",\"volumeName\":\"pv-%s\"},"
		"\"status\":{\"phase\":\"%s\"},\"x-unknown\":[1,{\"a\":null}]}",
		name, uid, name, phase);
	cr_assert_eq(object_parse(&object, text, strlen(text), &err), 0, "%s",
		     err_text(&err));
	return object;
}

static uint64_t must_create(struct store *store, const char *name)
{
	_cleanup_(object_unref) struct object *object =
		make_claim(name, name, "Pending");
	_cleanup_(object_unref) struct object *stored = NULL;
	struct err err = ERR_INIT;

	cr_assert_eq(store_create(store, object, &stored, &err), 0, "%s",
		     err_text(&err));
	return stored->resource_version;
}

static void run_sql(const char *sql)
{
	char *message = NULL;
	sqlite3 *db = NULL;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, &message), SQLITE_OK,
		     "%s: %s", sql, message);
	sqlite3_close(db);
}

static int query(const char *sql, char *ret, size_t size)
{
	sqlite3_stmt *statement = NULL;
	sqlite3 *db = NULL;
	int n = 0;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL),
		     SQLITE_OK, "%s", sqlite3_errmsg(db));
	*ret = '\0';
	while (sqlite3_step(statement) == SQLITE_ROW) {
		(void)snprintf(ret, size, "%s",
			       (const char *)sqlite3_column_text(statement, 0));
		n++;
	}
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return n;
}

struct seen {
	char text[1024];
	size_t len;
};

static void record_change(void *userdata, enum store_change change,
			  struct object *object)
{
	static const char letter[] = { 'A', 'M', 'D' };
	struct seen *seen = userdata;

	seen->len += (size_t)snprintf(
		seen->text + seen->len, sizeof(seen->text) - seen->len,
		"%c %s %llu;", letter[change], object->name,
		(unsigned long long)object->resource_version);
}

Test(store, a_database_is_for_its_owner_only)
{
	_cleanup_(store_close) struct store *store = must_open();
	char log[128];
	struct stat st;

	(void)must_create(store, "a");
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	(void)snprintf(log, sizeof(log), "%s-wal", path);
	cr_assert_eq(stat(log, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
}

Test(store, keeps_objects_over_a_reopen)
{
	_cleanup_(object_unref) struct object *object = NULL;
	struct err err = ERR_INIT;
	struct store *store = must_open();
	uint64_t revision = must_create(store, "db");

	store = store_close(store);
	store = must_open();
	cr_assert_eq(store_revision(store), revision);
	cr_assert_eq(
		store_get(store, KIND_CLAIM, "default", "db", &object, &err),
		0);
	cr_assert_eq(object->resource_version, revision);
	cr_assert_not_null(
		strstr(object->text, "\"x-unknown\":[1,{\"a\":null}]"),
		"unknown fields are kept: %s", object->text);
	store_close(store);
}

Test(store, stamps_every_write_with_a_higher_revision)
{
	_cleanup_(object_unref) struct object *bound =
		make_claim("a", "a", "Bound");
	_cleanup_(object_unref) struct object *stored = NULL;
	struct store *store = must_open();
	struct seen seen = { 0 };
	uint64_t first;

	store_set_listener(store, record_change, &seen);
	first = must_create(store, "a");
	cr_assert_eq(must_create(store, "b"), first + 1);
	cr_assert_eq(store_update(store, bound, first, &stored, NULL), 0);
	cr_assert_eq(stored->resource_version, first + 2);
	cr_assert_eq(store_remove(store, KIND_CLAIM, "default", "b", "b", NULL),
		     0);
	cr_assert_eq(store_revision(store), first + 3);
	cr_assert_str_eq(seen.text, "A a 2;A b 3;M a 4;D b 5;");
	store_close(store);
}

Test(store, an_update_that_changes_nothing_raises_no_revision)
{
	_cleanup_(object_unref) struct object *same =
		make_claim("a", "a", "Pending");
	_cleanup_(object_unref) struct object *stored = NULL;
	struct store *store = must_open();
	struct seen seen = { 0 };
	uint64_t first = must_create(store, "a");

	store_set_listener(store, record_change, &seen);
	cr_assert_eq(store_update(store, same, 0, &stored, NULL), 0);
	cr_assert_eq(stored->resource_version, first);
	cr_assert_eq(store_revision(store), first);
	cr_assert_str_eq(seen.text, "");
	store_close(store);
}

Test(store, refuses_conflicts_and_changes_nothing)
{
	_cleanup_(object_unref) struct object *bound =
		make_claim("a", "a", "Bound");
	_cleanup_(object_unref) struct object *other_uid =
		make_claim("a", "other", "Bound");
	_cleanup_(object_unref) struct object *absent =
		make_claim("absent", "x", "Bound");
	struct store *store = must_open();
	uint64_t first = must_create(store, "a");

	cr_assert_eq(store_create(store, bound, NULL, NULL), STORE_EXISTS);
	cr_assert_eq(store_update(store, bound, first + 1, NULL, NULL),
		     STORE_CONFLICT);
	cr_assert_eq(store_update(store, other_uid, 0, NULL, NULL),
		     STORE_CONFLICT);
	cr_assert_eq(store_update(store, absent, 0, NULL, NULL),
		     STORE_NOT_FOUND);
	cr_assert_eq(
		store_remove(store, KIND_CLAIM, "default", "a", "other", NULL),
		STORE_CONFLICT);
	cr_assert_eq(store_remove(store, KIND_CLAIM, "default", "absent", NULL,
				  NULL),
		     STORE_NOT_FOUND);
	cr_assert_eq(store_revision(store), first);
	store_close(store);
}

Test(store, a_transaction_is_announced_after_its_commit_and_in_order)
{
	struct store *store = must_open();
	struct seen seen = { 0 };

	store_set_listener(store, record_change, &seen);
	cr_assert_eq(store_begin(store, NULL), 0);
	cr_assert_eq(store_begin(store, NULL), -EALREADY);
	must_create(store, "a");
	must_create(store, "b");
	cr_assert_str_eq(seen.text, "");
	cr_assert_eq(store_commit(store, NULL), 0);
	cr_assert_str_eq(seen.text, "A a 2;A b 3;");
	cr_assert_eq(store_commit(store, NULL), -EINVAL);
	store_close(store);
}

Test(store, a_rollback_leaves_nothing_and_announces_nothing)
{
	struct object_list list = OBJECT_LIST_INIT;
	struct store *store = must_open();
	struct seen seen = { 0 };
	uint64_t before = store_revision(store);

	store_set_listener(store, record_change, &seen);
	cr_assert_eq(store_begin(store, NULL), 0);
	must_create(store, "a");
	store_rollback(store);
	store_rollback(store);
	cr_assert_str_eq(seen.text, "");
	cr_assert_eq(store_revision(store), before);
	cr_assert_eq(store_list(store, KIND_CLAIM, NULL, &list, NULL), 0);
	cr_assert_eq(list.n, 0);
	object_list_fini(&list);
	cr_assert_eq(must_create(store, "a"), before + 1);
	store_close(store);
}

Test(store, a_transaction_with_a_failed_write_can_not_be_committed)
{
	_cleanup_(object_unref) struct object *same_uid =
		make_claim("b", "a", "Pending");
	struct store *store = must_open();
	struct seen seen = { 0 };
	uint64_t before = store_revision(store);
	struct err err = ERR_INIT;

	store_set_listener(store, record_change, &seen);
	cr_assert_eq(store_begin(store, NULL), 0);
	must_create(store, "a");
	cr_assert_eq(store_create(store, same_uid, NULL, NULL), -EINVAL);
	cr_assert_eq(store_commit(store, &err), -EIO);
	cr_assert_not_null(
		strstr(err_text(&err), "a write of this transaction"));
	err_fini(&err);
	cr_assert_eq(store_revision(store), before);
	cr_assert_str_eq(seen.text, "");
	store_close(store);
}

Test(store, lists_by_namespace_and_name)
{
	struct object_list list = OBJECT_LIST_INIT;
	struct store *store = must_open();

	must_create(store, "b");
	must_create(store, "c");
	must_create(store, "a");
	cr_assert_eq(store_list(store, KIND_CLAIM, "default", &list, NULL), 0);
	cr_assert_eq(list.n, 3);
	cr_assert_str_eq(list.items[0]->name, "a");
	cr_assert_str_eq(list.items[2]->name, "c");
	cr_assert_eq(list.resource_version, store_revision(store));
	object_list_fini(&list);
	cr_assert_eq(store_list(store, KIND_CLAIM, "other", &list, NULL), 0);
	cr_assert_eq(list.n, 0);
	object_list_fini(&list);
	store_close(store);
}

static void add_name(void *userdata, const char *namespace, const char *name)
{
	char *names = userdata;

	(void)sprintf(names + strlen(names), "%s/%s ", namespace, name);
}

Test(store, tells_the_names_of_those_in_a_phase)
{
	_cleanup_(object_unref) struct object *bound =
		make_claim("b", "b", "Bound");
	struct store *store = must_open();
	char pending[64] = "", all[64] = "";

	must_create(store, "a");
	cr_assert_eq(store_create(store, bound, NULL, NULL), 0);
	must_create(store, "c");
	cr_assert_eq(store_each_name(store, KIND_CLAIM, "Pending", add_name,
				     pending, NULL),
		     0);
	cr_assert_str_eq(pending, "default/a default/c ");
	cr_assert_eq(
		store_each_name(store, KIND_CLAIM, NULL, add_name, all, NULL),
		0);
	cr_assert_str_eq(all, "default/a default/b default/c ");
	store_close(store);
}

/* A watch sends an object as a line. */
Test(store, a_row_that_was_edited_by_hand_is_one_line)
{
	_cleanup_(object_unref) struct object *object = NULL;
	struct store *store = must_open();

	must_create(store, "a");
	run_sql("update claim set object = '{\n' || substr(object, 2)");
	cr_assert_eq(
		store_get(store, KIND_CLAIM, "default", "a", &object, NULL), 0);
	cr_assert_null(strchr(object->text, '\n'));
	store_close(store);
}

Test(store, people_can_look_while_it_is_open)
{
	struct store *store = must_open();
	char text[128];

	must_create(store, "a");
	cr_assert_eq(query("select phase || ' ' || class || ' ' || volume"
			   " from claim where name = 'a'",
			   text, sizeof(text)),
		     1);
	cr_assert_str_eq(text, "Pending nfs pv-a");
	cr_assert_eq(query("select claim from binding", text, sizeof(text)), 0);
	store_close(store);
}

Test(store, a_second_open_is_refused_until_the_first_closes)
{
	struct store *store = must_open();
	struct store *second = NULL;
	struct err err = ERR_INIT;

	cr_assert_eq(store_open(&second, path, &err), -EBUSY);
	cr_assert_not_null(strstr(err_text(&err), "in use by another process"));
	err_fini(&err);
	store_close(store);
	second = must_open();
	store_close(second);
}

static char *read_whole(const char *file, size_t *ret_len)
{
	_cleanup_(fclose) FILE *in = fopen(file, "re");
	char *text = calloc(1, 1 << 20);

	cr_assert_not_null(in);
	cr_assert_not_null(text);
	*ret_len = fread(text, 1, 1 << 20, in);
	return text;
}

static void assert_refused_unchanged(const char *why)
{
	_cleanup_(free) char *before = NULL;
	_cleanup_(free) char *after = NULL;
	struct store *store = NULL;
	struct err err = ERR_INIT;
	size_t len, len_after;

	before = read_whole(path, &len);
	cr_assert_eq(store_open(&store, path, &err), -EINVAL, "%s",
		     err_text(&err));
	cr_assert_not_null(strstr(err_text(&err), why), "%s", err_text(&err));
	err_fini(&err);
	after = read_whole(path, &len_after);
	cr_assert_eq(len, len_after);
	cr_assert_eq(memcmp(before, after, len), 0);
}

Test(store, refuses_a_file_that_is_not_a_database)
{
	_cleanup_(fclose) FILE *out = fopen(path, "we");

	for (int i = 0; i < 100; i++)
		(void)fputs("Dear diary, today was a day like any other.\n",
			    out);
	(void)fflush(out);
	assert_refused_unchanged("not an SQLite database");
}

Test(store, refuses_the_database_of_another_program)
{
	run_sql("pragma application_id = 7; create table t (x)");
	assert_refused_unchanged("belongs to another program");
	run_sql("pragma application_id = 0");
	assert_refused_unchanged("belongs to another program");
}

Test(store, takes_over_a_database_without_attachments)
{
	struct store *store = must_open();
	char found[16];

	must_create(store, "a");
	store_close(store);
	run_sql("drop table attachment; drop table trash;"
		" drop table snapshot; drop table copy;"
		" drop table volume_attachment; drop table attributes_class;"
		" drop index volume_by_claim; drop index intent_of_volume;"
		" drop index intent_of_claim; drop index volume_by_handle;"
		" drop index claim_by_class; drop index claim_by_attributes; pragma user_version = 2");
	store_close(must_open());
	cr_assert_eq(query("select name from claim", found, sizeof(found)), 1);
	cr_assert_str_eq(found, "a");
	cr_assert_eq(query("select pod from attachment", found, sizeof(found)),
		     0);
}

Test(store, refuses_a_schema_of_the_future)
{
	store_close(must_open());
	run_sql("pragma user_version = 99");
	assert_refused_unchanged("schema step 99");
}

Test(store, says_why_a_folder_does_not_do)
{
	struct store *store = NULL;
	struct err err = ERR_INIT;

	cr_assert_eq(store_open(&store, "/nonexistent/claimfs.db", &err),
		     -ENOENT);
	cr_assert_str_eq(
		err_text(&err),
		"open \"/nonexistent/claimfs.db.lock\": No such file or directory");
	err_fini(&err);
}

static void create_event(struct store *store, unsigned int i)
{
	_cleanup_(object_unref) struct object *object = NULL;
	char text[256];

	(void)snprintf(text, sizeof(text),
		       "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":"
		       "{\"name\":\"e%05u\",\"uid\":\"u%u\"},\"reason\":\"R\"}",
		       i, i);
	cr_assert_eq(object_parse(&object, text, strlen(text), NULL), 0);
	cr_assert_eq(store_create(store, object, NULL, NULL), 0);
}

static size_t count_events(struct store *store)
{
	struct object_list list = OBJECT_LIST_INIT;
	size_t n;

	cr_assert_eq(store_list(store, KIND_EVENT, NULL, &list, NULL), 0);
	n = list.n;
	object_list_fini(&list);
	return n;
}

Test(store, events_expire_after_an_hour_and_the_expiry_is_announced)
{
	struct store *store = must_open();
	struct seen seen = { 0 };

	create_event(store, 1);
	run_sql("update event set written = written - 3601");
	store_set_listener(store, record_change, &seen);
	create_event(store, 2);
	cr_assert_eq(count_events(store), 1);
	cr_assert_str_eq(seen.text, "A e00002 3;D e00001 4;");
	store_close(store);
}

Test(store, keeps_the_newest_two_thousand_events, .timeout = 100)
{
	_cleanup_(object_unref) struct object *object = NULL;
	struct store *store = must_open();

	cr_assert_eq(store_begin(store, NULL), 0);
	run_sql("select 1");
	for (unsigned int i = 0; i < 20; i++)
		create_event(store, i);
	cr_assert_eq(store_commit(store, NULL), 0);
	run_sql("with recursive n(i) as"
		" (select 1 union all select i + 1 from n where i < 1981)"
		" insert into event (namespace, name, uid, revision, object)"
		" select 'default', 'f' || i, 'f' || i, 1, replace(object,"
		"  'e00019', 'f' || i) from event, n where name = 'e00019'");
	create_event(store, 20);
	cr_assert_eq(count_events(store), 2000);
	cr_assert_eq(store_get(store, KIND_EVENT, "default", "e00001", &object,
			       NULL),
		     STORE_NOT_FOUND);
	store_close(store);
}

Test(store, an_open_intent_is_found_by_its_volume_and_by_its_claim)
{
	static const char detail[] =
		"{\"claimNamespace\":\"default\",\"claimName\":\"c\"}";
	struct store_intent_list list = { 0 };
	struct store *store = must_open();
	int64_t id, found = 0;

	cr_assert_eq(store_intent_open(store, "provision", "pv-1", detail, &id,
				       NULL),
		     0);
	cr_expect_eq(store_intent_find(store, "pv-1", NULL, NULL, &found, NULL),
		     0);
	cr_expect_eq(found, id);
	cr_expect_eq(store_intent_find(store, "pv-1", "provision", detail,
				       &found, NULL),
		     0);
	cr_expect_eq(
		store_intent_find(store, "pv-1", "reclaim", NULL, &found, NULL),
		STORE_NOT_FOUND);
	cr_expect_eq(store_intent_find(store, "pv-2", NULL, NULL, &found, NULL),
		     STORE_NOT_FOUND);
	cr_expect_eq(store_intent_list_claim(store, "else", "c", &list, NULL),
		     0);
	cr_expect_eq(list.n, 0);
	cr_expect_eq(
		store_intent_list_claim(store, "default", "c", &list, NULL), 0);
	cr_expect_eq(list.n, 1);
	store_intent_list_fini(&list);
	cr_assert_eq(store_intent_close(store, id, "done", NULL), 0);
	cr_expect_eq(store_intent_find(store, "pv-1", NULL, NULL, &found, NULL),
		     STORE_NOT_FOUND);
	store_close(store);
}

Test(store, open_intents_are_found_after_a_crash)
{
	struct store_intent_list list = { 0 };
	struct store *store = must_open();
	int64_t first, second;

	cr_assert_eq(store_intent_open(store, "mkdir", "pv-1", "{\"a\":1}",
				       &first, NULL),
		     0);
	cr_assert_eq(
		store_intent_open(store, "trash", "pv-2", "{}", &second, NULL),
		0);
	cr_assert_eq(store_intent_close(store, second, "done", NULL), 0);
	cr_assert_eq(store_intent_close(store, second, "done", NULL),
		     STORE_NOT_FOUND);
	store_close(store);
	store = must_open();
	cr_assert_eq(store_intent_list_open(store, &list, NULL), 0);
	cr_assert_eq(list.n, 1);
	cr_assert_eq(list.items[0].id, first);
	cr_assert_str_eq(list.items[0].step, "mkdir");
	cr_assert_str_eq(list.items[0].volume, "pv-1");
	cr_assert_str_eq(list.items[0].detail, "{\"a\":1}");
	store_intent_list_fini(&list);
	store_close(store);
}

Test(store, an_intent_shares_the_fate_of_its_transaction)
{
	struct store_intent_list list = { 0 };
	struct store *store = must_open();
	int64_t id;

	cr_assert_eq(store_begin(store, NULL), 0);
	cr_assert_eq(store_intent_open(store, "mkdir", "pv-1", "{}", &id, NULL),
		     0);
	store_rollback(store);
	cr_assert_eq(store_intent_list_open(store, &list, NULL), 0);
	cr_assert_eq(list.n, 0);
	store_intent_list_fini(&list);
	store_close(store);
}

/* Creates claims until one fails; returns how many did not. */
static unsigned int fill_disk(struct store *store, struct err *err)
{
	char name[32];

	for (unsigned int i = 0; i < 20000; i++) {
		_cleanup_(object_unref) struct object *object = NULL;

		(void)snprintf(name, sizeof(name), "c%u", i);
		object = make_claim(name, name, "Pending");
		if (store_create(store, object, NULL, err) < 0)
			return i;
	}
	return 20000;
}

Test(store, a_full_disk_loses_nothing_that_was_committed, .timeout = 100)
{
	struct object_list list = OBJECT_LIST_INIT;
	struct seen seen = { 0 };
	struct err err = ERR_INIT;
	struct store *store;
	unsigned int n;

	if (mount("tmpfs", dir, "tmpfs", 0, "size=1m") < 0)
		cr_skip_test("needs the right to mount a tmpfs");
	store = must_open();
	n = fill_disk(store, &err);
	cr_expect_lt(n, 20000);
	cr_expect_gt(n, 20);
	cr_expect_eq(err.code, -ENOSPC, "%s", err_text(&err));
	err_fini(&err);
	store_set_listener(store, record_change, &seen);
	cr_expect_eq(store_list(store, KIND_CLAIM, NULL, &list, NULL), 0);
	cr_expect_eq(list.n, n);
	cr_expect_eq(store_revision(store), n + 1);
	cr_expect_str_eq(seen.text, "");
	object_list_fini(&list);
	store_close(store);
	cr_expect_eq(umount2(dir, MNT_DETACH), 0);
}

static void create_volume(struct store *store, const char *name,
			  const char *claim)
{
	_cleanup_(object_unref) struct object *object = NULL;
	struct err err = ERR_INIT;
	char text[512];

	(void)snprintf(
		text, sizeof(text),
		"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolume\","
		"\"metadata\":{\"name\":\"%s\",\"uid\":\"%s\"},\"spec\":{%s}}",
		name, name, claim);
	cr_assert_eq(object_parse(&object, text, strlen(text), &err), 0, "%s",
		     err_text(&err));
	cr_assert_eq(store_create(store, object, NULL, &err), 0);
}

#define CLAIM_REF(namespace, name) \
	"\"claimRef\":{\"namespace\":\"" namespace "\",\"name\":\"" name "\"}"

Test(store, lists_the_volumes_that_a_claim_may_get)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	struct store *store = must_open();
	static const char *const expected[] = { "free", "mine", "named" };

	create_volume(store, "mine", CLAIM_REF("default", "c"));
	create_volume(store, "other", CLAIM_REF("default", "d"));
	create_volume(store, "namesake", CLAIM_REF("else", "c"));
	create_volume(store, "named", CLAIM_REF("default", "d"));
	create_volume(store, "free", "");
	cr_assert_eq(store_list_volumes_for(store, "default", "c", "named",
					    &list, NULL),
		     0);
	cr_assert_eq(list.n, ARRAY_SIZE(expected));
	for (size_t i = 0; i < list.n; i++)
		cr_assert_str_eq(list.items[i]->name, expected[i]);
	store_close(store);
}

/* Their server is gone for good, say. */
Test(store, what_can_not_be_removed_does_not_hide_the_rest_of_the_trash)
{
	_cleanup_(store_trash_list_fini) struct store_trash_list due = { 0 };
	struct store *store = must_open();
	int64_t next_s;

	run_sql("insert into trash (volume, state, trashed, expires, detail,"
		" error) with recursive n(i) as (select 1 union all"
		" select i + 1 from n where i < 1000)"
		" select 'away-' || i, 'removing', 1, 1, '{}', 'away' from n");
	run_sql("insert into trash (volume, state, trashed, expires, detail,"
		" error) values ('well', 'removing', 1, 2, '{}', null),"
		" ('wanted', 'restoring', 1, 9, '{}', 'away')");
	cr_assert_eq(store_trash_due(store, 5, &due, &next_s, NULL), 0);
	cr_assert_str_eq(due.items[0].volume, "wanted");
	cr_assert_str_eq(due.items[1].volume, "well");
	store_close(store);
}
