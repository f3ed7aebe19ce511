/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whose database this is, and which schema it has. application_id says that it is
 * ours, user_version is the number of the last step of schema/ that was run on
 * it. All that is missing is run in one transaction, so that a crash or a full
 * disk leaves the old schema.
 *
 * A database that is not ours is only read here, never written: that is why the
 * journal mode is set after the check.
 */

#include "store_internal.h"

#define APPLICATION_ID 1129073997u /* "CLAM" */

int store_query_u64(struct store *store, const char *sql, uint64_t *ret,
		    struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int code, r = 0;

	code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret = (uint64_t)sqlite3_column_int64(statement, 0);
	else
		r = store_failed(store, code, err);
	(void)sqlite3_finalize(statement);
	return r;
}

static int execute(struct store *store, const char *sql, struct err *err)
{
	int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : store_failed(store, code, err);
}

/* *ret: the last step that was run; 0 for an empty database. */
static int check_owner(struct store *store, uint64_t *ret, struct err *err)
{
	uint64_t id, version, n_tables;
	int r;

	r = store_query_u64(store, "select count(*) from sqlite_schema",
			    &n_tables, err);
	if (r < 0)
		return r;
	r = store_query_u64(store, "pragma application_id", &id, err);
	if (r < 0)
		return r;
	r = store_query_u64(store, "pragma user_version", &version, err);
	if (r < 0)
		return r;
	if (id != APPLICATION_ID && (id || version || n_tables))
		return err_set(err, -EINVAL,
			       "database \"%s\" belongs to another program",
			       store->path);
	if (version > (uint64_t)n_schema_steps)
		return err_set(
			err, -EINVAL,
			"database \"%s\" has schema step %llu, this program knows %d: a newer version wrote it",
			store->path, (unsigned long long)version,
			n_schema_steps);
	*ret = version;
	return 0;
}

static int run_steps(struct store *store, int done, struct err *err)
{
	char pragma[96];
	int r;

	for (int step = done; step < n_schema_steps; step++) {
		r = execute(store, schema_steps[step], err);
		if (r < 0)
			return err_wrap(err, "schema step %d", step + 1);
	}
	/* A pragma takes no bound parameters. */
	(void)snprintf(pragma, sizeof(pragma),
		       "pragma application_id = %u; pragma user_version = %d",
		       APPLICATION_ID, n_schema_steps);
	return execute(store, pragma, err);
}

static int upgrade(struct store *store, int done, struct err *err)
{
	int r;

	r = execute(store, "begin immediate", err);
	if (r < 0)
		return r;
	r = run_steps(store, done, err);
	if (r == 0)
		r = execute(store, "commit", err);
	if (r < 0 && !sqlite3_get_autocommit(store->db))
		(void)execute(store, "rollback", NULL);
	return r;
}

/* Of this connection, and not of the disk: store_mirror.c says what for. */
static const char mirror_tables[] = "create temp table listed ("
				    " kind integer not null, uid text not null,"
				    " is_listed integer not null default 0,"
				    " is_answered integer not null default 0,"
				    " primary key (kind, uid)) without rowid;"
				    "create temp table gone ("
				    " id integer primary key autoincrement,"
				    " uid text not null unique)";

int store_schema_prepare(struct store *store, struct err *err)
{
	uint64_t done = 0;
	int r;

	r = check_owner(store, &done, err);
	if (r < 0)
		return r;
	r = execute(store,
		    "pragma journal_mode = wal;"
		    "pragma synchronous = full;"
		    "pragma foreign_keys = on",
		    err);
	if (r < 0)
		return r;
	r = execute(store, mirror_tables, err);
	if (r < 0 || done == (uint64_t)n_schema_steps)
		return r;
	return upgrade(store, (int)done, err);
}
