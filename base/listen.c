/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A unix socket gets its mode before it has a name (Linux gives the file that of the
 * descriptor), and is listened on at once: whoever sees it may connect. Whether an
 * old socket is stale is found by connecting to it: only a refused connection proves
 * that nobody is there.
 *
 * All addresses of both families are one socket of IPv6 that takes IPv4 as well;
 * where the kernel has no IPv6, it is one of IPv4.
 */

#include "listen.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "parse.h"

#define BACKLOG	    64
#define TCP_BACKLOG 1024 /* anybody may connect */

/* --- unix sockets ------------------------------------------------------------ */

static int make_address(const char *path, struct sockaddr_un *ret,
			struct err *err)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!*path || strlen(path) >= sizeof(ret->sun_path))
		return err_set(
			err, -EINVAL,
			"socket path \"%s\" must have 1 to %zu characters",
			path, sizeof(ret->sun_path) - 1);
	memcpy(ret->sun_path, path, strlen(path));
	return 0;
}

int listen_check_path(const char *path, struct err *err)
{
	struct sockaddr_un address;

	if (path[0] != '/')
		return err_set(err, -EINVAL, "\"%s\" is not an absolute path",
			       path);
	return make_address(path, &address, err);
}

static int remove_stale(const struct sockaddr_un *address, struct err *err)
{
	_cleanup_(fd_close) int fd = -1;
	struct stat st;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT
			       ? 0
			       : err_set_errno(err, -errno, "look at \"%s\"",
					       address->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, -EADDRINUSE,
			       "\"%s\" exists and is not a socket",
			       address->sun_path);
	/* Not blocking: a full backlog is a living server, too. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set_errno(err, -errno, "make a socket");
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) ==
		    0 ||
	    errno != ECONNREFUSED)
		return err_set(err, -EADDRINUSE,
			       "another process serves socket \"%s\"",
			       address->sun_path);
	if (unlink(address->sun_path) < 0)
		return err_set_errno(err, -errno, "remove stale socket \"%s\"",
				     address->sun_path);
	return 0;
}

int listen_unix(const char *path, int *ret_fd, struct err *err)
{
	_cleanup_(fd_close) int fd = -1;
	struct sockaddr_un address;
	int r;

	r = make_address(path, &address, err);
	if (r == 0)
		r = remove_stale(&address, err);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || fchmod(fd, 0600) < 0)
		return err_set_errno(err, -errno, "make a socket");
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set_errno(err, -errno, "bind socket \"%s\"", path);
	if (listen(fd, BACKLOG) < 0) {
		r = -errno;
		(void)unlink(path);
		return err_set_errno(err, r, "listen on socket \"%s\"", path);
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* --- TCP --------------------------------------------------------------------- */

static bool read_v4(const char *host, uint16_t port, struct listen_address *ret)
{
	*ret = (struct listen_address){ .v4 = { .sin_family = AF_INET,
						.sin_port = htons(port) } };
	return inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1;
}

static bool read_v6(const char *host, uint16_t port, struct listen_address *ret)
{
	*ret = (struct listen_address){ .v6 = { .sin6_family = AF_INET6,
						.sin6_port = htons(port) } };
	return inet_pton(AF_INET6, host, &ret->v6.sin6_addr) == 1;
}

static int read_host(char *host, size_t len, uint16_t port,
		     struct listen_address *ret)
{
	if (read_v4(host, port, ret))
		return 0;
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		if (read_v6(host + 1, port, ret))
			return 0;
	}
	return -EINVAL;
}

int listen_address_parse(const char *text, struct listen_address *ret)
{
	const char *colon = strrchr(text, ':');
	struct listen_address address;
	char host[64] = "[::]";
	size_t len = colon ? (size_t)(colon - text) : strlen(host);
	uint32_t port;

	if (len >= sizeof(host) ||
	    parse_u32(colon ? colon + 1 : text, 0, UINT16_MAX, &port) < 0)
		return -EINVAL;
	if (colon) {
		memcpy(host, text, len);
		host[len] = '\0';
	}
	if (read_host(host, len, (uint16_t)port, &address) < 0)
		return -EINVAL;
	*ret = address;
	return 0;
}

bool listen_address_is_loopback(const struct listen_address *address)
{
	if (address->any.sa_family == AF_INET)
		return ntohl(address->v4.sin_addr.s_addr) >> 24 ==
		       IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

static int make_tcp_socket(struct listen_address *address)
{
	int fd = socket(address->any.sa_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 || errno != EAFNOSUPPORT ||
	    !IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr))
		return fd < 0 ? -errno : fd;
	(void)read_v4("0.0.0.0", ntohs(address->v6.sin6_port), address);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

static int bind_tcp(int fd, struct listen_address *address)
{
	socklen_t len = address->any.sa_family == AF_INET ? sizeof(address->v4)
							  : sizeof(address->v6);
	int on = 1, off = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address->any.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off,
				 sizeof(off));
	if (bind(fd, &address->any, len) < 0 || listen(fd, TCP_BACKLOG) < 0 ||
	    getsockname(fd, &address->any, &len) < 0)
		return -errno;
	return 0;
}

int listen_tcp(const char *text, int *ret_fd, uint16_t *ret_port,
	       struct err *err)
{
	_cleanup_(fd_close) int fd = -1;
	struct listen_address address;
	int r;

	if (listen_address_parse(text, &address) < 0)
		return err_set(
			err, -EINVAL,
			"\"%s\" is not a port or a numeric address and a port, such as 8080, 192.0.2.1:8080 or [2001:db8::1]:8080",
			text);
	fd = make_tcp_socket(&address);
	r = fd < 0 ? fd : bind_tcp(fd, &address);
	if (r < 0)
		return err_set_errno(err, r, "listen on %s", text);
	*ret_port =
		ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port
						       : address.v6.sin6_port);
	*ret_fd = TAKE_FD(fd);
	return 0;
}
