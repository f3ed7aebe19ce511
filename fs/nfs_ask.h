/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A connection for a few RPCs that somebody waits for: one question, one answer,
 * everything before a deadline. For control threads; the data path is nfs3.c.
 *
 * Part of another object: NFS_ASK_INIT, nfs_ask_connect(), nfs_ask_fini().
 */

#include <sys/socket.h>

#include "buffer.h"
#include "nfs3_xdr.h"
#include "nfs_record.h"

struct nfs_ask {
	int fd;
	uint64_t deadline_ns; /* clock_ns() at which everything gives up */
	uint32_t xid;
	struct buffer_pool *pool;
	struct nfs_record record;
	uint8_t call[NFS_RPC_MARK_SIZE + NFS3_CALL_MAX];
};

#define NFS_ASK_INIT ((struct nfs_ask){ .fd = -1 })

/* -ETIMEDOUT, -ECONNREFUSED, -EHOSTUNREACH, ... as connect(2) has them. */
int nfs_ask_connect(struct nfs_ask *ask, const struct sockaddr_storage *addr,
		    socklen_t addr_len, uint64_t deadline_ns);
void nfs_ask_fini(struct nfs_ask *ask);

/* Where the arguments of a call as uid 0 are written to. */
struct xdr_writer nfs_ask_begin(struct nfs_ask *ask,
				struct nfs_rpc_procedure procedure);
/*
 * Sends what begin() started and waits. On 0 the reader stands at the results,
 * which are valid until the next question; else -errno of the socket or of
 * nfs_rpc_get_reply().
 */
int nfs_ask_finish(struct nfs_ask *ask, const struct xdr_writer *w,
		   struct xdr_reader *ret_results);

/* One NFSv3 call but WRITE and READDIR(PLUS). Its status; done is not used. */
int nfs_ask_call(struct nfs_ask *ask, struct nfs_call *call);

/*
 * READDIRPLUS. At most max entries, which the call's count has to be low enough for;
 * they are valid until the next question.
 */
int nfs_ask_list(struct nfs_ask *ask, struct nfs_call *call,
		 struct nfs_entry *entries, uint32_t max);

DEFINE_FINI(struct nfs_ask, nfs_ask_fini)
