/* SPDX-License-Identifier: Apache-2.0 */

/* One line of log per change, and none while nothing changes. */

#include "nfs3_health.h"

#include "clock.h"
#include "log.h"

void nfs3_health_set(struct nfs_client *client, enum nfs_health health,
		     const char *server)
{
	static const char *const messages[] = {
		[NFS_HEALTH_OK] = "nfs server answers",
		[NFS_HEALTH_DEGRADED] = "nfs server is slow",
		[NFS_HEALTH_UNREACHABLE] = "nfs server unreachable",
	};

	if (client->health == health)
		return;
	client->health = health;
	client->health_since_ns = clock_ns();
	log_at(health == NFS_HEALTH_OK ? LOG_INFO : LOG_WARN, messages[health],
	       F_STR("server", server), F_U64("calls", client->n_in_flight));
}
