/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What all jobs have in common; what they do is lock_verb.c.
 *
 *	begin -> owner's queue -> step -> call -> done -> end
 *	             ^                             |
 *	             +--------- time passes <------+ denied, and may wait
 *
 * Invariants:
 *  1. An owner has at most one call under way (is_calling). So the table follows
 *     what the server does, in its order.
 *  2. An owner is in the journal before its first LOCK is sent, until it holds
 *     nothing. When a LOCK or UNLOCK failed in a way that leaves open what the
 *     server did, it may_hold_more: only an UNLOCK of everything takes that back.
 *  3. job->op and op->lock.job point at each other or nowhere, under the parking's
 *     lock; whoever is first, an answer or giving up, cuts both.
 */

#include "lock_job.h"

#include "clock.h"

#define JOBS_MAX 4096

static void lock(struct locks *locks)
{
	pthread_mutex_lock(&locks->parking.lock);
}

static void unlock(struct locks *locks)
{
	pthread_mutex_unlock(&locks->parking.lock);
}

/* --- jobs and their requests ---------------------------------------------------- */

struct lock_job *lock_job_new(struct locks *locks, enum lock_verb verb)
{
	struct lock_job *job;

	if (atomic_fetch_add(&locks->n_jobs, 1) >= JOBS_MAX ||
	    !(job = calloc(1, sizeof(*job)))) {
		atomic_fetch_sub(&locks->n_jobs, 1);
		return NULL;
	}
	job->locks = locks;
	job->verb = verb;
	return job;
}

/* Whether somebody still wants it. */
bool lock_job_has_op(struct lock_job *job)
{
	bool has;

	lock(job->locks);
	has = job->op && job->op->is_parked;
	unlock(job->locks);
	return has;
}

/* False when nobody takes the answer. */
bool lock_job_answer(struct lock_job *job, int status)
{
	struct locks *locks = job->locks;
	struct op *op;
	bool is_taken;

	lock(locks);
	op = TAKE_PTR(job->op);
	is_taken = op && op->is_parked;
	if (op)
		op->lock.job = NULL;
	if (is_taken) {
		op->lock.range = job->range;
		op->lock.pid = job->pid;
		parking_release_locked(&locks->parking, op, status);
	}
	unlock(locks);
	return is_taken;
}

void lock_job_leave(struct lock_job *job)
{
	struct locks *locks = job->locks;

	if (job->is_queued)
		TAILQ_REMOVE(&job->owner->jobs, job, turn);
	if (job->owner)
		job->owner->n_jobs--;
	timer_cancel(&job->timer);
	free(job);
	atomic_fetch_sub(&locks->n_jobs, 1);
}

void lock_job_end(struct lock_job *job, int status)
{
	(void)lock_job_answer(job, status);
	lock_job_leave(job);
}

/* --- turns ------------------------------------------------------------------------ */

static void publish(struct locks *locks)
{
	atomic_store(&locks->n_owners, lock_table_n_owners(locks->table));
	atomic_store(&locks->n_ranges, lock_table_n_ranges(locks->table));
	if (!locks->is_stopping)
		return;
	lock(locks);
	pthread_cond_signal(&locks->idle);
	unlock(locks);
}

/* Goes on with the owner's jobs; frees an owner that has no use any more. */
static void go_on(struct locks *locks, struct lock_owner *owner)
{
	struct lock_job *job;

	while (!owner->is_calling && (job = TAILQ_FIRST(&owner->jobs)))
		lock_job_step(job);
	if (owner->n_jobs == 0 && owner->n_ranges == 0 &&
	    !owner->may_hold_more) {
		lock_journal_remove(locks->journal, owner->slot);
		lock_table_remove(locks->table, owner);
	}
	publish(locks);
}

static void take_turn(struct lock_job *job)
{
	job->is_queued = true;
	TAILQ_INSERT_TAIL(&job->owner->jobs, job, turn);
}

void lock_job_give_turn_up(struct lock_job *job)
{
	job->is_queued = false;
	TAILQ_REMOVE(&job->owner->jobs, job, turn);
}

static void on_time(struct timer *timer)
{
	struct lock_job *job = container_of(timer, struct lock_job, timer);

	LIST_REMOVE(job, entry);
	/* CLOSE has kept its turn, and others from theirs. */
	if (job->verb == LOCK_CLOSE)
		job->owner->is_calling = false;
	else
		take_turn(job);
	go_on(job->locks, job->owner);
}

int lock_job_wait(struct lock_job *job, uint64_t ms)
{
	int r;

	job->timer = TIMER_INIT(on_time);
	r = timer_set(&job->timer, shard_loop(job->locks->home),
		      clock_ns() + ms * NS_PER_MS);
	if (r == 0)
		LIST_INSERT_HEAD(&job->locks->waiting, job, entry);
	return r;
}

/* Who waits for a lock of the file looks again. */
void lock_jobs_poke(struct locks *locks, uint64_t node)
{
	struct lock_job *job;

	LIST_FOREACH (job, &locks->waiting, entry) {
		/* Armed as it is, this can't fail. */
		if (job->node == node && job->verb == LOCK_TAKE)
			(void)timer_set(&job->timer, shard_loop(locks->home),
					clock_ns());
	}
}

