/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the jobs do. A verb has a step, which submits a call or ends the job, and
 * a done for the answer, after which the job has ended, waits, or is stepped again.
 *
 *  TEST     asks the server; the only one without an owner and a turn
 *  TAKE     LOCK; a denied one that may wait asks again, 50 ms to 500 ms later, or
 *           as soon as somebody on this node gives a lock of the file back
 *  GIVE     UNLOCK of a range
 *  CLOSE    UNLOCK of everything: until it succeeded, since nobody asks again
 *  UNDO     what a TAKE becomes that was granted after its request was given up:
 *           what it got is unlocked, what it changed is locked as it was before
 *  RECLAIM  after a lost connection: was it the server that rebooted? In a grace
 *           period it lets us have what we say we had. Otherwise it refuses
 *           reclaims, and the same LOCK once more succeeds if it still knows us
 *           (a LOCK of what one has is granted), or if the lock is free. Else it
 *           is lost, which can only be logged: no signal says so to programs.
 *
 * Nothing detects deadlocks, neither between nodes nor between owners of one.
 */

#include "lock_job.h"
#include "log.h"

#define DELAY_MIN_MS  50
#define DELAY_MAX_MS  500
#define CLOSE_WAIT_MS 2000

static const struct lock_range everything = { 0, LOCK_TO_END, LOCK_NONE };

static bool is_denied(const struct lock_job *job)
{
	return job->call.res.lock.outcome == NLM_DENIED;
}

/* Of an UNLOCK: a file that is gone has no locks either. */
static bool has_given(const struct lock_job *job)
{
	return job->call.status == 0 || job->call.status == -ESTALE;
}

static void set(struct lock_job *job, const struct lock_range *range)
{
	lock_owner_set(job->locks->table, job->owner, range);
}

static void set_free(struct lock_job *job, const struct lock_range *range)
{
	const struct lock_range given = { range->first, range->last,
					  LOCK_NONE };

	set(job, &given);
}

/* --- TEST ------------------------------------------------------------------------- */

static void test_step(struct lock_job *job)
{
	lock_job_call(job, NLM_TEST, &job->range, false);
}

static void test_done(struct lock_job *job)
{
	const struct nlm_result *res = &job->call.res.lock;
	struct lock_owner *holder = NULL;

	job->pid = 0;
	job->range.kind = LOCK_NONE;
	if (job->call.status == 0 && is_denied(job)) {
		job->range = (struct lock_range){
			.first = res->offset,
			.last = res->len ? res->offset + res->len - 1
					 : LOCK_TO_END,
			.kind = res->is_exclusive ? LOCK_EXCLUSIVE : LOCK_SHARED
		};
		if (res->is_ours)
			holder = lock_table_find_svid(job->locks->table,
						      job->node, res->svid);
		/* A pid means nothing on another node. */
		job->pid = holder ? holder->pid : 0;
	}
	lock_job_end(job, job->call.status);
}

/* --- TAKE ------------------------------------------------------------------------- */

static void take_step(struct lock_job *job)
{
	struct lock_owner *owner = job->owner;
	int r = lock_owner_make_room(owner);

	if (r == 0 && lock_table_is_full(job->locks->table))
		r = -ENOLCK;
	if (r < 0 || !lock_job_has_op(job)) {
		lock_job_end(job, r);
		return;
	}
	owner->handle = job->handle;
	owner->pid = job->pid;
	lock_job_call(job, NLM_LOCK, &job->range, false);
}

static void take_denied(struct lock_job *job)
{
	uint64_t ms = job->delay_ms ? job->delay_ms * 2 : DELAY_MIN_MS;

	if (!job->waits || !lock_job_has_op(job) || job->locks->is_stopping) {
		lock_job_end(job, -EAGAIN);
		return;
	}
	job->delay_ms = ms < DELAY_MAX_MS ? ms : DELAY_MAX_MS;
	lock_job_give_turn_up(job);
	if (lock_job_wait(job, job->delay_ms) < 0)
		lock_job_end(job, -ENOMEM);
}

static void take_done(struct lock_job *job)
{
	if (job->call.status < 0) {
		job->owner->may_hold_more = true;
		lock_job_end(job, job->call.status);
	} else if (is_denied(job)) {
		take_denied(job);
	} else if (lock_job_answer(job, 0)) {
		set(job, &job->range);
		lock_job_leave(job);
	} else {
		job->verb = LOCK_UNDO;
		job->cursor = job->range.first;
	}
}

