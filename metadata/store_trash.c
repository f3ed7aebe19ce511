/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A few small statements. A change of state says from which states it may be made, so
 * that who restores and who removes can't both have it.
 */

#include "store_trash.h"

#include <string.h>

#include "store_internal.h"

const char *const trash_state_names[TRASH_STATE_N] = {
	[TRASH_KEPT] = "kept",
	[TRASH_REMOVING] = "removing",
	[TRASH_STOPPED] = "stopped",
	[TRASH_RESTORING] = "restoring",
};

void store_trash_fini(struct store_trash *trash)
{
	free(trash->volume);
	free(trash->detail);
	free(trash->object);
	free(trash->error);
	*trash = (struct store_trash){ 0 };
}

void store_trash_list_fini(struct store_trash_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		store_trash_fini(&list->items[i]);
	free(list->items);
	*list = (struct store_trash_list){ 0 };
}

/* --- reading ------------------------------------------------------------------- */

static enum trash_state state_of(const char *name)
{
	int state = TRASH_STATE_N - 1;

	while (state > 0 && strcmp(trash_state_names[state], name) != 0)
		state--;
	return (enum trash_state)state;
}

static int decode(sqlite3_stmt *row, struct store_trash *ret)
{
	if (store_take_text(row, 0, &ret->volume) < 0 ||
	    store_take_text(row, 1, &ret->detail) < 0 ||
	    store_take_text(row, 2, &ret->object) < 0 ||
	    store_take_text(row, 3, &ret->error) < 0)
		return -ENOMEM;
	ret->state = state_of((const char *)sqlite3_column_text(row, 4));
	ret->trashed_s = sqlite3_column_int64(row, 5);
	ret->expires_s = sqlite3_column_int64(row, 6);
	ret->is_counted = sqlite3_column_type(row, 7) != SQLITE_NULL;
	ret->n_files = (uint64_t)sqlite3_column_int64(row, 7);
	ret->n_bytes = (uint64_t)sqlite3_column_int64(row, 8);
	ret->n_files_removed = (uint64_t)sqlite3_column_int64(row, 9);
	ret->n_bytes_removed = (uint64_t)sqlite3_column_int64(row, 10);
	return 0;
}

static int append(void *userdata, sqlite3_stmt *row)
{
	struct store_trash_list *list = userdata;
	struct store_trash *items =
		reallocarray(list->items, list->n + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->n] = (struct store_trash){ 0 };
	return decode(row, &items[list->n++]);
}

#define COLUMNS                                                         \
	" error, state, trashed, expires, files, bytes, files_removed," \
	" bytes_removed from trash"
#define WITH_OBJECT    "select volume, detail, object," COLUMNS
#define WITHOUT_OBJECT "select volume, detail, null," COLUMNS

static int read_rows(struct store *store, sqlite3_stmt *statement,
		     struct store_trash_list *ret, struct err *err)
{
	_cleanup_(store_trash_list_fini) struct store_trash_list list = { 0 };
	int r = store_rows(store, statement, append, &list, "list the trash",
			   err);

	if (r < 0)
		return r;
	*ret = list;
	list = (struct store_trash_list){ 0 };
	return 0;
}

static int list_locked(struct store *store, struct store_trash_list *ret,
		       struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(store, STATEMENT_TRASH_LIST,
				WITHOUT_OBJECT " order by expires, volume",
				&statement, err);

	return r < 0 ? r : read_rows(store, statement, ret, err);
}

int store_trash_list(struct store *store, struct store_trash_list *ret,
		     struct err *err)
{
	int r;

	store_lock_to_read(store);
	r = list_locked(store, ret, err);
	store_unlock(store);
	return r;
}

static int get_locked(struct store *store, const char *volume,
		      struct store_trash *ret, struct err *err)
{
	_cleanup_(store_trash_list_fini) struct store_trash_list list = { 0 };
	sqlite3_stmt *statement;
	int r = store_statement(store, STATEMENT_TRASH_GET,
				WITH_OBJECT " where volume = ?1", &statement,
				err);

	if (r < 0)
		return r;
	(void)sqlite3_bind_text(statement, 1, volume, -1, SQLITE_STATIC);
	r = read_rows(store, statement, &list, err);
	if (r < 0)
		return r;
	if (list.n == 0)
		return STORE_NOT_FOUND;
	*ret = list.items[0];
	list.n = 0;
	return 0;
}

int store_trash_get(struct store *store, const char *volume,
		    struct store_trash *ret, struct err *err)
{
	int r;

	store_lock_to_read(store);
	r = get_locked(store, volume, ret, err);
	store_unlock(store);
	return r;
}

static int next_locked(struct store *store, int64_t now_s, int64_t *ret,
		       struct err *err)
{
	sqlite3_stmt *statement;
	int code, r = store_statement(store, STATEMENT_TRASH_NEXT,
				      "select min(expires) from trash"
				      " where state = 'kept' and expires > ?1",
				      &statement, err);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(statement, 1, now_s);
	code = sqlite3_step(statement);
	if (code != SQLITE_ROW)
		r = store_failed(store, code, err);
	else if (sqlite3_column_type(statement, 0) == SQLITE_NULL)
		*ret = INT64_MAX;
	else
		*ret = sqlite3_column_int64(statement, 0);
	(void)sqlite3_reset(statement);
	return r;
}

