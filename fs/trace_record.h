/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a trace keeps of an operation that has been answered, and how people see
 * it: a line of `.meta/ops`, or fields of the daemon's log.
 *
 * A pod must not see other pods. Views of a volume share one FUSE connection, which
 * does not tell pods apart, so a pod sees what is done to its volume and not by
 * whom; and it sees names only as far as they are no secret to the reader: those of
 * his own user's operations, and root those of all.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "log.h"
#include "nfs_call.h"
#include "stats.h"

struct trace_record {
	struct timespec at; /* when it was answered, wall clock */
	uint64_t latency_ns;
	enum op_kind kind;
	uint32_t uid;	/* the caller's */
	pid_t pid;	/* the thread's, as the host numbers it */
	int64_t result; /* bytes, 0, or -errno */
	uint64_t ino;	/* of the object, or of name's directory; 0 = unknown */
	uint64_t to_ino; /* of to_name's directory */
	uint64_t found;	 /* what the name stands for; 0 = unknown */
	uint64_t offset;
	uint32_t len;		     /* asked for, from offset; 0 = neither */
	char name[NFS_NAME_MAX + 1]; /* "" = none */
	char to_name[NFS_NAME_MAX + 1];
};

struct trace_viewer {
	bool is_admin; /* the node's: sees everything */
	uint32_t uid;  /* of a pod's process */
};

#define TRACE_FIELDS_MAX 12
#define TRACE_LINE_MAX	 2560

/* Without a terminator; they borrow from record. Returns how many. */
size_t trace_record_fields(const struct trace_record *record,
			   const struct trace_viewer *viewer,
			   struct log_field ret[TRACE_FIELDS_MAX]);

/* A line with its newline, printable ASCII; returns its length. */
size_t trace_record_print(const struct trace_record *record,
			  const struct trace_viewer *viewer,
			  char ret[TRACE_LINE_MAX]);
