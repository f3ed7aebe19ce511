/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Objects in and out of their tables. All tables have the columns that the
 * statements below name; cluster-scoped ones lack the namespace, which for their
 * objects is "" and is compared as such, so that one binding serves both:
 * ?1 namespace, ?2 name, ?3 uid, ?4 revision, ?5 object.
 *
 * A write decides first and writes then: the positive outcomes leave a
 * transaction as it was, and a caller may go on with it.
 *
 * Who changes an object reads it several times on the way, and parsing is most of the
 * time of it. So the objects of late are kept beside their tables, by name; what counts
 * is the row's text, and one that has another is of no use.
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "fnv1a.h"
#include "json_field.h"
#include "store_internal.h"

/* store_mirror.c has the table listed. */
#define UNLISTED(table)                                                \
	"select object from " table                                    \
	" where not exists (select 1 from temp.listed where kind = ?1" \
	"  and listed.uid = " table ".uid and (is_listed or revision > ?2))"

#define NAMESPACED(table)                                                     \
	{                                                                     \
		[OBJECT_GET] = "select object from " table                    \
			       " where namespace = ?1 and name = ?2",         \
		[OBJECT_INSERT] = "insert into " table                        \
				  " (namespace, name, uid, revision, object)" \
				  " values (?1, ?2, ?3, ?4, ?5)",             \
		[OBJECT_UPDATE] =                                             \
			"update " table " set revision = ?4, object = ?5"     \
			" where namespace = ?1 and name = ?2",                \
		[OBJECT_DELETE] = "delete from " table                        \
				  " where namespace = ?1 and name = ?2",      \
		[OBJECT_UNLISTED] = UNLISTED(table),                          \
	}

#define CLUSTER_SCOPED(table)                                                 \
	{                                                                     \
		[OBJECT_GET] = "select object from " table                    \
			       " where ?1 = '' and name = ?2",                \
		[OBJECT_INSERT] =                                             \
			"insert into " table " (name, uid, revision, object)" \
			" values (?2, ?3, ?4, ?5)",                           \
		[OBJECT_UPDATE] =                                             \
			"update " table " set revision = ?4, object = ?5"     \
			" where ?1 = '' and name = ?2",                       \
		[OBJECT_DELETE] =                                             \
			"delete from " table " where ?1 = '' and name = ?2",  \
		[OBJECT_UNLISTED] = UNLISTED(table),                          \
	}

static const char *const sql[KIND_RECORD_N][OBJECT_STATEMENT_N] = {
	[KIND_STORAGE_CLASS] = CLUSTER_SCOPED("class"),
	[KIND_PERSISTENT_VOLUME] = CLUSTER_SCOPED("volume"),
	[KIND_CLAIM] = NAMESPACED("claim"),
	[KIND_POD] = NAMESPACED("pod"),
	[KIND_EVENT] = NAMESPACED("event"),
	[KIND_VOLUME_ATTACHMENT] = CLUSTER_SCOPED("volume_attachment"),
	[KIND_ATTRIBUTES_CLASS] = CLUSTER_SCOPED("attributes_class"),
};

struct key {
	enum object_kind kind;
	const char *namespace;
	const char *name;
};

static struct key key_of(const struct object *object)
{
	return (struct key){ object->kind, object->namespace, object->name };
}

static int prepare(struct store *store, enum object_statement which,
		   const struct key *key, sqlite3_stmt **ret, struct err *err)
{
	int index = STATEMENT_OBJECT + (int)key->kind * OBJECT_STATEMENT_N +
		    (int)which;
	int r = store_statement(store, index, sql[key->kind][which], ret, err);

	if (r < 0)
		return r;
	store_bind_text(*ret, 1, key->namespace);
	store_bind_text(*ret, 2, key->name);
	return 0;
}

static struct object **place_of(struct store *store, const struct key *key)
{
	uint64_t hash =
		fnv1a_text(fnv1a_text(FNV1A_START, key->namespace), key->name);

	return &store->recent[(hash + key->kind) % ARRAY_SIZE(store->recent)];
}

static void keep(struct store *store, struct object *object)
{
	struct key key = key_of(object);
	struct object **place = place_of(store, &key);

	if (strlen(object->text) > STORE_RECENT_MAX)
		return;
	object_unref(*place);
	*place = object_ref(object);
}

