/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What clone and restore share: a claim that begins as something else is. Threads: one. */

#include "ctl.h"

struct ctl_clone {
	struct ctl_args args; /* first */
	const char *as;	      /* the new claim; NULL = not said */
	const char *class_name;
	const char *size;
	const char *mode;
};

/* Of a verb's own; userdata is a struct ctl_clone. */
extern const struct option_spec ctl_clone_options[4];
#define CTL_CLONE_AS	&ctl_clone_options[0]
#define CTL_CLONE_CLASS &ctl_clone_options[1]
#define CTL_CLONE_SIZE	&ctl_clone_options[2]
#define CTL_CLONE_MODE	&ctl_clone_options[3]

/*
 * kind: "claim" or "snapshot", of this name. Makes the claim, and waits until it is bound,
 * with a line of progress for each second.
 */
int ctl_clone_run(const struct ctl_clone *clone, const char *kind,
		  const char *name, struct err *err);

/* A line of progress; on a terminal in the place of the last one. */
void ctl_progress_print(const char *what, const struct cJSON *copy);
/* "copying 45%, 30.5MiB/s", or what went wrong; of a copy or a snapshot. */
void ctl_progress_state(char *buffer, size_t size, const struct cJSON *item);
/* The line is over. */
void ctl_progress_end(void);
