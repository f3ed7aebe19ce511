/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Opening, locking and transactions.
 *
 *	         store_begin()               store_commit()
 *	idle ------------------> begun --------------------> idle, announced
 *	                          |  |  a write fails
 *	                          |  +---------> broken
 *	        store_rollback()  |                | store_commit() = error
 *	idle <--------------------+----------------+
 *
 * Invariants:
 * 1. A change is announced only after its transaction is on the disk
 *    (synchronous=FULL; store_skip_sync()), and in the order of the revisions.
 * 2. A transaction in which a write failed can't be committed: SQLite may have
 *    rolled it back already, and half of it must not look like a whole.
 * 3. The lock is held from store_begin() to the commit or rollback, so that two
 *    threads never share such a transaction. It does not nest. All other writes are
 *    in groups (store_group.c); one that is open is committed before.
 *
 * Two processes are kept apart by flock(2) on a file beside the database rather
 * than by SQLite's exclusive mode: people may look with sqlite3 while we run.
 */

#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "store_internal.h"

#define BUSY_TIMEOUT_MS 5000 /* somebody who writes with the sqlite3 tool */

void store_lock(struct store *store)
{
	(void)pthread_mutex_lock(&store->lock);
}

void store_unlock(struct store *store)
{
	(void)pthread_mutex_unlock(&store->lock);
}

static int errno_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_NOTADB:
	case SQLITE_CONSTRAINT:
		return -EINVAL;
	default:
		return -EIO;
	}
}

/* A full disk is an I/O error to SQLite where it has to enlarge its log's index. */
static bool is_full(struct store *store, int code)
{
	return (code & 0xff) == SQLITE_IOERR &&
	       sqlite3_system_errno(store->db) == ENOSPC;
}

int store_failed(struct store *store, int code, struct err *err)
{
	const char *why = sqlite3_errmsg(store->db);

	store->is_broken = true;
	if (is_full(store, code))
		code = SQLITE_FULL;
	if (code == SQLITE_FULL)
		why = sqlite3_errstr(code);
	if (code == SQLITE_NOTADB)
		why = "it is not an SQLite database";
	return err_set(err, errno_of(code), "database \"%s\": %s", store->path,
		       why);
}

int store_statement(struct store *store, int which, const char *sql,
		    sqlite3_stmt **ret, struct err *err)
{
	sqlite3_stmt **statement = &store->statements[which];

	if (!*statement) {
		int code = sqlite3_prepare_v3(store->db, sql, -1,
					      SQLITE_PREPARE_PERSISTENT,
					      statement, NULL);

		if (code != SQLITE_OK)
			return store_failed(store, code, err);
	}
	(void)sqlite3_reset(*statement);
	(void)sqlite3_clear_bindings(*statement);
	*ret = *statement;
	return 0;
}

int store_run(struct store *store, sqlite3_stmt *statement, struct err *err)
{
	int code = sqlite3_step(statement);
	int r = 0;

	if (code != SQLITE_DONE)
		r = store_failed(store, code, err);
	(void)sqlite3_reset(statement);
	return r;
}

int store_run_one(struct store *store, sqlite3_stmt *statement, struct err *err)
{
	int r = store_run(store, statement, err);

	if (r == 0 && sqlite3_changes(store->db) == 0)
		return STORE_NOT_FOUND;
	return r;
}

void store_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	(void)sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

int store_take_text(sqlite3_stmt *row, int column, char **ret)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? -ENOMEM : 0;
}

int store_rows(struct store *store, sqlite3_stmt *statement, store_row_fn take,
	       void *list, const char *what, struct err *err)
{
	int code, r = 0;

	while ((code = sqlite3_step(statement)) == SQLITE_ROW && r == 0)
		r = take(list, statement);
	if (r < 0)
		r = err_set(err, r, "%s: out of memory", what);
	else if (code != SQLITE_DONE)
		r = store_failed(store, code, err);
	(void)sqlite3_reset(statement);
	return r;
}

