/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rows that somebody else decides about. What a list had is noted in a temporary table
 * (store_schema.c), by uid, since a list of a large cluster is neither one answer nor one transaction.
 *
 * So is what was removed lately: an answer to a write may be slower than the watch that
 * tells of the object's end, and would bring it back for ever. A uid never returns, but
 * only who tells of an end by uid proves it: what a list lacks may be younger than it.
 */

#include "store_mirror.h"

#include <string.h>

#include "store_internal.h"

#define GONE_MAX 1000 /* removals that an answer may be late by */

/* --- what is gone --------------------------------------------------------------- */

static int note_gone(struct store *store, const char *uid, struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(
		store, STATEMENT_GONE_ADD,
		"insert or ignore into temp.gone (uid) values (?1)", &statement,
		err);

	if (r < 0)
		return r;
	store_bind_text(statement, 1, uid);
	r = store_run(store, statement, err);
	if (r < 0)
		return r;
	r = store_statement(store, STATEMENT_GONE_TRIM,
			    "delete from temp.gone"
			    " where id <= (select max(id) from temp.gone) - ?1",
			    &statement, err);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int(statement, 1, GONE_MAX);
	return store_run(store, statement, err);
}

/* 1 or 0 */
static int is_gone(struct store *store, const char *uid, struct err *err)
{
	sqlite3_stmt *statement;
	int code, r;

	r = store_statement(store, STATEMENT_GONE_FIND,
			    "select 1 from temp.gone where uid = ?1",
			    &statement, err);
	if (r < 0)
		return r;
	store_bind_text(statement, 1, uid);
	code = sqlite3_step(statement);
	(void)sqlite3_reset(statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return store_failed(store, code, err);
	return code == SQLITE_ROW;
}

/* --- one object ------------------------------------------------------------------ */

static int add(struct store *store, struct object *object, struct err *err)
{
	int r = is_gone(store, object->uid, err);

	return r != 0 ? r < 0 ? r : 0
		      : store_object_write(store, STORE_ADDED, NULL, object,
					   err);
}

static int put_locked(struct store *store, struct object *object,
		      struct err *err)
{
	_cleanup_(object_unref) struct object *present = NULL;
	int r = store_object_get(store, object->kind, object->namespace,
				 object->name, &present, err);

	if (r < 0)
		return r;
	if (r == STORE_NOT_FOUND)
		return add(store, object, err);
	if (strcmp(present->uid, object->uid) == 0)
		return present->resource_version >= object->resource_version
			       ? 0
			       : store_object_write(store, STORE_MODIFIED,
						    present, object, err);
	r = is_gone(store, object->uid, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = store_object_write(store, STORE_DELETED, NULL, present, err);
	return r < 0 ? r : add(store, object, err);
}

int store_mirror_put(struct store *store, struct object *object,
		     struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, put_locked(store, object, err), err);
}

static int remove_locked(struct store *store, enum object_kind kind,
			 const char *namespace, const char *name,
			 const char *uid, struct err *err)
{
	_cleanup_(object_unref) struct object *present = NULL;
	int r = uid ? note_gone(store, uid, err) : 0;

	if (r == 0)
		r = store_object_get(store, kind, namespace, name, &present,
				     err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (uid && strcmp(uid, present->uid) != 0)
		return 0;
	return store_object_write(store, STORE_DELETED, NULL, present, err);
}

int store_mirror_remove(struct store *store, enum object_kind kind,
			const char *namespace, const char *name,
			const char *uid, struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(
		store, remove_locked(store, kind, namespace, name, uid, err),
		err);
}

/* --- lists -------------------------------------------------------------------- */

static int clear_locked(struct store *store, enum object_kind kind,
			struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(store, STATEMENT_LISTED_CLEAR,
				"delete from temp.listed where kind = ?1",
				&statement, err);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int(statement, 1, (int)kind);
	return store_run(store, statement, err);
}

int store_mirror_begin_list(struct store *store, enum object_kind kind,
			    struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, clear_locked(store, kind, err), err);
}

static int note_locked(struct store *store, const struct object *object,
		       struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(
		store, STATEMENT_LISTED_ADD,
		"insert or ignore into temp.listed (kind, uid) values (?1, ?2)",
		&statement, err);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int(statement, 1, (int)object->kind);
	store_bind_text(statement, 2, object->uid);
	return store_run(store, statement, err);
}

int store_mirror_put_listed(struct store *store, struct object *object,
			    struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	r = note_locked(store, object, err);
	if (r == 0)
		r = put_locked(store, object, err);
	return store_leave(store, r, err);
}

static int remove_unlisted(struct store *store, enum object_kind kind,
			   uint64_t version, struct err *err)
{
	_cleanup_(object_list_fini) struct object_list gone = OBJECT_LIST_INIT;
	int r = store_object_list_unlisted(store, kind, version, &gone, err);

	for (size_t i = 0; i < gone.n && r == 0; i++)
		r = store_object_write(store, STORE_DELETED, NULL,
				       gone.items[i], err);
	return r;
}

int store_mirror_end_list(struct store *store, enum object_kind kind,
			  uint64_t version, struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	r = remove_unlisted(store, kind, version, err);
	if (r == 0)
		r = clear_locked(store, kind, err);
	return store_leave(store, r, err);
}
