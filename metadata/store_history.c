/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rows of the history come from three places, each in the transaction of what it
 * tells of, so that history never tells of what did not happen, nor misses what did:
 *
 *	an object that is written or removed	created, phase ..., deletion requested,
 *						changed, deleted
 *	an event that is new			its reason, message and component
 *	an intent that is opened or closed	STEP begun, STEP and its outcome
 *
 * A change is told by the fields that it changed, with their new values, as far as
 * HISTORY_DETAIL_MAX bytes go. Repeats of an event are not told: the event counts
 * them, and they would push out what matters.
 *
 * Limits are enforced with each row: of the object always, since the index finds
 * its oldest at once, of all objects every TRIM_EVERY rows.
 */

#include "store_history.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "store_internal.h"

#define HISTORY_DETAIL_MAX 512
#define HISTORY_PER_OBJECT 200
#define HISTORY_ROWS	   50000
#define HISTORY_DAYS	   90
#define TRIM_EVERY	   64
#define NOBODY		   "claimfs"

/* --- who ---------------------------------------------------------------------- */

void store_act_as(struct store *store, const char *who)
{
	struct thread_state *state = store_thread(store);

	if (state)
		(void)snprintf(state->who, sizeof(state->who), "%s", who);
}

static const char *actor(const struct store *store)
{
	const struct thread_state *state =
		pthread_getspecific(store->thread_key);

	return state && *state->who ? state->who : NOBODY;
}

/* --- rows --------------------------------------------------------------------- */

static int trim_object(struct store *store, const struct history_row *row,
		       struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(
		store, STATEMENT_HISTORY_TRIM_OBJECT,
		"delete from history where kind = ?1 and namespace = ?2"
		" and name = ?3 and id <= (select id from history"
		"  where kind = ?1 and namespace = ?2 and name = ?3"
		"  order by id desc limit 1 offset ?4)",
		&statement, err);

	if (r < 0)
		return r;
	(void)sqlite3_bind_text(statement, 1, row->kind, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 2, row->namespace, -1,
				SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 3, row->name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int(statement, 4, HISTORY_PER_OBJECT);
	return store_run(store, statement, err);
}

/* Ids rise with time, so the oldest rows are the first ones. */
static int trim_all(struct store *store, struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(
		store, STATEMENT_HISTORY_TRIM,
		"delete from history where id <= (select max(id) from history) - ?1"
		" or id in (select id from history order by id limit ?3)"
		" and at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?2)",
		&statement, err);
	char age[24];

	if (r < 0)
		return r;
	(void)snprintf(age, sizeof(age), "-%d days", HISTORY_DAYS);
	(void)sqlite3_bind_int(statement, 1, HISTORY_ROWS);
	(void)sqlite3_bind_text(statement, 2, age, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int(statement, 3, 4 * TRIM_EVERY);
	return store_run(store, statement, err);
}

static void bind_row(sqlite3_stmt *statement, const struct history_row *row,
		     const char *who)
{
	const char *texts[] = { row->kind, row->namespace, row->name,  row->uid,
				who,	   row->what,	   row->detail };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		(void)sqlite3_bind_text(statement, (int)i + 1, texts[i], -1,
					SQLITE_STATIC);
}

int store_history_add(struct store *store, const struct history_row *row,
		      struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(
		store, STATEMENT_HISTORY_ADD,
		"insert into history"
		" (kind, namespace, name, uid, who, what, detail)"
		" values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
		&statement, err);

	if (r < 0)
		return r;
	bind_row(statement, row, row->who ? row->who : actor(store));
	r = store_run(store, statement, err);
	if (r < 0)
		return r;
	if (sqlite3_last_insert_rowid(store->db) % TRIM_EVERY == 0)
		r = trim_all(store, err);
	return r < 0 ? r : trim_object(store, row, err);
}

/* --- what changed --------------------------------------------------------------- */

static const char *text_at(const cJSON *json, const char *path)
{
	const char *text = cJSON_GetStringValue(json_at(json, path));

	return text ? text : "";
}

struct difference {
	char text[HISTORY_DETAIL_MAX];
	size_t len;
};

/* What does not fit is cut off, and said to be. */
static void tell(struct difference *difference, const char *path,
		 const cJSON *now)
{
	char *value = now ? cJSON_PrintUnformatted(now) : NULL;
	size_t room = sizeof(difference->text) - difference->len;
	int n = snprintf(difference->text + difference->len, room, "%s%s%s%s",
			 difference->len ? ", " : "", path,
			 now ? " = " : " removed", value ? value : "");

	free(value);
	if (n > 0 && (size_t)n < room) {
		difference->len += (size_t)n;
		return;
	}
	difference->len = sizeof(difference->text) - 1;
	memcpy(difference->text + sizeof(difference->text) - sizeof("..."),
	       "...", sizeof("..."));
}

/* Stamped by every write, so that they tell nothing. */
static bool is_stamp(const char *path)
{
	static const char *const stamps[] = {
		"metadata.resourceVersion",
		"metadata.managedFields",
		"status.lastPhaseTransitionTime",
	};

	for (size_t i = 0; i < ARRAY_SIZE(stamps); i++)
		if (strcmp(stamps[i], path) == 0)
			return true;
	return false;
}

#define PATH_MAX_DEPTH 4
#define PATH_SIZE      160

static void compare(const cJSON *old, const cJSON *new, const char *path,
		    int depth, struct difference *ret);

static void compare_member(const cJSON *old, const cJSON *new, const char *name,
			   const char *path, int depth, struct difference *ret)
{
	char inner[PATH_SIZE];

	(void)snprintf(inner, sizeof(inner), "%s%s%s", path, *path ? "." : "",
		       name);
	if (is_stamp(inner) || json_is_equal(old, new))
		return;
	if (depth < PATH_MAX_DEPTH && cJSON_IsObject(old) &&
	    cJSON_IsObject(new))
		compare(old, new, inner, depth + 1, ret);
	else
		tell(ret, inner, new);
}

static void compare(const cJSON *old, const cJSON *new, const char *path,
		    int depth, struct difference *ret)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, new)
		compare_member(
			cJSON_GetObjectItemCaseSensitive(old, item->string),
			item, item->string, path, depth, ret);
	cJSON_ArrayForEach (item, old)
		if (!cJSON_GetObjectItemCaseSensitive(new, item->string))
			compare_member(item, NULL, item->string, path, depth,
				       ret);
}

