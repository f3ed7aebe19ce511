/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FUSE_INIT, by which the kernel and a session agree on what the connection can
 * do. memfd is what libfuse's session takes for its connection meanwhile. For
 * session.c.
 */

#include <stddef.h>
#include <stdint.h>

struct fuse_session;

#define SESSION_INIT_MAX 1024

/* The kernel's request, raw. */
struct session_init {
	uint8_t request[SESSION_INIT_MAX];
	size_t len;
};

/* Waits at most 5 s. -ETIMEDOUT, -EPROTO. */
int session_init_read(struct session_init *init, int fuse_fd);
/* Of a former process. -EBADMSG. */
int session_init_set(struct session_init *init, const void *request,
		     size_t len);

/* Lets libfuse answer, with what it does not know added, and sends it. */
int session_init_answer(const struct session_init *init,
			struct fuse_session *fuse, int memfd, int fuse_fd);
/* Lets libfuse answer; the kernel had its answer long ago. */
int session_init_replay(const struct session_init *init,
			struct fuse_session *fuse, int memfd);
