/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* NFS attributes to and from what the kernel's FUSE client speaks. Pure. */

#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "model.h"
#include "mount_options.h"
#include "nfs_call.h"

void attr_to_stat(const struct nfs_attr *attr, struct stat *ret);

/*
 * A FUSE setattr (st and the FUSE_SET_ATTR_* bits of to_set) as NFS's SETATTR.
 * What NFS has no word for (ctime, which the server sets anyway) is left out.
 */
void attr_from_setattr(const struct stat *st, int to_set, struct nfs_set *ret);

/* FSSTAT (RFC 1813 3.3.18) as statfs; io_size is the preferred I/O size. */
void attr_to_statvfs(const struct nfs_result *fsstat, struct statvfs *ret);

/*
 * For how long the kernel may believe us, in seconds: as long as the object has
 * been seen unchanged (its age), but within these bounds.
 */
struct attr_lifetime {
	double min;
	double max;
};

struct attr_timeouts {
	struct attr_lifetime reg; /* all but directories */
	struct attr_lifetime dir;
	struct attr_lifetime
		entry; /* names that are there; the age is the directory's */
	struct attr_lifetime negative; /* names that are not there */
};

/*
 * noac: never. As the ac* options say; for kinds without one by access mode: a
 * volume that only one node may write is not changed behind our back. That a name
 * is not there is believed of such a volume, or where lookupcache=all is given.
 */
struct attr_timeouts attr_timeouts(enum access_mode mode,
				   const struct mount_options *options);

double attr_lifetime_of_age(const struct attr_lifetime *lifetime,
			    uint64_t age_ns);

/* Of an object's attributes; mode says whether it is a directory. */
double attr_timeout(const struct attr_timeouts *timeouts, uint32_t mode,
		    uint64_t age_ns);
