/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A flood slows others at the server, on the wire and on this machine's CPUs, in
 * ways that nobody can see from here. What can be seen is how long a light call
 * takes while heavy ones are under way, and while they are not. So as long as light
 * calls come, heavy ones have slices of time:
 *
 *	OPEN --- light calls --> DRAIN --- all answered --> QUIET --> SLICE --+
 *	  ^                        ^                                          |
 *	  +-- none for ACTIVE_NS   +------------------------------------------+
 *
 * With r the rate of light calls in quiet, and calls that take k times longer in a
 * slice, a quiet part h of the time gives light calls a rate of (h + (1 - h) / k) r.
 * That is to be SHARE of r, whence
 *
 *	quiet / slice = h / (1 - h) = (SHARE k - 1) / ((1 - SHARE) k)
 *
 * for k above 1 / SHARE. With a smaller k, or when nobody used the quiet time,
 * slices grow and quiet times are only there to learn whether it is still so: a
 * server with room for all is not left idle. It is the idea of blk-iolatency
 * (Linux, block/blk-iolatency.c) with time in the place of queue depth: one call of
 * 1 MiB is the least depth there is, and too much.
 *
 * A call is light if its volume does little: no more than LIGHT_CALLS small ones
 * and nothing heavy. What a volume does to itself is its own business.
 *
 * Invariants:
 *  1. All counts are of calls between begin and end, but n_sent_heavy, which is of
 *     calls between sent and end.
 *  2. A call's weight does not change between begin and end.
 *  3. Nobody waits for a server that is silent: drain and quiet have a longest time.
 */

#include "fair_server.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "nfs_call.h"

#define LIGHT_CALLS  4 /* of a volume, that are light */
#define ACTIVE_NS    (100 * NS_PER_MS)
#define HUNG_NS	     NS_PER_S /* a call that takes so long tells nothing */
#define IDLE_NS	     (2 * NS_PER_MS) /* from an answer to the next question */
#define SLICE_NS     (2 * NS_PER_MS)
#define SLICE_MAX_NS (128 * NS_PER_MS)
#define DRAIN_MAX_NS (100 * NS_PER_MS)
#define QUIET_MIN_NS (1 * NS_PER_MS)
#define QUIET_MAX_NS (100 * NS_PER_MS)
#define SHARE_NUM    2 /* SHARE = 2/3: a half, and what can't be seen from here */
#define SHARE_DEN    3
#define WEIGHT	     32 /* of what was known, against the next sample */

void fair_server_init(struct fair_server *server)
{
	*server = (struct fair_server){ .slice_ns = SLICE_NS };
	pthread_mutex_init(&server->lock, NULL);
}

void fair_server_fini(struct fair_server *server)
{
	pthread_mutex_destroy(&server->lock);
}

/* Shards look at the clock before they have the lock: time may go back a little. */
static uint64_t before(uint64_t now_ns, uint64_t ns)
{
	return now_ns > ns ? now_ns - ns : 0;
}

/* --- who is about ------------------------------------------------------------ */

static void see(struct fair_sighting *recent, const struct fair_volume *volume,
		uint64_t now_ns)
{
	if (recent[0].volume != volume)
		recent[1] = recent[0];
	recent[0] = (struct fair_sighting){ volume, now_ns };
}

/* Two sightings suffice: who is not the latest has it, the latest has the other. */
static bool has_other(const struct fair_sighting *recent,
		      const struct fair_volume *volume, uint64_t since_ns)
{
	const struct fair_sighting *other = &recent[recent[0].volume == volume];

	return other->volume && other->when_ns >= since_ns;
}

/* Since when a light call must have begun or ended for somebody to be spared. */
static uint64_t light_since(uint32_t n_light, uint64_t now_ns)
{
	return before(now_ns, n_light > 0 ? HUNG_NS : ACTIVE_NS);
}

static bool spares_others(const struct fair_volume *volume, uint64_t now_ns)
{
	const struct fair_server *server = volume->server;
	uint32_t n_light = server->n_light - volume->n_light;

	return has_other(server->lights, volume, light_since(n_light, now_ns));
}

static bool has_company(const struct fair_volume *volume, uint64_t now_ns)
{
	const struct fair_server *server = volume->server;

	return server->n_calls > volume->n_calls ||
	       has_other(server->recent, volume, before(now_ns, ACTIVE_NS));
}

/* --- phases -------------------------------------------------------------------- */

static bool is_slowed(const struct fair_server *server)
{
	return server->clean_ns == 0 || server->dirty_ns == 0 ||
	       server->dirty_ns * SHARE_NUM > server->clean_ns * SHARE_DEN;
}

