/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One turn of a remover's thread at one row of the trash. A turn ends by itself after
 * a while, so that many large directories take turns.
 */

#include "remover.h"
#include "turns.h"

/* As turns_options.take; TURN_GONE: removed, or restored. */
int remover_turn(const struct remover_options *options, const char *volume,
		 struct turn_view *view, struct err *err);