static int run_sql(struct store *store, enum store_statement which,
		   const char *sql, struct err *err)
{
	sqlite3_stmt *statement;
	int r = store_statement(store, which, sql, &statement, err);

	return r < 0 ? r : store_run(store, statement, err);
}

int store_announce(struct store *store, enum store_change change,
		   struct object *object, struct err *err)
{
	if (store->n_pending == store->n_allocated) {
		size_t n = store->n_allocated ? store->n_allocated * 2 : 16;
		struct store_pending *pending =
			reallocarray(store->pending, n, sizeof(*pending));

		if (!pending) {
			store->is_broken = true;
			return err_set(err, -ENOMEM,
				       "store an object: out of memory");
		}
		store->pending = pending;
		store->n_allocated = n;
	}
	store->pending[store->n_pending++] = (struct store_pending){
		.change = change,
		.object = object_ref(object),
	};
	return 0;
}

static void drop_pending(struct store *store)
{
	for (size_t i = 0; i < store->n_pending; i++)
		object_unref(store->pending[i].object);
	store->n_pending = 0;
}

static void announce_pending(struct store *store)
{
	for (size_t i = 0; i < store->n_pending && store->listener; i++)
		store->listener(store->userdata, store->pending[i].change,
				store->pending[i].object);
	drop_pending(store);
}

/* With a write-ahead log both are safe; NORMAL syncs at checkpoints only. */
static int set_sync(struct store *store, bool skips_sync, struct err *err)
{
	const char *sql = skips_sync ? "pragma synchronous = normal"
				     : "pragma synchronous = full";
	int code;

	if (store->skips_sync == skips_sync)
		return 0;
	code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
	if (code != SQLITE_OK)
		return store_failed(store, code, err);
	store->skips_sync = skips_sync;
	return 0;
}

int store_begin_locked(struct store *store, bool skips_sync, struct err *err)
{
	int r = set_sync(store, skips_sync, err);

	if (r < 0)
		return r;
	store->is_broken = false;
	/* At once as a writer: an upgrade in the middle could fail with BUSY. */
	return run_sql(store, STATEMENT_BEGIN, "begin immediate", err);
}

void store_rollback_locked(struct store *store)
{
	/* SQLite rolls back by itself when the disk is full. */
	if (!sqlite3_get_autocommit(store->db))
		(void)run_sql(store, STATEMENT_ROLLBACK, "rollback", NULL);
	store->revision = store->committed;
	store->is_broken = false;
	drop_pending(store);
}

static int save_revision(struct store *store, struct err *err)
{
	sqlite3_stmt *statement;
	int r;

	if (store->revision == store->committed)
		return 0;
	r = store_statement(store, STATEMENT_SET_REVISION,
			    "update revision set value = ?1", &statement, err);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(statement, 1, (int64_t)store->revision);
	return store_run(store, statement, err);
}

int store_commit_locked(struct store *store, struct err *err)
{
	int r;

	if (store->is_broken) {
		store_rollback_locked(store);
		return err_set(
			err, -EIO,
			"database \"%s\": a write of this transaction failed",
			store->path);
	}
	r = save_revision(store, err);
	if (r == 0)
		r = run_sql(store, STATEMENT_COMMIT, "commit", err);
	if (r < 0) {
		store_rollback_locked(store);
		return r;
	}
	store->committed = store->revision;
	announce_pending(store);
	return 0;
}

int store_begin(struct store *store, struct err *err)
{
	int r;

	store_lock(store);
	if (store->is_open)
		store_commit_group(store);
	if (store->is_begun)
		r = err_set(err, -EALREADY, "a transaction is open already");
	else
		r = store_check_lost(store, err);
	if (r == 0)
		r = store_begin_locked(store, false, err);
	if (r < 0)
		store_unlock(store);
	else
		store->is_begun = true;
	return r;
}

int store_commit(struct store *store, struct err *err)
{
	int r;

	store_lock(store);
	if (!store->is_begun) {
		store_unlock(store);
		return err_set(err, -EINVAL, "no transaction is open");
	}
	r = store_commit_locked(store, err);
	store->is_begun = false;
	store_unlock(store); /* store_begin()'s */
	store_unlock(store);
	return r;
}

