/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A unix socket is bound first and listened on last: between the two its mode is
 * set, while nobody can connect yet. Whether an old socket is stale is found by
 * connecting to it: only a refused connection proves that nobody is there.
 */

#include "api_listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "parse.h"

#define BACKLOG 64

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
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set_errno(err, -errno, "make a socket");
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) ==
		    0 ||
	    errno != ECONNREFUSED)
		return err_set(
			err, -EADDRINUSE,
			"another process serves the API on socket \"%s\"",
			address->sun_path);
	if (unlink(address->sun_path) < 0)
		return err_set_errno(err, -errno, "remove stale socket \"%s\"",
				     address->sun_path);
	return 0;
}

int api_listen_unix(const char *path, int *ret_fd, struct err *err)
{
	_cleanup_(fd_close) int fd = -1;
	struct sockaddr_un address;
	int r;

	r = make_address(path, &address, err);
	if (r < 0)
		return r;
	r = remove_stale(&address, err);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set_errno(err, -errno, "make a socket");
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set_errno(err, -errno, "bind socket \"%s\"", path);
	if (chmod(path, 0600) < 0 || listen(fd, BACKLOG) < 0) {
		r = -errno;
		(void)unlink(path);
		return err_set_errno(err, r, "listen on socket \"%s\"", path);
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool read_v4(const char *host, uint16_t port, union address *ret)
{
	*ret = (union address){ .v4 = { .sin_family = AF_INET,
					.sin_port = htons(port) } };
	return inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1 &&
	       ntohl(ret->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static bool read_v6(const char *host, uint16_t port, union address *ret)
{
	*ret = (union address){ .v6 = { .sin6_family = AF_INET6,
					.sin6_port = htons(port) } };
	return inet_pton(AF_INET6, host, &ret->v6.sin6_addr) == 1 &&
	       IN6_IS_ADDR_LOOPBACK(&ret->v6.sin6_addr);
}

static int parse_address(const char *text, union address *ret, struct err *err)
{
	const char *colon = strrchr(text, ':');
	char host[64] = "";
	uint32_t port;
	size_t len;

	if (colon && (size_t)(colon - text) < sizeof(host) &&
	    parse_u32(colon + 1, 0, UINT16_MAX, &port) == 0) {
		len = (size_t)(colon - text);
		memcpy(host, text, len);
		if (read_v4(host, (uint16_t)port, ret))
			return 0;
		if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
			host[len - 1] = '\0';
			if (read_v6(host + 1, (uint16_t)port, ret))
				return 0;
		}
	}
	return err_set(
		err, -EINVAL,
		"\"%s\" is not a loopback address and a port, such as 127.0.0.1:8001 or [::1]:8001",
		text);
}

/* The length of what names this machine; 0 = it does not begin with that. */
static size_t local_name_len(const char *host)
{
	static const char *const names[] = { "localhost", "[::1]" };

	if (strncmp(host, "127.", 4) == 0)
		return strspn(host, "0123456789.");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strncasecmp(host, names[i], strlen(names[i])) == 0)
			return strlen(names[i]);
	return 0;
}

bool api_host_is_local(const char *host)
{
	size_t len = host ? local_name_len(host) : 0;

	if (len == 0)
		return false;
	/* All of it: localhost.example.com is somebody else's name. */
	return !host[len] ||
	       (host[len] == ':' &&
		!host[len + 1 + strspn(host + len + 1, "0123456789")]);
}

int api_listen_check(const char *text, struct err *err)
{
	union address address;

	return parse_address(text, &address, err);
}

int api_listen_loopback(const char *text, int *ret_fd, uint16_t *ret_port,
			struct err *err)
{
	_cleanup_(fd_close) int fd = -1;
	union address address;
	socklen_t len;
	int on = 1, r;

	r = parse_address(text, &address, err);
	if (r < 0)
		return r;
	len = address.any.sa_family == AF_INET ? sizeof(address.v4)
					       : sizeof(address.v6);
	fd = socket(address.any.sa_family,
		    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set_errno(err, -errno, "make a socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &address.any, len) < 0 || listen(fd, BACKLOG) < 0)
		return err_set_errno(err, -errno, "listen on %s", text);
	if (getsockname(fd, &address.any, &len) < 0)
		return err_set_errno(err, -errno, "listen on %s", text);
	*ret_port =
		ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port
						       : address.v6.sin6_port);
	*ret_fd = TAKE_FD(fd);
	return 0;
}
