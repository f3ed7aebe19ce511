/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libfuse insists on answering FUSE_INIT itself, and knows less than the kernel
 * offers: 3.14 never sends FUSE_PARALLEL_DIROPS, for example. So we read the
 * kernel's INIT, let libfuse answer it into a memfd, take the answer from there,
 * add our flags, and send it. The request is kept, because another process can make
 * the same session from the same bytes.
 */

#include "session_init.h"

#include <errno.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <fuse_lowlevel.h>

#define INIT_TIMEOUT_MS 5000
#define INIT_BODY_MIN	16 /* major, minor, max_readahead, flags */
/* linux/fuse.h of kernel 6.6: FUSE_DIRECT_IO_ALLOW_MMAP */
#define INIT_ALLOW_MMAP (1ull << 36)

/* Adds to libfuse's answer what it does not know of and the kernel offers. */
static void patch_reply(struct fuse_init_out *out,
			const struct fuse_init_in *in, bool has_flags2)
{
	out->flags |=
		in->flags & (FUSE_PARALLEL_DIROPS | FUSE_HANDLE_KILLPRIV_V2);
	if (!has_flags2)
		return;
	out->flags2 |= in->flags2 & (uint32_t)(INIT_ALLOW_MMAP >> 32);
	if (out->flags2)
		out->flags |= FUSE_INIT_EXT;
}

int session_init_read(struct session_init *init, int fuse_fd)
{
	_Alignas(uint64_t) uint8_t buf[FUSE_MIN_READ_BUFFER];
	const struct fuse_in_header *header = (const void *)buf;
	struct pollfd pollfd = { .fd = fuse_fd, .events = POLLIN };
	ssize_t n;

	if (poll(&pollfd, 1, INIT_TIMEOUT_MS) != 1)
		return -ETIMEDOUT;
	n = read(fuse_fd, buf, sizeof(buf));
	if (n < 0)
		return -errno;
	if (header->opcode != FUSE_INIT ||
	    session_init_set(init, buf, (size_t)n) < 0)
		return -EPROTO;
	return 0;
}

int session_init_set(struct session_init *init, const void *request, size_t len)
{
	if (len < sizeof(struct fuse_in_header) + INIT_BODY_MIN ||
	    len > sizeof(init->request))
		return -EBADMSG;
	memcpy(init->request, request, len);
	init->len = len;
	return 0;
}

struct init_reply {
	struct fuse_out_header header;
	struct fuse_init_out body;
};

/* The length of the answer, or -errno. */
static ssize_t make_reply(const struct session_init *init,
			  struct fuse_session *fuse, int memfd,
			  struct init_reply *ret)
{
	_Alignas(uint64_t) uint8_t request[SESSION_INIT_MAX] = { 0 };
	const struct fuse_init_in *in =
		(const void *)(request + sizeof(struct fuse_in_header));
	ssize_t n;

	memcpy(request, init->request, init->len);
	fuse_session_process_buf(
		fuse, &(struct fuse_buf){ .mem = request, .size = init->len });
	n = pread(memfd, ret, sizeof(*ret), 0);
	if (n < (ssize_t)sizeof(ret->header) || ret->header.error != 0)
		return -EPROTO;
	/* The kernel's INIT has flags2 only when it says INIT_EXT. */
	if (n == (ssize_t)sizeof(*ret))
		patch_reply(&ret->body, in, in->flags & FUSE_INIT_EXT);
	return n;
}

int session_init_answer(const struct session_init *init,
			struct fuse_session *fuse, int memfd, int fuse_fd)
{
	struct init_reply reply = { 0 };
	ssize_t n = make_reply(init, fuse, memfd, &reply);

	if (n < 0)
		return (int)n;
	if (write(fuse_fd, &reply, (size_t)n) != n)
		return errno ? -errno : -EIO;
	return 0;
}

int session_init_replay(const struct session_init *init,
			struct fuse_session *fuse, int memfd)
{
	struct init_reply reply = { 0 };
	ssize_t n = make_reply(init, fuse, memfd, &reply);

	return n < 0 ? (int)n : 0;
}
