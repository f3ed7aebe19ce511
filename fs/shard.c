/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Shards. A shard owns everything that its requests touch: loop, buffer pool, NFS
 * clients, free operation objects. What several shards share (node tables,
 * counters) brings its own locks or atomics.
 *
 * At the end of every round each client sends what the round's callbacks queued:
 * up to 16 requests of a FUSE descriptor leave in one system call. Buffers that
 * the pool keeps and nobody has needed for some seconds go back to the system.
 *
 * Which shard a thread is, is a thread-local: libfuse calls its handlers with
 * nothing but the request, and a request says which session, not which thread.
 *
 * Signals are blocked in shards; the main thread takes them.
 */

#include "shard.h"

#include <assert.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "clock.h"
#include "cred.h"
#include "kept_budget.h"
#include "link_table.h"
#include "op.h"

#define DEFAULT_SHARDS_MAX 4
#define TRIM_NS		   (5 * NS_PER_S)

struct shared_client {
	struct nfs_client *client;
	struct nfs3_options options;
	unsigned int lane;
	unsigned int n_users;
	LIST_ENTRY(shared_client) entry;
};

struct shard {
	struct shards *shards; /* borrowed: the owner */
	unsigned int index;
	struct loop *loop;
	pthread_t thread;
	bool has_thread;
	struct buffer_pool *pool;
	struct buffer *receive; /* NULL = to be got from the pool */
	struct timer trim;	/* armed while the pool keeps buffers */
	struct op_cache ops;
	struct cred_cache creds;
	LIST_HEAD(, shared_client) clients;
};

struct notifier {
	struct loop *loop;
	pthread_t thread;
	bool has_thread;
};

struct shards {
	struct arena *arena;	  /* borrowed */
	struct link_table *links; /* NULL = there is no next process */
	struct kept_budget kept;
	struct fair_servers servers;
	unsigned int n;
	pthread_mutex_t gate_lock;
	pthread_cond_t gate;
	bool is_running; /* gate_lock for who may not have made it so */
	struct notifier notifier;
	struct shard items[SHARDS_MAX];
};

/* Set once by each shard's thread; see the essay. */
static _Thread_local struct shard *this_shard;

/* --- accessors ------------------------------------------------------------ */

struct shard *shard_current(void)
{
	return this_shard;
}

struct shards *shard_siblings(struct shard *shard)
{
	return shard->shards;
}

struct loop *shard_loop(struct shard *shard)
{
	return shard->loop;
}

unsigned int shard_index(const struct shard *shard)
{
	return shard->index;
}

struct buffer_pool *shard_pool(struct shard *shard)
{
	return shard->pool;
}

struct op_cache *shard_ops(struct shard *shard)
{
	return &shard->ops;
}

struct cred_cache *shard_creds(struct shard *shard)
{
	return &shard->creds;
}

struct buffer **shard_receive_buffer(struct shard *shard)
{
	return &shard->receive;
}

unsigned int shards_count(const struct shards *shards)
{
	return shards->n;
}

struct shard *shards_get(struct shards *shards, unsigned int i)
{
	assert(i < shards->n);
	return &shards->items[i];
}

struct loop *shards_notify_loop(struct shards *shards)
{
	return shards->notifier.loop;
}

/* --- NFS clients ----------------------------------------------------------- */

static bool options_equal(const struct nfs3_options *a,
			  const struct nfs3_options *b)
{
	return a->addr_len == b->addr_len &&
	       memcmp(&a->addr, &b->addr, a->addr_len) == 0 &&
	       a->timeo_ms == b->timeo_ms && a->retrans == b->retrans &&
	       a->is_soft == b->is_soft && a->null_proc == b->null_proc;
}

int shard_client_get(struct shard *shard, const struct nfs3_options *options,
		     unsigned int lane, struct nfs_client **ret,
		     struct err *err)
{
	_cleanup_(free) struct shared_client *shared = NULL;
	struct shared_client *known;
	int r;

