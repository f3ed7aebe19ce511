/* SPDX-License-Identifier: Apache-2.0 */

/* The name is a hash of the volume's id, which may have any bytes in it. */

#include "state_file.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "fnv1a.h"

int state_file_open(const char *dir, const char *kind, const char *volume,
		    char **ret_path, int *ret_fd, struct err *err)
{
	_cleanup_(free) char *path = NULL;
	int fd;

	if (asprintf(&path, "%s/%s-%016llx", dir, kind,
		     (unsigned long long)fnv1a(FNV1A_START, volume,
					       strlen(volume))) < 0) {
		path = NULL;
		return err_set(err, -ENOMEM, "open a file of %s", kind);
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set_errno(err, -errno, "open \"%s\"", path);
	*ret_path = TAKE_PTR(path);
	*ret_fd = fd;
	return 0;
}
