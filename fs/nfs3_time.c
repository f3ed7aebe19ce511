/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The time of calls, kept by one timer that ticks while they are under way. A
 * server is hung when it has not answered the oldest call for timeo and has said
 * nothing else, or for timeo x (retrans + 1) whatever it said. A hard client breaks
 * the connection then and sends all again; a soft one also fails what is older than
 * timeo x retrans. What the server has put off (JUKEBOX) is asked again at the
 * next tick. What may be executed as a call of a lost connection is sent once more.
 *
 * While the server is not well, or owes an answer to a call that was given up, a
 * tick without other calls sends a NULL of our own, or health would freeze.
 *
 * Runs on the shard's thread.
 */

#include "clock.h"
#include "nfs3_client.h"
#include "nfs3_health.h"

#define TICK_MIN_NS (10 * NS_PER_MS)
#define TICK_MAX_NS NS_PER_S

static uint64_t timeo_ns(const struct nfs3_client *c)
{
	return c->options.timeo_ms * NS_PER_MS;
}

void nfs3_time_arm(struct nfs3_client *c)
{
	uint64_t period_ns = timeo_ns(c) / 4;

	if (period_ns > TICK_MAX_NS)
		period_ns = TICK_MAX_NS;
	if (period_ns < TICK_MIN_NS)
		period_ns = TICK_MIN_NS;
	/* Without memory for the timer the next submit arms it. */
	if (!c->tick.loop)
		(void)timer_set(&c->tick, c->loop, clock_ns() + period_ns);
}

static struct nfs_call *first_expired(const struct fair_calls *list,
				      uint64_t before_ns)
{
	struct nfs_call *call;

	TAILQ_FOREACH (call, list, entry)
		if (call->start_ns < before_ns)
			return call;
	return NULL;
}

struct nfs_call *nfs3_call_expired(const struct nfs3_client *c,
				   uint64_t before_ns)
{
	struct nfs_call *call = fair_expired(&c->waiting, before_ns);

	if (!call)
		call = first_expired(&c->delayed, before_ns);
	if (!call)
		call = nfs3_window_expired(&c->window, before_ns);
	return call;
}

/* done() may do anything to the lists, so the search starts anew each time. */
static void expire_soft(struct nfs3_client *c, uint64_t now_ns)
{
	uint64_t age_ns = timeo_ns(c) * c->options.retrans;
	struct nfs_call *call;

	while ((call = nfs3_call_expired(c, now_ns > age_ns ? now_ns - age_ns
							    : 0)))
		nfs3_call_abandon(c, call, -ETIMEDOUT);
}

static void check_server(struct nfs3_client *c, uint64_t now_ns)
{
	uint64_t age_ns = nfs3_window_oldest_ns(&c->window, now_ns);
	bool is_silent = now_ns - c->replied_ns > timeo_ns(c);

	if (nfs_conn_state(c->conn) != NFS_CONN_READY)
		return;
	if ((is_silent && age_ns > timeo_ns(c)) ||
	    age_ns > timeo_ns(c) * (c->options.retrans + 1))
		nfs_conn_reset(c->conn);
	else if (age_ns > NFS3_OVERDUE_NS)
		nfs3_health_set(&c->client, NFS_HEALTH_DEGRADED, c->name);
}

static void retry_delayed(struct nfs3_client *c)
{
	struct nfs_call *call;

	while ((call = TAILQ_LAST(&c->delayed, fair_calls))) {
		TAILQ_REMOVE(&c->delayed, call, entry);
		call->transport = &c->waiting;
		fair_add_again(&c->waiting, call, clock_ns());
	}
}

static void probe_done(struct nfs_call *call)
{
	/* That the server has answered, or has not, is all: see receive(). */
}

static void probe_if_in_doubt(struct nfs3_client *c)
{
	if (nfs3_has_work(c) ||
	    (c->client.health == NFS_HEALTH_OK && !c->is_owed))
		return;
	c->probe = (struct nfs_call){ .proc = c->options.null_proc,
				      .done = probe_done };
	nfs_client_submit(&c->client, &c->probe);
}

static void on_tick(struct timer *timer)
{
	struct nfs3_client *c = container_of(timer, struct nfs3_client, tick);
	uint64_t now_ns = clock_ns();

	retry_delayed(c);
	check_server(c, now_ns);
	if (nfs_conn_state(c->conn) == NFS_CONN_READY)
		nfs3_window_repeat(&c->window, now_ns);
	if (c->options.is_soft)
		expire_soft(c, now_ns);
	probe_if_in_doubt(c);
	if (nfs3_has_work(c))
		nfs3_time_arm(c);
}

/* The loop flushes its clients at the end of the round: that is all it takes. */
static void on_wake(struct timer *timer)
{
}

void nfs3_time_wake(struct nfs3_client *c, uint64_t when_ns)
{
	/* Without memory for it the next event has to do. */
	(void)timer_set(&c->wake, c->loop, when_ns);
}

void nfs3_time_init(struct nfs3_client *c)
{
	c->tick = TIMER_INIT(on_tick);
	c->wake = TIMER_INIT(on_wake);
}
