/* SPDX-License-Identifier: Apache-2.0 */

/* Turns of light and heavy calls on a server that takes as long as the test says. */

#include <criterion/criterion.h>

#include "clock.h"
#include "fair_server.h"
#include "nfs_call.h"

#define LIGHT_NS  (NS_PER_MS / 5) /* of a light call in quiet */
#define HEAVY_NS  (2 * NS_PER_MS)
#define SECONDS	  2
#define N_HEAVY	  4 /* heavy calls that the flood keeps under way */
#define LIGHT_MAX 4 /* small calls of a volume that are light */

static struct fair_server server;
static struct fair_volume flood, reader;
static uint64_t now_ns, again_ns;

static void set_up(void)
{
	fair_server_init(&server);
	flood = reader = (struct fair_volume){ .server = &server };
	now_ns = NS_PER_S;
}

TestSuite(fair_server, .init = set_up);

static struct nfs_call heavy(void)
{
	return (struct nfs_call){ .proc = NFS_WRITE,
				  .args.write.count = 1u << 20 };
}

static struct nfs_call light(void)
{
	return (struct nfs_call){ .proc = NFS_READ, .args.read.count = 4096 };
}

static void begin(struct fair_volume *volume, struct nfs_call *call)
{
	fair_server_begin(volume, call, now_ns);
}

static bool may_send(struct fair_volume *volume, const struct nfs_call *call)
{
	return fair_server_may_send(volume, call, false, now_ns, &again_ns);
}

/* From begin to end, as the only thing that happens. */
static void serve(struct fair_volume *volume, struct nfs_call *call,
		  uint64_t took_ns)
{
	begin(volume, call);
	fair_server_sent(volume, call);
	now_ns += took_ns;
	fair_server_end(volume, call, now_ns);
}

/* --- a server and two volumes -------------------------------------------------- */

/* A light call takes slowdown times longer while heavy ones are on the wire. */
struct race {
	unsigned int slowdown;
	uint64_t think_ns; /* from the reader's answer to his next question */
	unsigned int n_light;
	unsigned int n_heavy;
	struct nfs_call calls[N_HEAVY];
	uint64_t ends_ns[N_HEAVY]; /* of those on the wire; 0 = it waits */
	unsigned int n_sent;
};

static void drive_flood(struct race *race)
{
	for (size_t i = 0; i < N_HEAVY; i++) {
		struct nfs_call *call = &race->calls[i];

		if (race->ends_ns[i] && race->ends_ns[i] <= now_ns) {
			fair_server_end(&flood, call, now_ns);
			race->ends_ns[i] = 0;
			race->n_sent--;
			race->n_heavy++;
			*call = heavy();
			begin(&flood, call);
		}
		if (!race->ends_ns[i] && may_send(&flood, call)) {
			fair_server_sent(&flood, call);
			race->n_sent++;
			race->ends_ns[i] = now_ns + HEAVY_NS;
		}
	}
}

static void step(struct race *race, uint64_t *left_ns)
{
	const uint64_t step_ns = NS_PER_MS / 50;
	unsigned int slowdown = race->n_sent > 0 ? race->slowdown : 1;

	drive_flood(race);
	now_ns += step_ns;
	*left_ns -=
		*left_ns < step_ns / slowdown ? *left_ns : step_ns / slowdown;
}

static void run(struct race *race)
{
	uint64_t end_ns = now_ns + SECONDS * NS_PER_S;

	for (size_t i = 0; i < N_HEAVY; i++) {
		race->calls[i] = heavy();
		begin(&flood, &race->calls[i]);
	}
	while (now_ns < end_ns) {
		struct nfs_call call = light();
		uint64_t left_ns = LIGHT_NS, next_ns;

		begin(&reader, &call);
		fair_server_sent(&reader, &call);
		while (left_ns > 0)
			step(race, &left_ns);
		fair_server_end(&reader, &call, now_ns);
		race->n_light++;
		next_ns = now_ns + race->think_ns;
		while (now_ns < next_ns)
			step(race, &(uint64_t){ 0 });
	}
}

