/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Many objects at once, in three forms, of which the cheapest that will do is the
 * right one: names (a queue's keys), texts (answers of the API), and objects (for
 * decisions). Parsed, an object takes ten times the memory of its text, and most of
 * the time of reading it.
 *
 * A list is read with the lock held and is of one revision.
 */

#include <string.h>

#include "store_internal.h"

static const char *const list_sql[KIND_RECORD_N] = {
#define CLUSTER_SCOPED(table) \
	"select object from " table " where ?1 is null or ?1 = '' order by name"
#define NAMESPACED(table)                                                 \
	"select object from " table " where ?1 is null or namespace = ?1" \
	" order by namespace, name"
	[KIND_STORAGE_CLASS] = CLUSTER_SCOPED("class"),
	[KIND_PERSISTENT_VOLUME] = CLUSTER_SCOPED("volume"),
	[KIND_CLAIM] = NAMESPACED("claim"),
	[KIND_POD] = NAMESPACED("pod"),
	[KIND_EVENT] = NAMESPACED("event"),
	[KIND_VOLUME_ATTACHMENT] = CLUSTER_SCOPED("volume_attachment"),
	[KIND_ATTRIBUTES_CLASS] = CLUSTER_SCOPED("attributes_class"),
};

int store_read_object(sqlite3_stmt *statement, struct object **ret,
		      struct err *err)
{
	const char *text = (const char *)sqlite3_column_text(statement, 0);
	int len = sqlite3_column_bytes(statement, 0);

	if (!text)
		return err_set(err, -ENOMEM, "read the record: out of memory");
	return object_parse_text(ret, text, (size_t)len, err);
}

static int list_append(struct object_list *list, struct object *take_object)
{
	/* Doubling at the powers of two needs no capacity in the public struct. */
	if ((list->n & (list->n - 1)) == 0) {
		struct object **items = reallocarray(
			list->items, list->n ? list->n * 2 : 1, sizeof(*items));

		if (!items) {
			object_unref(take_object);
			return -ENOMEM;
		}
		list->items = items;
	}
	list->items[list->n++] = take_object;
	return 0;
}

int store_read_objects(struct store *store, sqlite3_stmt *statement,
		       struct object_list *list, struct err *err)
{
	int code, r;

	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct object *object = NULL;

		r = store_read_object(statement, &object, err);
		if (r < 0)
			return r;
		if (list_append(list, object) < 0)
			return err_set(err, -ENOMEM,
				       "list objects: out of memory");
	}
	return code == SQLITE_DONE ? 0 : store_failed(store, code, err);
}

/* Runs a statement that is bound already. */
static int run_list(struct store *store, sqlite3_stmt *statement,
		    struct object_list *ret, struct err *err)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	int r = store_read_objects(store, statement, &list, err);

	(void)sqlite3_reset(statement);
	if (r < 0)
		return r;
	list.resource_version = store->revision;
	*ret = list;
	list = OBJECT_LIST_INIT;
	return 0;
}

static int prepare_list(struct store *store, enum object_kind kind,
			const char *namespace, sqlite3_stmt **ret,
			struct err *err)
{
	int r = store_statement(store, STATEMENT_LIST + (int)kind,
				list_sql[kind], ret, err);

	if (r == 0)
		store_bind_text(*ret, 1, namespace);
	return r;
}

int store_list(struct store *store, enum object_kind kind,
	       const char *namespace, struct object_list *ret, struct err *err)
{
	sqlite3_stmt *statement;
	int r;

	store_lock_to_read(store);
	r = prepare_list(store, kind, namespace, &statement, err);
	if (r == 0)
		r = run_list(store, statement, ret, err);
	store_unlock(store);
	return r;
}

/* Each term of the condition has an index. */
static const char volumes_for_sql[] =
	"select object from volume where claim is null or name = ?3"
	" or (claim = ?2 and claim_namespace = ?1) order by name";

int store_list_volumes_for(struct store *store, const char *namespace,
			   const char *claim, const char *volume,
			   struct object_list *ret, struct err *err)
{
	sqlite3_stmt *statement;
	int r;

