/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A patch of one object. Threads: one. */

#include "ctl.h"

struct ctl_change {
	const char *namespace;
	const struct ctl_item *item;
	const char *content_type; /* of a patch */
	const char *body;
};

/* *ret_is_changed: whether the server stored anything. -ENOENT when it is not there. */
int ctl_change(struct client *client, const struct ctl_change *change,
	       bool *ret_is_changed, struct err *err);

/* The object as it is; *ret is the caller's. -ENOENT. */
int ctl_read(struct client *client, const char *namespace,
	     const struct ctl_item *item, struct cJSON **ret, struct err *err);