#define LIGHT_ALONE (SECONDS * NS_PER_S / LIGHT_NS)
#define HEAVY_ALONE (SECONDS * NS_PER_S / HEAVY_NS * N_HEAVY)

Test(fair_server, a_reader_whom_a_flood_stops_has_half_of_his_rate)
{
	struct race race = { .slowdown = 50 };

	run(&race);
	cr_assert_geq(race.n_light, LIGHT_ALONE / 2, "%u of %llu", race.n_light,
		      LIGHT_ALONE);
}

Test(fair_server, the_flood_goes_on_meanwhile)
{
	struct race race = { .slowdown = 50 };

	run(&race);
	cr_assert_geq(race.n_heavy, HEAVY_ALONE / 5, "%u of %llu", race.n_heavy,
		      HEAVY_ALONE);
}

Test(fair_server, a_flood_that_slows_nobody_is_not_held)
{
	struct race race = { .slowdown = 1 };

	run(&race);
	cr_assert_geq(race.n_heavy, HEAVY_ALONE / 10 * 9, "%u of %llu",
		      race.n_heavy, HEAVY_ALONE);
}

Test(fair_server, a_flood_pays_little_for_who_seldom_asks)
{
	struct race race = { .slowdown = 50, .think_ns = 50 * NS_PER_MS };

	run(&race);
	cr_assert_geq(race.n_heavy, HEAVY_ALONE / 10 * 7, "%u of %llu",
		      race.n_heavy, HEAVY_ALONE);
}

/* He asks for something small now and then, and moves as much data as he can. */
static void ask_and_read(uint64_t end_ns)
{
	struct nfs_call small = light(), large;

	serve(&reader, &small, LIGHT_NS);
	while (now_ns < end_ns) {
		large = heavy();
		begin(&reader, &large);
		if (may_send(&reader, &large))
			fair_server_sent(&reader, &large);
		now_ns += HEAVY_NS;
		fair_server_end(&reader, &large, now_ns);
	}
}

Test(fair_server, two_floods_go_on_when_one_asks_little_besides)
{
	struct nfs_call other = heavy();
	uint64_t end_ns = now_ns + NS_PER_S;

	begin(&flood, &other);
	ask_and_read(now_ns + 10 * NS_PER_MS);
	while (!may_send(&flood, &other)) {
		cr_assert_lt(now_ns, end_ns);
		ask_and_read(now_ns + 10 * NS_PER_MS);
	}
}

/* --- single rules ----------------------------------------------------------------- */

Test(fair_server, who_is_alone_is_not_held)
{
	struct nfs_call call = heavy();

	begin(&flood, &call);
	cr_assert(may_send(&flood, &call));
}

Test(fair_server, a_volume_is_not_held_for_its_own_light_calls)
{
	struct nfs_call own = light(), call = heavy();

	begin(&flood, &own);
	begin(&flood, &call);
	cr_assert(may_send(&flood, &call));
}

Test(fair_server, light_calls_are_never_held)
{
	struct nfs_call call = light(), other = light();

	begin(&reader, &call);
	begin(&flood, &other);
	cr_assert(may_send(&flood, &other));
}

Test(fair_server, heavy_calls_wait_while_a_light_one_is_under_way)
{
	struct nfs_call call = light(), other = heavy();

	begin(&reader, &call);
	begin(&flood, &other);
	cr_assert_not(may_send(&flood, &other));
	cr_assert_gt(again_ns, now_ns);
}

Test(fair_server, many_small_calls_of_a_volume_are_heavy)
{
	struct nfs_call calls[LIGHT_MAX + 1];

	for (size_t i = 0; i <= LIGHT_MAX; i++) {
		calls[i] = light();
		begin(&flood, &calls[i]);
	}
	cr_assert_eq(calls[LIGHT_MAX - 1].fair.weight, FAIR_LIGHT);
	cr_assert_eq(calls[LIGHT_MAX].fair.weight, FAIR_HEAVY);
}

Test(fair_server, small_calls_beside_a_volumes_flood_hold_nobody)
{
	struct nfs_call large = heavy(), small = light(), other = heavy();

	begin(&flood, &large);
	begin(&flood, &small);
	begin(&reader, &other);
	cr_assert(may_send(&flood, &small));
	cr_assert(may_send(&reader, &other));
}