/* --- UNDO ------------------------------------------------------------------------- */

static void undo_step(struct lock_job *job)
{
	struct lock_range piece =
		lock_owner_look(job->owner, job->cursor, job->range.last);

	lock_job_call(job, piece.kind == LOCK_NONE ? NLM_UNLOCK : NLM_LOCK,
		      &piece, false);
}

static void undo_done(struct lock_job *job)
{
	if (job->call.status < 0)
		job->owner->may_hold_more = true;
	else if (is_denied(job))
		set_free(job, &job->asked);
	if (job->call.status < 0 || job->asked.last >= job->range.last) {
		lock_jobs_poke(job->locks, job->node);
		lock_job_end(job, 0);
		return;
	}
	job->cursor = job->asked.last + 1;
}

/* --- GIVE, CLOSE -------------------------------------------------------------------- */

static void give_step(struct lock_job *job)
{
	int r = lock_owner_make_room(job->owner);

	if (r < 0 || (!job->owner->may_hold_more &&
		      !lock_owner_holds_any(job->owner, job->range.first,
					    job->range.last)))
		lock_job_end(job, r);
	else
		lock_job_call(job, NLM_UNLOCK, &job->range, false);
}

static void give_done(struct lock_job *job)
{
	if (!has_given(job)) {
		lock_job_end(job, job->call.status);
		return;
	}
	set_free(job, &job->range);
	lock_jobs_poke(job->locks, job->node);
	lock_job_end(job, 0);
}

static void close_step(struct lock_job *job)
{
	if (job->owner->n_ranges == 0 && !job->owner->may_hold_more)
		lock_job_end(job, 0);
	else
		lock_job_call(job, NLM_UNLOCK, &everything, false);
}

static void close_done(struct lock_job *job)
{
	if (has_given(job)) {
		set(job, &everything);
		job->owner->may_hold_more = false;
		lock_jobs_poke(job->locks, job->node);
		lock_job_end(job, 0);
		return;
	}
	(void)lock_job_answer(job, job->call.status);
	if (job->locks->is_over || lock_job_wait(job, CLOSE_WAIT_MS) < 0)
		lock_job_leave(job);
	else
		job->owner->is_calling = true;
}

/* --- RECLAIM ------------------------------------------------------------------------ */

static void reclaim_step(struct lock_job *job)
{
	struct lock_range piece;

	for (;;) {
		piece = lock_owner_look(job->owner, job->cursor, LOCK_TO_END);
		if (piece.kind != LOCK_NONE)
			break;
		if (piece.last == LOCK_TO_END) {
			lock_job_end(job, 0);
			return;
		}
		job->cursor = piece.last + 1;
	}
	lock_job_call(job, NLM_LOCK, &piece, !job->is_late);
}

static void log_lost(const struct lock_job *job)
{
	log_warn(
		"a lock is lost: another client got it while the server was away",
		F_U64("pid", job->owner->pid), F_U64("first", job->asked.first),
		F_U64("last", job->asked.last));
}

static void reclaim_done(struct lock_job *job)
{
	int status = job->call.status;

	if (status == 0 && job->call.res.lock.outcome == NLM_NO_GRACE) {
		job->is_late = true;
		return;
	}
	if (status == 0 && is_denied(job)) {
		log_lost(job);
		set_free(job, &job->asked);
	}
	/* What could not be asked for is asked for after the next loss. */
	if (status < 0 || job->asked.last == LOCK_TO_END) {
		lock_job_end(job, status);
		return;
	}
	job->is_late = false;
	job->cursor = job->asked.last + 1;
}

/* --- all of them -------------------------------------------------------------------- */

static const struct {
	void (*step)(struct lock_job *job);
	void (*done)(struct lock_job *job);
} verbs[] = {
	[LOCK_TEST] = { test_step, test_done },
	[LOCK_TAKE] = { take_step, take_done },
	[LOCK_GIVE] = { give_step, give_done },
	[LOCK_CLOSE] = { close_step, close_done },
	[LOCK_UNDO] = { undo_step, undo_done },
	[LOCK_RECLAIM] = { reclaim_step, reclaim_done },
};

void lock_job_step(struct lock_job *job)
{
	if (job->locks->is_over)
		lock_job_end(job, -ECANCELED);
	else
		verbs[job->verb].step(job);
}

void lock_job_done(struct lock_job *job)
{
	verbs[job->verb].done(job);
}
