/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Locks between nodes. The kernel asks for every lock of such a volume (it keeps
 * no list of its own then), and the server decides, also between two pods of one
 * node. What the server was asked for and has granted is known here, because
 * somebody has to give it back:
 *
 *  - close(2) and the end of a process reach us as FLUSH with the kernel's owner
 *    (fcntl locks), and as RELEASE of the open file (flock and OFD locks);
 *  - unmounting unlocks all;
 *  - the journal tells the process after us what it has to unlock, if we crash.
 *
 * The server is never told to drop everything (FREE_ALL, SM_NOTIFY): it knows
 * clients by address, and this host's kernel has mounts and locks of its own.
 *
 * All of a volume's locks are looked after by one shard, its home, on one
 * connection: then there is an order, and no lock. A request is parked on its own
 * shard and a job (lock_job.c) goes home for it. A request that is given up, since
 * its process was killed, leaves its job behind, which undoes what it still gets.
 *
 * Once a second, while there are owners, home looks whether the connection was
 * lost since, and reclaims their locks if so. An idle connection that breaks is
 * noticed by its keep-alives.
 */

#include "locks.h"

#include "clock.h"
#include "lane.h"
#include "lock_job.h"
#include "log.h"
#include "nfs_ask.h"
#include "nlm_xdr.h"

#define TICK_NS	     NS_PER_S
#define LEFT_NS	     (5 * NS_PER_S)
#define STOP_WAIT_NS NS_PER_S

size_t locks_count(const struct locks *locks)
{
	return atomic_load(&locks->n_ranges);
}

bool locks_has_owners(const struct locks *locks)
{
	return atomic_load(&locks->n_owners) > 0 ||
	       atomic_load(&locks->n_jobs) > 0;
}

/* --- requests --------------------------------------------------------------------- */

static void begin(struct post *post)
{
	struct lock_job *job = container_of(post, struct lock_job, post);
	struct locks *locks = job->locks;

	if (!locks->tick.loop) /* there is no owner */
		locks->n_losses = locks->client->n_losses;
	lock_job_begin(job);
	/* Without memory for it the next request arms it. */
	if (!locks->tick.loop && !locks->is_stopping)
		(void)timer_set(&locks->tick, shard_loop(locks->home),
				clock_ns() + TICK_NS);
}

/* Of a request that has its answer, or was given up. */
static void resumed(struct op *op)
{
	struct locks *locks = op->view->locks;

	pthread_mutex_lock(&locks->parking.lock);
	if (op->lock.job)
		op->lock.job->op = NULL;
	op->lock.job = NULL;
	pthread_mutex_unlock(&locks->parking.lock);
	if (op->lock.waits)
		lane_end_wait(op->lane);
	op->lock.then(op);
}

static struct lock_job *job_of(struct op *op)
{
	struct lock_job *job = lock_job_new(op->view->locks, op->lock.verb);

	if (!job)
		return NULL;
	job->op = op;
	job->node = op->node;
	job->id = op->lock.owner;
	job->handle = op->lock.handle;
	job->pid = op->lock.pid;
	job->waits = op->lock.waits;
	job->range = op->lock.range;
	job->call.cred = op->call.cred;
	job->call.args.fh = op->call.args.fh;
	job->post.fn = begin;
	return job;
}

void locks_request(struct op *op, op_fn done)
{
	struct locks *locks = op->view->locks;
	struct lock_job *job = job_of(op);

	op->lock.then = done;
	op->lock.job = job;
	if (!job) {
		op->call.status = -ENOLCK;
		done(op);
		return;
	}
	if (op->lock.waits)
		lane_begin_wait(op->lane);
	pthread_mutex_lock(&locks->parking.lock);
	parking_enter_locked(&locks->parking, op, resumed);
	pthread_mutex_unlock(&locks->parking.lock);
	loop_post(shard_loop(locks->home), &job->post);
}

/* --- a lost connection -------------------------------------------------------------- */

static void reclaim_all(struct locks *locks)
{
	struct lock_owner *owner = lock_table_next(locks->table, NULL);

	while (owner) {
		struct lock_owner *next = lock_table_next(locks->table, owner);

		if (owner->n_ranges > 0 &&
		    lock_job_start(locks, owner, LOCK_RECLAIM) < 0)
			log_warn("locks are not reclaimed: no memory",
				 F_U64("pid", owner->pid));
		owner = next;
	}
}

static void on_tick(struct timer *timer)
{
	struct locks *locks = container_of(timer, struct locks, tick);
	bool has_moved = lock_server_look(locks);
	uint32_t n_losses = locks->client->n_losses;

	if (has_moved || n_losses != locks->n_losses)
		reclaim_all(locks);
	locks->n_losses = n_losses;
	if (lock_table_n_owners(locks->table) > 0 ||
	    !LIST_EMPTY(&locks->calling))
		(void)timer_set(timer, shard_loop(locks->home),
				clock_ns() + TICK_NS);
}

/* --- what a process before us has left ------------------------------------------------ */

static int ask_unlock(struct nfs_ask *ask, struct locks *locks,
		      const struct nfs_fh *fh, uint32_t svid)
{
	struct nfs_call call = { .proc = NLM_UNLOCK, .args.fh = *fh };

	call.args.lock.caller = lock_journal_caller(locks->journal);
	call.args.lock.svid = svid;
	return nfs_ask_call(ask, &call);
}

