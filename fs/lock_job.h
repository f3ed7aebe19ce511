/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Jobs of a volume's locks, for locks.c: what is done for one request, or for
 * ourselves, until the server has answered. Owners' jobs have turns, so that the
 * server sees an owner's calls in the order in which the table follows them.
 *
 * Threads: the home shard's, but for what says otherwise.
 */

#include <pthread.h>

#include "lock_journal.h"
#include "lock_table.h"
#include "locks.h"
#include "parking.h"

LIST_HEAD(lock_job_list, lock_job);

struct locks {
	struct shard *home; /* where all but requests' begin and end runs */
	struct nfs3_options server; /* the lock manager */
	struct nfs_client *client;
	struct nfs_client *portmapper; /* NULL = need not be asked */
	struct nfs_call getport;
	bool is_asking; /* getport is under way */
	struct lock_table *table;
	struct lock_journal *journal;
	struct parking parking; /* of requests; its lock also guards idle */
	pthread_cond_t idle;	/* something ended while stopping */
	struct lock_job_list waiting; /* for time to pass */
	struct lock_job_list calling;
	struct timer tick; /* while there are owners */
	uint32_t n_losses; /* of the client, when owners were last reclaimed */
	bool is_stopping;
	bool is_over;		 /* nothing is submitted any more */
	_Atomic uint32_t n_jobs; /* any thread */
	_Atomic size_t n_owners; /* the table's numbers, for any thread */
	_Atomic size_t n_ranges;
};

struct lock_job {
	struct nfs_call call;
	struct locks *locks;
	struct nfs_client *client; /* of the call */
	enum lock_verb verb;
	struct op *op; /* parking's lock; NULL = nobody waits (any more) */
	struct lock_owner *owner; /* NULL for TEST */
	uint64_t node;
	uint64_t id;
	uint64_t handle;
	uint32_t pid;
	bool waits;
	bool is_queued; /* it has a turn */
	bool is_late;	/* RECLAIM: there is no grace period (any more) */
	struct lock_range range;
	struct lock_range asked; /* in the call */
	uint64_t cursor;	 /* UNDO, RECLAIM: the next byte */
	uint64_t delay_ms;	 /* before the last attempt */
	struct timer timer;
	struct post post;
	TAILQ_ENTRY(lock_job) turn; /* the owner's jobs */
	LIST_ENTRY(lock_job) entry; /* waiting or calling */
};

/* From an op's request; NULL = no memory, or too many jobs. Any shard. */
struct lock_job *lock_job_new(struct locks *locks, enum lock_verb verb);

/* Takes the job on. */
void lock_job_begin(struct lock_job *take_job);

/* A job of our own for the owner: CLOSE or RECLAIM. -ENOMEM. */
int lock_job_start(struct locks *locks, struct lock_owner *owner,
		   enum lock_verb verb);

/* The client is another one: calls that are under way are made again by it. */
void lock_jobs_move(struct locks *locks);
/* Ends what waits for time to pass; CLOSE is tried at once. */
void lock_jobs_hurry(struct locks *locks);
/* Ends all. is_over is set. */
void lock_jobs_cancel(struct locks *locks);

/* --- lock_server.c --------------------------------------------------------------- */

/* Gets the client of locks->server. */
int lock_server_connect(struct locks *locks, struct err *err);
/* Once a second: true when it has been found somewhere else. */
bool lock_server_look(struct locks *locks);
void lock_server_disconnect(struct locks *locks);

/* --- between lock_job.c and lock_verb.c --------------------------------------- */

/* It has the turn: submits a call, or ends. */
void lock_job_step(struct lock_job *job);
/* Its call was answered. */
void lock_job_done(struct lock_job *job);

/* Whether somebody still wants the answer. */
bool lock_job_has_op(struct lock_job *job);
/* False when nobody takes it. */
bool lock_job_answer(struct lock_job *job, int status);
/* Frees it, answered or not. */
void lock_job_leave(struct lock_job *job);
/* Both. */
void lock_job_end(struct lock_job *job, int status);

/* Asks the server as the job's owner. */
void lock_job_call(struct lock_job *job, enum nfs_proc proc,
		   const struct lock_range *range, bool is_reclaim);
/*
 * Another turn when time has passed; CLOSE keeps its own meanwhile, with
 * is_calling set by the caller. -ENOMEM.
 */
int lock_job_wait(struct lock_job *job, uint64_t ms);
void lock_job_give_turn_up(struct lock_job *job);
/* Who waits for a lock of the file looks again. */
void lock_jobs_poke(struct locks *locks, uint64_t node);
