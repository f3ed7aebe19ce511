/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Servers execute the calls of one connection in any order, so nothing but its own
 * answer proves that a call is over. When the connection is lost there will be none: a
 * server that answers again has begun anew, or has had the time of a connect and a call
 * for what it had received. That is no proof, and NFSv3 has none to give.
 */

#include "nfs3_owed.h"

#include <string.h>

#include "fair.h"
#include "nfs_call.h"

static void take_out(struct nfs3_owed *owed, uint32_t i)
{
	struct nfs3_owed_change *item = &owed->items[i];

	owed->n--;
	memmove(item, item + 1, (owed->n - i) * sizeof(*item));
}

static void settle(struct nfs3_owed *owed, uint32_t i)
{
	struct fair_flow *flow = owed->items[i].flow;

	take_out(owed, i);
	flow->owes(flow, false);
}

void nfs3_owed_add(struct nfs3_owed *owed, const struct nfs_call *call,
		   bool is_lost)
{
	struct fair_flow *flow = call->flow;

	if (!flow->owes ||
	    (call->proc != NFS_WRITE && !nfs_call_is_change(call)))
		return;
	if (owed->n == NFS3_OWED_MAX)
		settle(owed, 0);
	owed->items[owed->n++] = (struct nfs3_owed_change){
		.xid = call->xid, .flow = flow, .is_lost = is_lost
	};
	flow->owes(flow, true);
}

void nfs3_owed_answered(struct nfs3_owed *owed, uint32_t xid)
{
	for (uint32_t i = 0; i < owed->n; i++) {
		if (owed->items[i].xid == xid) {
			settle(owed, i);
			return;
		}
	}
}

void nfs3_owed_lose(struct nfs3_owed *owed)
{
	for (uint32_t i = 0; i < owed->n; i++)
		owed->items[i].is_lost = true;
}

void nfs3_owed_recover(struct nfs3_owed *owed)
{
	for (uint32_t i = owed->n; i-- > 0;) {
		if (owed->items[i].is_lost)
			settle(owed, i);
	}
}

void nfs3_owed_forget(struct nfs3_owed *owed, const struct fair_flow *flow)
{
	for (uint32_t i = owed->n; i-- > 0;) {
		if (owed->items[i].flow == flow)
			take_out(owed, i);
	}
}
