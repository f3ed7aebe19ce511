/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the store_*.c files share; nobody else includes this.
 *
 * A call that writes is store_enter() ... store_leave(): the lock, and a group's
 * transaction when store_begin() has not opened one. A call that reads runs one
 * statement between store_lock_to_read() and store_unlock().
 */

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include <sqlite3.h>

#include "store.h"

#define STORE_MAX_EVENTS      2000
#define STORE_EVENT_AGE_S     3600 /* the API server's --event-ttl */
#define STORE_MAX_OLD_INTENTS 1000
#define STORE_GROUP_MAX	      128  /* writes that wait for the same commit */
#define STORE_RECENT_N	      256  /* objects that are kept parsed */
#define STORE_RECENT_MAX      8192 /* bytes of the text of such a one */

enum store_statement {
	STATEMENT_BEGIN,
	STATEMENT_COMMIT,
	STATEMENT_ROLLBACK,
	STATEMENT_SET_REVISION,
	STATEMENT_OLD_EVENTS,
	STATEMENT_VOLUMES_FOR,
	STATEMENT_ATTACHMENTS_OF,
	STATEMENT_VOLUMES_OF_HANDLE,
	STATEMENT_VOLUMES_AFTER,
	STATEMENT_CLASS_HAS_CLAIMS,
	STATEMENT_ATTRIBUTES_HAVE_CLAIMS,
	STATEMENT_CLAIM_NAMES,
	STATEMENT_VOLUME_NAMES,
	STATEMENT_ATTACHED_NAMES,
	STATEMENT_INTENT_OPEN,
	STATEMENT_INTENT_CLOSE,
	STATEMENT_INTENT_TRIM,
	STATEMENT_INTENT_LIST,
	STATEMENT_INTENT_LIST_CLAIM,
	STATEMENT_INTENT_FIND,
	STATEMENT_INTENT_OF,
	STATEMENT_HISTORY_ADD,
	STATEMENT_HISTORY_TRIM,
	STATEMENT_HISTORY_TRIM_OBJECT,
	STATEMENT_HISTORY_READ,
	STATEMENT_ATTACHMENT_HOLDER,
	STATEMENT_ATTACHMENT_INSERT,
	STATEMENT_ATTACHMENT_DELETE,
	STATEMENT_ATTACHMENT_LIST,
	STATEMENT_ATTACHMENT_COUNT,
	STATEMENT_TRASH_LIST,
	STATEMENT_TRASH_GET,
	STATEMENT_TRASH_DUE,
	STATEMENT_TRASH_NEXT,
	STATEMENT_TRASH_PUT,
	STATEMENT_TRASH_STATE,
	STATEMENT_TRASH_EXPIRY,
	STATEMENT_TRASH_NOTE,
	STATEMENT_TRASH_REMOVE,
	STATEMENT_LISTED_BEGIN,
	STATEMENT_LISTED_ANSWER,
	STATEMENT_COPY_GET,
	STATEMENT_COPY_LIST,
	STATEMENT_COPY_DUE,
	STATEMENT_COPY_SOURCE,
	STATEMENT_COPY_FROM,
	STATEMENT_COPY_PUT,
	STATEMENT_COPY_STATE,
	STATEMENT_COPY_NOTE,
	STATEMENT_COPY_REMOVE,
	STATEMENT_SNAPSHOT_LIST,
	STATEMENT_SNAPSHOT_GET,
	STATEMENT_SNAPSHOT_PUT,
	STATEMENT_SNAPSHOT_STATE,
	STATEMENT_SNAPSHOT_REMOVING,
	STATEMENT_SNAPSHOT_REMOVE,
	STATEMENT_LISTED_ADD,
	STATEMENT_LISTED_CLEAR,
	STATEMENT_GONE_ADD,
	STATEMENT_GONE_TRIM,
	STATEMENT_GONE_FIND,
	STATEMENT_GONE_FORGET,
	STATEMENT_LIST, /* + kind */
	STATEMENT_OBJECT =
		STATEMENT_LIST +
		KIND_RECORD_N, /* + kind * OBJECT_STATEMENT_N + which */
};

enum object_statement {
	OBJECT_GET,
	OBJECT_INSERT,
	OBJECT_UPDATE,
	OBJECT_DELETE,
	OBJECT_UNLISTED, /* ?1 kind, ?2 version */
	OBJECT_STATEMENT_N,
};

#define STATEMENT_N (STATEMENT_OBJECT + KIND_RECORD_N * OBJECT_STATEMENT_N)

struct store_pending {
	enum store_change change;
	struct object *object; /* one reference */
};

#define STORE_WHO_MAX 64

struct thread_state {
	char who[STORE_WHO_MAX]; /* who writes; "" = not said */
	bool is_deferring;
	bool skips_sync;
};

/* On the stack of who waits for the end of a group. */
struct store_waiter {
	bool is_done;
	int r;
	struct err *err;
	SLIST_ENTRY(store_waiter) link;
};