void store_rollback(struct store *store)
{
	store_lock(store);
	if (store->is_begun) {
		store_rollback_locked(store);
		store->is_begun = false;
		store_unlock(store); /* store_begin()'s */
	}
	store_unlock(store);
}

uint64_t store_revision(struct store *store)
{
	uint64_t revision;

	store_lock_to_read(store);
	revision = store->revision;
	store_unlock(store);
	return revision;
}

void store_set_listener(struct store *store, store_change_fn fn, void *userdata)
{
	store_lock(store);
	store->listener = fn;
	store->userdata = userdata;
	store_unlock(store);
}

static int lock_database(struct store *store, struct err *err)
{
	_cleanup_(free) char *path = NULL;

	if (asprintf(&path, "%s.lock", store->path) < 0) {
		path = NULL;
		return err_set(err, -ENOMEM, "open a database: out of memory");
	}
	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->lock_fd < 0)
		return err_set_errno(err, -errno, "open \"%s\"", path);
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_set_errno(err, -errno, "lock \"%s\"", path);
	return err_set(err, -EBUSY,
		       "database \"%s\" is in use by another process",
		       store->path);
}

/* SQLite's own files are for everybody to read, and its log copies their mode. */
static void make_private(const char *path)
{
	(void)fd_close(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

static int open_database(struct store *store, struct err *err)
{
	int code;

	make_private(store->path);
	code = sqlite3_open_v2(store->path, &store->db,
			       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
				       SQLITE_OPEN_NOMUTEX,
			       NULL);

	if (!store->db)
		return err_set(err, -ENOMEM, "open a database: out of memory");
	if (code != SQLITE_OK)
		return store_failed(store, code, err);
	(void)sqlite3_extended_result_codes(store->db, 1);
	(void)sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
	return store_schema_prepare(store, err);
}

static int init_lock(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attr;
	int r;

	(void)pthread_mutexattr_init(&attr);
	(void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	r = pthread_mutex_init(lock, &attr);
	(void)pthread_mutexattr_destroy(&attr);
	return -r;
}

int store_open(struct store **ret, const char *path, struct err *err)
{
	_cleanup_(store_close) struct store *store = NULL;
	int r;

	store = calloc(1, sizeof(*store));
	if (!store || init_lock(&store->lock) < 0 ||
	    pthread_key_create(&store->thread_key, free) != 0) {
		free(TAKE_PTR(store));
		return err_set(err, -ENOMEM, "open a database: out of memory");
	}
	(void)pthread_cond_init(&store->ended, NULL);
	store->lock_fd = -1;
	store->path = strdup(path);
	if (!store->path)
		return err_set(err, -ENOMEM, "open a database: out of memory");
	r = lock_database(store, err);
	if (r < 0)
		return r;
	r = open_database(store, err);
	if (r < 0)
		return r;
	r = store_query_u64(store, "select value from revision",
			    &store->revision, err);
	if (r < 0)
		return r;
	store->committed = store->revision;
	*ret = TAKE_PTR(store);
	return 0;
}

struct store *store_close(struct store *store)
{
	if (!store)
		return NULL;
	store_rollback(store);
	/* Of who deferred and did not ask for the end. */
	drop_pending(store);
	free(store->pending);
	err_fini(&store->lost);
	for (size_t i = 0; i < ARRAY_SIZE(store->statements); i++)
		(void)sqlite3_finalize(store->statements[i]);
	for (size_t i = 0; i < ARRAY_SIZE(store->recent); i++)
		object_unref(store->recent[i]);
	(void)sqlite3_close(store->db);
	/* Last: whoever takes the lock next finds the log checkpointed. */
	fd_close(store->lock_fd);
	free(store->path);
	/* Of the thread that closes; the others' go with them. */
	free(pthread_getspecific(store->thread_key));
	(void)pthread_key_delete(store->thread_key);
	(void)pthread_cond_destroy(&store->ended);
	(void)pthread_mutex_destroy(&store->lock);
	free(store);
	return NULL;
}