static int read_row(struct store *store, const struct key *key,
		    sqlite3_stmt *row, struct object **ret, struct err *err)
{
	struct object *recent = *place_of(store, key);
	const char *text = (const char *)sqlite3_column_text(row, 0);
	int r;

	if (recent && text && strcmp(recent->text, text) == 0) {
		*ret = object_ref(recent);
		return 0;
	}
	r = store_read_object(row, ret, err);
	if (r == 0)
		keep(store, *ret);
	return r;
}

static int get_locked(struct store *store, const struct key *key,
		      struct object **ret, struct err *err)
{
	sqlite3_stmt *statement;
	int code, r;

	r = prepare(store, OBJECT_GET, key, &statement, err);
	if (r < 0)
		return r;
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		r = read_row(store, key, statement, ret, err);
	else if (code == SQLITE_DONE)
		r = STORE_NOT_FOUND;
	else
		r = store_failed(store, code, err);
	(void)sqlite3_reset(statement);
	return r;
}

int store_get(struct store *store, enum object_kind kind, const char *namespace,
	      const char *name, struct object **ret, struct err *err)
{
	struct key key = { kind, namespace, name };
	int r;

	store_lock_to_read(store);
	r = get_locked(store, &key, ret, err);
	store_unlock(store);
	return r;
}

/* A copy of the object's JSON that carries this resourceVersion; NULL = no memory. */
static cJSON *stamp(const struct object *object, uint64_t revision)
{
	cJSON *json = object_edit(object);
	cJSON *metadata = cJSON_GetObjectItemCaseSensitive(json, "metadata");
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu",
		       (unsigned long long)revision);
	cJSON_DeleteItemFromObjectCaseSensitive(metadata, "resourceVersion");
	if (cJSON_AddStringToObject(metadata, "resourceVersion", text))
		return json;
	cJSON_Delete(json);
	return NULL;
}

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "store an object: out of memory");
}

static int write_row(struct store *store, enum object_statement which,
		     const struct object *object, struct err *err)
{
	struct key key = key_of(object);
	sqlite3_stmt *statement;
	int r = prepare(store, which, &key, &statement, err);

	if (r < 0)
		return r;
	if (which == OBJECT_INSERT)
		store_bind_text(statement, 3, object->uid);
	if (which != OBJECT_DELETE) {
		(void)sqlite3_bind_int64(statement, 4,
					 (int64_t)object->resource_version);
		store_bind_text(statement, 5, object->text);
	}
	return store_run(store, statement, err);
}

int store_object_write(struct store *store, enum store_change change,
		       const struct object *old, struct object *object,
		       struct err *err)
{
	static const enum object_statement statements[] = {
		[STORE_ADDED] = OBJECT_INSERT,
		[STORE_MODIFIED] = OBJECT_UPDATE,
		[STORE_DELETED] = OBJECT_DELETE,
	};
	int r = write_row(store, statements[change], object, err);

	if (r < 0)
		return r;
	store->revision++;
	r = store_history_object(store, change, old, object, err);
	return r < 0 ? r : store_announce(store, change, object, err);
}

/* Stamps it first. *ret may be NULL. */
static int write_object(struct store *store, enum store_change change,
			const struct object *old, const struct object *object,
			struct object **ret, struct err *err)
{
	_cleanup_(object_unref) struct object *stamped = NULL;
	cJSON *json = stamp(object, store->revision + 1);
	int r = json ? object_new(&stamped, json, err) : no_memory(err);

	if (r == 0)
		r = store_object_write(store, change, old, stamped, err);
	if (r == 0)
		keep(store, stamped);
	if (r == 0 && ret)
		*ret = TAKE_PTR(stamped);
	return r;
}

static int remove_locked(struct store *store, const struct key *key,
			 const char *uid, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	int r = get_locked(store, key, &object, err);

	if (r != 0)
		return r;
	if (uid && strcmp(uid, object->uid) != 0)
		return STORE_CONFLICT;
	return write_object(store, STORE_DELETED, NULL, object, NULL, err);
}

static int list_old_events(struct store *store, struct object_list *list,
			   struct err *err)
{
	sqlite3_stmt *statement;
	int r;

