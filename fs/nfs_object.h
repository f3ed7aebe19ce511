/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What NFSv3 says of an object, and who asks: the parts of calls that all share. */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define NFS_FH_MAX   64 /* RFC 1813 2.5 NFS3_FHSIZE */
#define NFS_GIDS_MAX 16 /* RFC 5531 appendix A, AUTH_SYS */

struct nfs_fh {
	uint32_t len; /* bytes used in data; 0 = no handle */
	uint8_t data[NFS_FH_MAX];
};

struct nfs_cred {
	uint32_t uid;
	uint32_t gid;
	uint32_t n_gids; /* supplementary groups */
	uint32_t gids[NFS_GIDS_MAX];
};

/* RFC 1813 2.6 fattr3, already in Linux terms. */
struct nfs_attr {
	uint32_t mode; /* S_IF* type and permission bits */
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint64_t size; /* bytes */
	uint64_t used; /* bytes on disk */
	uint32_t rdev_major;
	uint32_t rdev_minor;
	uint64_t fsid;
	uint64_t fileid;
	struct timespec atime;
	struct timespec mtime;
	struct timespec ctime;
};

/* Attributes around a change (RFC 1813 2.6 wcc_data); either half may be absent. */
struct nfs_wcc {
	bool has_before;
	bool has_after;
	uint64_t size_before;
	struct timespec mtime_before;
	struct timespec ctime_before;
	struct nfs_attr after;
};

/* What SETATTR and the creating calls set; a member counts only with its bit. */
enum nfs_set_mask {
	NFS_SET_MODE = 1u << 0,
	NFS_SET_UID = 1u << 1,
	NFS_SET_GID = 1u << 2,
	NFS_SET_SIZE = 1u << 3,
	NFS_SET_ATIME = 1u << 4,
	NFS_SET_ATIME_NOW = 1u << 5, /* server's clock */
	NFS_SET_MTIME = 1u << 6,
	NFS_SET_MTIME_NOW = 1u << 7,
};

struct nfs_set {
	uint32_t mask; /* enum nfs_set_mask */
	uint32_t mode; /* permission bits only */
	uint32_t uid;
	uint32_t gid;
	uint64_t size;
	struct timespec atime;
	struct timespec mtime;
};
