/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Since Linux 6.9 the kernel sends all that was not answered once more when it is told
 * so (FUSE_NOTIFY_RESEND). Before that it says EINVAL, which the first process of a
 * mount finds out when there is nothing yet to be sent. Then all requests are written
 * down, by every process that serves the mount: the table says so.
 *
 * Which of those were answered right before the end is asked of the kernel, by what
 * answers nothing: the reply to an interrupt, for which it looks the request up and
 * leaves it as it is (fuse_dev_do_write()); ENOENT = there is none.
 */

#include "resend.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdint.h>
#include <unistd.h>

#include "request_log.h"

/* linux/fuse.h of kernel 6.9: FUSE_NOTIFY_RESEND */
#define NOTIFY_RESEND 7
/* fs/fuse/fuse_dev_i.h: FUSE_INT_REQ_BIT, of the unique of an interrupt */
#define UNIQUE_INTERRUPT 1

static int tell(int fuse_fd, int32_t error, uint64_t unique)
{
	const struct fuse_out_header header = { .len = sizeof(header),
						.error = error,
						.unique = unique };

	return write(fuse_fd, &header, sizeof(header)) < 0 ? -errno : 0;
}

static int ask_again(int fuse_fd)
{
	return tell(fuse_fd, NOTIFY_RESEND, 0);
}

static int is_pending(void *userdata, uint64_t unique)
{
	const int *fuse_fd = userdata;
	int r = tell(*fuse_fd, 0, unique | UNIQUE_INTERRUPT);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : 1;
}

void resend_choose(int fuse_fd, struct request_log **log, bool never)
{
	if (!*log)
		return;
	if (never || ask_again(fuse_fd) < 0)
		request_log_turn_on(*log);
	else
		*log = NULL;
}

int resend_take_over(int fuse_fd, struct request_log **log, bool never)
{
	int r;

	if (request_log_is_on(*log))
		return request_log_collect(*log, is_pending, &fuse_fd);
	r = ask_again(fuse_fd);
	if (r < 0)
		return r == -EINVAL ? -EOPNOTSUPP : r;
	if (never && *log)
		request_log_turn_on(*log);
	else
		*log = NULL;
	return 0;
}
