/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Directories are removed with rmdir(2), never recursively: if an unmount went
 * wrong, what is below belongs to a tenant.
 */

#include "mountpoint.h"

#include <string.h>
#include <sys/stat.h>

#include "mount.h"

int mountpoint_clear(const char *path, enum mountpoint_flags flags,
		     struct err *err)
{
	_cleanup_(mount_entry_fini) struct mount_entry found = { 0 };
	int r;

	r = mount_find(path, &found);
	if (r == 0)
		return 0;
	if (r < 0)
		return err_set_errno(err, r, "look for \"%s\"", path);
	if (strcmp(found.fstype, MOUNT_FSTYPE) != 0)
		return err_set(err, -EBUSY,
			       "\"%s\" is a mount of type %s, not one of ours",
			       path, found.fstype);
	return mount_remove(
		path, flags & MOUNTPOINT_MAY_ABORT ? found.minor : 0, err);
}

int mountpoint_make(const char *path, enum mountpoint_flags flags,
		    struct err *err)
{
	int r;

	r = mountpoint_clear(path, flags, err);
	if (r < 0)
		return r;
	if (mkdir(path, 0750) < 0 && errno != EEXIST)
		return err_set_errno(err, -errno, "create directory \"%s\"",
				     path);
	return 0;
}

int mountpoint_remove(const char *path, struct err *err)
{
	int r;

	r = mountpoint_clear(path, 0, err);
	if (r < 0)
		return r;
	if (rmdir(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_set_errno(err, -errno, "remove directory \"%s\"",
				     path);
	return 0;
}
