/* SPDX-License-Identifier: Apache-2.0 */

#include <netinet/in.h>

#include <criterion/criterion.h>

#include "arena.h"
#include "link_table.h"
#include "nfs3.h"

static struct arena *arena;
static struct link_table *table;
static struct nfs3_options options;

static void set_up(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };

	memcpy(&options.addr, &addr, sizeof(addr));
	options.addr_len = sizeof(addr);
	cr_assert_eq(arena_new(&arena), 0);
	cr_assert_eq(link_table_new(&table, arena), 0);
}

static void tear_down(void)
{
	link_table_free(table);
	arena_free(arena);
}

/* The process died; another one attaches the file. */
static void die(void)
{
	int fd = dup(arena_fd(arena));

	tear_down();
	cr_assert_eq(arena_attach(&arena, fd), 0);
	cr_assert_eq(link_table_new(&table, arena), 0);
}

static struct nfs3_origin *take(unsigned int shard, unsigned int lane)
{
	return link_table_take(table, &options, shard, lane);
}

static uint32_t port_of(struct nfs3_origin *origin)
{
	cr_assert(origin);
	return atomic_load(&origin->port);
}

TestSuite(link_table, .init = set_up, .fini = tear_down);

Test(link_table, a_connection_is_known_to_the_next_process)
{
	atomic_store(&take(0, 0)->port, 700);
	atomic_store(&take(0, 1)->port, 701);
	atomic_store(&take(1, 0)->port, 702);
	die();
	cr_assert_eq(port_of(take(1, 0)), 702);
	cr_assert_eq(port_of(take(0, 0)), 700);
	cr_assert_eq(port_of(take(0, 1)), 701);
}

Test(link_table, connections_to_other_servers_are_others)
{
	atomic_store(&take(0, 0)->port, 700);
	die();
	((struct sockaddr_in *)&options.addr)->sin_port = 1;
	cr_assert_eq(port_of(take(0, 0)), 0);
	options.timeo_ms = 1;
	cr_assert_eq(port_of(take(0, 0)), 0);
}

Test(link_table, one_that_has_ended_is_forgotten)
{
	struct nfs3_origin *origin = take(0, 0);

	atomic_store(&origin->port, 700);
	link_table_put(table, origin);
	cr_assert_eq(port_of(take(0, 0)), 0);
}

Test(link_table, one_that_is_handed_over_is_not)
{
	struct nfs3_origin *origin = take(0, 0);

	atomic_store(&origin->port, 700);
	arena_close(arena);
	link_table_put(table, origin);
	die();
	cr_assert_eq(port_of(take(0, 0)), 700);
}

Test(link_table, what_nobody_uses_makes_room_when_all_are_taken)
{
	for (unsigned int lane = 0; lane < LINKS_MAX; lane++)
		atomic_store(&take(0, lane)->port, 700);
	cr_assert_null(take(1, 0));
	die();
	cr_assert_eq(port_of(take(1, 0)), 0);
	cr_assert_eq(port_of(take(0, 0)), 700);
}