static uint64_t quiet_ns(const struct fair_server *server, uint64_t slice_ns)
{
	uint64_t clean = server->clean_ns, dirty = server->dirty_ns, ns;

	if (!is_slowed(server))
		return QUIET_MIN_NS;
	if (clean == 0 || dirty == 0)
		clean = 0, dirty = 1;
	ns = slice_ns * (SHARE_NUM * dirty - SHARE_DEN * clean) /
	     ((SHARE_DEN - SHARE_NUM) * dirty);
	if (ns < QUIET_MIN_NS)
		return QUIET_MIN_NS;
	return ns < QUIET_MAX_NS ? ns : QUIET_MAX_NS;
}

static void begin_slice(struct fair_server *server, uint64_t now_ns)
{
	if (is_slowed(server) && server->is_used)
		server->slice_ns = SLICE_NS;
	else if (server->slice_ns < SLICE_MAX_NS)
		server->slice_ns *= 2;
	server->phase = FAIR_SLICE;
	server->since_ns = now_ns;
}

static void begin_quiet_if_drained(struct fair_server *server, uint64_t now_ns)
{
	uint64_t took_ns = before(now_ns, server->since_ns);

	if (server->n_sent_heavy > 0 && took_ns < SLICE_MAX_NS + DRAIN_MAX_NS)
		return;
	server->phase = FAIR_QUIET;
	server->is_used = server->n_light > 0;
	server->since_ns = now_ns;
	server->until_ns = now_ns + quiet_ns(server, took_ns);
}

/* There is nobody left to whom the quiet time is of use. */
static bool is_idle(const struct fair_server *server, uint64_t now_ns)
{
	return server->n_light == 0 && now_ns >= server->since_ns + IDLE_NS &&
	       now_ns >= server->lights[0].when_ns + IDLE_NS;
}

static void advance(struct fair_server *server, uint64_t now_ns)
{
	switch (server->phase) {
	case FAIR_OPEN:
		server->slice_ns = SLICE_NS;
		server->since_ns = now_ns;
		server->phase = FAIR_DRAIN;
		break;
	case FAIR_SLICE:
		if (now_ns >= server->since_ns + server->slice_ns)
			server->phase = FAIR_DRAIN;
		break;
	case FAIR_QUIET:
		if (now_ns >= server->until_ns || is_idle(server, now_ns))
			begin_slice(server, now_ns);
		break;
	case FAIR_DRAIN:
		break;
	}
	if (server->phase == FAIR_DRAIN)
		begin_quiet_if_drained(server, now_ns);
}

/* Light calls came just now, whoever has to spare whom. */
static bool has_recent_light(const struct fair_server *server, uint64_t now_ns)
{
	return server->lights[0].volume &&
	       server->lights[0].when_ns >=
		       light_since(server->n_light, now_ns);
}

static bool may_send_heavy(struct fair_volume *volume, uint64_t now_ns,
			   uint64_t *ret_again_ns)
{
	struct fair_server *server = volume->server;

	if (!spares_others(volume, now_ns)) {
		if (!has_recent_light(server, now_ns))
			server->phase = FAIR_OPEN;
		return true;
	}
	advance(server, now_ns);
	*ret_again_ns = now_ns + IDLE_NS;
	if (server->phase == FAIR_QUIET && server->until_ns < *ret_again_ns)
		*ret_again_ns = server->until_ns;
	return server->phase == FAIR_SLICE;
}

bool fair_server_may_send(struct fair_volume *volume,
			  const struct nfs_call *call, bool is_at_share,
			  uint64_t now_ns, uint64_t *ret_again_ns)
{
	bool is_heavy = call->fair.weight == FAIR_HEAVY;
	bool may_send = true;

	if (!is_heavy && !is_at_share)
		return true;
	pthread_mutex_lock(&volume->server->lock);
	if (is_at_share)
		may_send = !has_company(volume, now_ns);
	if (may_send && is_heavy)
		may_send = may_send_heavy(volume, now_ns, ret_again_ns);
	pthread_mutex_unlock(&volume->server->lock);
	return may_send;
}

/* --- calls ---------------------------------------------------------------------- */

/* Floods protect nobody, not even with the small calls that go with them. */
static enum fair_weight weigh(const struct fair_volume *volume,
			      const struct nfs_call *call, uint64_t now_ns)
{
	bool was_heavy = volume->heavy_ns > before(now_ns, ACTIVE_NS);

	if (nfs_call_is_bulk(call) || volume->n_small >= LIGHT_CALLS)
		return FAIR_HEAVY;
	return volume->n_heavy > 0 || was_heavy ? FAIR_PLAIN : FAIR_LIGHT;
}

static void begin_light(struct fair_volume *volume, struct nfs_call *call,
			uint64_t now_ns)
{
	struct fair_server *server = volume->server;

	see(server->lights, volume, now_ns);
	volume->n_light++;
	server->n_light++;
	server->is_used = true;
	call->fair.n_times = server->n_times;
	call->fair.is_clean = server->n_sent_heavy == 0;
}

