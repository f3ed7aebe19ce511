/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * NFS mount options by the names that nfs(5) gives them, as a class's or volume's
 * mountOptions carry them. The provisioner checks them when a class is made, the
 * node obeys them.
 *
 * Options that exist but are not implemented are refused by name, never ignored.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct mount_options {
	uint32_t nfsvers_major; /* upper bound asked for: 3 or 4 */
	uint32_t nfsvers_minor;
	uint32_t port;	    /* NFS; 0 = 2049 */
	uint32_t mountport; /* MOUNT; 0 = ask the server's portmapper */
	uint32_t rsize; /* bytes; 0 = what the server prefers, at most 1 MiB */
	uint32_t wsize;
	uint32_t timeo_ds; /* tenths of a second, nfs(5); default 600 */
	uint32_t retrans;  /* default 2 */
	uint32_t nconnect; /* connections per shard; 0 = 1 */
	uint32_t acmin_s;  /* attribute cache lifetimes, seconds */
	uint32_t acmax_s;
	bool has_actimeo; /* acmin/acmax were given: the access mode's default does not apply */
	bool is_soft;
	bool is_noac;
	bool is_ro;
	bool is_noatime;
};

#define MOUNT_OPTIONS_INIT                           \
	((struct mount_options){ .nfsvers_major = 3, \
				 .timeo_ds = 600,    \
				 .retrans = 2,       \
				 .acmin_s = 3,       \
				 .acmax_s = 60 })

/*
 * Applies one element of mountOptions, which may hold several options separated
 * by commas. -EINVAL with a sentence that names the option, its value and what is
 * allowed; *options is then unchanged.
 */
int mount_options_parse(struct mount_options *options, const char *text,
			struct err *err);