static void name_change(const struct object *old, const struct object *new,
			char *ret, size_t size)
{
	const char *phase = text_at(new->json, "status.phase");

	if (strcmp(phase, text_at(old->json, "status.phase")) != 0)
		(void)snprintf(ret, size, "phase %s", phase);
	else if (json_at(new->json, "metadata.deletionTimestamp") &&
		 !json_at(old->json, "metadata.deletionTimestamp"))
		(void)snprintf(ret, size, "deletion requested");
	else
		(void)snprintf(ret, size, "changed");
}

/* --- the three places ------------------------------------------------------------ */

static struct history_row row_of(const struct object *object)
{
	return (struct history_row){
		.kind = object_kind_info(object->kind)->name,
		.namespace = object->namespace,
		.name = object->name,
		.uid = object->uid,
		.detail = "",
	};
}

static int tell_event(struct store *store, const struct object *event,
		      struct err *err)
{
	const cJSON *about = json_at(event->json, "involvedObject");
	const char *component = text_at(event->json, "source.component");
	struct history_row row = {
		.kind = text_at(about, "kind"),
		.namespace = text_at(about, "namespace"),
		.name = text_at(about, "name"),
		.uid = text_at(about, "uid"),
		.who = *component ? component : NULL,
		.what = text_at(event->json, "reason"),
		.detail = text_at(event->json, "message"),
	};

	return store_history_add(store, &row, err);
}

int store_history_object(struct store *store, enum store_change change,
			 const struct object *old, const struct object *new,
			 struct err *err)
{
	struct difference difference = { .len = 0 };
	struct history_row row = row_of(new);
	char what[64];

	if (new->kind == KIND_EVENT)
		return change == STORE_ADDED ? tell_event(store, new, err) : 0;
	row.what = change == STORE_ADDED ? "created" : "deleted";
	if (change == STORE_MODIFIED) {
		name_change(old, new, what, sizeof(what));
		compare(old->json, new->json, "", 0, &difference);
		row.what = what;
		row.detail = difference.text;
	}
	return store_history_add(store, &row, err);
}

int store_history_intent(struct store *store, const char *volume,
			 const char *step, const char *what, struct err *err)
{
	char text[64];
	struct history_row row = {
		.kind = object_kind_info(KIND_PERSISTENT_VOLUME)->name,
		.namespace = "",
		.name = volume,
		.uid = "",
		.what = text,
		.detail = strcmp(what, "done") == 0 ? "" : what,
	};

	(void)snprintf(text, sizeof(text), "%s %s", step,
		       !*what	     ? "begun"
		       : *row.detail ? "ended"
				     : "done");
	return store_history_add(store, &row, err);
}

/* --- reading ---------------------------------------------------------------------- */

static int append(void *userdata, sqlite3_stmt *row)
{
	struct store_history_list *list = userdata;
	struct store_history *items =
		reallocarray(list->items, list->n + 1, sizeof(*items));
	struct store_history *item;
	bool ok = true;

	if (!items)
		return -ENOMEM;
	list->items = items;
	item = &items[list->n++];
	*item = (struct store_history){ 0 };
	char **fields[] = { &item->at, &item->uid, &item->who, &item->what,
			    &item->detail };
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		*fields[i] =
			strdup((const char *)sqlite3_column_text(row, (int)i));
		ok = ok && *fields[i];
	}
	return ok ? 0 : -ENOMEM;
}

static int read_locked(struct store *store, const struct history_row *of,
		       struct store_history_list *list, struct err *err)
{
	sqlite3_stmt *statement;
	int r;

	r = store_statement(store, STATEMENT_HISTORY_READ,
			    "select at, uid, who, what, detail from history"
			    " where kind = ?1 and namespace = ?2 and name = ?3"
			    " order by id",
			    &statement, err);
	if (r < 0)
		return r;
	(void)sqlite3_bind_text(statement, 1, of->kind, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 2, of->namespace, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 3, of->name, -1, SQLITE_STATIC);
	return store_rows(store, statement, append, list, "read history", err);
}

int store_history_read(struct store *store, enum object_kind kind,
		       const char *namespace, const char *name,
		       struct store_history_list *ret, struct err *err)
{
	_cleanup_(
		store_history_list_fini) struct store_history_list list = { 0 };
	struct history_row of = { .kind = object_kind_info(kind)->name,
				  .namespace = namespace,
				  .name = name };
	int r;

	store_lock_to_read(store);
	r = read_locked(store, &of, &list, err);
	store_unlock(store);
	if (r < 0)
		return r;
	*ret = list;
	list = (struct store_history_list){ 0 };
	return 0;
}

void store_history_list_fini(struct store_history_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].at);
		free(list->items[i].uid);
		free(list->items[i].who);
		free(list->items[i].what);
		free(list->items[i].detail);
	}
	free(list->items);
	*list = (struct store_history_list){ 0 };
}
