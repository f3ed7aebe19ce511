/* SPDX-License-Identifier: Apache-2.0 */

/* Counters: relaxed atomics, since each stands for itself. */

#include "stats.h"

#include <errno.h>
#include <stdbool.h>

static const char *const op_kind_names[OP_N_KINDS] = {
	[OP_LOOKUP] = "lookup",
	[OP_GETATTR] = "getattr",
	[OP_SETATTR] = "setattr",
	[OP_ACCESS] = "access",
	[OP_READLINK] = "readlink",
	[OP_MKNOD] = "mknod",
	[OP_MKDIR] = "mkdir",
	[OP_SYMLINK] = "symlink",
	[OP_UNLINK] = "unlink",
	[OP_RMDIR] = "rmdir",
	[OP_RENAME] = "rename",
	[OP_LINK] = "link",
	[OP_CREATE] = "create",
	[OP_OPEN] = "open",
	[OP_READ] = "read",
	[OP_WRITE] = "write",
	[OP_FLUSH] = "flush",
	[OP_FSYNC] = "fsync",
	[OP_RELEASE] = "release",
	[OP_OPENDIR] = "opendir",
	[OP_READDIR] = "readdir",
	[OP_READDIRPLUS] = "readdirplus",
	[OP_RELEASEDIR] = "releasedir",
	[OP_FSYNCDIR] = "fsyncdir",
	[OP_STATFS] = "statfs",
	[OP_FALLOCATE] = "fallocate",
	[OP_GETLK] = "getlk",
	[OP_SETLK] = "setlk",
	[OP_SETLKW] = "setlkw",
};

const char *op_kind_name(enum op_kind kind)
{
	return op_kind_names[kind];
}

static void add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static unsigned int bucket_of(uint64_t latency_ns)
{
	uint64_t us = latency_ns / NS_PER_US;
	unsigned int i = us ? 64u - (unsigned int)__builtin_clzll(us) : 0;

	return i < STATS_BUCKETS ? i : STATS_BUCKETS - 1;
}

void stats_record(struct volume_stats *stats, enum op_kind kind,
		  uint64_t latency_ns, int64_t result)
{
	struct op_stats *op = &stats->ops[kind];
	/* A name that does not exist is an answer like any other. */
	bool is_error = result < 0 && !(kind == OP_LOOKUP && result == -ENOENT);

	add(&op->count, 1);
	add(&op->sum_ns, latency_ns);
	add(&op->buckets[bucket_of(latency_ns)], 1);
	if (is_error)
		add(&op->errors, 1);
	if (kind == OP_READ && result > 0)
		add(&stats->read_bytes, (uint64_t)result);
	if (kind == OP_WRITE && result > 0)
		add(&stats->written_bytes, (uint64_t)result);
}

uint64_t stats_quantile_us(const struct op_stats *stats, unsigned int percent)
{
	uint64_t buckets[STATS_BUCKETS];
	uint64_t total = 0, wanted, seen = 0;
	unsigned int i;

	for (i = 0; i < STATS_BUCKETS; i++) {
		buckets[i] = atomic_load_explicit(&stats->buckets[i],
						  memory_order_relaxed);
		total += buckets[i];
	}
	if (total == 0)
		return 0;
	wanted = (total * percent + 99) / 100;
	for (i = 0; i < STATS_BUCKETS - 1; i++) {
		seen += buckets[i];
		if (seen >= wanted)
			break;
	}
	return 1ull << i;
}
