/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Invariants:
 *  1. A slot is in exactly one of free, unsent and sent; it has a call exactly if
 *     it is not in free, and sent_ns != 0 exactly if it is in sent.
 *  2. slot->xid % NFS3_SLOTS_MAX is the slot's index; it changes when a call
 *     enters and at no other time.
 *  3. The counters start at random: a server that remembers the XIDs of the
 *     process before us must not take our calls for its retransmissions.
 */

#include "nfs3_window.h"

#include <sys/random.h>

#include "clock.h"

void nfs3_window_init(struct nfs3_window *window, uint32_t max_calls,
		      uint32_t max_bytes)
{
	uint32_t random = (uint32_t)clock_ns();

	*window = (struct nfs3_window){ .n_slots = max_calls,
					.max_bytes = max_bytes };
	TAILQ_INIT(&window->free);
	TAILQ_INIT(&window->unsent);
	TAILQ_INIT(&window->sent);
	(void)!getrandom(&random, sizeof(random), 0);
	random -= random % NFS3_SLOTS_MAX;
	for (uint32_t i = 0; i < max_calls; i++) {
		window->slots[i].xid = random + i;
		TAILQ_INSERT_TAIL(&window->free, &window->slots[i], entry);
	}
}

bool nfs3_window_has_room(const struct nfs3_window *window,
			  const struct nfs_call *call)
{
	if (TAILQ_EMPTY(&window->free))
		return false;
	return window->n_bytes == 0 ||
	       window->n_bytes + call->cost <= window->max_bytes;
}

struct nfs3_slot *nfs3_window_enter(struct nfs3_window *window,
				    struct nfs_call *call)
{
	struct nfs3_slot *slot = TAILQ_FIRST(&window->free);

	TAILQ_REMOVE(&window->free, slot, entry);
	slot->call = call;
	slot->xid += NFS3_SLOTS_MAX;
	slot->n_malformed = 0;
	slot->sent_ns = 0;
	window->n_bytes += call->cost;
	call->xid = slot->xid;
	call->transport = slot;
	TAILQ_INSERT_TAIL(&window->unsent, slot, entry);
	return slot;
}

void nfs3_window_leave(struct nfs3_window *window, struct nfs3_slot *slot)
{
	struct nfs3_slots *from =
		slot->sent_ns ? &window->sent : &window->unsent;

	TAILQ_REMOVE(from, slot, entry);
	TAILQ_INSERT_TAIL(&window->free, slot, entry);
	window->n_bytes -= slot->call->cost;
	slot->call->transport = NULL;
	slot->call = NULL;
}

struct nfs3_slot *nfs3_window_find(struct nfs3_window *window, uint32_t xid)
{
	struct nfs3_slot *slot = &window->slots[xid % NFS3_SLOTS_MAX];

	return slot->call && slot->xid == xid ? slot : NULL;
}

void nfs3_window_mark_sent(struct nfs3_window *window, struct nfs3_slot *slot)
{
	TAILQ_REMOVE(&window->unsent, slot, entry);
	slot->sent_ns = clock_ns();
	TAILQ_INSERT_TAIL(&window->sent, slot, entry);
}

void nfs3_window_unsend_all(struct nfs3_window *window)
{
	struct nfs3_slot *slot;

	while ((slot = TAILQ_LAST(&window->sent, nfs3_slots))) {
		TAILQ_REMOVE(&window->sent, slot, entry);
		slot->sent_ns = 0;
		slot->call->is_retransmitted = true;
		TAILQ_INSERT_HEAD(&window->unsent, slot, entry);
	}
}

uint64_t nfs3_window_oldest_ns(const struct nfs3_window *window,
			       uint64_t now_ns)
{
	const struct nfs3_slot *oldest = TAILQ_FIRST(&window->sent);

	return oldest && oldest->sent_ns < now_ns ? now_ns - oldest->sent_ns
						  : 0;
}

struct nfs_call *nfs3_window_expired(const struct nfs3_window *window,
				     uint64_t before_ns)
{
	for (uint32_t i = 0; i < window->n_slots; i++) {
		struct nfs_call *call = window->slots[i].call;

		if (call && call->start_ns < before_ns)
			return call;
	}
	return NULL;
}