struct store {
	pthread_key_t thread_key;      /* struct thread_state */
	_Atomic unsigned int n_coming; /* about to take the lock and write */
	pthread_mutex_t lock;	       /* recursive; guards everything below */
	char *path;
	int lock_fd; /* flock(2) on "<path>.lock" */
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_N]; /* prepared at first use */
	struct object *recent[STORE_RECENT_N]; /* by name; store_object.c's */

	bool is_begun;	   /* between store_begin() and its end */
	bool is_broken;	   /* a write failed: only a rollback helps */
	bool is_open;	   /* a group's transaction */
	bool skips_sync;   /* synchronous=NORMAL instead of FULL */
	bool has_deferred; /* who does not wait for it wrote to it, or read it */
	struct err lost;   /* why such writes were lost; code 0 = none were */
	size_t n_waiters;
	SLIST_HEAD(, store_waiter) waiters;
	pthread_cond_t ended;
	uint64_t revision;  /* of the last write, committed or not */
	uint64_t committed; /* what revision goes back to */

	struct store_pending *pending; /* announced after the commit */
	size_t n_pending;
	size_t n_allocated;

	store_change_fn listener;
	void *userdata; /* borrowed */
};

/* schema/NNN_*.sql, embedded by schema/embed.py */
extern const char *const schema_steps[];
extern const int n_schema_steps;

/* store.c */
void store_lock(struct store *store);
void store_unlock(struct store *store);
/* A transaction's ends, of store_begin()'s and of groups alike. */
int store_begin_locked(struct store *store, bool skips_sync, struct err *err);
int store_commit_locked(struct store *store, struct err *err);
void store_rollback_locked(struct store *store);

/* store_group.c */
int store_enter(struct store *store, struct err *err);
/*
 * Waits for the commit, unless the thread defers; returns r, or the commit's error.
 * A positive r: nothing was written.
 */
int store_leave(struct store *store, int r, struct err *err);
/* Nothing that may still be rolled back is seen, unless by who wrote it. */
void store_lock_to_read(struct store *store);
void store_commit_group(struct store *store);
/* Negative: this thread may not write before it has flushed. */
int store_check_lost(struct store *store, struct err *err);
/* NULL without memory. */
struct thread_state *store_thread(struct store *store);

/* store.c */
/* The statement, reset and without bound values; prepared when needed. */
int store_statement(struct store *store, int which, const char *sql,
		    sqlite3_stmt **ret, struct err *err);
/* Steps a statement that returns no rows. */
int store_run(struct store *store, sqlite3_stmt *statement, struct err *err);
/* The same, of one that changes a row; STORE_NOT_FOUND when there is none. */
int store_run_one(struct store *store, sqlite3_stmt *statement,
		  struct err *err);
/*
 * Steps a statement that returns rows, and resets it. take gets each: 0, or -ENOMEM,
 * which is told as "<what>: out of memory".
 */
typedef int (*store_row_fn)(void *list, sqlite3_stmt *row);
int store_rows(struct store *store, sqlite3_stmt *statement, store_row_fn take,
	       void *list, const char *what, struct err *err);
/* An SQLite result as errno, with a sentence; marks the transaction broken. */
int store_failed(struct store *store, int code, struct err *err);
/* Bound texts are borrowed: the statement is reset before they go. */
void store_bind_text(sqlite3_stmt *statement, int index, const char *text);
/* A column's text, malloc'ed; NULL = null. Only -ENOMEM. */
int store_take_text(sqlite3_stmt *row, int column, char **ret);
/* Queues the change for the commit; takes a reference. */
int store_announce(struct store *store, enum store_change change,
		   struct object *object, struct err *err);

/* store_list.c: the object in a row's first column, and those of all rows. */
int store_read_object(sqlite3_stmt *statement, struct object **ret,
		      struct err *err);
int store_read_objects(struct store *store, sqlite3_stmt *statement,
		       struct object_list *list, struct err *err);

/* store_object.c; within a transaction, and with the resourceVersion that it has. */
int store_object_get(struct store *store, enum object_kind kind,
		     const char *namespace, const char *name,
		     struct object **ret, struct err *err);
/* Writes, tells the history and queues the announcement; old: what is modified. */
int store_object_write(struct store *store, enum store_change change,
		       const struct object *old, struct object *object,
		       struct err *err);
/* Those of a kind that a list of that version lacks; what was answered since it began is younger. */
int store_object_list_unlisted(struct store *store, enum object_kind kind,
			       uint64_t version, struct object_list *ret,
			       struct err *err);

/* store_history.c; within a transaction. */
struct history_row {
	const char *kind;
	const char *namespace;
	const char *name;
	const char *uid;
	const char *who; /* NULL = who acts on this thread */
	const char *what;
	const char *detail;
};

int store_history_add(struct store *store, const struct history_row *row,
		      struct err *err);
/* What was written; old only for STORE_MODIFIED. */
int store_history_object(struct store *store, enum store_change change,
			 const struct object *old, const struct object *new,
			 struct err *err);
/* what: "" when it was opened, else its outcome. */
int store_history_intent(struct store *store, const char *volume,
			 const char *step, const char *what, struct err *err);

/* store_copy.c; within a transaction. */
struct store_copy;
/* Replaces what is there. */
int store_copy_write(struct store *store, const struct store_copy *copy,
		     struct err *err);
/* 1 while a volume is made from the snapshot, else 0. */
int store_copy_is_from(struct store *store, const char *snapshot,
		       struct err *err);
int store_copy_erase(struct store *store, const char *name, struct err *err);
/* store_snapshot.c; the same: whether it is ready. */
int store_snapshot_is_ready(struct store *store, const char *id,
			    struct err *err);

/* store_schema.c: checks that the database is ours and brings it up to date. */
int store_schema_prepare(struct store *store, struct err *err);
int store_query_u64(struct store *store, const char *sql, uint64_t *ret,
		    struct err *err);
