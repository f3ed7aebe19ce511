/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Sockets to listen on, bound so that nobody else can reach them. Threads: any. */

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* Whether api_listen_loopback() would take the address: 0, -EINVAL with a sentence. */
int api_listen_check(const char *text, struct err *err);

/*
 * Whether a Host header (may be NULL) names this machine, with or without a port,
 * in a way that no name server has a say about.
 */
bool api_host_is_local(const char *host);

/* "127.0.0.1:PORT" or "[::1]:PORT"; port 0 = any. -EINVAL for other addresses. */
int api_listen_loopback(const char *text, int *ret_fd, uint16_t *ret_port,
			struct err *err);
