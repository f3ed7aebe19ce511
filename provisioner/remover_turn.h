/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One turn of a remover's thread at one row of the trash. A turn ends by itself after
 * a while, so that many large directories take turns.
 */

#include <stdatomic.h>

#include "remover.h"

/* Between a turn and those who look at it. */
struct turn_view {
	atomic_bool is_stopping; /* set by others: it ends soon */
	atomic_ullong files_per_s;
};

enum turn_outcome {
	TURN_MORE = 1, /* it ended before the work did */
	TURN_GONE = 2, /* the row is gone: removed, or restored */
};

/* 0: nothing to do now. Negative: err has a sentence, and so has the row. */
int remover_turn(const struct remover_options *options, const char *volume,
		 struct turn_view *view, struct err *err);
