/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A session on one shard.
 *
 * The descriptor is watched by every shard with EPOLLEXCLUSIVE: a request wakes
 * one of them, and whoever is awake reads up to 16 in one go, or 256 KiB, so that
 * the lanes of a shard take short turns. (epoll refuses to modify an exclusive
 * watch: it is removed and added again.)
 *
 * A lane that has much under way is paused: it reads no more until some of it has
 * ended, which is how a slow server slows its applications down instead of filling
 * our memory. But what must not wait for the server is in the same queue of the
 * kernel: interrupts (which it delivers first), statfs, `.meta`. Nobody can see
 * what a request is without reading it, so when the server answers nothing at all
 * for PATIENCE_NS, a paused lane goes on reading, up to a second and last limit:
 *
 *	reading -- usual limit --> paused -- room ----> reading
 *	                           paused -- silence -> reading, to the last limit
 *
 * Reads that wait for a trace are not counted: they are few, and wait for long.
 *
 * Once a second, while requests are under way, the lane looks for those whose
 * process was interrupted while the server does not answer, and gives them up.
 *
 * Where the kernel can't be asked for it again, a request is written down until it is
 * answered (request_log.c): the slot is the lane's, then that of the op that begins
 * with the request; what no op takes was answered, or is not. Of a large one the slot
 * says where the bytes are: the op keeps the buffer that it has taken, or a copy.
 * Slots are shared out, so that a lane with room always finds one.
 *
 * read(2) is called here rather than by fuse_session_receive_buf(), whose buffer
 * conventions changed between libfuse 3.14 and 3.17 in ways that can't be written
 * for both.
 */

#include "lane.h"

#include <limits.h>
#include <linux/fuse.h>
#include <string.h>

#include "clock.h"
#include "intent.h"
#include "kept.h"
#include "op.h"
#include "request_log.h"
#include "session.h"
#include "shard.h"

#define READS_PER_CALLBACK 16
#define BYTES_PER_CALLBACK (256u << 10)
#define PATIENCE_NS	   (100 * NS_PER_MS)
/* Before anything is concluded from what they have in common. */
#define HELD_MIN 64

struct lane_limit {
	unsigned int n;
	uint64_t bytes;
};

static const struct lane_limit usual = { LANE_IN_FLIGHT_MAX, LANE_BYTES_MAX };
/* A little below, or each request would end one pause and begin the next. */
static const struct lane_limit resuming = { LANE_IN_FLIGHT_MAX / 8 * 7,
					    LANE_BYTES_MAX / 8 * 7 };
static const struct lane_limit last = { LANE_IN_FLIGHT_LAST, LANE_BYTES_LAST };

static bool has_room(const struct lane *lane, const struct lane_limit *limit)
{
	return lane->n_counted < limit->n && lane->n_bytes < limit->bytes &&
	       lane->n_running < lane->n_requests_max;
}

void lane_begin_wait(struct lane *lane)
{
	lane->n_counted--;
}

void lane_end_wait(struct lane *lane)
{
	lane->n_counted++;
}

/* As many as may be held if those to come are like those that are. */
static unsigned int n_to_hold(const struct lane *lane)
{
	uint64_t n = LANE_BYTES_HELD / (lane->n_bytes_held / lane->n_held + 1);

	return n < lane->n_requests_max / 2 ? (unsigned int)n
					    : lane->n_requests_max / 2;
}

/*
 * What is held does not count here, so it must not in the kernel either, where reads
 * wait behind the pages that it writes back. It needs room for all of them at once:
 * what it has queued already is sent with the next request only, and a read that waits
 * for room is none.
 */
static void make_room(struct lane *lane)
{
	unsigned int n = lane->n_held < HELD_MIN ? 0 : n_to_hold(lane);

	if (n <= 2 * lane->n_more)
		return;
	session_add_background(lane->session, n - lane->n_more);
	lane->n_more = n;
}

void lane_begin_hold(struct lane *lane, struct op *op)
{
	if (lane->n_bytes_held + op->n_bytes > LANE_BYTES_HELD)
		return;
	op->is_held = true;
	op->n_bytes_held = op->n_bytes;
	lane->n_bytes_held += op->n_bytes_held;
	lane->n_bytes -= op->n_bytes_held;
	lane->n_held++;
	lane_begin_wait(lane);
	make_room(lane);
}

void lane_end_hold(struct lane *lane, struct op *op)
{
	if (!op->is_held)
		return;
	op->is_held = false;
	lane->n_bytes_held -= op->n_bytes_held;
	lane->n_bytes += op->n_bytes_held;
	lane->n_held--;
	lane_end_wait(lane);
	if (lane->n_held == 0 && lane->n_more > 0) {
		session_drop_background(lane->session, lane->n_more);
		lane->n_more = 0;
	}
}

/* --- reading -------------------------------------------------------------------- */

/*
 * NULL = no memory. A process that is killed in read(2) is given no more pages, and
 * the request ends with EIO (fuse_copy_fill()): where there is a next process, it has
 * to have all of them.
 */
static struct buffer *receive_buffer(const struct lane *lane)
{
	struct buffer **slot = shard_receive_buffer(lane->shard);