	store_lock_to_read(store);
	r = store_statement(store, STATEMENT_VOLUMES_FOR, volumes_for_sql,
			    &statement, err);
	if (r == 0) {
		store_bind_text(statement, 1, namespace);
		store_bind_text(statement, 2, claim);
		store_bind_text(statement, 3, volume);
		r = run_list(store, statement, ret, err);
	}
	store_unlock(store);
	return r;
}

int store_list_attachments_of(struct store *store, const char *volume,
			      struct object_list *ret, struct err *err)
{
	sqlite3_stmt *statement;
	int r;

	store_lock_to_read(store);
	r = store_statement(store, STATEMENT_ATTACHMENTS_OF,
			    "select object from volume_attachment"
			    " where volume = ?1 order by name",
			    &statement, err);
	if (r == 0) {
		store_bind_text(statement, 1, volume);
		r = run_list(store, statement, ret, err);
	}
	store_unlock(store);
	return r;
}

/* A row's text into the list, if it is wanted. */
static int take_text(sqlite3_stmt *statement, struct text_list *list,
		     store_text_fn fn, void *userdata)
{
	const char *text = (const char *)sqlite3_column_text(statement, 0);
	int len = sqlite3_column_bytes(statement, 0);
	int r;

	if (!text)
		return -ENOMEM;
	r = fn ? fn(userdata, text) : 1;
	return r > 0 ? text_list_add(list, text, (size_t)len) : r;
}

static int read_texts(struct store *store, sqlite3_stmt *statement,
		      store_text_fn fn, void *userdata, struct text_list *list,
		      struct err *err)
{
	int code, r;

	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		r = take_text(statement, list, fn, userdata);
		if (r < 0)
			return err_set_errno(err, r, "list objects");
	}
	list->resource_version = store->revision;
	return code == SQLITE_DONE ? 0 : store_failed(store, code, err);
}

int store_list_texts(struct store *store, enum object_kind kind,
		     const char *namespace, store_text_fn fn, void *userdata,
		     struct text_list **ret, struct err *err)
{
	_cleanup_(text_list_unref) struct text_list *list = text_list_new();
	sqlite3_stmt *statement;
	int r;

	if (!list)
		return err_set(err, -ENOMEM, "list objects: out of memory");
	store_lock_to_read(store);
	r = prepare_list(store, kind, namespace, &statement, err);
	if (r == 0) {
		r = read_texts(store, statement, fn, userdata, list, err);
		(void)sqlite3_reset(statement);
	}
	store_unlock(store);
	if (r == 0)
		*ret = TAKE_PTR(list);
	return r;
}

static int tell_names(struct store *store, sqlite3_stmt *statement,
		      store_name_fn fn, void *userdata, struct err *err)
{
	int code;

	while ((code = sqlite3_step(statement)) == SQLITE_ROW)
		fn(userdata, (const char *)sqlite3_column_text(statement, 0),
		   (const char *)sqlite3_column_text(statement, 1));
	(void)sqlite3_reset(statement);
	return code == SQLITE_DONE ? 0 : store_failed(store, code, err);
}

/* A phase is read from each object's text, where one is asked for. */
static const char *names_sql(enum object_kind kind)
{
	if (kind == KIND_CLAIM)
		return "select namespace, name from claim"
		       " where ?1 is null or phase = ?1";
	if (kind == KIND_VOLUME_ATTACHMENT)
		return "select '', volume from volume_attachment"
		       " where ?1 is null and volume is not null";
	return "select '', name from volume where ?1 is null or phase = ?1";
}

int store_each_name(struct store *store, enum object_kind kind,
		    const char *phase, store_name_fn fn, void *userdata,
		    struct err *err)
{
	static const enum store_statement which[KIND_RECORD_N] = {
		[KIND_CLAIM] = STATEMENT_CLAIM_NAMES,
		[KIND_PERSISTENT_VOLUME] = STATEMENT_VOLUME_NAMES,
		[KIND_VOLUME_ATTACHMENT] = STATEMENT_ATTACHED_NAMES,
	};
	sqlite3_stmt *statement;
	int r;

	store_lock_to_read(store);
	r = store_statement(store, which[kind], names_sql(kind), &statement,
			    err);
	if (r == 0) {
		store_bind_text(statement, 1, phase);
		r = tell_names(store, statement, fn, userdata, err);
	}
	store_unlock(store);
	return r;
}