	LIST_FOREACH (known, &shard->clients, entry) {
		if (known->lane == lane &&
		    options_equal(&known->options, options)) {
			known->n_users++;
			*ret = known->client;
			return 0;
		}
	}
	shared = calloc(1, sizeof(*shared));
	if (!shared)
		return err_set(err, -ENOMEM, "make a client of the server");
	shared->options = *options;
	shared->options.origin = link_table_take(shard->shards->links, options,
						 shard->index, lane);
	r = nfs3_client_new(&shared->client, shard->loop, shard->pool,
			    &shared->options, err);
	if (r < 0) {
		link_table_put(shard->shards->links, shared->options.origin);
		return r;
	}
	shared->lane = lane;
	shared->n_users = 1;
	*ret = shared->client;
	LIST_INSERT_HEAD(&shard->clients, shared, entry);
	(void)TAKE_PTR(shared);
	return 0;
}

void shard_client_put(struct shard *shard, struct nfs_client *client)
{
	struct shared_client *shared;

	LIST_FOREACH (shared, &shard->clients, entry) {
		if (shared->client == client)
			break;
	}
	assert(shared);
	if (--shared->n_users > 0)
		return;
	LIST_REMOVE(shared, entry);
	nfs3_client_free(shared->client);
	link_table_put(shard->shards->links, shared->options.origin);
	free(shared);
}

static void trim_pool(struct timer *timer)
{
	struct shard *shard = container_of(timer, struct shard, trim);

	buffer_pool_trim(shard->pool);
}

static void end_round(void *userdata)
{
	struct shard *shard = userdata;
	struct shared_client *shared;

	LIST_FOREACH (shared, &shard->clients, entry)
		nfs_client_flush(shared->client);
	/* Without memory for the timer they are kept for longer. */
	if (!shard->trim.loop && buffer_pool_has_kept(shard->pool))
		(void)timer_set(&shard->trim, shard->loop,
				clock_ns() + TRIM_NS);
}

/* --- calls from other threads ------------------------------------------------ */

struct remote_call {
	struct post post;
	struct shard *shard;
	shard_fn fn;
	void *userdata;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool is_done; /* lock */
};

static void run_remote_call(struct post *post)
{
	struct remote_call *call = container_of(post, struct remote_call, post);

	call->fn(call->shard, call->userdata);
	/* Signalled under the lock: the waiter's frame is gone afterwards. */
	pthread_mutex_lock(&call->lock);
	call->is_done = true;
	pthread_cond_signal(&call->cond);
	pthread_mutex_unlock(&call->lock);
}

static void call_remote(struct shard *shard, shard_fn fn, void *userdata)
{
	struct remote_call call = { .post.fn = run_remote_call,
				    .shard = shard,
				    .fn = fn,
				    .userdata = userdata };

	pthread_mutex_init(&call.lock, NULL);
	pthread_cond_init(&call.cond, NULL);
	loop_post(shard->loop, &call.post);
	pthread_mutex_lock(&call.lock);
	while (!call.is_done)
		pthread_cond_wait(&call.cond, &call.lock);
	pthread_mutex_unlock(&call.lock);
	pthread_cond_destroy(&call.cond);
	pthread_mutex_destroy(&call.lock);
}

void shard_call(struct shard *shard, shard_fn fn, void *userdata)
{
	assert(!this_shard);
	if (shard->shards->is_running) {
		call_remote(shard, fn, userdata);
		return;
	}
	this_shard = shard;
	fn(shard, userdata);
	this_shard = NULL;
}

void shards_call_all(struct shards *shards, shard_fn fn, void *userdata)
{
	for (unsigned int i = 0; i < shards->n; i++)
		shard_call(&shards->items[i], fn, userdata);
}

/* --- threads ------------------------------------------------------------------ */

static void wait_at_gate(struct shards *shards)
{
	pthread_mutex_lock(&shards->gate_lock);
	while (!shards->is_running)
		pthread_cond_wait(&shards->gate, &shards->gate_lock);
	pthread_mutex_unlock(&shards->gate_lock);
}

void shards_run(struct shards *shards)
{
	pthread_mutex_lock(&shards->gate_lock);
	shards->is_running = true;
	pthread_cond_broadcast(&shards->gate);
	pthread_mutex_unlock(&shards->gate_lock);
}

static void *shard_main(void *userdata)
{
	struct shard *shard = userdata;

	wait_at_gate(shard->shards);
	this_shard = shard;
	/* Fails only if epoll does, which no caller could make better. */
	(void)loop_run(shard->loop);
	return NULL;
}

static void *notifier_main(void *userdata)
{
	struct notifier *notifier = userdata;

	(void)loop_run(notifier->loop);
	return NULL;
}

