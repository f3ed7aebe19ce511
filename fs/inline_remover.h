/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Removes what retired records name (inline_record.h), by a thread that is there as
 * long as there are any. A server that is away is tried again, by and by, and by the
 * next process.
 *
 * Threads: kick any.
 */

#include "err.h"

struct inline_remover;

/* Begins with what a former process left. */
int inline_remover_new(struct inline_remover **ret, const char *folder,
		       struct err *err);
/* Waits for a call that is under way. */
struct inline_remover *inline_remover_free(struct inline_remover *remover);

/* There is a retired record more. */
void inline_remover_kick(struct inline_remover *remover);

DEFINE_CLEANUP(struct inline_remover *, inline_remover_free)
