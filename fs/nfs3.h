/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The client of one NFSv3 server over one TCP connection; it is used through
 * nfs_call.h. The connection is made by the first call, and made again as often
 * as it takes: with the same XIDs and, if it can be had, from the same port, so
 * that the server's duplicate request cache recognises what it has executed.
 *
 * A reply is received into a buffer of the pool and decoded in place: res points
 * into it (READ's data, names), which is why nothing of it outlives done(). The
 * payload of a WRITE is sent from the caller's memory and never copied.
 *
 * What is above max_calls or max_bytes waits in the client, and flows take turns
 * (fair.h). The owner bounds these queues by how much it submits; n_in_flight
 * counts it.
 *
 * Threads: one shard's. done() may submit and cancel, it must not free the client.
 */

#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "buffer.h"
#include "err.h"
#include "loop.h"
#include "nfs_call.h"

/*
 * What servers know a client by. It may be in memory that outlives the process: the
 * next client that is given it connects from the same port, and begins with XIDs that
 * are far from those of the clients before it.
 */
struct nfs3_origin {
	_Atomic uint32_t port; /* 0 = not connected yet */
	_Atomic uint32_t xid;  /* where they began; 0 = there were none */
};

struct nfs3_options {
	struct sockaddr_storage addr; /* of the NFS service, resolved */
	socklen_t addr_len;
	uint32_t timeo_ms;  /* 0 = 60000; a server silent for so long is hung */
	uint32_t retrans;   /* 0 = 2; only counts for is_soft */
	uint32_t max_calls; /* on the wire; 0 = 128, the most */
	uint32_t max_bytes; /* payload on the wire, both ways; 0 = 16 MiB */
	enum nfs_proc
		null_proc; /* of what is at addr; NFS_NULL, NLM_NULL, ... */
	uint32_t
		share_bytes; /* of one flow among several (fair.h); 0 = 2 MiB */
	bool is_soft; /* -ETIMEDOUT after timeo x retrans, else wait for ever */
	/*
	 * The local port to start from; 0 = a reserved one (< 1024), since servers
	 * may demand it, or any if we may not have one. nfs3_client_source_port()
	 * tells what it became.
	 */
	uint16_t source_port;
	/* Borrowed; its port comes before source_port. NULL = nobody follows. */
	struct nfs3_origin *origin;
};

/* options is copied. Nothing is sent before the first call. */
int nfs3_client_new(struct nfs_client **ret, struct loop *loop,
		    struct buffer_pool *pool,
		    const struct nfs3_options *options, struct err *err);

/* Calls under way are done with -ECANCELED first, inside this call. */
struct nfs_client *nfs3_client_free(struct nfs_client *client);

/* 0 before the first connection. */
uint16_t nfs3_client_source_port(const struct nfs_client *client);
/* What the flow is owed (nfs3_owed.h) is forgotten, and it may end. */
void nfs3_client_forget(struct nfs_client *client,
			const struct fair_flow *flow);
/* That of the client before it, by its origin; 0 = there was none. */
uint16_t nfs3_client_former_port(const struct nfs_client *client);

DEFINE_CLEANUP(struct nfs_client *, nfs3_client_free)
