/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sending and receiving of the keeper's messages. Descriptors that come with a
 * message that is refused are closed here: nothing that a peer sends can leak.
 */

#include "keeper_wire.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(int) * KEEPER_FDS)];
};

void keeper_fds_close(struct keeper_fds *fds)
{
	for (int i = 0; i < KEEPER_FDS; i++)
		fds->fd[i] = fd_close(fds->fd[i]);
}

int keeper_send(int socket_fd, enum keeper_type type, uint32_t key,
		const struct keeper_fds *fds)
{
	struct keeper_message message = { .magic = KEEPER_MAGIC,
					  .version = KEEPER_VERSION,
					  .type = (uint16_t)type,
					  .key = key };
	struct iovec iov = { .iov_base = &message, .iov_len = sizeof(message) };
	union control control = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fds) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(fds->fd));
		memcpy(CMSG_DATA(&control.align), fds->fd, sizeof(fds->fd));
	}
	do
		n = sendmsg(socket_fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* How many came; those that are too many for the control buffer never arrive. */
static size_t take_fds(struct msghdr *msg, struct keeper_fds *ret)
{
	const struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	size_t len;

	if (!cmsg || cmsg->cmsg_level != SOL_SOCKET ||
	    cmsg->cmsg_type != SCM_RIGHTS)
		return 0;
	len = cmsg->cmsg_len - CMSG_LEN(0);
	if (len > sizeof(ret->fd))
		len = sizeof(ret->fd);
	memcpy(ret->fd, CMSG_DATA(cmsg), len);
	return len / sizeof(int);
}

static int check(const struct keeper_message *message, ssize_t n, size_t n_fds)
{
	if (n < (ssize_t)offsetof(struct keeper_message, type) ||
	    message->magic != KEEPER_MAGIC)
		return -EPROTO;
	if (message->version != KEEPER_VERSION)
		return -EPROTONOSUPPORT;
	if (n != (ssize_t)sizeof(*message) || message->type < KEEPER_HELLO ||
	    message->type > KEEPER_END)
		return -EPROTO;
	return n_fds == (message->type == KEEPER_VOLUME ? KEEPER_FDS : 0)
		       ? 1
		       : -EPROTO;
}

int keeper_receive(int socket_fd, struct keeper_message *ret,
		   struct keeper_fds *ret_fds)
{
	struct keeper_fds fds = KEEPER_FDS_NONE;
	struct keeper_message message = { 0 };
	struct iovec iov = { .iov_base = &message, .iov_len = sizeof(message) };
	union control control;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	size_t n_fds;
	ssize_t n;
	int r;

	do
		n = recvmsg(socket_fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	n_fds = take_fds(&msg, &fds);
	r = check(&message, n, n_fds);
	if (r < 0) {
		keeper_fds_close(&fds);
		return r;
	}
	*ret = message;
	*ret_fds = fds;
	return 1;
}
