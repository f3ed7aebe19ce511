/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of attachments. Looking for somebody who has the volume and adding the
 * row are one transaction, and there is one writer of the database: two nodes that
 * ask at the same time can't both be told yes.
 */

#include "store_attachment.h"

#include <string.h>

#include "store_internal.h"

#define COLUMNS "volume, node, pod_namespace, pod, pod_uid"

void attachment_fini(struct attachment *attachment)
{
	free(attachment->volume);
	free(attachment->node);
	free(attachment->pod_namespace);
	free(attachment->pod);
	free(attachment->pod_uid);
	*attachment = (struct attachment){ 0 };
}

void attachment_list_fini(struct attachment_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		attachment_fini(&list->items[i]);
	free(list->items);
	*list = (struct attachment_list){ 0 };
}

static void bind_text(sqlite3_stmt *statement, int i, const char *text)
{
	(void)sqlite3_bind_text(statement, i, text, -1, SQLITE_STATIC);
}

static char *column(sqlite3_stmt *row, int i)
{
	return strdup((const char *)sqlite3_column_text(row, i));
}

static int append(void *userdata, sqlite3_stmt *row)
{
	struct attachment_list *list = userdata;
	struct attachment *items, *new;

	items = reallocarray(list->items, list->n + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	list->items = items;
	new = &items[list->n++];
	*new = (struct attachment){ .volume = column(row, 0),
				    .node = column(row, 1),
				    .pod_namespace = column(row, 2),
				    .pod = column(row, 3),
				    .pod_uid = column(row, 4) };
	return new->volume &&new->node &&new->pod_namespace &&new->pod &&new
			       ->pod_uid
		       ? 0
		       : -ENOMEM;
}

/* Steps a statement whose rows have COLUMNS. */
static int collect(struct store *store, sqlite3_stmt *statement,
		   struct attachment_list *ret, struct err *err)
{
	_cleanup_(attachment_list_fini) struct attachment_list list = { 0 };
	int r = store_rows(store, statement, append, &list, "list attachments",
			   err);

	if (r < 0)
		return r;
	*ret = list;
	list = (struct attachment_list){ 0 };
	return 0;
}

/* --- attaching ------------------------------------------------------------------ */

static int find_holder(struct store *store, const struct attachment *new,
		       enum attachment_scope scope, struct attachment_list *ret,
		       struct err *err)
{
	sqlite3_stmt *statement;
	int r;

	r = store_statement(store, STATEMENT_ATTACHMENT_HOLDER,
			    "select " COLUMNS " from attachment"
			    " where volume = ?1 and pod_uid <> ?2"
			    " and (?3 or node <> ?4) order by rowid limit 1",
			    &statement, err);
	if (r < 0)
		return r;
	bind_text(statement, 1, new->volume);
	bind_text(statement, 2, new->pod_uid);
	(void)sqlite3_bind_int(statement, 3, scope == ATTACHMENT_ONE_POD);
	bind_text(statement, 4, new->node);
	return collect(store, statement, ret, err);
}

static int insert(struct store *store, const struct attachment *new,
		  struct err *err)
{
	sqlite3_stmt *statement;
	int r;

	r = store_statement(store, STATEMENT_ATTACHMENT_INSERT,
			    "insert or ignore into attachment (" COLUMNS ")"
			    " values (?1, ?2, ?3, ?4, ?5)",
			    &statement, err);
	if (r < 0)
		return r;
	bind_text(statement, 1, new->volume);
	bind_text(statement, 2, new->node);
	bind_text(statement, 3, new->pod_namespace);
	bind_text(statement, 4, new->pod);
	bind_text(statement, 5, new->pod_uid);
	return store_run(store, statement, err);
}

static int take_count(void *userdata, sqlite3_stmt *row)
{
	*(uint64_t *)userdata = (uint64_t)sqlite3_column_int64(row, 0);
	return 0;
}

/* How many other volumes its node has. */
static int count_others(struct store *store, const struct attachment *new,
			uint64_t *ret, struct err *err)
{
	sqlite3_stmt *statement;
	int r;

	r = store_statement(store, STATEMENT_ATTACHMENT_COUNT,
			    "select count(distinct volume) from attachment"
			    " where node = ?1 and volume <> ?2",
			    &statement, err);
	if (r < 0)
		return r;
	bind_text(statement, 1, new->node);
	bind_text(statement, 2, new->volume);
	return store_rows(store, statement, take_count, ret,
			  "count attachments", err);
}

static int insert_within(struct store *store, const struct attachment *new,
			 uint64_t n_max, struct err *err)
{
	uint64_t n = 0;
	int r = n_max == UINT64_MAX ? 0 : count_others(store, new, &n, err);

	if (r < 0)
		return r;
	return n < n_max ? insert(store, new, err) : STORE_FULL;
}

static int attach_locked(struct store *store, const struct attachment *new,
			 enum attachment_scope scope, uint64_t n_max,
			 struct attachment *holder, struct err *err)
{
	_cleanup_(attachment_list_fini) struct attachment_list found = { 0 };
	int r = 0;

	if (scope != ATTACHMENT_ANYWHERE)
		r = find_holder(store, new, scope, &found, err);
	if (r < 0)
		return r;
	if (found.n == 0)
		return insert_within(store, new, n_max, err);
	*holder = found.items[0];
	found.n = 0;
	return STORE_CONFLICT;
}

int store_attach(struct store *store, const struct attachment *attachment,
		 enum attachment_scope scope, struct attachment *ret_holder,
		 struct err *err)
{
	return store_attach_within(store, attachment, scope, UINT64_MAX,
				   ret_holder, err);
}

int store_attach_within(struct store *store,
			const struct attachment *attachment,
			enum attachment_scope scope, uint64_t n_max,
			struct attachment *ret_holder, struct err *err)
{
	_cleanup_(attachment_fini) struct attachment holder = { 0 };
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	r = attach_locked(store, attachment, scope, n_max, &holder, err);
	r = store_leave(store, r, err);
	if (r != STORE_CONFLICT)
		return r;
	*ret_holder = holder;
	holder = (struct attachment){ 0 };
	return r;
}

/* --- the end, and looking ---------------------------------------------------------- */

static int detach_locked(struct store *store, const char *pod_uid,
			 const char *volume, struct err *err)
{
	sqlite3_stmt *statement;
	int r;

	r = store_statement(store, STATEMENT_ATTACHMENT_DELETE,
			    "delete from attachment where pod_uid = ?1"
			    " and (?2 is null or volume = ?2)",
			    &statement, err);
	if (r < 0)
		return r;
	bind_text(statement, 1, pod_uid);
	if (volume)
		bind_text(statement, 2, volume);
	return store_run(store, statement, err);
}

int store_detach(struct store *store, const char *pod_uid, const char *volume,
		 struct err *err)
{
	int r = store_enter(store, err);

	if (r < 0)
		return r;
	return store_leave(store, detach_locked(store, pod_uid, volume, err),
			   err);
}

static int list_locked(struct store *store, const char *volume,
		       struct attachment_list *ret, struct err *err)
{
	sqlite3_stmt *statement;
	int r;

	r = store_statement(store, STATEMENT_ATTACHMENT_LIST,
			    "select " COLUMNS " from attachment"
			    " where ?1 is null or volume = ?1 order by rowid",
			    &statement, err);
	if (r < 0)
		return r;
	if (volume)
		bind_text(statement, 1, volume);
	return collect(store, statement, ret, err);
}

int store_attachment_list(struct store *store, const char *volume,
			  struct attachment_list *ret, struct err *err)
{
	int r;

	store_lock_to_read(store);
	r = list_locked(store, volume, ret, err);
	store_unlock(store);
	return r;
}