/* The thread inherits a mask in which every signal is blocked. */
static int thread_start(pthread_t *ret, const char *name, void *(*fn)(void *),
			void *userdata)
{
	sigset_t all, saved;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &saved);
	r = -pthread_create(ret, NULL, fn, userdata);
	(void)pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (r == 0)
		(void)pthread_setname_np(*ret, name);
	return r;
}

static int shard_start(struct shard *shard, struct shards *shards,
		       unsigned int index)
{
	char name[16];
	int r;

	shard->shards = shards;
	shard->index = index;
	r = loop_new(&shard->loop);
	if (r < 0)
		return r;
	r = buffer_pool_new(&shard->pool, shard_siblings(shard)->arena);
	if (r < 0)
		return r;
	shard->trim = TIMER_INIT(trim_pool);
	loop_set_round_end(shard->loop, end_round, shard);
	(void)snprintf(name, sizeof(name), "shard-%u", index);
	r = thread_start(&shard->thread, name, shard_main, shard);
	shard->has_thread = r == 0;
	return r;
}

static int notifier_start(struct notifier *notifier)
{
	int r = loop_new(&notifier->loop);

	if (r < 0)
		return r;
	r = thread_start(&notifier->thread, "notifier", notifier_main,
			 notifier);
	notifier->has_thread = r == 0;
	return r;
}

static void shard_stop(struct shard *shard)
{
	if (shard->has_thread) {
		loop_stop(shard->loop);
		(void)pthread_join(shard->thread, NULL);
	}
	assert(LIST_EMPTY(&shard->clients));
	op_cache_fini(&shard->ops);
	timer_cancel(&shard->trim);
	if (shard->pool) {
		buffer_put(shard->pool, shard->receive);
		buffer_pool_free(shard->pool);
	}
	loop_free(shard->loop);
}

struct shards *shards_free(struct shards *shards)
{
	if (!shards)
		return NULL;
	if (shards->notifier.has_thread) {
		loop_stop(shards->notifier.loop);
		(void)pthread_join(shards->notifier.thread, NULL);
	}
	shards_run(shards);
	for (unsigned int i = 0; i < shards->n; i++)
		shard_stop(&shards->items[i]);
	loop_free(shards->notifier.loop);
	fair_servers_fini(&shards->servers);
	pthread_cond_destroy(&shards->gate);
	pthread_mutex_destroy(&shards->gate_lock);
	link_table_free(shards->links);
	free(shards);
	return NULL;
}

static unsigned int default_count(void)
{
	cpu_set_t cpus;
	int n = 1;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		n = CPU_COUNT(&cpus);
	return n < DEFAULT_SHARDS_MAX ? (unsigned int)n : DEFAULT_SHARDS_MAX;
}

struct fair_servers *shards_servers(struct shards *shards)
{
	return &shards->servers;
}

struct arena *shards_arena(const struct shards *shards)
{
	return shards->arena;
}

struct kept_budget *shards_kept_budget(struct shards *shards)
{
	return &shards->kept;
}

int shards_new(struct shards **ret, unsigned int n, struct arena *arena,
	       struct err *err)
{
	_cleanup_(shards_free) struct shards *shards = NULL;
	int r;

	if (n == 0)
		n = default_count();
	if (n > SHARDS_MAX)
		return err_set(err, -EINVAL,
			       "start %u shards: at most %u are allowed", n,
			       SHARDS_MAX);
	shards = calloc(1, sizeof(*shards));
	if (!shards)
		return err_set(err, -ENOMEM, "start shards");
	shards->arena = arena;
	pthread_mutex_init(&shards->gate_lock, NULL);
	pthread_cond_init(&shards->gate, NULL);
	fair_servers_init(&shards->servers);
	if (arena && link_table_new(&shards->links, arena) < 0)
		return err_set(err, -ENOMEM, "start shards");
	r = notifier_start(&shards->notifier);
	if (r < 0)
		return err_set_errno(err, r, "start the notifier's thread");
	for (unsigned int i = 0; i < n; i++) {
		/* Counted first, so that a half-made shard is freed, too. */
		shards->n = i + 1;
		r = shard_start(&shards->items[i], shards, i);
		if (r < 0)
			return err_set_errno(err, r, "start shard %u", i);
	}
	*ret = TAKE_PTR(shards);
	return 0;
}
