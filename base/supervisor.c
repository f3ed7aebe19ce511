/* SPDX-License-Identifier: Apache-2.0 */

/*
 * sd_notify(3) without libsystemd: one datagram to the socket that the environment
 * names. Nobody listening is not an error.
 */

#include "supervisor.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cleanup.h"

void supervisor_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_(fd_close) int fd = -1;
	size_t len = path ? strlen(path) : 0;

	if (len < 2 || len >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, len);
	if (address.sun_path[0] == '@') /* abstract */
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL,
		     (const struct sockaddr *)&address,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}
