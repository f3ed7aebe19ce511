/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One turn of a copier's thread at one copy. */

#include "copier.h"
#include "server_health.h"

/* As turns_options.take; TURN_GONE: there is nothing more to do about it. */
int copier_turn(const struct copier_options *options,
		struct server_health *health, const char *name,
		struct turn_view *view, struct err *err);
