/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ONC RPC version 2 (RFC 5531): the head of a call with AUTH_SYS credentials and
 * the head of a reply. What is around it on TCP, the record mark, is the
 * connection's business.
 *
 * Pure functions, any thread.
 */

#include "nfs_call.h"
#include "nfs_xdr.h"

/* The last fragment of a record has this bit; the rest is its length. */
#define NFS_RPC_LAST_FRAGMENT 0x80000000u
#define NFS_RPC_MARK_SIZE     4

/* The most that nfs_rpc_put_call() writes. */
#define NFS_RPC_CALL_MAX 256

struct nfs_rpc_procedure {
	uint32_t program;
	uint32_t version;
	uint32_t number;
};

void nfs_rpc_put_call(struct xdr_writer *w, uint32_t xid,
		      struct nfs_rpc_procedure procedure,
		      const struct nfs_cred *cred);

/*
 * Reads the head of a reply up to the results. 0 = accepted and executed;
 * -EACCES the credentials were refused, -EOPNOTSUPP program, version or
 * procedure are not served, -EIO the server could not decode or execute it,
 * -EBADMSG this is no RPC reply.
 */
int nfs_rpc_get_reply(struct xdr_reader *r, uint32_t *ret_xid);
