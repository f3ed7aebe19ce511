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

#include "err.h"
#include "loop.h"
#include "nfs_call.h"

struct shard;
struct shards;
struct nfs_endpoint;

/* n = 0 chooses min(CPUs, 4). Threads are running when this returns. */
int shards_new(struct shards **ret, unsigned int n, struct err *err);
struct shards *shards_free(struct shards *shards);

unsigned int shards_count(const struct shards *shards);
struct shard *shards_get(struct shards *shards, unsigned int i);

typedef void (*shard_fn)(struct shard *shard, void *userdata);

/* Runs fn on the shard's thread and waits for it. Never from a shard's thread. */
void shard_call(struct shard *shard, shard_fn fn, void *userdata);
/* The same on every shard, one after the other. */
void shards_call_all(struct shards *shards, shard_fn fn, void *userdata);

struct loop *shard_loop(struct shard *shard);

DEFINE_CLEANUP(struct shards *, shards_free)
