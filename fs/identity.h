/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whom the callers of a volume are on the server: squash, as exports(5) means it
 * but on the client's side, and the volume's mount group (CSI's
 * volume_mount_group, a pod's fsGroup). Pure, but for the atomic.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "class_parameters.h"
#include "nfs_call.h"

struct identity {
	enum squash squash;
	uint32_t uid, gid;	      /* of who is squashed */
	_Atomic uint64_t mount_group; /* 0 = none, else the group + 1 */
};

/* The credentials of a local caller become those for the wire. */
void identity_map(const struct identity *identity, struct nfs_cred *cred);

/*
 * The mode of a new entry: with a mount group, the group may do what CSI wants
 * ("readable and writable by said mount group").
 */
mode_t identity_mode(const struct identity *identity, mode_t mode);

/* As in mount_group; NULL and "" are no group. -EINVAL with a sentence. */
int identity_parse_group(const char *text, uint64_t *ret, struct err *err);
