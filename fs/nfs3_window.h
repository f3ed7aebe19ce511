/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The window: what may be on the wire at the same time, in calls and in bytes. A
 * call that enters gets a slot and with it an XID, which it keeps until it leaves.
 * The XID is the slot's number and a counter of the slot, so a reply finds its
 * call without a search, and one that comes twice, or after a cancel, finds
 * nobody. A call that a former process sent may have the XID that it had there.
 *
 * Part of another object: init, no fini. Threads: the shard's.
 */

#include "nfs_call.h"

#define NFS3_SLOTS_MAX 128

TAILQ_HEAD(nfs3_slots, nfs3_slot);

struct nfs3_slot {
	struct nfs_call *call; /* borrowed; NULL = free */
	uint32_t xid;
	uint32_t own_xid; /* the same, unless a former process's was adopted */
	uint32_t
		n_malformed; /* replies to the call that could not be decoded */
	uint64_t sent_ns;    /* when it was sent; 0 = not on the wire */
	uint64_t
		repeated_ns; /* the same, while it waits to be sent once more */
	uint32_t n_repeats;  /* on this connection */
	TAILQ_ENTRY(nfs3_slot) entry;
};

struct nfs3_window {
	struct nfs3_slots free; /* used in turn: XIDs repeat late */
	struct nfs3_slots unsent;
	struct nfs3_slots sent; /* in the order of sending */
	uint32_t n_slots;
	uint32_t max_bytes;
	uint32_t n_bytes; /* sum of the calls' cost */
	uint32_t n_adopted;
	struct nfs3_slot slots[NFS3_SLOTS_MAX];
};

/* max_calls is at most NFS3_SLOTS_MAX. XIDs begin there. */
void nfs3_window_init(struct nfs3_window *window, uint32_t max_calls,
		      uint32_t max_bytes, uint32_t first_xid);

/* Whether the call may enter now. One that is dearer than all may go alone. */
bool nfs3_window_has_room(const struct nfs3_window *window,
			  const struct nfs_call *call);
/* Lets it in, to unsent; sets call->xid and call->transport. */
struct nfs3_slot *nfs3_window_enter(struct nfs3_window *window,
				    struct nfs_call *call);
/* The slot's call is one that a former process sent with that XID. */
void nfs3_window_adopt(struct nfs3_window *window, struct nfs3_slot *slot,
		       uint32_t xid);
/* The call has left; call->transport is NULL. */
void nfs3_window_leave(struct nfs3_window *window, struct nfs3_slot *slot);

/* The slot that a reply belongs to; NULL when nobody waits for it (any more). */
struct nfs3_slot *nfs3_window_find(struct nfs3_window *window, uint32_t xid);

/* unsent -> sent */
void nfs3_window_mark_sent(struct nfs3_window *window, struct nfs3_slot *slot);
/* sent -> unsent, in order and before the rest; all are is_retransmitted. */
void nfs3_window_unsend_all(struct nfs3_window *window);
/*
 * sent -> unsent for those that may be executed, still, as calls of a connection that
 * was lost; later and later each time. They keep the time at which they were sent.
 */
void nfs3_window_repeat(struct nfs3_window *window, uint64_t now_ns);

/* How long the oldest call has been on the wire; 0 if there is none. */
uint64_t nfs3_window_oldest_ns(const struct nfs3_window *window,
			       uint64_t now_ns);
/* A call that was submitted before before_ns; NULL if there is none. */
struct nfs_call *nfs3_window_expired(const struct nfs3_window *window,
				     uint64_t before_ns);
