/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The live trace of a volume: a record of every operation that is answered, for
 * whoever reads at that time. Each reader goes along at his own pace, and is told
 * how many records he lost when the operations were faster.
 *
 * While nobody reads there is no ring, and an operation costs a look at a counter:
 * trace_is_read().
 *
 * Ownership: shared, counted. The volume has a share and so has each reader, because
 * an open file may outlive its volume. Threads: any; a reader is one caller's at a
 * time, but for his wake().
 */

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "trace_record.h"

#define TRACE_RECORDS	   1024 /* that a reader may be behind */
#define TRACE_READERS_PODS 16	/* beyond which no pod gets in */
#define TRACE_READERS_MAX  24

struct trace_reader;

/* Under the trace's lock, on the thread of the operation: short, no trace_*(). */
typedef void (*trace_wake_fn)(struct trace_reader *reader);

struct trace_reader {
	struct trace *trace;
	trace_wake_fn wake;
	uint64_t next;	 /* number of the record to be read */
	bool is_waiting; /* trace's lock */
	LIST_ENTRY(trace_reader) entry;
};

struct trace {
	_Atomic uint32_t n_users;
	_Atomic uint32_t n_readers; /* changes under lock */
	pthread_mutex_t lock;
	struct trace_record *ring;	   /* lock; NULL while nobody reads */
	uint64_t next;			   /* lock; number of the next record */
	bool has_ended;			   /* lock */
	LIST_HEAD(, trace_reader) readers; /* lock */
};

/* -ENOMEM. */
int trace_new(struct trace **ret);
struct trace *trace_ref(struct trace *trace);
struct trace *trace_unref(struct trace *trace);

static inline bool trace_is_read(const struct trace *trace)
{
	return atomic_load_explicit(&trace->n_readers, memory_order_relaxed) >
	       0;
}

void trace_add(struct trace *trace, const struct trace_record *record);
/* The volume goes: readers get what is left, and then the end. */
void trace_end(struct trace *trace);

/*
 * From the next operation on. -EBUSY if there are n_max readers, one of the limits
 * above; -ENOENT after the end; -ENOMEM. Then there is nothing to end.
 */
int trace_reader_begin(struct trace_reader *reader, struct trace *trace,
		       unsigned int n_max, trace_wake_fn wake);
/* wake() does not run any more. */
void trace_reader_end(struct trace_reader *reader);

/*
 * 1: the next record, before which *ret_n_lost others were lost; 0: the trace has
 * ended; -EAGAIN: there is none yet.
 */
int trace_reader_next(struct trace_reader *reader, struct trace_record *ret,
		      uint64_t *ret_n_lost);
/* True: wake() follows once, at the next record or the end. False: it is there. */
bool trace_reader_wait(struct trace_reader *reader);

DEFINE_CLEANUP(struct trace *, trace_unref)
