/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Sockets to listen on, CLOEXEC and not blocking. Threads: any. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* Whether the path is absolute and fits into an address: 0, -EINVAL with a sentence. */
int listen_check_path(const char *path, struct err *err);

/*
 * Mode 0600. A socket that nobody answers on is replaced; -EADDRINUSE for one that
 * somebody does, or for a file that is no socket.
 */
int listen_unix(const char *path, int *ret_fd, struct err *err);

/* A numeric address and a port. */
struct listen_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
};

/*
 * "192.0.2.1:8080", "[2001:db8::1]:8080", or "8080" for all addresses of both
 * families; port 0 = any. -EINVAL, without a sentence.
 */
int listen_address_parse(const char *text, struct listen_address *ret);
bool listen_address_is_loopback(const struct listen_address *address);

/* Such a text. -EINVAL with a sentence for another one, else what bind(2) says. */
int listen_tcp(const char *text, int *ret_fd, uint16_t *ret_port,
	       struct err *err);
