/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a thread of the copier does when it takes up one copy. Threads: the copier's. */

#include "copier.h"
#include "server_health.h"

/* A turns_options.take. TURN_GONE: the copy's row is gone, there is no more to do. */
int copier_turn(const struct copier_options *options,
		struct server_health *health, const char *name,
		struct turn_view *view, struct err *err);
