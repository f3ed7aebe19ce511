/* SPDX-License-Identifier: Apache-2.0 */

/* Conversions of attributes; no state, no I/O. */

#include "attr.h"

#include <sys/sysmacros.h>

#include <fuse_lowlevel.h>

#include "clock.h"

/* What programs like cp use as their buffer; RFC 1813 leaves it to the client. */
#define BLOCK_SIZE     (128u << 10)
#define FRAGMENT_SIZE  4096u
#define SHARED_TIMEOUT 1.0
#define OWN_TIMEOUT    30.0

void attr_to_stat(const struct nfs_attr *attr, struct stat *ret)
{
	*ret = (struct stat){
		.st_ino = attr->fileid,
		.st_mode = attr->mode,
		.st_nlink = attr->nlink,
		.st_uid = attr->uid,
		.st_gid = attr->gid,
		.st_rdev = makedev(attr->rdev_major, attr->rdev_minor),
		.st_size = (off_t)attr->size,
		.st_blksize = BLOCK_SIZE,
		.st_blocks = (blkcnt_t)((attr->used + 511) / 512),
		.st_atim = attr->atime,
		.st_mtim = attr->mtime,
		.st_ctim = attr->ctime,
	};
}

void attr_from_setattr(const struct stat *st, int to_set, struct nfs_set *ret)
{
	static const struct {
		int fuse;
		uint32_t nfs;
	} bits[] = {
		{ FUSE_SET_ATTR_MODE, NFS_SET_MODE },
		{ FUSE_SET_ATTR_UID, NFS_SET_UID },
		{ FUSE_SET_ATTR_GID, NFS_SET_GID },
		{ FUSE_SET_ATTR_SIZE, NFS_SET_SIZE },
	};

	*ret = (struct nfs_set){ .mode = st->st_mode & 07777,
				 .uid = st->st_uid,
				 .gid = st->st_gid,
				 .size = (uint64_t)st->st_size,
				 .atime = st->st_atim,
				 .mtime = st->st_mtim };
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		ret->mask |= to_set & bits[i].fuse ? bits[i].nfs : 0;
	/* libfuse sets the NOW bit beside the plain one. */
	if (to_set & FUSE_SET_ATTR_ATIME_NOW)
		ret->mask |= NFS_SET_ATIME_NOW;
	else if (to_set & FUSE_SET_ATTR_ATIME)
		ret->mask |= NFS_SET_ATIME;
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		ret->mask |= NFS_SET_MTIME_NOW;
	else if (to_set & FUSE_SET_ATTR_MTIME)
		ret->mask |= NFS_SET_MTIME;
}

void attr_to_statvfs(const struct nfs_result *fsstat, struct statvfs *ret)
{
	*ret = (struct statvfs){
		.f_bsize = BLOCK_SIZE,
		.f_frsize = FRAGMENT_SIZE,
		.f_blocks = fsstat->fsstat.total_bytes / FRAGMENT_SIZE,
		.f_bfree = fsstat->fsstat.free_bytes / FRAGMENT_SIZE,
		.f_bavail = fsstat->fsstat.avail_bytes / FRAGMENT_SIZE,
		.f_files = fsstat->fsstat.total_files,
		.f_ffree = fsstat->fsstat.free_files,
		.f_favail = fsstat->fsstat.avail_files,
		.f_namemax = NFS_NAME_MAX,
	};
}

static struct attr_lifetime lifetime(const struct mount_lifetime *given,
				     double by_mode)
{
	if (!given->is_given)
		return (struct attr_lifetime){ by_mode, by_mode };
	return (struct attr_lifetime){ given->min_s, given->max_s };
}

struct attr_timeouts attr_timeouts(enum access_mode mode,
				   const struct mount_options *options)
{
	bool is_own = mode == ACCESS_RWO || mode == ACCESS_RWOP;
	double seconds = is_own ? OWN_TIMEOUT : SHARED_TIMEOUT;
	struct attr_timeouts timeouts = { 0 };

	if (options->is_noac)
		return timeouts;
	timeouts.reg = lifetime(&options->reg, seconds);
	timeouts.dir = lifetime(&options->dir, seconds);
	if (options->lookupcache != MOUNT_LOOKUPCACHE_NONE)
		timeouts.entry = timeouts.dir;
	if (options->lookupcache == MOUNT_LOOKUPCACHE_ALL ||
	    (options->lookupcache == MOUNT_LOOKUPCACHE_BY_MODE && is_own))
		timeouts.negative = timeouts.dir;
	return timeouts;
}

double attr_lifetime_of_age(const struct attr_lifetime *lifetime,
			    uint64_t age_ns)
{
	double age = (double)age_ns / NS_PER_S;

	if (age < lifetime->min)
		return lifetime->min;
	return age > lifetime->max ? lifetime->max : age;
}

double attr_timeout(const struct attr_timeouts *timeouts, uint32_t mode,
		    uint64_t age_ns)
{
	return attr_lifetime_of_age(
		S_ISDIR(mode) ? &timeouts->dir : &timeouts->reg, age_ns);
}
