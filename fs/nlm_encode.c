/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Arguments of NLM calls. The owner of a lock is, to a server, the caller's name,
 * svid and an opaque handle together (some look only at the caller's address and
 * svid). The handle is the name once more: svid tells our owners apart.
 *
 * No call blocks: a server would have to call back to say that a blocked lock was
 * granted, which takes a port that is registered in the host's portmapper, where
 * the kernel's own lock manager is. The cookie only pairs such call-backs with
 * calls, and is constant so that a call is the same bytes when it is sent again.
 */

#include "nlm_xdr.h"

#define MONITORED_STATE 0 /* of our status monitor, which there is none of */

struct nfs_rpc_procedure nlm_procedure(enum nfs_proc proc)
{
	static const struct nfs_rpc_procedure procedures[NFS_N_PROCS] = {
		[NLM_NULL] = { NLM_PROGRAM, NLM_VERSION, 0 },
		[NLM_TEST] = { NLM_PROGRAM, NLM_VERSION, 1 },
		[NLM_LOCK] = { NLM_PROGRAM, NLM_VERSION, 2 },
		[NLM_UNLOCK] = { NLM_PROGRAM, NLM_VERSION, 4 },
		[PMAP_GETPORT] = { PMAP_PROGRAM, PMAP_VERSION, 3 },
	};

	return procedures[proc];
}

static void put_text(struct xdr_writer *w, const char *text)
{
	xdr_put_opaque(w, text, (uint32_t)strlen(text));
}

static void put_cookie(struct xdr_writer *w)
{
	static const uint8_t cookie[4];

	xdr_put_opaque(w, cookie, sizeof(cookie));
}

/* nlm4_lock */
static void put_owned_range(struct xdr_writer *w, const struct nfs_args *args)
{
	put_text(w, args->lock.caller);
	xdr_put_opaque(w, args->fh.data, args->fh.len);
	put_text(w, args->lock.caller); /* oh */
	xdr_put_u32(w, args->lock.svid);
	xdr_put_u64(w, args->lock.offset);
	xdr_put_u64(w, args->lock.len);
}

void nlm_put_test(struct xdr_writer *w, const struct nfs_args *args)
{
	put_cookie(w);
	xdr_put_u32(w, args->lock.is_exclusive);
	put_owned_range(w, args);
}

void nlm_put_lock(struct xdr_writer *w, const struct nfs_args *args)
{
	put_cookie(w);
	xdr_put_u32(w, false); /* block */
	xdr_put_u32(w, args->lock.is_exclusive);
	put_owned_range(w, args);
	xdr_put_u32(w, args->lock.is_reclaim);
	xdr_put_u32(w, MONITORED_STATE);
}

void nlm_put_unlock(struct xdr_writer *w, const struct nfs_args *args)
{
	put_cookie(w);
	put_owned_range(w, args);
}

void nlm_put_getport(struct xdr_writer *w, const struct nfs_args *args)
{
	xdr_put_u32(w, NLM_PROGRAM);
	xdr_put_u32(w, NLM_VERSION);
	xdr_put_u32(w, PMAP_TCP);
	xdr_put_u32(w, 0);
}