Test(fair_server, who_has_gone_is_forgotten)
{
	struct nfs_call call = light(), other = heavy();

	serve(&reader, &call, LIGHT_NS);
	now_ns += NS_PER_S;
	begin(&flood, &other);
	cr_assert(may_send(&flood, &other));
}

Test(fair_server, a_server_that_is_silent_holds_nobody_for_ever)
{
	struct nfs_call call = light(), lost = heavy(), other = heavy();
	uint64_t end_ns = now_ns + NS_PER_S;

	begin(&flood, &lost);
	fair_server_sent(&flood, &lost);
	begin(&reader, &call);
	begin(&flood, &other);
	while (!may_send(&flood, &other)) {
		cr_assert_lt(now_ns, end_ns);
		now_ns = again_ns;
	}
}

/* A shard looked at the clock, and another one had the lock before it. */
Test(fair_server, a_time_before_the_last_one_drains_nothing)
{
	struct nfs_call call = light(), sent = heavy(), other = heavy();

	begin(&flood, &sent);
	fair_server_sent(&flood, &sent);
	begin(&reader, &call);
	begin(&flood, &other);
	cr_assert_not(may_send(&flood, &other));
	now_ns--;
	cr_assert_not(may_send(&flood, &other));
	cr_assert_eq(server.phase, FAIR_DRAIN);
}

Test(fair_server, a_light_call_that_is_never_answered_holds_nobody_for_long)
{
	struct nfs_call hung = light(), call = heavy();

	begin(&reader, &hung);
	now_ns += 2 * NS_PER_S;
	begin(&flood, &call);
	cr_assert(may_send(&flood, &call));
}

Test(fair_server, who_reads_much_between_small_calls_holds_nobody)
{
	struct nfs_call large = heavy(), small = light(), call = heavy();

	serve(&reader, &large, HEAVY_NS);
	begin(&reader, &small);
	begin(&flood, &call);
	cr_assert(may_send(&flood, &call));
}

Test(fair_server, an_outage_is_no_measure)
{
	struct nfs_call call = light();

	serve(&reader, &call, 60 * NS_PER_S);
	cr_assert_eq(server.clean_ns, 0);
}

Test(fair_server, a_share_counts_only_in_company)
{
	struct nfs_call call = heavy(), other = heavy();

	begin(&flood, &call);
	cr_assert(fair_server_may_send(&flood, &call, true, now_ns, &again_ns));
	begin(&reader, &other);
	cr_assert_not(
		fair_server_may_send(&flood, &call, true, now_ns, &again_ns));
}

Test(fair_server, a_call_that_was_never_sent_leaves_nothing_behind)
{
	struct nfs_call call = heavy(), small = light();

	begin(&flood, &call);
	begin(&reader, &small);
	fair_server_end(&flood, &call, now_ns);
	fair_server_end(&reader, &small, now_ns);
	cr_assert_eq(server.n_calls, 0);
	cr_assert_eq(server.n_light, 0);
	cr_assert_eq(server.n_sent_heavy, 0);
	cr_assert_eq(server.clean_ns, 0);
}

/* --- by address ---------------------------------------------------------------------- */

Test(fair_server, an_address_has_one_object_as_long_as_it_is_used)
{
	struct sockaddr_storage a = { .ss_family = AF_INET };
	struct sockaddr_storage b = { .ss_family = AF_INET6 };
	struct fair_servers servers;
	struct fair_server *first, *other;

	fair_servers_init(&servers);
	first = fair_server_get(&servers, &a, sizeof(a));
	other = fair_server_get(&servers, &b, sizeof(b));
	cr_assert_neq(first, other);
	cr_assert_eq(fair_server_get(&servers, &a, sizeof(a)), first);
	fair_server_put(&servers, first);
	cr_assert_eq(fair_server_get(&servers, &a, sizeof(a)), first);
	fair_server_put(&servers, first);
	fair_server_put(&servers, first);
	fair_server_put(&servers, other);
	fair_servers_fini(&servers);
}
