/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Results of NLM calls. That somebody else has the lock is an outcome and no
 * error, and so is that a reclaim came too late. A server that is in its grace
 * period asks to come again, like JUKEBOX of NFS does: -EAGAIN, and the client
 * repeats the call.
 */

#include <errno.h>

#include "nlm_xdr.h"

#define COOKIE_MAX 1024 /* XNFS: MAXNETOBJ_SZ */
#define OH_MAX	   1024

enum nlm4_stats {
	NLM4_GRANTED = 0,
	NLM4_DENIED = 1,
	NLM4_DENIED_NOLOCKS = 2,
	NLM4_BLOCKED = 3,
	NLM4_DENIED_GRACE_PERIOD = 4,
	NLM4_DEADLCK = 5,
	NLM4_ROFS = 6,
	NLM4_STALE_FH = 7,
	NLM4_FBIG = 8,
	NLM4_FAILED = 9,
};

/* nlm4_holder */
static void get_holder(struct xdr_reader *r, struct nfs_call *call)
{
	const char *caller = call->args.lock.caller;
	struct nlm_result *lock = &call->res.lock;
	const uint8_t *oh;
	uint32_t len;

	lock->is_exclusive = xdr_get_bool(r);
	lock->svid = xdr_get_u32(r);
	oh = xdr_get_opaque(r, OH_MAX, &len);
	lock->is_ours =
		oh && len == strlen(caller) && memcmp(oh, caller, len) == 0;
	lock->offset = xdr_get_u64(r);
	lock->len = xdr_get_u64(r);
}

static int denied_in_grace(struct nfs_call *call)
{
	if (!call->args.lock.is_reclaim || call->proc != NLM_LOCK)
		return -EAGAIN;
	call->res.lock.outcome = NLM_NO_GRACE;
	return 0;
}

static int stat_to_errno(struct nfs_call *call, uint32_t stat)
{
	switch (stat) {
	case NLM4_GRANTED:
		call->res.lock.outcome = NLM_GRANTED;
		return 0;
	case NLM4_DENIED:
	case NLM4_BLOCKED: /* which was not asked for */
		call->res.lock.outcome = NLM_DENIED;
		return 0;
	case NLM4_DENIED_GRACE_PERIOD:
		return denied_in_grace(call);
	case NLM4_DENIED_NOLOCKS:
	case NLM4_FAILED:
		return -ENOLCK;
	case NLM4_DEADLCK:
		return -EDEADLK;
	case NLM4_ROFS:
		return -EROFS;
	case NLM4_STALE_FH:
		return -ESTALE;
	case NLM4_FBIG:
		return -EOVERFLOW;
	default:
		return -EBADMSG;
	}
}

static int get_port(struct xdr_reader *r, struct nfs_call *call)
{
	uint32_t port = xdr_get_u32(r);

	if (r->is_bad || port > UINT16_MAX)
		return -EBADMSG;
	call->res.lock.port = (uint16_t)port;
	return 0;
}

int nlm_decode_results(struct xdr_reader *r, struct nfs_call *call)
{
	uint32_t len, stat;
	int status;

	call->res = (struct nfs_result){ 0 };
	if (call->proc == NLM_NULL)
		return 0;
	if (call->proc == PMAP_GETPORT)
		return get_port(r, call);
	(void)xdr_get_opaque(r, COOKIE_MAX, &len);
	stat = xdr_get_u32(r);
	status = stat_to_errno(call, stat);
	if (call->proc == NLM_TEST && stat == NLM4_DENIED)
		get_holder(r, call);
	return r->is_bad ? -EBADMSG : status;
}
