/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A session on one shard.
 *
 * The descriptor is watched by every shard with EPOLLEXCLUSIVE: a request wakes
 * one of them, and whoever is awake reads up to 16 in one go. A lane with
 * LANE_IN_FLIGHT_MAX requests under way reads no more, which is how a slow server
 * slows its applications down instead of filling our memory. (epoll refuses to
 * modify an exclusive watch: it is removed and added again.)
 *
 * Once a second, while requests are under way, the lane looks for those whose
 * process was interrupted while the server does not answer, and gives them up. A
 * paused lane reads a few requests at that time nevertheless: the kernel delivers
 * interrupts before anything else, and statfs has to be answered even then. Four
 * times the cap is the end of that.
 *
 * read(2) is called here rather than by fuse_session_receive_buf(), whose buffer
 * conventions changed between libfuse 3.14 and 3.17 in ways that can't be written
 * for both.
 */

#include "lane.h"

#include "clock.h"
#include "op.h"
#include "session.h"
#include "shard.h"

#define READS_PER_CALLBACK 16
#define READS_PER_TICK	   64
#define HARD_CAP	   (4 * LANE_IN_FLIGHT_MAX)

/* 0 = handled, -EAGAIN = nothing there, else the connection is gone. */
static int receive(struct lane *lane)
{
	struct buffer **slot = shard_receive_buffer(lane->shard);
	ssize_t n;

	if (!*slot)
		*slot = buffer_get(shard_pool(lane->shard), BUFFER_LARGE_SIZE);
	if (!*slot)
		return -ENOMEM;
	n = read(session_fd(lane->session), (*slot)->data, (*slot)->size);
	if (n < 0) {
		int r = -errno;

		/* ENOENT: the request was interrupted before we got it. */
		return r == -EINTR || r == -ENOENT ? 0 : r;
	}
	fuse_session_process_buf(
		session_fuse(lane->session),
		&(struct fuse_buf){ .mem = (*slot)->data, .size = (size_t)n });
	return 0;
}

static unsigned int n_under_way(const struct lane *lane)
{
	return lane->n_running - lane->n_waiting;
}

void lane_begin_wait(struct lane *lane)
{
	lane->n_waiting++;
}

void lane_end_wait(struct lane *lane)
{
	lane->n_waiting--;
}

static void read_requests(struct lane *lane, unsigned int budget,
			  unsigned int cap)
{
	int r = 0;

	while (r == 0 && budget-- > 0 && n_under_way(lane) < cap)
		r = receive(lane);
	if (r < 0 && r != -EAGAIN && r != -ENOMEM)
		watch_remove(&lane->watch); /* unmounted or aborted */
	else if (n_under_way(lane) >= LANE_IN_FLIGHT_MAX && !lane->is_paused) {
		lane->is_paused = true;
		watch_remove(&lane->watch);
	}
}

static void on_readable(struct watch *watch, uint32_t events)
{
	struct lane *lane = container_of(watch, struct lane, watch);

	read_requests(lane, READS_PER_CALLBACK, LANE_IN_FLIGHT_MAX);
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
	if (lane->is_paused)
		read_requests(lane, READS_PER_TICK, HARD_CAP);
	if (lane->n_running > 0)
		(void)timer_set(timer, shard_loop(lane->shard),
				clock_ns() + NS_PER_S);
}

void lane_init(struct lane *lane, struct session *session, struct shard *shard)
{
	*lane = (struct lane){ .session = session,
			       .shard = shard,
			       .watch = WATCH_INIT(on_readable),
			       .tick = TIMER_INIT(on_tick) };
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
	/* Without the timer an interrupt waits for the server: no worse than that. */
	if (!lane->tick.loop)
		(void)timer_set(&lane->tick, shard_loop(lane->shard),
				clock_ns() + NS_PER_S);
}

void lane_remove(struct lane *lane, struct op *op)
{
	TAILQ_REMOVE(&lane->running, op, running);
	lane->n_running--;
	if (lane->is_closing) {
		drained_if_empty(lane);
		return;
	}
	if (lane->is_paused && n_under_way(lane) < LANE_IN_FLIGHT_MAX / 2) {
		lane->is_paused = false;
		(void)lane_open(lane);
	}
}
