/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How a process gets at the requests that a former one has read and not answered: the
 * kernel repeats them, or the log has them (request_log.h). For session.c.
 *
 * *log is the volume's, or NULL; it becomes NULL when it is not to be written.
 */

#include <stdbool.h>

struct request_log;

/* Of a new mount, for which nothing was asked yet. never: the kernel shall not. */
void resend_choose(int fuse_fd, struct request_log **log, bool never);

/*
 * Has the kernel repeat them, or collects them from the log. -EOPNOTSUPP when neither
 * can be, -ENOMEM.
 */
int resend_take_over(int fuse_fd, struct request_log **log, bool never);
