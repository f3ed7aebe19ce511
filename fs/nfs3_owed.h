/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Changes that were given up when they were on the wire: the server may execute them
 * yet. Whoever's they are is told that he is owed an answer (flow->owes), and that he is
 * not any more: it has come, or the connection was lost and the server has answered
 * something on the next one.
 *
 * Part of another object. Threads: the shard's.
 */

#include <stdbool.h>
#include <stdint.h>

#define NFS3_OWED_MAX 256 /* beyond, the oldest is forgotten */

struct fair_flow;
struct nfs_call;

struct nfs3_owed_change {
	uint32_t xid;
	struct fair_flow *flow;
	bool is_lost; /* no answer will come */
};

struct nfs3_owed {
	struct nfs3_owed_change items[NFS3_OWED_MAX]; /* oldest first */
	uint32_t n;
};

/* Nothing for what changes nothing, or is of nobody who wants to know. */
void nfs3_owed_add(struct nfs3_owed *owed, const struct nfs_call *call,
		   bool is_lost);
/* A reply with that XID has come, which no call waits for. */
void nfs3_owed_answered(struct nfs3_owed *owed, uint32_t xid);
/* The connection was lost. */
void nfs3_owed_lose(struct nfs3_owed *owed);
/* The server has answered something. */
void nfs3_owed_recover(struct nfs3_owed *owed);
/* The flow ends, and is told nothing. */
void nfs3_owed_forget(struct nfs3_owed *owed, const struct fair_flow *flow);