	r = store_statement(store, STATEMENT_OLD_EVENTS,
			    "select object from event"
			    " where written < unixepoch() - ?1"
			    " or rowid in (select rowid from event"
			    "  order by written desc, rowid desc"
			    "  limit -1 offset ?2)",
			    &statement, err);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int(statement, 1, STORE_EVENT_AGE_S);
	(void)sqlite3_bind_int(statement, 2, STORE_MAX_EVENTS);
	r = store_read_objects(store, statement, list, err);
	(void)sqlite3_reset(statement);
	return r;
}

/* Watchers learn of expired events as of any other removal. */
static int trim_events(struct store *store, struct err *err)
{
	_cleanup_(object_list_fini) struct object_list old = OBJECT_LIST_INIT;
	int r = list_old_events(store, &old, err);

	for (size_t i = 0; i < old.n && r == 0; i++)
		r = write_object(store, STORE_DELETED, NULL, old.items[i], NULL,
				 err);
	return r;
}

static int create_locked(struct store *store, const struct object *object,
			 struct object **ret, struct err *err)
{
	_cleanup_(object_unref) struct object *present = NULL;
	struct key key = key_of(object);
	int r;

	if (!*object->name || !*object->uid)
		return err_set(err, -EINVAL, "store an object: it has no %s",
			       *object->name ? "metadata.uid"
					     : "metadata.name");
	r = get_locked(store, &key, &present, err);
	if (r == 0)
		return STORE_EXISTS;
	if (r != STORE_NOT_FOUND)
		return r;
	r = write_object(store, STORE_ADDED, NULL, object, ret, err);
	if (r == 0 && object->kind == KIND_EVENT)
		r = trim_events(store, err);
	return r;
}

int store_create(struct store *store, const struct object *object,
		 struct object **ret, struct err *err)
{
	_cleanup_(object_unref) struct object *stored = NULL;
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	r = store_leave(store, create_locked(store, object, &stored, err), err);
	if (r == 0 && ret)
		*ret = TAKE_PTR(stored);
	return r;
}

static int is_same(const struct object *a, const struct object *b,
		   struct err *err)
{
	cJSON *json = stamp(a, b->resource_version);
	int r = json ? json_is_equal(json, b->json) : no_memory(err);

	cJSON_Delete(json);
	return r;
}

static int update_locked(struct store *store, const struct object *object,
			 uint64_t expected, struct object **ret,
			 struct err *err)
{
	_cleanup_(object_unref) struct object *present = NULL;
	struct key key = key_of(object);
	int r = get_locked(store, &key, &present, err);

	if (r != 0)
		return r;
	if (expected && expected != present->resource_version)
		return STORE_CONFLICT;
	if (strcmp(object->uid, present->uid) != 0)
		return STORE_CONFLICT;
	r = is_same(object, present, err);
	if (r < 0)
		return r;
	if (r == 0)
		return write_object(store, STORE_MODIFIED, present, object, ret,
				    err);
	*ret = TAKE_PTR(present);
	return 0;
}

int store_update(struct store *store, const struct object *object,
		 uint64_t expected, struct object **ret, struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(
		store, update_locked(store, object, expected, ret, err), err);
}

int store_remove(struct store *store, enum object_kind kind,
		 const char *namespace, const char *name, const char *uid,
		 struct err *err)
{
	struct key key = { kind, namespace, name };
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, remove_locked(store, &key, uid, err), err);
}

/* --- for the mirror ------------------------------------------------------------- */

int store_object_get(struct store *store, enum object_kind kind,
		     const char *namespace, const char *name,
		     struct object **ret, struct err *err)
{
	struct key key = { kind, namespace, name };

	return get_locked(store, &key, ret, err);
}

int store_object_list_unlisted(struct store *store, enum object_kind kind,
			       uint64_t version, struct object_list *ret,
			       struct err *err)
{
	struct key key = { kind, "", "" };
	sqlite3_stmt *statement;
	int r = prepare(store, OBJECT_UNLISTED, &key, &statement, err);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int(statement, 1, (int)kind);
	(void)sqlite3_bind_int64(statement, 2, (int64_t)version);
	r = store_read_objects(store, statement, ret, err);
	(void)sqlite3_reset(statement);
	return r;
}
