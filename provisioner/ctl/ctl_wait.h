/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Waiting for an object to become what somebody wants. Threads: one. */

#include <stdint.h>

#include "client.h"

struct ctl_object {
	enum object_kind kind;
	const char *namespace;
	const char *name;
};

enum ctl_wait_outcome {
	CTL_WAIT_DONE = 1,
};

#define CTL_VERSION_MAX 24

/* Where a watch of the object may begin, whether it is there or not. */
int ctl_watch_version(struct client *client, const struct ctl_object *object,
		      char ret[CTL_VERSION_MAX], struct err *err);

/*
 * Sees each state of the object, NULL when it is not there: 0 to go on, CTL_WAIT_DONE,
 * or a negative errno.
 */
typedef int (*ctl_wait_fn)(void *userdata, const struct cJSON *json,
			   struct err *err);

/*
 * 0 when fn is done, or what it failed with. deadline_ns is on clock_ns(), 0 = none;
 * behind it -ETIMEDOUT in kubectl's words.
 */
int ctl_wait(struct client *client, const struct ctl_object *object,
	     uint64_t deadline_ns, ctl_wait_fn fn, void *userdata,
	     struct err *err);

/* As a deadline; 0 stays 0. */
uint64_t ctl_deadline(unsigned int timeout_s);
