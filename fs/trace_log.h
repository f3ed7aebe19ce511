/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Traces that the administrator sends to the daemon's log: one line per operation
 * of a volume at level info, 500 a second at most; what is more is lost and counted.
 *
 * Threads: the loop's.
 */

#include <sys/queue.h>

#include "loop.h"
#include "trace.h"

struct trace_log;

struct trace_logs {
	struct loop *loop; /* borrowed */
	LIST_HEAD(, trace_log) logs;
};

void trace_logs_init(struct trace_logs *logs, struct loop *loop);
void trace_logs_fini(struct trace_logs *logs);

/* Until it is stopped or the volume goes. Idempotent. As trace_reader_begin(). */
int trace_logs_start(struct trace_logs *logs, struct trace *trace,
		     const char *volume);
/* Idempotent. */
void trace_logs_stop(struct trace_logs *logs, const char *volume);
