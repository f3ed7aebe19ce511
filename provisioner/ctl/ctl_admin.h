/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Calls of claimfs' own verbs (standalone/api_admin.h has what they answer). */

#include "client.h"

/* Takes the body. *ret: the answer, the caller's; may be NULL. */
int ctl_admin_call(struct client *client, const char *verb,
		   struct cJSON *take_body, struct cJSON **ret,
		   struct err *err);
/* The same by a connection of its own. */
int ctl_admin_ask(const char *server, const char *verb, struct cJSON *take_body,
		  struct cJSON **ret, struct err *err);

/*
 * A verb that takes long: fn sees each progress object (client_event_fn, type
 * "PROGRESS"), *ret is the answer. -EPIPE when the stream ended without one.
 */
int ctl_admin_follow(struct client *client, const char *verb,
		     struct cJSON *take_body, client_event_fn fn,
		     void *userdata, struct cJSON **ret, struct err *err);

/* A client_event_fn that prints messages, a line each. */
int ctl_admin_print(void *userdata, const char *type,
		    const struct cJSON *object, struct err *err);
