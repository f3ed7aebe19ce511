/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A port that is wanted again is bound with SO_REUSEADDR, because the connection
 * before may not be gone yet. A new one is bound without: several connections to
 * one server would otherwise share a port and fail at connect(2). The option is
 * then set after bind(2), which is what lets the next socket reuse the port.
 */

#include "nfs_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/random.h>

#include "cleanup.h"

/* What Linux's own RPC client takes (xprtrdma and xprtsock: 665 to 1023). */
#define RESERVED_MIN 665
#define RESERVED_MAX 1023

#define KEEPALIVE_IDLE_S     30
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_PROBES     3

static int set_int(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		return -errno;
	return 0;
}

void nfs_sockaddr_set_port(struct sockaddr_storage *addr, uint16_t port)
{
	if (addr->ss_family == AF_INET6)
		((struct sockaddr_in6 *)addr)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)addr)->sin_port = htons(port);
}

void nfs_sockaddr_name(const struct sockaddr_storage *addr,
		       char ret[NFS_SOCKADDR_NAME_SIZE])
{
	const void *in = &((const struct sockaddr_in *)addr)->sin_addr;

	if (addr->ss_family == AF_INET6)
		in = &((const struct sockaddr_in6 *)addr)->sin6_addr;
	ret[0] = '\0';
	(void)inet_ntop(addr->ss_family, in, ret, NFS_SOCKADDR_NAME_SIZE);
}

static int bind_port(int fd, int family, uint16_t port)
{
	struct sockaddr_storage addr = { .ss_family = (sa_family_t)family };
	socklen_t len = family == AF_INET6 ? sizeof(struct sockaddr_in6)
					   : sizeof(struct sockaddr_in);

	nfs_sockaddr_set_port(&addr, port);
	if (bind(fd, (const struct sockaddr *)&addr, len) < 0)
		return -errno;
	return 0;
}

/* Tries every reserved port from a random one on; -EADDRINUSE if all are taken. */
static int bind_reserved(int fd, int family)
{
	const uint16_t n = RESERVED_MAX - RESERVED_MIN + 1;
	uint16_t start = 0;
	int r = -EADDRINUSE;

	if (getrandom(&start, sizeof(start), 0) < 0)
		start = 0;
	for (uint16_t i = 0; i < n && r == -EADDRINUSE; i++)
		r = bind_port(fd, family,
			      (uint16_t)(RESERVED_MIN + (start + i) % n));
	return r;
}

/* Also by the kernel, when the process is killed. */
static void close_with_reset(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static void bind_source(int fd, int family, uint16_t port)
{
	if (port != 0 && set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) == 0 &&
	    bind_port(fd, family, port) == 0)
		return;
	(void)set_int(fd, SOL_SOCKET, SO_REUSEADDR, 0);
	/* -EACCES without the capability: the kernel's choice must do, then. */
	(void)bind_reserved(fd, family);
	(void)set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
}

int nfs_socket_new(int family, uint16_t port, uint32_t timeout_ms)
{
	_cleanup_(fd_close) int fd =
		socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	r = set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (r < 0)
		return r;
	/* The rest is for comfort: a kernel without it still serves. */
	(void)set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)timeout_ms);
	(void)set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	(void)set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	(void)set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
	(void)set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
	close_with_reset(fd);
	bind_source(fd, family, port);
	return TAKE_FD(fd);
}

uint16_t nfs_socket_port(int fd)
{
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return 0;
	if (addr.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&addr)->sin6_port);
	return ntohs(((struct sockaddr_in *)&addr)->sin_port);
}
