/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "nfs_call.h"

/*
 * Notes what the client now thinks of its server, and since when; a change is
 * logged with the server's name. Shard's thread.
 */
void nfs3_health_set(struct nfs_client *client, enum nfs_health health,
		     const char *server);
