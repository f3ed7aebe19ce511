/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A line for each difference that a check finds. Threads: belongs to its user. */

#include "admin_verbs.h"
#include "check_world.h"

struct check_run {
	struct api_admin_call *call;
	struct check_world world;
	const struct volume_place *share; /* that is looked at now */
	unsigned int n_found;
};

/*
 * what: a volume, or a copy, that the line is about; repair: a verb's name in check.c,
 * "" = nothing can be done from here. -ECANCELED: nobody listens any more.
 */
__attribute__((format(printf, 4, 5))) int check_tell(struct check_run *run,
						     const char *what,
						     const char *repair,
						     const char *fmt, ...);
