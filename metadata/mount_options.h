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

/*
 * How long attributes are believed: at least min, at most max, in between as long
 * as the object has been seen unchanged.
 */
struct mount_lifetime {
	bool is_given; /* else the access mode's default applies */
	uint32_t min_s;
	uint32_t max_s; /* never below min_s */
};

/* Which names are believed to be there, or not to be there, without asking. */
enum mount_lookupcache {
	MOUNT_LOOKUPCACHE_BY_MODE, /* not given */
	MOUNT_LOOKUPCACHE_ALL,
	MOUNT_LOOKUPCACHE_POSITIVE,
	MOUNT_LOOKUPCACHE_NONE,
};

struct mount_options {
	uint32_t nfsvers_major; /* upper bound asked for: 3 or 4 */
	uint32_t nfsvers_minor;
	uint32_t port;	    /* NFS; 0 = 2049 */
	uint32_t mountport; /* MOUNT; 0 = ask the server's portmapper */
	uint32_t rsize; /* bytes; 0 = what the server prefers, at most 1 MiB */
	uint32_t wsize;
	uint32_t timeo_ds;	   /* tenths of a second, nfs(5); default 600 */
	uint32_t retrans;	   /* 1 or more; default 2 */
	uint32_t nconnect;	   /* connections per shard; 0 = 1 */
	struct mount_lifetime reg; /* of everything but directories */
	struct mount_lifetime dir;
	uint32_t lookupcache; /* enum mount_lookupcache */
	bool is_soft;
	bool is_noac;	/* whatever reg and dir say */
	bool is_nocto;	/* open believes attributes, too */
	bool has_locks; /* between nodes, by NLM; else local to the node */
	bool is_ro;
	bool is_noatime;
	bool is_nodiratime;
};

/* The numbers are those of nfs(5). */
#define MOUNT_OPTIONS_INIT                                           \
	((struct mount_options){ .nfsvers_major = 3,                 \
				 .timeo_ds = 600,                    \
				 .retrans = 2,                       \
				 .reg = { .min_s = 3, .max_s = 60 }, \
				 .dir = { .min_s = 30, .max_s = 60 } })

/*
 * Applies one element of mountOptions, which may hold several options separated
 * by commas. -EINVAL with a sentence that names the option, its value and what is
 * allowed; *options is then unchanged.
 */
int mount_options_parse(struct mount_options *options, const char *text,
			struct err *err);