/* A server in its grace period (-EAGAIN) may be asked the next time. */
static void unlock_left(struct nfs_ask *ask, struct locks *locks)
{
	unsigned int n = 0, n_left = 0;
	uint32_t cursor = 0, svid;
	struct nfs_fh fh;

	for (; lock_journal_next(locks->journal, &cursor, &fh, &svid);
	     cursor++) {
		int r = n_left ? -ECANCELED : ask_unlock(ask, locks, &fh, svid);

		if (r == 0 || r == -ESTALE) {
			lock_journal_remove(locks->journal, cursor);
			n++;
		} else {
			n_left++;
		}
	}
	if (n + n_left > 0)
		log_info("locks of an earlier process were given back",
			 F_U64("owners", n), F_U64("left", n_left));
}

static int greet_server(struct locks *locks,
			const struct locks_options *options, struct err *err)
{
	_cleanup_(nfs_ask_fini) struct nfs_ask ask = NFS_ASK_INIT;
	struct nfs_call call = { .proc = NLM_NULL };
	int r = nfs_ask_connect(&ask, &options->server.addr,
				options->server.addr_len, clock_ns() + LEFT_NS);

	if (r == 0)
		r = nfs_ask_call(&ask, &call);
	if (r < 0)
		return err_set_errno(err, r, "ask the server's lock manager");
	unlock_left(&ask, locks);
	return 0;
}

/* --- life --------------------------------------------------------------------------- */

struct connecting {
	struct locks *locks;
	struct err *err;
	int r;
};

static void connect_home(struct shard *shard, void *userdata)
{
	struct connecting *connecting = userdata;

	connecting->r = lock_server_connect(connecting->locks, connecting->err);
}

static struct locks *new_locks(const struct locks_options *options)
{
	static _Atomic unsigned int next_home;
	struct locks *locks = calloc(1, sizeof(*locks));
	unsigned int n = shards_count(options->shards);

	if (!locks)
		return NULL;
	locks->server = options->server;
	locks->home = shards_get(options->shards,
				 atomic_fetch_add(&next_home, 1) % n);
	parking_init(&locks->parking);
	pthread_cond_init(&locks->idle, NULL);
	LIST_INIT(&locks->waiting);
	LIST_INIT(&locks->calling);
	locks->tick = TIMER_INIT(on_tick);
	return locks;
}

int locks_start(struct locks **ret, const struct locks_options *options,
		struct err *err)
{
	_cleanup_(locks_stop) struct locks *locks = new_locks(options);
	struct connecting connecting = { .locks = locks, .err = err };
	int r;

	if (!locks || lock_table_new(&locks->table) < 0)
		return err_set(err, -ENOMEM, "make a table of locks");
	r = lock_journal_open(&locks->journal, options->state_dir,
			      options->volume, options->node, err);
	if (r == 0)
		r = greet_server(locks, options, err);
	if (r < 0)
		return r;
	shard_call(locks->home, connect_home, &connecting);
	if (connecting.r == 0)
		*ret = TAKE_PTR(locks);
	return connecting.r;
}

static void stop_begin(struct shard *shard, void *userdata)
{
	struct locks *locks = userdata;
	struct lock_owner *owner;

	locks->is_stopping = true;
	timer_cancel(&locks->tick);
	lock_jobs_hurry(locks);
	owner = lock_table_next(locks->table, NULL);
	while (owner) {
		struct lock_owner *next = lock_table_next(locks->table, owner);

		/* Without memory for it: the journal has it. */
		(void)lock_job_start(locks, owner, LOCK_CLOSE);
		owner = next;
	}
}

static void stop_end(struct shard *shard, void *userdata)
{
	struct locks *locks = userdata;

	locks->is_over = true;
	lock_jobs_cancel(locks);
	lock_server_disconnect(locks);
}

static void wait_idle(struct locks *locks)
{
	uint64_t end = clock_ns() + STOP_WAIT_NS;
	struct timespec deadline = { .tv_sec = (time_t)(end / NS_PER_S),
				     .tv_nsec = (long)(end % NS_PER_S) };
	int r = 0;

	pthread_mutex_lock(&locks->parking.lock);
	while (locks_has_owners(locks) && r == 0)
		r = pthread_cond_clockwait(&locks->idle, &locks->parking.lock,
					   CLOCK_MONOTONIC, &deadline);
	pthread_mutex_unlock(&locks->parking.lock);
}

struct locks *locks_stop(struct locks *locks)
{
	if (!locks)
		return NULL;
	if (locks->client) {
		shard_call(locks->home, stop_begin, locks);
		wait_idle(locks);
		shard_call(locks->home, stop_end, locks);
	}
	if (locks_has_owners(locks))
		log_warn(
			"locks are left on the server until the volume is staged here again",
			F_U64("owners", atomic_load(&locks->n_owners)));
	lock_table_free(locks->table);
	lock_journal_close(locks->journal);
	pthread_cond_destroy(&locks->idle);
	parking_fini(&locks->parking);
	free(locks);
	return NULL;
}
