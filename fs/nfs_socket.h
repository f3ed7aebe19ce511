/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sockets for NFS: non-blocking TCP, prompt (TCP_NODELAY) and bounded in how long
 * a dead peer goes unnoticed.
 */

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Makes a socket bound to local port `port` if that is possible, else (or for 0)
 * to a free reserved port, else to none: servers often insist on a port below
 * 1024, and recognise a retransmission by the port. A descriptor or -errno.
 * Unacknowledged data breaks the connection after timeout_ms. Its end is a reset,
 * so that the port can be used again at once.
 */
int nfs_socket_new(int family, uint16_t port, uint32_t timeout_ms);

/* The local port; 0 when not bound yet. */
uint16_t nfs_socket_port(int fd);

#define NFS_SOCKADDR_NAME_SIZE INET6_ADDRSTRLEN

/* The address in digits, without the port. */
void nfs_sockaddr_name(const struct sockaddr_storage *addr,
		       char ret[NFS_SOCKADDR_NAME_SIZE]);
void nfs_sockaddr_set_port(struct sockaddr_storage *addr, uint16_t port);