/* --- calls ------------------------------------------------------------------------ */

static void submit(struct lock_job *job)
{
	job->client = job->locks->client;
	nfs_client_submit(job->client, &job->call);
}

static void on_done(struct nfs_call *call)
{
	struct lock_job *job = container_of(call, struct lock_job, call);
	struct lock_owner *owner = job->owner;
	struct locks *locks = job->locks;

	if (call->status == -ECANCELED && job->client != locks->client) {
		submit(job);
		return;
	}
	LIST_REMOVE(job, entry);
	if (owner)
		owner->is_calling = false;
	lock_job_done(job);
	if (owner)
		go_on(locks, owner);
	else
		publish(locks);
}

void lock_job_call(struct lock_job *job, enum nfs_proc proc,
		   const struct lock_range *range, bool is_reclaim)
{
	struct locks *locks = job->locks;
	struct lock_owner *owner = job->owner;

	job->asked = *range;
	job->call.proc = proc;
	job->call.done = on_done;
	job->call.args.lock = (struct nlm_args){
		.caller = lock_journal_caller(locks->journal),
		.offset = range->first,
		.len = range->last == LOCK_TO_END
			       ? 0
			       : range->last - range->first + 1,
		.is_exclusive = range->kind == LOCK_EXCLUSIVE,
		.is_reclaim = is_reclaim,
	};
	if (!owner)
		owner = lock_table_find(locks->table, job->node, job->id);
	if (owner)
		job->call.args.lock.svid = owner->svid;
	if (job->owner)
		job->owner->is_calling = true;
	LIST_INSERT_HEAD(&locks->calling, job, entry);
	submit(job);
}

/* --- beginning ---------------------------------------------------------------------- */

static int make_owner(struct lock_job *job, struct lock_owner **ret)
{
	struct locks *locks = job->locks;
	struct lock_owner *owner;
	int r = lock_table_add(locks->table, &owner, job->node, job->id);

	if (r < 0)
		return r;
	owner->fh = job->call.args.fh;
	owner->cred = job->call.cred;
	r = lock_journal_add(locks->journal, &owner->fh, owner->svid,
			     &owner->slot);
	if (r < 0)
		lock_table_remove(locks->table, owner);
	else
		*ret = owner;
	return r;
}

/* *ret is NULL when there is nothing to do. */
static int find_owner(struct lock_job *job, struct lock_owner **ret)
{
	struct lock_table *table = job->locks->table;

	*ret = job->id ? lock_table_find(table, job->node, job->id)
		       : lock_table_find_handle(table, job->node, job->handle);
	if (*ret || job->verb != LOCK_TAKE)
		return 0;
	return make_owner(job, ret);
}

void lock_job_begin(struct lock_job *take_job)
{
	struct lock_job *job = take_job;
	struct lock_owner *owner = NULL;
	int r;

	if (job->verb == LOCK_TEST) {
		lock_job_step(job);
		return;
	}
	r = find_owner(job, &owner);
	if (!owner) {
		struct locks *locks = job->locks;

		lock_job_end(job, r);
		publish(locks);
		return;
	}
	job->owner = owner;
	owner->n_jobs++;
	take_turn(job);
	go_on(job->locks, owner);
}

int lock_job_start(struct locks *locks, struct lock_owner *owner,
		   enum lock_verb verb)
{
	struct lock_job *job = lock_job_new(locks, verb);

	if (!job)
		return -ENOMEM;
	job->owner = owner;
	job->node = owner->node;
	job->call.args.fh = owner->fh;
	job->call.cred = owner->cred;
	owner->n_jobs++;
	job->is_queued = true;
	if (verb == LOCK_RECLAIM)
		TAILQ_INSERT_HEAD(&owner->jobs, job, turn);
	else
		TAILQ_INSERT_TAIL(&owner->jobs, job, turn);
	go_on(locks, owner);
	return 0;
}

/* --- ending ------------------------------------------------------------------------- */

void lock_jobs_move(struct locks *locks)
{
	struct lock_job *job;

	/* They stay in the list. */
	LIST_FOREACH (job, &locks->calling, entry)
		nfs_client_cancel(job->client, &job->call);
}

void lock_jobs_hurry(struct locks *locks)
{
	struct lock_job *job = LIST_FIRST(&locks->waiting);

	while (job) {
		struct lock_job *next = LIST_NEXT(job, entry);
		struct lock_owner *owner = job->owner;

		if (job->verb == LOCK_CLOSE) {
			(void)timer_set(&job->timer, shard_loop(locks->home),
					clock_ns());
		} else {
			LIST_REMOVE(job, entry);
			lock_job_end(job, -ECANCELED);
			go_on(locks, owner);
		}
		job = next;
	}
}

void lock_jobs_cancel(struct locks *locks)
{
	struct lock_job *job;

	while ((job = LIST_FIRST(&locks->calling)))
		nfs_client_cancel(job->client, &job->call);
	while ((job = LIST_FIRST(&locks->waiting))) {
		struct lock_owner *owner = job->owner;

		LIST_REMOVE(job, entry);
		owner->is_calling = false;
		lock_job_end(job, -ECANCELED);
		go_on(locks, owner);
	}
}
