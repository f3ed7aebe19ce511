/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Has the kernel write back what it keeps of a mount of our own (syncfs(2)), without
 * ever waiting for longer than asked: the server may be away.
 *
 * Threads: control threads.
 */

#include <stdint.h>

#include "err.h"

/*
 * Opens the directory at path, which is the root of the FUSE mount of that device,
 * writes back and closes it. What the kernel had to write is on its way to us then, and
 * the RELEASEDIR behind it. wake_fd: readable when the wait has to end.
 *
 * -ETIMEDOUT; -ECANCELED by wake_fd; -EBUSY: too many that came to no end; else what
 * open(2) or syncfs(2) said, -EXDEV when another file system is there.
 */
int flusher_run(const char *path, uint32_t dev_minor, int wake_fd,
		uint64_t end_ns, struct err *err);
