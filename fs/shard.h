/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Shards: threads that each run requests to completion with an epoll loop, NFS
 * connections, buffers and operation objects of their own. A request is read,
 * sent to the server and answered by one shard; nothing is handed over on the
 * way (design 3.1).
 *
 * Threads: shards_*() and shard_call() belong to control threads (main, gRPC
 * handlers); what is marked "shard's thread" runs on the shard only.
 */

#include <sys/queue.h>

#include "buffer.h"
#include "err.h"
#include "fair_server.h"
#include "loop.h"
#include "nfs3.h"
#include "nfs_call.h"

#define SHARDS_MAX 16

struct arena;
struct cred_cache;
struct kept_budget;
struct op;
struct shard;
struct shards;

/* Operation objects that are not in use (op.c); at most OP_CACHE_MAX. */
struct op_cache {
	SLIST_HEAD(, op) free;
	unsigned int n;
};

/*
 * n = 0 chooses min(CPUs, 4). Buffers are in the arena, which is borrowed. Loops
 * stand still until shards_run(): meanwhile one thread may make whatever they will
 * serve, and shard_call() is an ordinary call.
 */
int shards_new(struct shards **ret, unsigned int n, struct arena *arena,
	       struct err *err);
void shards_run(struct shards *shards);
struct shards *shards_free(struct shards *shards);

struct arena *shards_arena(const struct shards *shards);
/* Of the process. */
struct kept_budget *shards_kept_budget(struct shards *shards);
struct fair_servers *shards_servers(struct shards *shards);
unsigned int shards_count(const struct shards *shards);
struct shard *shards_get(struct shards *shards, unsigned int i);

/*
 * One more thread, for calls that wait for pages of the kernel's cache and so for
 * shards: notifications that invalidate data.
 */
struct loop *shards_notify_loop(struct shards *shards);

typedef void (*shard_fn)(struct shard *shard, void *userdata);

/* Runs fn on the shard's thread and waits for it. Never from a shard's thread. */
void shard_call(struct shard *shard, shard_fn fn, void *userdata);
/* The same on every shard, one after the other. */
void shards_call_all(struct shards *shards, shard_fn fn, void *userdata);

struct loop *shard_loop(struct shard *shard);
unsigned int shard_index(const struct shard *shard);

/* --- shard's thread -------------------------------------------------------- */

/* The shard whose thread this is; NULL on any other thread. */
struct shard *shard_current(void);
struct shards *shard_siblings(struct shard *shard);
struct buffer_pool *shard_pool(struct shard *shard);
struct op_cache *shard_ops(struct shard *shard);
struct cred_cache *shard_creds(struct shard *shard);

/*
 * The buffer that FUSE requests are read into. A handler that needs the request's
 * memory for longer takes the buffer away (TAKE_PTR) and puts it into the pool
 * later; the next read then gets another one.
 */
struct buffer **shard_receive_buffer(struct shard *shard);

/*
 * The shard's client of that server: clients with equal options (lane tells
 * several connections apart) are shared, and counted.
 */
int shard_client_get(struct shard *shard, const struct nfs3_options *options,
		     unsigned int lane, struct nfs_client **ret,
		     struct err *err);
/* The last one closes the connection. Not from a done() of that client. */
void shard_client_put(struct shard *shard, struct nfs_client *client);

DEFINE_CLEANUP(struct shards *, shards_free)