	if (!*slot)
		*slot = buffer_get(shard_pool(lane->shard), BUFFER_LARGE_SIZE);
	if (*slot && (*slot)->arena)
		buffer_make_present(*slot);
	return *slot;
}

/* A copy of the request, or the buffer itself when there is no memory for one. */
static struct buffer *take_request(const struct lane *lane,
				   struct buffer **received, uint32_t len)
{
	struct buffer *copy = buffer_get(shard_pool(lane->shard), len);

	if (!copy)
		return TAKE_PTR(*received);
	memcpy(copy->data, (*received)->data, len);
	return copy;
}

/* It was not answered, and the next one will be read to the same place. */
static void keep_request(struct lane *lane, struct op *op,
			 struct buffer **received, uint32_t len)
{
	struct buffer *buffer = take_request(lane, received, len);

	buffer_move_out(shard_pool(lane->shard), buffer);
	lane_charge(lane, op, buffer->size);
	op->request_memory = kept_memory_new(buffer);
	if (op->request_memory)
		request_log_move(lane->requests, op->request, buffer->data);
	else
		request_log_came_not(lane->requests, op->request);
}

/* is_replay: a former process may have executed it. */
static void process(struct lane *lane, struct buffer *buffer, uint32_t len,
		    bool is_replay)
{
	struct buffer **received = shard_receive_buffer(lane->shard);
	struct op *op;

	/* libfuse keeps it to itself. */
	if (len >= sizeof(struct fuse_in_header))
		lane->unique =
			((const struct fuse_in_header *)buffer->data)->unique;
	if (is_replay)
		lane->unique |= INTENT_UNIQUE_RESEND;
	lane->newest = NULL;
	fuse_session_process_buf(
		session_fuse(lane->session),
		&(struct fuse_buf){ .mem = buffer->data, .size = len });
	op = TAKE_PTR(lane->newest);
	if (op && op->request != REQUEST_NONE && !request_log_is_inline(len) &&
	    *received == buffer)
		keep_request(lane, op, received, len);
}

static bool expect(struct lane *lane, struct buffer *buffer)
{
	if (!lane->requests)
		return true;
	if (lane->request == REQUEST_NONE)
		lane->request = request_log_take(lane->requests);
	if (lane->request == REQUEST_NONE)
		return false;
	request_log_expect(lane->requests, lane->request, buffer->data);
	return true;
}

static void came_not(struct lane *lane)
{
	if (lane->request != REQUEST_NONE)
		request_log_came_not(lane->requests, lane->request);
}

/* Its size = handled, -EAGAIN = nothing there, else the connection is gone. */
static int receive(struct lane *lane)
{
	struct buffer *buffer = receive_buffer(lane);
	ssize_t n;

	if (!buffer || !expect(lane, buffer))
		return -ENOMEM;
	n = read(session_fd(lane->session), buffer->data, buffer->size);
	if (n < 0) {
		int r = -errno;

		came_not(lane);
		/* ENOENT: the request was interrupted before we got it. */
		return r == -EINTR || r == -ENOENT ? 0 : r;
	}
	if (lane->requests)
		request_log_came(lane->requests, lane->request, buffer->data,
				 (uint32_t)n);
	process(lane, buffer, (uint32_t)n, false);
	came_not(lane);
	return (int)n;
}

static int read_again(struct lane *lane, uint32_t i)
{
	struct buffer *buffer = receive_buffer(lane);
	uint32_t len;

	if (!buffer)
		return -ENOMEM;
	len = request_log_fetch(lane->requests, i, buffer->data, buffer->size,
				&lane->request);
	if (len > 0)
		process(lane, buffer, len, true);
	if (lane->request != REQUEST_NONE)
		request_log_end(lane->requests, lane->request);
	lane->request = REQUEST_NONE;
	return 0;
}

int lane_read_again(struct lane *lane)
{
	uint32_t n = request_log_n_left(lane->requests);
	uint32_t n_lanes = shards_count(shard_siblings(lane->shard));
	int r = 0;

	for (uint32_t i = shard_index(lane->shard); i < n && r == 0;
	     i += n_lanes)
		r = read_again(lane, i);
	return r;
}

/* --- pausing -------------------------------------------------------------------- */

static void stop_reading(struct lane *lane)
{
	lane->is_paused = true;
	watch_remove(&lane->watch);
	if (lane->limit == &last)
		return;
	lane->n_ended_then = lane->n_ended;
	/* Without the timer only the end of a request resumes it. */
	(void)timer_set(&lane->patience, shard_loop(lane->shard),
			clock_ns() + PATIENCE_NS);
}

static void go_on_reading(struct lane *lane, const struct lane_limit *limit)
{
	timer_cancel(&lane->patience);
	lane->limit = limit;
	/* The next request that ends tries again, should there be no memory. */
	lane->is_paused = lane_open(lane) < 0;
}

