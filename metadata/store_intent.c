/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Intents: the journal of side effects. Closed ones are kept for a while, since
 * "what did it do to this volume" is asked afterwards; STORE_MAX_OLD_INTENTS
 * bounds them.
 */

#include <string.h>

#include "store_internal.h"

static int open_locked(struct store *store, const struct store_intent *intent,
		       int64_t *ret_id, struct err *err)
{
	sqlite3_stmt *statement;
	int r;

	r = store_statement(
		store, STATEMENT_INTENT_OPEN,
		"insert into intent (step, volume, detail) values (?1, ?2, ?3)",
		&statement, err);
	if (r < 0)
		return r;
	(void)sqlite3_bind_text(statement, 1, intent->step, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 2, intent->volume, -1,
				SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 3, intent->detail, -1,
				SQLITE_STATIC);
	r = store_run(store, statement, err);
	if (r < 0)
		return r;
	*ret_id = sqlite3_last_insert_rowid(store->db);
	return store_history_intent(store, intent->volume, intent->step, "",
				    err);
}

int store_intent_open(struct store *store, const char *step, const char *volume,
		      const char *detail, int64_t *ret_id, struct err *err)
{
	struct store_intent intent = {
		.step = (char *)step,
		.volume = (char *)volume,
		.detail = (char *)detail,
	};
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, open_locked(store, &intent, ret_id, err),
			   err);
}

static int trim_locked(struct store *store, struct err *err)
{
	sqlite3_stmt *statement;
	int r;

	r = store_statement(store, STATEMENT_INTENT_TRIM,
			    "delete from intent where outcome is not null"
			    " and id <= (select max(id) from intent) - ?1",
			    &statement, err);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int(statement, 1, STORE_MAX_OLD_INTENTS);
	return store_run(store, statement, err);
}

static int tell_closed(struct store *store, int64_t id, const char *outcome,
		       struct err *err)
{
	sqlite3_stmt *statement;
	int code, r;

	r = store_statement(store, STATEMENT_INTENT_OF,
			    "select volume, step from intent where id = ?1",
			    &statement, err);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(statement, 1, id);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		r = store_history_intent(
			store, (const char *)sqlite3_column_text(statement, 0),
			(const char *)sqlite3_column_text(statement, 1),
			outcome, err);
	else
		r = store_failed(store, code, err);
	(void)sqlite3_reset(statement);
	return r;
}

static int close_locked(struct store *store, int64_t id, const char *outcome,
			struct err *err)
{
	sqlite3_stmt *statement;
	int r;

	r = store_statement(
		store, STATEMENT_INTENT_CLOSE,
		"update intent set outcome = ?2, closed = datetime('now')"
		" where id = ?1 and outcome is null",
		&statement, err);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(statement, 1, id);
	(void)sqlite3_bind_text(statement, 2, outcome, -1, SQLITE_STATIC);
	r = store_run(store, statement, err);
	if (r < 0)
		return r;
	if (sqlite3_changes(store->db) == 0)
		return STORE_NOT_FOUND;
	r = tell_closed(store, id, outcome, err);
	return r < 0 ? r : trim_locked(store, err);
}

int store_intent_close(struct store *store, int64_t id, const char *outcome,
		       struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, close_locked(store, id, outcome, err), err);
}

static int append(void *userdata, sqlite3_stmt *row)
{
	struct store_intent_list *list = userdata;
	struct store_intent *items, *intent;

	items = reallocarray(list->items, list->n + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	intent = &items[list->n++];
	intent->id = sqlite3_column_int64(row, 0);
	intent->step = strdup((const char *)sqlite3_column_text(row, 1));
	intent->volume = strdup((const char *)sqlite3_column_text(row, 2));
	intent->detail = strdup((const char *)sqlite3_column_text(row, 3));
	return intent->step && intent->volume && intent->detail ? 0 : -ENOMEM;
}

static int read_rows(struct store *store, sqlite3_stmt *statement,
		     struct store_intent_list *ret, struct err *err)
{
	_cleanup_(store_intent_list_fini) struct store_intent_list list = { 0 };
	int r = store_rows(store, statement, append, &list, "list intents",
			   err);

	if (r < 0)
		return r;
	*ret = list;
	list = (struct store_intent_list){ 0 };
	return 0;
}

#define LIST "select id, step, volume, detail from intent where outcome is null"

int store_intent_list_open(struct store *store, struct store_intent_list *ret,
			   struct err *err)
{
	sqlite3_stmt *statement;
	int r;

	store_lock_to_read(store);
	r = store_statement(store, STATEMENT_INTENT_LIST, LIST " order by id",
			    &statement, err);
	if (r == 0)
		r = read_rows(store, statement, ret, err);
	store_unlock(store);
	return r;
}

int store_intent_list_claim(struct store *store, const char *namespace,
			    const char *claim, struct store_intent_list *ret,
			    struct err *err)
{
	sqlite3_stmt *statement;
	int r;

	store_lock_to_read(store);
	r = store_statement(store, STATEMENT_INTENT_LIST_CLAIM,
			    LIST
			    " and json_extract(detail, '$.claimName') = ?1"
			    " and json_extract(detail, '$.claimNamespace') = ?2"
			    " order by id",
			    &statement, err);
	if (r == 0) {
		store_bind_text(statement, 1, claim);
		store_bind_text(statement, 2, namespace);
		r = read_rows(store, statement, ret, err);
	}
	store_unlock(store);
	return r;
}

static int find_locked(struct store *store, const char *volume,
		       const char *step, const char *detail, int64_t *ret_id,
		       struct err *err)
{
	sqlite3_stmt *statement;
	int code, r;

	r = store_statement(store, STATEMENT_INTENT_FIND,
			    "select id from intent where outcome is null"
			    " and volume = ?1 and (?2 is null or step = ?2)"
			    " and (?3 is null or detail = ?3)",
			    &statement, err);
	if (r < 0)
		return r;
	store_bind_text(statement, 1, volume);
	store_bind_text(statement, 2, step);
	store_bind_text(statement, 3, detail);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret_id = sqlite3_column_int64(statement, 0);
	else if (code == SQLITE_DONE)
		r = STORE_NOT_FOUND;
	else
		r = store_failed(store, code, err);
	(void)sqlite3_reset(statement);
	return r;
}

int store_intent_find(struct store *store, const char *volume, const char *step,
		      const char *detail, int64_t *ret_id, struct err *err)
{
	int r;

	store_lock_to_read(store);
	r = find_locked(store, volume, step, detail, ret_id, err);
	store_unlock(store);
	return r;
}

void store_intent_list_fini(struct store_intent_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].step);
		free(list->items[i].volume);
		free(list->items[i].detail);
	}
	free(list->items);
	*list = (struct store_intent_list){ 0 };
}
