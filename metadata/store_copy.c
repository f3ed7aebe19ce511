/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A few small statements, and the two questions whose answers must not change before
 * what follows from them is written: whether a snapshot may still be copied from, and
 * whether nothing is copied from it any more.
 */

#include "store_copy.h"

#include <string.h>

#include "store_internal.h"

const char *const copy_state_names[COPY_STATE_N] = {
	[COPY_RUNNING] = "running",
	[COPY_STOPPED] = "stopped",
	[COPY_WHOLE] = "whole",
	[COPY_DROPPING] = "dropping",
};

void store_copy_fini(struct store_copy *copy)
{
	free(copy->name);
	free(copy->volume);
	free(copy->snapshot);
	free(copy->source);
	free(copy->target);
	free(copy->error);
	*copy = (struct store_copy){ 0 };
}

void store_copy_list_fini(struct store_copy_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		store_copy_fini(&list->items[i]);
	free(list->items);
	*list = (struct store_copy_list){ 0 };
}

/* --- reading ------------------------------------------------------------------- */

static enum copy_state state_of(const char *name)
{
	int state = COPY_STATE_N - 1;

	while (state > 0 && strcmp(copy_state_names[state], name) != 0)
		state--;
	return (enum copy_state)state;
}

static int decode(sqlite3_stmt *row, struct store_copy *ret)
{
	if (store_take_text(row, 0, &ret->name) < 0 ||
	    store_take_text(row, 1, &ret->volume) < 0 ||
	    store_take_text(row, 2, &ret->snapshot) < 0 ||
	    store_take_text(row, 3, &ret->source) < 0 ||
	    store_take_text(row, 4, &ret->target) < 0 ||
	    store_take_text(row, 5, &ret->error) < 0)
		return -ENOMEM;
	ret->state = state_of((const char *)sqlite3_column_text(row, 6));
	ret->is_snapshot = sqlite3_column_int(row, 7) != 0;
	ret->n_files = (uint64_t)sqlite3_column_int64(row, 8);
	ret->n_bytes = (uint64_t)sqlite3_column_int64(row, 9);
	ret->is_counted = sqlite3_column_type(row, 10) != SQLITE_NULL;
	ret->n_total_files = (uint64_t)sqlite3_column_int64(row, 10);
	ret->n_total_bytes = (uint64_t)sqlite3_column_int64(row, 11);
	ret->code = sqlite3_column_int(row, 12);
	ret->freeze_s = (uint32_t)sqlite3_column_int(row, 13);
	return 0;
}

#define SELECT                                                                      \
	"select name, volume, snapshot, source, target, error, state,"              \
	" is_snapshot, files, bytes, total_files, total_bytes, code, freeze_s from" \
	" copy"

static int append(void *userdata, sqlite3_stmt *row)
{
	struct store_copy_list *list = userdata;
	struct store_copy *items =
		reallocarray(list->items, list->n + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->n] = (struct store_copy){ 0 };
	return decode(row, &items[list->n++]);
}

static int read_rows(struct store *store, sqlite3_stmt *statement,
		     struct store_copy_list *ret, struct err *err)
{
	_cleanup_(store_copy_list_fini) struct store_copy_list list = { 0 };
	int r = store_rows(store, statement, append, &list, "list copies", err);

	if (r < 0)
		return r;
	*ret = list;
	list = (struct store_copy_list){ 0 };
	return 0;
}

/* key: bound as ?1; NULL = the statement has none. */
static int list_locked(struct store *store, int which, const char *sql,
		       const char *key, struct store_copy_list *ret,
		       struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(store, which, sql, &statement, err);

	if (r < 0)
		return r;
	if (key)
		store_bind_text(statement, 1, key);
	return read_rows(store, statement, ret, err);
}

static int first_locked(struct store *store, int which, const char *sql,
			const char *key, struct store_copy *ret,
			struct err *err)
{
	_cleanup_(store_copy_list_fini) struct store_copy_list list = { 0 };
	int r = list_locked(store, which, sql, key, &list, err);

	if (r < 0)
		return r;
	if (list.n == 0)
		return STORE_NOT_FOUND;
	*ret = list.items[0];
	list.items[0] = (struct store_copy){ 0 };
	return 0;
}

static int get_locked(struct store *store, const char *name,
		      struct store_copy *ret, struct err *err)
{
	return first_locked(store, STATEMENT_COPY_GET,
			    SELECT " where name = ?1", name, ret, err);
}

int store_copy_get(struct store *store, const char *name,
		   struct store_copy *ret, struct err *err)
{
	int r;

	store_lock_to_read(store);
	r = get_locked(store, name, ret, err);
	store_unlock(store);
	return r;
}

int store_copy_list(struct store *store, struct store_copy_list *ret,
		    struct err *err)
{
	int r;

	store_lock_to_read(store);
	r = list_locked(store, STATEMENT_COPY_LIST, SELECT " order by name",
			NULL, ret, err);
	store_unlock(store);
	return r;
}

int store_copy_due(struct store *store, struct store_copy_list *ret,
		   struct err *err)
{
	int r;

	store_lock_to_read(store);
	r = list_locked(store, STATEMENT_COPY_DUE,
			SELECT " where state in ('running', 'dropping') or"
			       " (state = 'whole' and is_snapshot)"
			       " order by error is not null, name limit 1000",
			NULL, ret, err);
	store_unlock(store);
	return r;
}

