/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Counters of one volume. Shards add with relaxed atomics, readers (.meta,
 * metrics) take a snapshot that is consistent per counter, not across them.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "clock.h"

/* FUSE operations as .meta/stats and the metrics name them. */
enum op_kind {
	OP_LOOKUP,
	OP_GETATTR,
	OP_SETATTR,
	OP_ACCESS,
	OP_READLINK,
	OP_MKNOD,
	OP_MKDIR,
	OP_SYMLINK,
	OP_UNLINK,
	OP_RMDIR,
	OP_RENAME,
	OP_LINK,
	OP_CREATE,
	OP_OPEN,
	OP_READ,
	OP_WRITE,
	OP_FLUSH,
	OP_FSYNC,
	OP_RELEASE,
	OP_OPENDIR,
	OP_READDIR,
	OP_READDIRPLUS,
	OP_RELEASEDIR,
	OP_FSYNCDIR,
	OP_STATFS,
	OP_FALLOCATE,
	OP_GETLK,
	OP_SETLK,
	OP_SETLKW, /* may wait for another owner */
	OP_N_KINDS,
};

/* "lookup", "getattr", ... */
const char *op_kind_name(enum op_kind kind);

/*
 * A latency histogram: bucket i counts operations that took less than
 * 2^i microseconds (and at least half of it); the last one takes the rest.
 */
#define STATS_BUCKETS 28

struct op_stats {
	_Atomic uint64_t count;
	_Atomic uint64_t
		errors; /* answered with an errno other than ENOENT on lookup */
	_Atomic uint64_t sum_ns;
	_Atomic uint64_t buckets[STATS_BUCKETS];
};

struct volume_stats {
	struct op_stats ops[OP_N_KINDS];
	_Atomic uint64_t read_bytes;
	_Atomic uint64_t written_bytes;
	_Atomic uint64_t in_flight;
};

/* result: what was answered, bytes or 0, or -errno. */
void stats_record(struct volume_stats *stats, enum op_kind kind,
		  uint64_t latency_ns, int64_t result);

/* Upper bound in microseconds of the bucket that holds the quantile; 0 if empty. */
uint64_t stats_quantile_us(const struct op_stats *stats, unsigned int percent);
