/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A snapshot that is being copied has the counts and the error of its copy's row, which
 * is of its id; one that is whole has its own. Both rows are written together, so that
 * there is none without work to be done, and no work for nobody.
 */

#include "store_snapshot.h"

#include <string.h>

#include "store_internal.h"

const char *const snapshot_state_names[SNAPSHOT_STATE_N] = {
	[SNAPSHOT_COPYING] = "copying",
	[SNAPSHOT_READY] = "ready",
	[SNAPSHOT_REMOVING] = "removing",
};

void store_snapshot_fini(struct store_snapshot *snapshot)
{
	free(snapshot->id);
	free(snapshot->namespace);
	free(snapshot->name);
	free(snapshot->volume);
	free(snapshot->handle);
	free(snapshot->detail);
	free(snapshot->error);
	*snapshot = (struct store_snapshot){ 0 };
}

void store_snapshot_list_fini(struct store_snapshot_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		store_snapshot_fini(&list->items[i]);
	free(list->items);
	*list = (struct store_snapshot_list){ 0 };
}

/* --- reading ------------------------------------------------------------------- */

#define SELECT                                                               \
	"select s.id, s.namespace, s.name, s.volume, s.handle, s.detail,"    \
	" c.error, s.state, s.created_ns, s.capacity,"                       \
	" coalesce(c.files, s.files), coalesce(c.bytes, s.bytes), c.state,"  \
	" c.total_files, c.total_bytes, coalesce(c.code, 0) from snapshot s" \
	" left join copy c on c.name = s.id where s.state <> 'removing'"

static bool has_text(sqlite3_stmt *row, int column, const char *text)
{
	const char *found = (const char *)sqlite3_column_text(row, column);

	return found && strcmp(found, text) == 0;
}

static int decode_texts(sqlite3_stmt *row, struct store_snapshot *ret)
{
	char **const texts[] = { &ret->id,     &ret->namespace, &ret->name,
				 &ret->volume, &ret->handle,	&ret->detail,
				 &ret->error };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (store_take_text(row, (int)i, texts[i]) < 0)
			return -ENOMEM;
	return 0;
}

static int decode(sqlite3_stmt *row, struct store_snapshot *ret)
{
	int r = decode_texts(row, ret);

	ret->state =
		has_text(row, 7, "ready") ? SNAPSHOT_READY : SNAPSHOT_COPYING;
	ret->created_ns = sqlite3_column_int64(row, 8);
	ret->capacity = (uint64_t)sqlite3_column_int64(row, 9);
	ret->n_files = (uint64_t)sqlite3_column_int64(row, 10);
	ret->n_bytes = (uint64_t)sqlite3_column_int64(row, 11);
	ret->is_stopped = has_text(row, 12, copy_state_names[COPY_STOPPED]);
	ret->is_counted = sqlite3_column_type(row, 13) != SQLITE_NULL;
	ret->n_total_files = (uint64_t)sqlite3_column_int64(row, 13);
	ret->n_total_bytes = (uint64_t)sqlite3_column_int64(row, 14);
	ret->code = sqlite3_column_int(row, 15);
	return r;
}

static int append(void *userdata, sqlite3_stmt *row)
{
	struct store_snapshot_list *list = userdata;
	struct store_snapshot *items =
		reallocarray(list->items, list->n + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->n] = (struct store_snapshot){ 0 };
	return decode(row, &items[list->n++]);
}

static void bind_filter(sqlite3_stmt *statement,
			const struct snapshot_filter *filter)
{
	const char *texts[] = { filter->namespace, filter->name, filter->handle,
				filter->id, filter->after };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		store_bind_text(statement, (int)i + 1, texts[i]);
	(void)sqlite3_bind_int64(statement, 6,
				 filter->limit ? (int64_t)filter->limit : -1);
}

static int list_locked(struct store *store,
		       const struct snapshot_filter *filter,
		       struct store_snapshot_list *ret, struct err *err)
{
	_cleanup_(store_snapshot_list_fini) struct store_snapshot_list list = {
		0
	};
	sqlite3_stmt *statement;
	int r = store_statement(store, STATEMENT_SNAPSHOT_LIST,
				SELECT " and (?1 is null or s.namespace = ?1)"
				       " and (?2 is null or s.name = ?2)"
				       " and (?3 is null or s.handle = ?3)"
				       " and (?4 is null or s.id = ?4)"
				       " and (?5 is null or s.id > ?5)"
				       " order by s.id limit ?6",
				&statement, err);

	if (r < 0)
		return r;
	bind_filter(statement, filter);
	r = store_rows(store, statement, append, &list, "list snapshots", err);
	if (r < 0)
		return r;
	*ret = list;
	list = (struct store_snapshot_list){ 0 };
	return 0;
}

int store_snapshot_list(struct store *store,
			const struct snapshot_filter *filter,
			struct store_snapshot_list *ret, struct err *err)
{
	int r;

	store_lock_to_read(store);
	r = list_locked(store, filter, ret, err);
	store_unlock(store);
	return r;
}

/* By its key: a filter's "is null or" would have all of them read. */
static int get_locked(struct store *store, const char *id,
		      struct store_snapshot *ret, struct err *err)
{
	_cleanup_(store_snapshot_list_fini) struct store_snapshot_list list = {
		0
	};
	sqlite3_stmt *statement;
	int r = store_statement(store, STATEMENT_SNAPSHOT_GET,
				SELECT " and s.id = ?1", &statement, err);

	if (r < 0)
		return r;
	store_bind_text(statement, 1, id);
	r = store_rows(store, statement, append, &list, "read snapshot", err);
	if (r < 0)
		return r;
	if (list.n == 0)
		return STORE_NOT_FOUND;
	*ret = list.items[0];
	list.items[0] = (struct store_snapshot){ 0 };
	return 0;
}

