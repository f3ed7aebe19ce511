/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From "server:/share/subdir" to a root file handle: what has to be asked once,
 * before a volume is served. Resolves the host, finds and asks the MOUNT service
 * (RFC 1813 appendix I), walks to the sub-directory component by component with
 * AUTH_SYS uid 0, never following a symlink, and asks FSINFO.
 *
 * Threads: blocks, at most spec->timeout_ms in all (the resolver's own time-outs
 * come on top: getaddrinfo(3) can't be bounded): for control threads, never for
 * a shard.
 */

#include <netinet/in.h>
#include <sys/socket.h>

#include "err.h"
#include "nfs_call.h"

struct nfs_export_spec {
	const char *server;  /* host name or address */
	const char *share;   /* exported path, absolute */
	const char *subdir;  /* below share; NULL or "" = the share itself */
	uint32_t port;	     /* NFS; 0 = 2049 */
	uint32_t mount_port; /* MOUNT; 0 = ask the server's portmapper */
	uint32_t timeout_ms; /* 0 = 10000 */
};

struct nfs_export {
	struct sockaddr_storage addr; /* of the NFS service */
	socklen_t addr_len;
	uint16_t mount_port;
	struct nfs_fh root;
	struct nfs_attr root_attr;
	uint32_t read_max, read_pref; /* bytes, capped at NFS_IO_MAX */
	uint32_t write_max, write_pref;
	uint32_t readdir_pref;
	uint64_t file_size_max;
};

/*
 * -ENOENT the share or a component does not exist, -EACCES the server refuses,
 * -ENOTDIR a component is no directory, -ETIMEDOUT, -ECONNREFUSED, -EHOSTUNREACH
 * no server (-EHOSTUNREACH for a name that does not resolve, too), -EINVAL a bad
 * spec, -EPROTO a server that does not speak these protocols, -EAGAIN one that
 * asks to try again later. Other errnos are the socket's or the server's own.
 */
int nfs_export_open(struct nfs_export *ret, const struct nfs_export_spec *spec,
		    struct err *err);

/*
 * The port of the server's lock manager, which only its portmapper knows. -EPROTO
 * when there is none; else as above.
 */
int nfs_export_find_lock_manager(const struct nfs_export *export,
				 const struct nfs_export_spec *spec,
				 uint16_t *ret_port, struct err *err);

/*
 * Tells the MOUNT service that we are done with the share (UMNT), for the list
 * that administrators read. Best effort: nothing depends on the answer, for which
 * it waits at most spec->timeout_ms (0 = 2000).
 */
void nfs_export_unmount(const struct nfs_export *export,
			const struct nfs_export_spec *spec);
