/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads are cut where the reader likes, lines are not: what did not fit is kept for
 * the next read. (A shell's `read` asks for single bytes.)
 *
 * A read that finds nothing parks and is resumed by the next operation, on its own
 * shard, where it looks again: with several reads of one file another one may have
 * been faster. Parked reads are given up like calls: when the process is killed,
 * and when the session ends.
 *
 * Locks, in this order: ours, the trace's, the parking's. wake() runs under the
 * second and takes the third; parking therefore comes first and the look at whether
 * that was necessary after it.
 */

#include "meta_trace.h"

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "op.h"
#include "parking.h"

#define READ_MAX   (64u << 10)
#define PARKED_MAX 16 /* reads of one open file */

struct meta_trace {
	struct trace_reader reader;
	struct trace_viewer viewer;
	pthread_mutex_t lock;
	size_t pos; /* lock, as what follows: of what has not been read */
	size_t len;
	char text[TRACE_LINE_MAX +
		  sizeof("... 18446744073709551615 lines lost\n")];
	struct parking parking;
	unsigned int n_parked;	      /* parking's lock; until resumed */
	struct fuse_pollhandle *poll; /* parking's lock; who is to be told */
};

static void wake(struct trace_reader *reader)
{
	struct meta_trace *trace =
		container_of(reader, struct meta_trace, reader);
	struct fuse_pollhandle *poll;
	struct op *op;

	pthread_mutex_lock(&trace->parking.lock);
	while ((op = TAILQ_FIRST(&trace->parking.ops)))
		parking_release_locked(&trace->parking, op, 0);
	poll = TAKE_PTR(trace->poll);
	pthread_mutex_unlock(&trace->parking.lock);
	if (poll)
		(void)fuse_lowlevel_notify_poll(poll);
	fuse_pollhandle_destroy(poll);
}

int meta_trace_new(struct meta_trace **ret, struct trace *trace,
		   const struct trace_viewer *viewer)
{
	_cleanup_(free) struct meta_trace *opened = calloc(1, sizeof(*opened));
	int r;

	if (!opened)
		return -ENOMEM;
	opened->viewer = *viewer;
	r = trace_reader_begin(&opened->reader, trace,
			       viewer->is_admin ? TRACE_READERS_MAX
						: TRACE_READERS_PODS,
			       wake);
	if (r < 0)
		return r;
	(void)pthread_mutex_init(&opened->lock, NULL);
	parking_init(&opened->parking);
	*ret = TAKE_PTR(opened);
	return 0;
}

struct meta_trace *meta_trace_free(struct meta_trace *trace)
{
	if (!trace)
		return NULL;
	trace_reader_end(&trace->reader);
	assert(TAILQ_EMPTY(&trace->parking.ops));
	fuse_pollhandle_destroy(trace->poll);
	parking_fini(&trace->parking);
	(void)pthread_mutex_destroy(&trace->lock);
	free(trace);
	return NULL;
}

/* --- text ---------------------------------------------------------------------------- */

/* As trace_reader_next(). */
static int next_line_locked(struct meta_trace *trace)
{
	struct trace_record record;
	uint64_t n_lost;
	int r = trace_reader_next(&trace->reader, &record, &n_lost);

	if (r <= 0)
		return r;
	trace->pos = 0;
	trace->len = 0;
	if (n_lost > 0)
		trace->len = (size_t)snprintf(trace->text, sizeof(trace->text),
					      "... %llu lines lost\n",
					      (unsigned long long)n_lost);
	trace->len += trace_record_print(&record, &trace->viewer,
					 trace->text + trace->len);
	return r;
}

/* Bytes, 0 at the end, -EAGAIN. */
static ssize_t take_text(struct meta_trace *trace, char *buf, size_t size)
{
	size_t n = 0;
	int r = 1;

	pthread_mutex_lock(&trace->lock);
	while (n < size) {
		size_t left = trace->len - trace->pos;

		if (left == 0) {
			r = next_line_locked(trace);
			if (r <= 0)
				break;
			continue;
		}
		if (left > size - n)
			left = size - n;
		memcpy(buf + n, trace->text + trace->pos, left);
		trace->pos += left;
		n += left;
	}
	pthread_mutex_unlock(&trace->lock);
	return n > 0 ? (ssize_t)n : r;
}

static bool has_text(struct meta_trace *trace)
{
	bool has;

	pthread_mutex_lock(&trace->lock);
	has = trace->pos < trace->len;
	pthread_mutex_unlock(&trace->lock);
	return has;
}

/* --- requests -------------------------------------------------------------------------- */

static void serve(struct op *op);

static struct meta_trace *trace_of(const struct op *op)
{
	return (void *)(uintptr_t)op->fi.fh;
}

static void resumed(struct op *op)
{
	struct meta_trace *trace = trace_of(op);

	pthread_mutex_lock(&trace->parking.lock);
	trace->n_parked--;
	pthread_mutex_unlock(&trace->parking.lock);
	if (!op_failed(op))
		serve(op);
}

static void wait_for_more(struct meta_trace *trace, struct op *op)
{
	bool is_full;

	pthread_mutex_lock(&trace->parking.lock);
	is_full = trace->n_parked >= PARKED_MAX;
	if (!is_full) {
		trace->n_parked++;
		parking_enter_locked(&trace->parking, op, resumed);
	}
	pthread_mutex_unlock(&trace->parking.lock);
	if (is_full)
		op_finish_err(op, -EBUSY);
	else if (!trace_reader_wait(&trace->reader))
		wake(&trace->reader);
}

static void serve(struct op *op)
{
	struct meta_trace *trace = trace_of(op);
	ssize_t n = take_text(trace, op->text, op->io.len);

	if (n >= 0)
		op_finish_data(op, op->text, (size_t)n);
	else if (op->fi.flags & O_NONBLOCK)
		op_finish_err(op, -EAGAIN);
	else
		wait_for_more(trace, op);
}

void meta_trace_read(struct meta_trace *trace, fuse_req_t req, size_t size,
		     const struct fuse_file_info *fi)
{
	struct op *op = op_begin_virtual(req);

	if (!op)
		return;
	op->fi = *fi;
	op->fi.fh = (uintptr_t)trace;
	op->io.len = size < READ_MAX ? (uint32_t)size : READ_MAX;
	op->text = malloc(op->io.len + 1);
	if (op->text)
		serve(op);
	else
		op_finish_err(op, -ENOMEM);
}

void meta_trace_poll(struct meta_trace *trace, fuse_req_t req,
		     struct fuse_pollhandle *take_poll)
{
	struct fuse_pollhandle *former;
	bool is_ready;

	pthread_mutex_lock(&trace->parking.lock);
	former = trace->poll;
	trace->poll = take_poll ? take_poll : former;
	pthread_mutex_unlock(&trace->parking.lock);
	if (take_poll)
		fuse_pollhandle_destroy(former);
	is_ready = has_text(trace) || !trace_reader_wait(&trace->reader);
	(void)fuse_reply_poll(req, is_ready ? POLLIN | POLLRDNORM : 0);
}
