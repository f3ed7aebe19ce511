/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The end of a description: what happened to the object. Threads: one. */

#include "client.h"

#define DESCRIBE_MARK '\v' /* between a label and its text */

/* Writes the events about an object, oldest first, as a table; or that there are none. */
int describe_events(struct client *client, const struct cJSON *object,
		    FILE *out, struct err *err);
