/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A small ring of servers that timed out. With more dead servers than it has
 * entries the oldest is forgotten and asked again, which costs time only.
 */

#include "server_health.h"

#include <stdbool.h>
#include <string.h>

#include "clock.h"

#define PAUSE_NS (30 * NS_PER_S)

static bool is_server(const struct server_health *health, size_t i,
		      const char *server, uint32_t port)
{
	return health->down[i].server && health->down[i].port == port &&
	       strcmp(health->down[i].server, server) == 0;
}

static int check_locked(const struct server_health *health, const char *server,
			uint32_t port, uint64_t now_ns, struct err *err)
{
	for (size_t i = 0; i < SERVER_HEALTH_MAX; i++) {
		uint64_t until = health->down[i].until_ns;

		if (is_server(health, i, server, port) && now_ns < until)
			return err_set(
				err, -EHOSTDOWN,
				"server %s did not answer, not asked again within the next %llu s",
				server,
				(unsigned long long)((until - now_ns) /
						     NS_PER_S) +
					1);
	}
	return 0;
}

int server_health_check(struct server_health *health, const char *server,
			uint32_t port, uint64_t now_ns, struct err *err)
{
	int r;

	(void)pthread_mutex_lock(&health->lock);
	r = check_locked(health, server, port, now_ns, err);
	(void)pthread_mutex_unlock(&health->lock);
	return r;
}

static void note_locked(struct server_health *health, const char *server,
			uint32_t port, uint64_t now_ns)
{
	size_t i = 0;

	while (i < SERVER_HEALTH_MAX && !is_server(health, i, server, port))
		i++;
	if (i == SERVER_HEALTH_MAX) {
		i = health->next;
		health->next = (i + 1) % SERVER_HEALTH_MAX;
		free(health->down[i].server);
		health->down[i].server = strdup(server);
		health->down[i].port = port;
	}
	health->down[i].until_ns = now_ns + PAUSE_NS;
}

void server_health_note(struct server_health *health, const char *server,
			uint32_t port, int r, uint64_t now_ns)
{
	if (r != -ETIMEDOUT)
		return;
	(void)pthread_mutex_lock(&health->lock);
	note_locked(health, server, port, now_ns);
	(void)pthread_mutex_unlock(&health->lock);
}

void server_health_fini(struct server_health *health)
{
	for (size_t i = 0; i < SERVER_HEALTH_MAX; i++)
		free(health->down[i].server);
	(void)pthread_mutex_destroy(&health->lock);
}