int store_copy_find_source(struct store *store, const char *volume,
			   struct store_copy *ret, struct err *err)
{
	int r;

	store_lock_to_read(store);
	r = first_locked(store, STATEMENT_COPY_SOURCE,
			 SELECT " where volume = ?1 and snapshot is null and"
				" state in ('running', 'stopped')"
				" order by name limit 1",
			 volume, ret, err);
	store_unlock(store);
	return r;
}

int store_copy_is_from(struct store *store, const char *snapshot,
		       struct err *err)
{
	_cleanup_(store_copy_fini) struct store_copy copy = { 0 };
	int r = first_locked(store, STATEMENT_COPY_FROM,
			     SELECT " where snapshot = ?1 and"
				    " state in ('running', 'stopped') limit 1",
			     snapshot, &copy, err);

	return r < 0 ? r : r == 0;
}

/* --- writing ------------------------------------------------------------------- */

static void bind_total(sqlite3_stmt *statement, int column,
		       const struct store_copy *copy, uint64_t n)
{
	if (copy->is_counted)
		(void)sqlite3_bind_int64(statement, column, (int64_t)n);
}

/* Six, from this column on. */
static void bind_note(sqlite3_stmt *statement, int column,
		      const struct store_copy *copy)
{
	(void)sqlite3_bind_int64(statement, column, (int64_t)copy->n_files);
	(void)sqlite3_bind_int64(statement, column + 1, (int64_t)copy->n_bytes);
	bind_total(statement, column + 2, copy, copy->n_total_files);
	bind_total(statement, column + 3, copy, copy->n_total_bytes);
	(void)sqlite3_bind_int(statement, column + 4, copy->code);
	store_bind_text(statement, column + 5, copy->error);
}

int store_copy_write(struct store *store, const struct store_copy *copy,
		     struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(
		store, STATEMENT_COPY_PUT,
		"insert or replace into copy (name, volume, snapshot, source,"
		" target, state, is_snapshot, files, bytes, total_files,"
		" total_bytes, code, error, freeze_s) values (?1, ?2, ?3, ?4,"
		" ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
		&statement, err);

	if (r < 0)
		return r;
	store_bind_text(statement, 1, copy->name);
	store_bind_text(statement, 2, copy->volume);
	store_bind_text(statement, 3, copy->snapshot);
	store_bind_text(statement, 4, copy->source);
	store_bind_text(statement, 5, copy->target);
	store_bind_text(statement, 6, copy_state_names[copy->state]);
	(void)sqlite3_bind_int(statement, 7, copy->is_snapshot);
	bind_note(statement, 8, copy);
	(void)sqlite3_bind_int(statement, 14, (int)copy->freeze_s);
	return store_run(store, statement, err);
}

static int put_locked(struct store *store, const struct store_copy *copy,
		      struct err *err)
{
	_cleanup_(store_copy_fini) struct store_copy there = { 0 };
	int r = get_locked(store, copy->name, &there, err);

	if (r != STORE_NOT_FOUND)
		return r < 0 ? r : STORE_EXISTS;
	if (copy->snapshot) {
		r = store_snapshot_is_ready(store, copy->snapshot, err);
		if (r <= 0)
			return r < 0 ? r : STORE_NOT_FOUND;
	}
	return store_copy_write(store, copy, err);
}

int store_copy_put(struct store *store, const struct store_copy *copy,
		   struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, put_locked(store, copy, err), err);
}

static int set_state_locked(struct store *store, const char *name,
			    unsigned int from, enum copy_state to,
			    struct err *err)
{
	_cleanup_(store_copy_fini) struct store_copy copy = { 0 };
	sqlite3_stmt *statement;
	int r = get_locked(store, name, &copy, err);

	if (r != 0)
		return r;
	if (!(from & 1u << copy.state))
		return STORE_CONFLICT;
	r = store_statement(store, STATEMENT_COPY_STATE,
			    "update copy set state = ?2 where name = ?1",
			    &statement, err);
	if (r < 0)
		return r;
	store_bind_text(statement, 1, name);
	store_bind_text(statement, 2, copy_state_names[to]);
	return store_run_one(store, statement, err);
}

int store_copy_set_state(struct store *store, const char *name,
			 unsigned int from, enum copy_state to, struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, set_state_locked(store, name, from, to, err),
			   err);
}

static int note_locked(struct store *store, const struct store_copy *copy,
		       struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(
		store, STATEMENT_COPY_NOTE,
		"update copy set files = ?2, bytes = ?3, total_files = ?4,"
		" total_bytes = ?5, code = ?6, error = ?7 where name = ?1",
		&statement, err);

	if (r < 0)
		return r;
	store_bind_text(statement, 1, copy->name);
	bind_note(statement, 2, copy);
	return store_run_one(store, statement, err);
}

int store_copy_note(struct store *store, const struct store_copy *copy,
		    struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, note_locked(store, copy, err), err);
}

int store_copy_erase(struct store *store, const char *name, struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(store, STATEMENT_COPY_REMOVE,
				"delete from copy where name = ?1", &statement,
				err);

	if (r < 0)
		return r;
	store_bind_text(statement, 1, name);
	return store_run_one(store, statement, err);
}

int store_copy_remove(struct store *store, const char *name, struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, store_copy_erase(store, name, err), err);
}
