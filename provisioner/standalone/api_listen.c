/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a Host header may say, and which addresses the API is served at: those that
 * nobody else can reach.
 */

#include "api_listen.h"

#include <string.h>
#include <strings.h>

#include "listen.h"

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
	struct listen_address address;

	if (listen_address_parse(text, &address) == 0 &&
	    listen_address_is_loopback(&address))
		return 0;
	return err_set(
		err, -EINVAL,
		"\"%s\" is not a loopback address and a port, such as 127.0.0.1:8001 or [::1]:8001",
		text);
}

int api_listen_loopback(const char *text, int *ret_fd, uint16_t *ret_port,
			struct err *err)
{
	int r = api_listen_check(text, err);

	return r < 0 ? r : listen_tcp(text, ret_fd, ret_port, err);
}
