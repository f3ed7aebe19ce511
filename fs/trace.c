/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A ring of records, numbered from the beginning of the trace; record i is at
 * i % TRACE_RECORDS. Who adds one never waits for a reader: a reader who falls
 * behind by more than the ring holds has lost what was written over, and knows how
 * much from the numbers.
 *
 * Every operation takes the lock while somebody reads, which is the price of
 * looking. The ring comes with the first reader and goes with the last.
 */

#include "trace.h"

#include <string.h>

int trace_new(struct trace **ret)
{
	struct trace *trace = calloc(1, sizeof(*trace));

	if (!trace)
		return -ENOMEM;
	trace->n_users = 1;
	(void)pthread_mutex_init(&trace->lock, NULL);
	LIST_INIT(&trace->readers);
	*ret = trace;
	return 0;
}

struct trace *trace_ref(struct trace *trace)
{
	atomic_fetch_add(&trace->n_users, 1);
	return trace;
}

struct trace *trace_unref(struct trace *trace)
{
	if (!trace || atomic_fetch_sub(&trace->n_users, 1) > 1)
		return NULL;
	(void)pthread_mutex_destroy(&trace->lock);
	free(trace);
	return NULL;
}

static void wake_all_locked(struct trace *trace)
{
	struct trace_reader *reader;

	LIST_FOREACH (reader, &trace->readers, entry) {
		if (!reader->is_waiting)
			continue;
		reader->is_waiting = false;
		reader->wake(reader);
	}
}

void trace_add(struct trace *trace, const struct trace_record *record)
{
	pthread_mutex_lock(&trace->lock);
	if (trace->ring) { /* the last reader may just have gone */
		trace->ring[trace->next++ % TRACE_RECORDS] = *record;
		wake_all_locked(trace);
	}
	pthread_mutex_unlock(&trace->lock);
}

void trace_end(struct trace *trace)
{
	pthread_mutex_lock(&trace->lock);
	trace->has_ended = true;
	wake_all_locked(trace);
	pthread_mutex_unlock(&trace->lock);
}

/* --- readers --------------------------------------------------------------------- */

static int admit_locked(struct trace *trace, unsigned int n_max)
{
	if (trace->has_ended)
		return -ENOENT;
	if (trace->n_readers >= n_max)
		return -EBUSY;
	if (!trace->ring)
		trace->ring = malloc(TRACE_RECORDS * sizeof(*trace->ring));
	return trace->ring ? 0 : -ENOMEM;
}

int trace_reader_begin(struct trace_reader *reader, struct trace *trace,
		       unsigned int n_max, trace_wake_fn wake)
{
	int r;

	pthread_mutex_lock(&trace->lock);
	r = admit_locked(trace, n_max);
	if (r == 0) {
		*reader = (struct trace_reader){ .trace = trace_ref(trace),
						 .wake = wake,
						 .next = trace->next };
		LIST_INSERT_HEAD(&trace->readers, reader, entry);
		trace->n_readers++;
	}
	pthread_mutex_unlock(&trace->lock);
	return r;
}

void trace_reader_end(struct trace_reader *reader)
{
	struct trace *trace = reader->trace;

	pthread_mutex_lock(&trace->lock);
	LIST_REMOVE(reader, entry);
	if (--trace->n_readers == 0) {
		free(trace->ring);
		trace->ring = NULL;
	}
	pthread_mutex_unlock(&trace->lock);
	reader->trace = trace_unref(trace);
}

static uint64_t skip_lost_locked(struct trace_reader *reader)
{
	uint64_t n_behind = reader->trace->next - reader->next;
	uint64_t n_lost =
		n_behind > TRACE_RECORDS ? n_behind - TRACE_RECORDS : 0;

	reader->next += n_lost;
	return n_lost;
}

int trace_reader_next(struct trace_reader *reader, struct trace_record *ret,
		      uint64_t *ret_n_lost)
{
	struct trace *trace = reader->trace;
	int r;

	pthread_mutex_lock(&trace->lock);
	if (reader->next < trace->next) {
		*ret_n_lost = skip_lost_locked(reader);
		*ret = trace->ring[reader->next++ % TRACE_RECORDS];
		r = 1;
	} else {
		r = trace->has_ended ? 0 : -EAGAIN;
	}
	pthread_mutex_unlock(&trace->lock);
	return r;
}

bool trace_reader_wait(struct trace_reader *reader)
{
	struct trace *trace = reader->trace;
	bool is_waiting;

	pthread_mutex_lock(&trace->lock);
	is_waiting = reader->next == trace->next && !trace->has_ended;
	reader->is_waiting = is_waiting;
	pthread_mutex_unlock(&trace->lock);
	return is_waiting;
}