void fair_server_begin(struct fair_volume *volume, struct nfs_call *call,
		       uint64_t now_ns)
{
	struct fair_server *server = volume->server;

	pthread_mutex_lock(&server->lock);
	see(server->recent, volume, now_ns);
	call->fair.weight = weigh(volume, call, now_ns);
	call->fair.is_sent = false;
	call->fair.begun_ns = now_ns;
	if (call->fair.weight == FAIR_LIGHT)
		begin_light(volume, call, now_ns);
	volume->n_heavy += call->fair.weight == FAIR_HEAVY;
	volume->n_small += !nfs_call_is_bulk(call);
	volume->n_calls++;
	server->n_calls++;
	pthread_mutex_unlock(&server->lock);
}

void fair_server_sent(struct fair_volume *volume, struct nfs_call *call)
{
	struct fair_server *server = volume->server;

	call->fair.is_sent = true;
	if (call->fair.weight != FAIR_HEAVY)
		return;
	pthread_mutex_lock(&server->lock);
	server->n_times += server->n_sent_heavy++ == 0;
	pthread_mutex_unlock(&server->lock);
}

/* What took a server's outage says nothing of those who are about. */
static void sample(uint64_t *known, uint64_t ns)
{
	if (ns >= HUNG_NS)
		return;
	*known = *known ? (*known * (WEIGHT - 1) + ns) / WEIGHT : ns;
}

static void end_light(struct fair_volume *volume, const struct nfs_call *call,
		      uint64_t now_ns)
{
	struct fair_server *server = volume->server;
	bool is_clean =
		call->fair.is_clean && call->fair.n_times == server->n_times;

	see(server->lights, volume, now_ns);
	volume->n_light--;
	server->n_light--;
	if (call->fair.is_sent)
		sample(is_clean ? &server->clean_ns : &server->dirty_ns,
		       now_ns - call->fair.begun_ns);
}

static void end_heavy(struct fair_volume *volume, const struct nfs_call *call,
		      uint64_t now_ns)
{
	struct fair_server *server = volume->server;

	volume->n_heavy--;
	volume->heavy_ns = now_ns;
	server->n_sent_heavy -= call->fair.is_sent;
	if (server->phase == FAIR_DRAIN)
		begin_quiet_if_drained(server, now_ns);
}

void fair_server_end(struct fair_volume *volume, struct nfs_call *call,
		     uint64_t now_ns)
{
	struct fair_server *server = volume->server;

	pthread_mutex_lock(&server->lock);
	volume->n_small -= !nfs_call_is_bulk(call);
	volume->n_calls--;
	server->n_calls--;
	if (call->fair.weight == FAIR_LIGHT)
		end_light(volume, call, now_ns);
	else if (call->fair.weight == FAIR_HEAVY)
		end_heavy(volume, call, now_ns);
	pthread_mutex_unlock(&server->lock);
}

/* --- by address ------------------------------------------------------------------ */

struct fair_server_entry {
	struct fair_server server;
	struct sockaddr_storage addr;
	socklen_t addr_len;
	unsigned int n_users;
	LIST_ENTRY(fair_server_entry) entry;
};

void fair_servers_init(struct fair_servers *servers)
{
	LIST_INIT(&servers->entries);
	pthread_mutex_init(&servers->lock, NULL);
}

void fair_servers_fini(struct fair_servers *servers)
{
	assert(LIST_EMPTY(&servers->entries));
	pthread_mutex_destroy(&servers->lock);
}

static struct fair_server_entry *find(const struct fair_servers *servers,
				      const struct sockaddr_storage *addr,
				      socklen_t addr_len)
{
	struct fair_server_entry *entry;

	LIST_FOREACH (entry, &servers->entries, entry) {
		if (entry->addr_len == addr_len &&
		    memcmp(&entry->addr, addr, addr_len) == 0)
			break;
	}
	return entry;
}

static struct fair_server_entry *add(struct fair_servers *servers,
				     const struct sockaddr_storage *addr,
				     socklen_t addr_len)
{
	struct fair_server_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	fair_server_init(&entry->server);
	entry->addr = *addr;
	entry->addr_len = addr_len;
	LIST_INSERT_HEAD(&servers->entries, entry, entry);
	return entry;
}

struct fair_server *fair_server_get(struct fair_servers *servers,
				    const struct sockaddr_storage *addr,
				    socklen_t addr_len)
{
	struct fair_server_entry *entry;

	pthread_mutex_lock(&servers->lock);
	entry = find(servers, addr, addr_len);
	if (!entry)
		entry = add(servers, addr, addr_len);
	if (entry)
		entry->n_users++;
	pthread_mutex_unlock(&servers->lock);
	return entry ? &entry->server : NULL;
}

void fair_server_put(struct fair_servers *servers, struct fair_server *server)
{
	struct fair_server_entry *entry;

	if (!server)
		return;
	entry = container_of(server, struct fair_server_entry, server);
	pthread_mutex_lock(&servers->lock);
	if (--entry->n_users == 0) {
		LIST_REMOVE(entry, entry);
		fair_server_fini(&entry->server);
		free(entry);
	}
	pthread_mutex_unlock(&servers->lock);
}