int store_snapshot_get(struct store *store, const char *id,
		       struct store_snapshot *ret, struct err *err)
{
	int r;

	store_lock_to_read(store);
	r = get_locked(store, id, ret, err);
	store_unlock(store);
	return r;
}

int store_snapshot_is_ready(struct store *store, const char *id,
			    struct err *err)
{
	_cleanup_(store_snapshot_fini) struct store_snapshot snapshot = { 0 };
	int r = get_locked(store, id, &snapshot, err);

	if (r < 0)
		return r;
	return r == 0 && snapshot.state == SNAPSHOT_READY;
}

/* --- writing ------------------------------------------------------------------- */

/* Who found it on a share may have looked before it was removed there. */
static int insert(struct store *store, const struct store_snapshot *snapshot,
		  struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(
		store, STATEMENT_SNAPSHOT_PUT,
		"insert or ignore into snapshot (id, namespace, name, volume,"
		" handle, detail, state, created_ns, capacity, files, bytes)"
		" select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11"
		" where not exists (select 1 from copy where name = ?1)",
		&statement, err);

	if (r < 0)
		return r;
	store_bind_text(statement, 1, snapshot->id);
	store_bind_text(statement, 2, snapshot->namespace);
	store_bind_text(statement, 3, snapshot->name);
	store_bind_text(statement, 4, snapshot->volume);
	store_bind_text(statement, 5, snapshot->handle);
	store_bind_text(statement, 6, snapshot->detail);
	store_bind_text(statement, 7, snapshot_state_names[snapshot->state]);
	(void)sqlite3_bind_int64(statement, 8, snapshot->created_ns);
	(void)sqlite3_bind_int64(statement, 9, (int64_t)snapshot->capacity);
	(void)sqlite3_bind_int64(statement, 10, (int64_t)snapshot->n_files);
	(void)sqlite3_bind_int64(statement, 11, (int64_t)snapshot->n_bytes);
	r = store_run(store, statement, err);
	if (r == 0 && sqlite3_changes(store->db) == 0)
		return STORE_EXISTS;
	return r;
}

static int create_locked(struct store *store,
			 const struct store_snapshot *snapshot,
			 const struct store_copy *copy, struct err *err)
{
	int r = insert(store, snapshot, err);

	return r == 0 ? store_copy_write(store, copy, err) : r;
}

int store_snapshot_create(struct store *store,
			  const struct store_snapshot *snapshot,
			  const struct store_copy *copy, struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, create_locked(store, snapshot, copy, err),
			   err);
}

int store_snapshot_put(struct store *store,
		       const struct store_snapshot *snapshot, struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, insert(store, snapshot, err), err);
}

/* counts NULL: they stay. */
static int set_state(struct store *store, const char *id,
		     enum snapshot_state state, const struct store_copy *counts,
		     struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(
		store, STATEMENT_SNAPSHOT_STATE,
		"update snapshot set state = ?2, files = coalesce(?3, files),"
		" bytes = coalesce(?4, bytes) where id = ?1"
		" and state <> 'removing'",
		&statement, err);

	if (r < 0)
		return r;
	store_bind_text(statement, 1, id);
	store_bind_text(statement, 2, snapshot_state_names[state]);
	if (counts) {
		(void)sqlite3_bind_int64(statement, 3,
					 (int64_t)counts->n_files);
		(void)sqlite3_bind_int64(statement, 4,
					 (int64_t)counts->n_bytes);
	}
	return store_run_one(store, statement, err);
}

static int ready_locked(struct store *store, const struct store_copy *copy,
			struct err *err)
{
	int r = set_state(store, copy->name, SNAPSHOT_READY, copy, err);

	if (r == 0)
		r = store_copy_erase(store, copy->name, err);
	return r;
}

int store_snapshot_ready(struct store *store, const struct store_copy *copy,
			 struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, ready_locked(store, copy, err), err);
}

static int drop_locked(struct store *store, const char *id,
		       const struct store_copy *copy, struct err *err)
{
	int r = store_copy_is_from(store, id, err);

	if (r != 0)
		return r < 0 ? r : STORE_CONFLICT;
	r = set_state(store, id, SNAPSHOT_REMOVING, NULL, err);
	return r == 0 ? store_copy_write(store, copy, err) : r;
}

int store_snapshot_drop(struct store *store, const char *id,
			const struct store_copy *copy, struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, drop_locked(store, id, copy, err), err);
}

static int count_removing(void *userdata, sqlite3_stmt *row)
{
	int *ret = userdata;

	(void)row;
	*ret = 1;
	return 0;
}

int store_snapshot_is_removing(struct store *store, const char *id,
			       struct err *err)
{
	sqlite3_stmt *statement;
	int found = 0, r;

	store_lock_to_read(store);
	r = store_statement(
		store, STATEMENT_SNAPSHOT_REMOVING,
		"select 1 from snapshot where id = ?1 and state = 'removing'",
		&statement, err);
	if (r == 0) {
		store_bind_text(statement, 1, id);
		r = store_rows(store, statement, count_removing, &found,
			       "read snapshot", err);
	}
	store_unlock(store);
	return r < 0 ? r : found;
}

static int gone_locked(struct store *store, const char *id, struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(
		store, STATEMENT_SNAPSHOT_REMOVE,
		"delete from snapshot where id = ?1 and state = 'removing'",
		&statement, err);

	if (r < 0)
		return r;
	store_bind_text(statement, 1, id);
	return store_run_one(store, statement, err);
}

int store_snapshot_gone(struct store *store, const char *id, struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, gone_locked(store, id, err), err);
}
