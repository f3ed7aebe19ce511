/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rows that somebody else decides about. A list of a large cluster is neither one answer
 * nor one transaction, so a temporary table (store_schema.c) has, by uid, what it named
 * and what answers told since it began.
 *
 * A list is believed whatever its versions: those of an etcd that was restored from a
 * backup are lower than the record's, and used twice. Only of what was answered since
 * the list began, which may be younger than it, versions are compared.
 *
 * Another table has what was removed lately: an answer to a write may be slower than the
 * watch that tells of the object's end, and would bring it back for ever. A uid never
 * returns, except by such a restoration, of which a list tells. Only who tells of an end by
 * uid proves it: what a list lacks may be younger than it.
 */

#include "store_mirror.h"

#include <string.h>

#include "json_field.h"
#include "store_internal.h"

#define GONE_MAX 1000 /* removals that an answer may be late by */

enum word {
	WORD_OF_ANSWER, /* or of a watch: the younger version counts */
	WORD_OF_LIST,	/* counts */
};

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

static int forget_gone(struct store *store, const char *uid, struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(store, STATEMENT_GONE_FORGET,
				"delete from temp.gone where uid = ?1",
				&statement, err);

	if (r < 0)
		return r;
	store_bind_text(statement, 1, uid);
	return store_run(store, statement, err);
}

/* --- what is told while a list is under way -------------------------------------- */

/* Nothing is noted unless one is: its own row has no uid. */
static int note_answered(struct store *store, enum object_kind kind,
			 const char *uid, struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(
		store, STATEMENT_LISTED_ANSWER,
		"insert or ignore into temp.listed (kind, uid, is_answered)"
		" select kind, ?2, 1 from temp.listed"
		" where kind = ?1 and uid = ''",
		&statement, err);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int(statement, 1, (int)kind);
	store_bind_text(statement, 2, uid);
	return store_run(store, statement, err);
}

/* *ret: whose word counts. */
static int note_listed(struct store *store, const struct object *object,
		       enum word *ret, struct err *err)
{
	sqlite3_stmt *statement;
	int code;
	int r = store_statement(
		store, STATEMENT_LISTED_ADD,
		"insert into temp.listed (kind, uid, is_listed)"
		" values (?1, ?2, 1)"
		" on conflict (kind, uid) do update set is_listed = 1"
		" returning is_answered",
		&statement, err);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int(statement, 1, (int)object->kind);
	store_bind_text(statement, 2, object->uid);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int(statement, 0) ? WORD_OF_ANSWER
							: WORD_OF_LIST;
	(void)sqlite3_reset(statement);
	return code == SQLITE_ROW ? 0 : store_failed(store, code, err);
}

/* --- one object ------------------------------------------------------------------ */

static int add(struct store *store, struct object *object, struct err *err)
{
	int r = is_gone(store, object->uid, err);

	return r != 0 ? r < 0 ? r : 0
		      : store_object_write(store, STORE_ADDED, NULL, object,
					   err);
}

static bool is_same(const struct object *a, const struct object *b)
{
	return a->resource_version == b->resource_version &&
	       (strcmp(a->text, b->text) == 0 ||
		json_is_equal(a->json, b->json));
}

static bool is_known(const struct object *present, const struct object *object,
		     enum word word)
{
	return word == WORD_OF_LIST
		       ? is_same(present, object)
		       : present->resource_version >= object->resource_version;
}

static int put_locked(struct store *store, struct object *object,
		      enum word word, struct err *err)
{
	_cleanup_(object_unref) struct object *present = NULL;
	int r = store_object_get(store, object->kind, object->namespace,
				 object->name, &present, err);

	if (r < 0)
		return r;
	if (r == STORE_NOT_FOUND)
		return add(store, object, err);
	if (strcmp(present->uid, object->uid) == 0)
		return is_known(present, object, word)
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
	r = note_answered(store, object->kind, object->uid, err);
	if (r == 0)
		r = put_locked(store, object, WORD_OF_ANSWER, err);
	return store_leave(store, r, err);
}

static int remove_locked(struct store *store, enum object_kind kind,
			 const char *namespace, const char *name,
			 const char *uid, struct err *err)
{
	_cleanup_(object_unref) struct object *present = NULL;
	int r = uid ? note_gone(store, uid, err) : 0;

	if (r == 0 && uid)
		r = note_answered(store, kind, uid, err);
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

static int begin_locked(struct store *store, enum object_kind kind,
			struct err *err)
{
	sqlite3_stmt *statement;
	int r = clear_locked(store, kind, err);

	if (r == 0)
		r = store_statement(
			store, STATEMENT_LISTED_BEGIN,
			"insert into temp.listed (kind, uid) values (?1, '')",
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
	return store_leave(store, begin_locked(store, kind, err), err);
}

int store_mirror_put_listed(struct store *store, struct object *object,
			    struct err *err)
{
	enum word word = WORD_OF_LIST;
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	r = note_listed(store, object, &word, err);
	if (r == 0 && word == WORD_OF_LIST)
		r = forget_gone(store, object->uid, err);
	if (r == 0)
		r = put_locked(store, object, word, err);
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
