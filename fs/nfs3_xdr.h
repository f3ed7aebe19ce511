/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * NFSv3 (RFC 1813) on the wire, and NLM through it (nlm_xdr.h): arguments out of a
 * struct nfs_call, results into it. The reader is never trusted: see
 * nfs3_decode.c.
 *
 * Pure functions, any thread.
 */

#include "nfs_call.h"
#include "nfs_rpc.h"
#include "nfs_xdr.h"

#define NFS3_PROGRAM 100003
#define NFS3_VERSION 3

/* The most that nfs3_encode_call() writes: a SYMLINK with its target. */
#define NFS3_CALL_MAX (NFS_RPC_CALL_MAX + 8192)

/*
 * Writes the RPC head and the arguments. Of WRITE it leaves the payload and its
 * padding out: the sender takes them from args.write.data. -ENAMETOOLONG,
 * -ESTALE for an empty handle, -EINVAL for a count above NFS_IO_MAX.
 */
int nfs3_encode_call(struct xdr_writer *w, uint32_t xid,
		     const struct nfs_call *call);

/* Bytes of payload that follow what nfs3_encode_call() wrote, without padding. */
static inline uint32_t nfs3_payload_len(const struct nfs_call *call)
{
	return call->proc == NFS_WRITE ? call->args.write.count : 0;
}

/* Where the entries of READDIR(PLUS) go; the reply may hold no more than max. */
struct nfs3_entries {
	struct nfs_entry *data;
	uint32_t max;
};

/*
 * Reads the results of call (what follows the RPC head) into call->res, which
 * then points into the reader's memory and entries. Returns 0, the server's error
 * by nfs_status.h, or -EBADMSG when the reply is not what was asked for.
 */
int nfs3_decode_results(struct xdr_reader *r, struct nfs_call *call,
			struct nfs3_entries entries);

/*
 * The same for a whole reply, RPC head included; what the RPC layer says against
 * the call is its status, see nfs_rpc.h.
 */
int nfs3_decode_reply(struct xdr_reader *r, struct nfs_call *call,
		      struct nfs3_entries entries);
