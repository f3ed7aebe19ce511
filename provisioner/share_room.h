/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How much room a share has: FSSTAT on a connection of its own. Any thread. */

#include "server_health.h"
#include "volume_place.h"

/*
 * Bytes that are free for other users than root where the place is. Blocks for as long
 * as connecting and one call may take; -EHOSTDOWN at once when the server let others
 * wait lately.
 */
int share_room(const struct volume_place *place, struct server_health *health,
	       uint64_t *ret, struct err *err);