static int due_locked(struct store *store, int64_t now_s,
		      struct store_trash_list *ret, struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(
		store, STATEMENT_TRASH_DUE,
		WITHOUT_OBJECT
		" where state in ('removing', 'restoring') or"
		" (state = 'kept' and (expires <= ?1 or files is null))"
		" order by state <> 'restoring', error is not null, expires,"
		" volume limit 1000",
		&statement, err);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(statement, 1, now_s);
	return read_rows(store, statement, ret, err);
}

int store_trash_due(struct store *store, int64_t now_s,
		    struct store_trash_list *ret, int64_t *ret_next_s,
		    struct err *err)
{
	int64_t next_s;
	int r;

	store_lock_to_read(store);
	r = next_locked(store, now_s, &next_s, err);
	if (r == 0)
		r = due_locked(store, now_s, ret, err);
	store_unlock(store);
	if (r == 0)
		*ret_next_s = next_s;
	return r;
}

/* --- writing ------------------------------------------------------------------- */

static void bind_count(sqlite3_stmt *statement, int column, bool is_known,
		       uint64_t n)
{
	if (is_known)
		(void)sqlite3_bind_int64(statement, column, (int64_t)n);
}

/* Four, from this column on. */
static void bind_counts(sqlite3_stmt *statement, int column,
			const struct store_trash *trash)
{
	bind_count(statement, column, trash->is_counted, trash->n_files);
	bind_count(statement, column + 1, trash->is_counted, trash->n_bytes);
	bind_count(statement, column + 2, true, trash->n_files_removed);
	bind_count(statement, column + 3, true, trash->n_bytes_removed);
}

static int put_locked(struct store *store, const struct store_trash *trash,
		      struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(
		store, STATEMENT_TRASH_PUT,
		"insert into trash (volume, detail, object, state, trashed,"
		" expires, files, bytes, files_removed, bytes_removed)"
		" values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
		" on conflict do nothing",
		&statement, err);

	if (r < 0)
		return r;
	(void)sqlite3_bind_text(statement, 1, trash->volume, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 2, trash->detail, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 3, trash->object, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 4, trash_state_names[trash->state],
				-1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(statement, 5, trash->trashed_s);
	(void)sqlite3_bind_int64(statement, 6, trash->expires_s);
	bind_counts(statement, 7, trash);
	return store_run(store, statement, err);
}

int store_trash_put(struct store *store, const struct store_trash *trash,
		    struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, put_locked(store, trash, err), err);
}

static int set_state_locked(struct store *store, const char *volume,
			    unsigned int from, enum trash_state to,
			    struct err *err)
{
	_cleanup_(store_trash_fini) struct store_trash trash = { 0 };
	sqlite3_stmt *statement;
	int r = get_locked(store, volume, &trash, err);

	if (r != 0)
		return r;
	if (!(from & 1u << trash.state))
		return STORE_CONFLICT;
	r = store_statement(store, STATEMENT_TRASH_STATE,
			    "update trash set state = ?2 where volume = ?1",
			    &statement, err);
	if (r < 0)
		return r;
	(void)sqlite3_bind_text(statement, 1, volume, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 2, trash_state_names[to], -1,
				SQLITE_STATIC);
	return store_run_one(store, statement, err);
}

int store_trash_set_state(struct store *store, const char *volume,
			  unsigned int from, enum trash_state to,
			  struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store,
			   set_state_locked(store, volume, from, to, err), err);
}

static int set_expiry_locked(struct store *store, const char *volume,
			     int64_t expires_s, struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(store, STATEMENT_TRASH_EXPIRY,
				"update trash set expires = ?2"
				" where volume = ?1",
				&statement, err);

	if (r < 0)
		return r;
	(void)sqlite3_bind_text(statement, 1, volume, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(statement, 2, expires_s);
	return store_run_one(store, statement, err);
}

int store_trash_set_expiry(struct store *store, const char *volume,
			   int64_t expires_s, struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(
		store, set_expiry_locked(store, volume, expires_s, err), err);
}

static int note_locked(struct store *store, const struct store_trash *trash,
		       struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(
		store, STATEMENT_TRASH_NOTE,
		"update trash set files = ?2, bytes = ?3, files_removed = ?4,"
		" bytes_removed = ?5, error = ?6 where volume = ?1",
		&statement, err);

	if (r < 0)
		return r;
	(void)sqlite3_bind_text(statement, 1, trash->volume, -1, SQLITE_STATIC);
	bind_counts(statement, 2, trash);
	(void)sqlite3_bind_text(statement, 6, trash->error, -1, SQLITE_STATIC);
	return store_run_one(store, statement, err);
}

int store_trash_note(struct store *store, const struct store_trash *trash,
		     struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, note_locked(store, trash, err), err);
}

static int remove_locked(struct store *store, const char *volume,
			 struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(store, STATEMENT_TRASH_REMOVE,
				"delete from trash where volume = ?1",
				&statement, err);

	if (r < 0)
		return r;
	(void)sqlite3_bind_text(statement, 1, volume, -1, SQLITE_STATIC);
	return store_run_one(store, statement, err);
}

int store_trash_remove(struct store *store, const char *volume, struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, remove_locked(store, volume, err), err);
}