static void on_readable(struct watch *watch, uint32_t events)
{
	struct lane *lane = container_of(watch, struct lane, watch);
	unsigned int budget = READS_PER_CALLBACK;
	unsigned int n_bytes = 0;
	int r = 0;

	while (r >= 0 && budget-- > 0 && n_bytes < BYTES_PER_CALLBACK &&
	       has_room(lane, lane->limit)) {
		r = receive(lane);
		n_bytes += r > 0 ? (unsigned int)r : 0;
	}
	if (r < 0 && r != -EAGAIN && r != -ENOMEM)
		watch_remove(&lane->watch); /* unmounted or aborted */
	else if (!has_room(lane, lane->limit))
		stop_reading(lane);
}

static void on_patience(struct timer *timer)
{
	struct lane *lane = container_of(timer, struct lane, patience);

	if (lane->is_closing || !lane->is_paused)
		return;
	if (lane->n_ended == lane->n_ended_then)
		go_on_reading(lane, &last);
	else
		stop_reading(lane);
}

/* The server has answered something: no more than usual has to be read. */
static void end_exception(struct lane *lane)
{
	lane->limit = &usual;
	if (!has_room(lane, &usual))
		stop_reading(lane);
}

static void on_tick(struct timer *timer)
{
	struct lane *lane = container_of(timer, struct lane, tick);
	uint64_t now = clock_ns();
	struct op *op = TAILQ_FIRST(&lane->running);

	/* The last request frees a closing session: that is lane_cancel()'s. */
	if (lane->is_closing)
		return;
	while (op) {
		struct op *next = TAILQ_NEXT(op, running);

		op_give_up_if_interrupted(op, now);
		op = next;
	}
	if (lane->n_running > 0)
		(void)timer_set(timer, shard_loop(lane->shard),
				clock_ns() + NS_PER_S);
}

/* One slot is for the request that comes next. */
static unsigned int requests_max(const struct lane *lane)
{
	if (!lane->requests)
		return UINT_MAX;
	return request_log_share(shards_count(shard_siblings(lane->shard))) - 1;
}

void lane_init(struct lane *lane, struct session *session, struct shard *shard,
	       struct request_log *requests)
{
	*lane = (struct lane){ .session = session,
			       .shard = shard,
			       .limit = &usual,
			       .requests = requests,
			       .request = REQUEST_NONE,
			       .watch = WATCH_INIT(on_readable),
			       .tick = TIMER_INIT(on_tick),
			       .patience = TIMER_INIT(on_patience) };
	lane->n_requests_max = requests_max(lane);
	TAILQ_INIT(&lane->running);
}

int lane_open(struct lane *lane)
{
	return watch_add(&lane->watch, shard_loop(lane->shard),
			 session_fd(lane->session), EPOLLIN | EPOLLEXCLUSIVE);
}

static void drained_if_empty(struct lane *lane)
{
	if (lane->n_running > 0)
		return;
	timer_cancel(&lane->tick);
	timer_cancel(&lane->patience);
	/* The session may be freed as soon as it knows. */
	session_lane_drained(lane->session);
}

void lane_close(struct lane *lane)
{
	watch_remove(&lane->watch);
	lane->is_closing = true;
	drained_if_empty(lane);
}

void lane_cancel(struct lane *lane)
{
	struct op *op = TAILQ_FIRST(&lane->running);

	lane->is_cancelled = true;
	while (op) {
		struct op *next = TAILQ_NEXT(op, running);

		op_give_up(op, -ECONNABORTED);
		op = next;
	}
}

void lane_add(struct lane *lane, struct op *op)
{
	TAILQ_INSERT_TAIL(&lane->running, op, running);
	lane->n_running++;
	lane->n_counted += op->view != NULL;
	op->n_bytes = 0;
	lane->newest = op;
	op->request = lane->request;
	lane->request = REQUEST_NONE;
	/* Without the timer an interrupt waits for the server: no worse than that. */
	if (!lane->tick.loop)
		(void)timer_set(&lane->tick, shard_loop(lane->shard),
				clock_ns() + NS_PER_S);
}

void lane_answered(struct lane *lane, struct op *op)
{
	if (lane->newest == op)
		lane->newest = NULL;
	/* What is answered to nobody is read again. */
	if (op->request != REQUEST_NONE && !lane->is_silent)
		request_log_end(lane->requests, op->request);
	op->request = REQUEST_NONE;
}

void lane_charge(struct lane *lane, struct op *op, uint64_t bytes)
{
	op->n_bytes += bytes;
	lane->n_bytes += bytes;
}

bool lane_has_older(const struct lane *lane, const struct op *op)
{
	const struct op *oldest = TAILQ_FIRST(&lane->running);

	return oldest != op && oldest->is_submitted;
}

void lane_remove(struct lane *lane, struct op *op)
{
	TAILQ_REMOVE(&lane->running, op, running);
	lane->n_running--;
	lane->n_counted -= op->view != NULL;
	lane->n_bytes -= op->n_bytes;
	lane->n_ended += op->give_up_status == 0;
	if (lane->is_closing)
		drained_if_empty(lane);
	else if (lane->is_paused && has_room(lane, &resuming))
		go_on_reading(lane, &usual);
	else if (lane->limit == &last && !op->give_up_status)
		end_exception(lane);
}
