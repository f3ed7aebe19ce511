/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The protocol's numbers in one table. The low ones are the errnos of the
 * machine that NFS was born on and equal Linux's, the rest is translated as
 * Linux's client does (fs/nfs_common/common.c).
 */

#include "nfs_status.h"

#include <errno.h>

#include "cleanup.h"
#include "nfs_call.h"

struct status {
	uint32_t status;
	int error; /* negative errno */
};

static const struct status statuses[] = {
	{ 0, 0 },
	{ 1, -EPERM },
	{ 2, -ENOENT },
	{ 5, -EIO },
	{ 6, -ENXIO },
	{ 13, -EACCES },
	{ 17, -EEXIST },
	{ 18, -EXDEV },
	{ 19, -ENODEV },
	{ 20, -ENOTDIR },
	{ 21, -EISDIR },
	{ 22, -EINVAL },
	{ 27, -EFBIG },
	{ 28, -ENOSPC },
	{ 30, -EROFS },
	{ 31, -EMLINK },
	{ 63, -ENAMETOOLONG },
	{ 66, -ENOTEMPTY },
	{ 69, -EDQUOT },
	{ 70, -ESTALE },
	{ 71, -EREMOTE },
	{ 10001, -ESTALE },	/* BADHANDLE: to an application the same */
	{ 10002, -EIO },	/* NOT_SYNC: the guard of SETATTR failed */
	{ 10003, -ESTALE },	/* BAD_COOKIE: the directory changed */
	{ 10004, -EOPNOTSUPP }, /* NOTSUPP */
	{ 10005, -EINVAL },	/* TOOSMALL */
	{ 10006, -EREMOTEIO },	/* SERVERFAULT */
	{ 10007, -EOPNOTSUPP }, /* BADTYPE */
	{ 10008, -EAGAIN },	/* JUKEBOX */
};

static const struct status mount_statuses[] = {
	{ 0, 0 },
	{ 1, -EPERM },
	{ 2, -ENOENT },
	{ 5, -EIO },
	{ 13, -EACCES },
	{ 20, -ENOTDIR },
	{ 22, -EINVAL },
	{ 63, -ENAMETOOLONG },
	{ 10004, -EOPNOTSUPP },
	{ 10006, -EREMOTEIO },
};

static int find(const struct status *table, size_t n, uint32_t status)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].status == status)
			return table[i].error;
	return -EIO;
}

int nfs_status_to_errno(uint32_t status)
{
	return find(statuses, ARRAY_SIZE(statuses), status);
}

int nfs_mount_status_to_errno(uint32_t status)
{
	return find(mount_statuses, ARRAY_SIZE(mount_statuses), status);
}
