/* SPDX-License-Identifier: Apache-2.0 */

/*
 * gRPC removes whatever socket is in its way and tells nobody why it could not
 * bind. Both are found out here, before it is asked: by binding the path for a
 * moment, and, if something is there, by connecting to it. A server that dies
 * leaves its socket behind, and connecting to that is refused.
 *
 * Between the check and gRPC's own bind another server may come; who must be
 * alone takes a lock of its own (the store's, the state folder's).
 */

#include "rpc_socket.h"

#include <ctype.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "cleanup.h"

static int make_sockaddr(const char *path, struct sockaddr_un *ret,
			 struct err *err)
{
	size_t len = strlen(path);

	if (len == 0)
		return err_set(err, -EINVAL, "empty path of a socket");
	if (len >= sizeof(ret->sun_path))
		return err_set(err, -EINVAL,
			       "path of socket \"%s\" is longer than %zu bytes",
			       path, sizeof(ret->sun_path) - 1);
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, path, len);
	return 0;
}

/* RFC 3986 section 2: gRPC parses the address as a URI. */
int rpc_socket_address(char **ret, const char *path, struct err *err)
{
	struct sockaddr_un addr;
	size_t len = 0;
	FILE *out;
	int r = make_sockaddr(path, &addr, err);

	if (r < 0)
		return r;
	out = open_memstream(ret, &len);
	if (!out)
		return err_set(err, -ENOMEM, "out of memory");
	fputs("unix:", out);
	for (const unsigned char *p = (const unsigned char *)path; *p; p++) {
		if (isalnum(*p) || strchr("/-._~", *p))
			fputc(*p, out);
		else
			fprintf(out, "%%%02X", *p);
	}
	return fclose(out) == 0 ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/* 0 when nobody answers at the socket. */
static int check_dead(const struct sockaddr_un *addr, struct err *err)
{
	_cleanup_(fd_close) int fd = -1;
	struct stat st;

	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT
			       ? 0
			       : err_set_errno(err, -errno, "stat \"%s\"",
					       addr->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, -EEXIST, "\"%s\" exists and is no socket",
			       addr->sun_path);
	/* Not blocking: a full backlog is a living server, too. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set_errno(err, -errno, "make a socket");
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 ||
	    errno == EAGAIN)
		return err_set(err, -EADDRINUSE,
			       "socket \"%s\" is served by another process",
			       addr->sun_path);
	if (errno != ECONNREFUSED && errno != ENOENT)
		return err_set_errno(err, -errno, "connect to socket \"%s\"",
				     addr->sun_path);
	return 0;
}

int rpc_socket_check_free(const char *path, struct err *err)
{
	_cleanup_(fd_close) int fd = -1;
	struct sockaddr_un addr;
	int r = make_sockaddr(path, &addr, err);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set_errno(err, -errno, "make a socket");
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0) {
		(void)unlink(path);
		return 0;
	}
	if (errno == EADDRINUSE)
		return check_dead(&addr, err);
	return err_set_errno(err, -errno, "bind socket \"%s\"", path);
}
