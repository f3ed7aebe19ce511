/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Invariants:
 *  1. A slot is in exactly one of free, unsent and sent; it has a call exactly if
 *     it is not in free, and sent_ns != 0 exactly if it is in sent.
 *  2. slot->own_xid % NFS3_SLOTS_MAX is the slot's index; it changes when a call
 *     enters and at no other time.
 *  3. The counters start far from those of former processes (nfs3.c): a server that
 *     remembers their XIDs must not take our calls for their retransmissions. So no
 *     XID that is adopted is one of our own.
 *
 * A server that gets a call for the second time while it executes the first may drop
 * it, since it will answer the first; Linux's does (nfsd_cache_lookup(), RC_DROPIT).
 * When the first came by a connection that is lost, that answer reaches nobody. So
 * changes are sent once more, with the same XID, until the server remembers an answer.
 */

#include "nfs3_window.h"

#include "clock.h"

#define REPEAT_NS	 NS_PER_S /* then twice as late each time */
#define REPEAT_SHIFT_MAX 20

void nfs3_window_init(struct nfs3_window *window, uint32_t max_calls,
		      uint32_t max_bytes, uint32_t first_xid)
{
	*window = (struct nfs3_window){ .n_slots = max_calls,
					.max_bytes = max_bytes };
	TAILQ_INIT(&window->free);
	TAILQ_INIT(&window->unsent);
	TAILQ_INIT(&window->sent);
	first_xid -= first_xid % NFS3_SLOTS_MAX;
	for (uint32_t i = 0; i < max_calls; i++) {
		window->slots[i].own_xid = first_xid + i;
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
	slot->own_xid += NFS3_SLOTS_MAX;
	slot->xid = slot->own_xid;
	slot->n_malformed = 0;
	slot->sent_ns = 0;
	slot->repeated_ns = 0;
	slot->n_repeats = 0;
	window->n_bytes += call->cost;
	call->xid = slot->xid;
	call->transport = slot;
	TAILQ_INSERT_TAIL(&window->unsent, slot, entry);
	return slot;
}

static bool is_adopted(const struct nfs3_slot *slot)
{
	return slot->xid != slot->own_xid;
}

void nfs3_window_adopt(struct nfs3_window *window, struct nfs3_slot *slot,
		       uint32_t xid)
{
	window->n_adopted -= is_adopted(slot);
	slot->xid = xid;
	slot->call->xid = xid;
	slot->call->is_retransmitted = true;
	window->n_adopted += is_adopted(slot);
}

void nfs3_window_leave(struct nfs3_window *window, struct nfs3_slot *slot)
{
	struct nfs3_slots *from =
		slot->sent_ns ? &window->sent : &window->unsent;

	TAILQ_REMOVE(from, slot, entry);
	TAILQ_INSERT_TAIL(&window->free, slot, entry);
	window->n_bytes -= slot->call->cost;
	window->n_adopted -= is_adopted(slot);
	slot->call->transport = NULL;
	slot->call = NULL;
}

static bool has_xid(const struct nfs3_slot *slot, uint32_t xid)
{
	return slot->call && slot->xid == xid;
}

struct nfs3_slot *nfs3_window_find(struct nfs3_window *window, uint32_t xid)
{
	struct nfs3_slot *slot = &window->slots[xid % NFS3_SLOTS_MAX];

	if (has_xid(slot, xid))
		return slot;
	if (window->n_adopted == 0)
		return NULL;
	for (uint32_t i = 0; i < window->n_slots; i++) {
		if (has_xid(&window->slots[i], xid))
			return &window->slots[i];
	}
	return NULL;
}

void nfs3_window_mark_sent(struct nfs3_window *window, struct nfs3_slot *slot)
{
	TAILQ_REMOVE(&window->unsent, slot, entry);
	slot->sent_ns = slot->repeated_ns ? slot->repeated_ns : clock_ns();
	slot->repeated_ns = 0;
	TAILQ_INSERT_TAIL(&window->sent, slot, entry);
}

void nfs3_window_unsend_all(struct nfs3_window *window)
{
	struct nfs3_slot *slot;

	TAILQ_FOREACH (slot, &window->unsent, entry)
		slot->repeated_ns = 0;
	while ((slot = TAILQ_LAST(&window->sent, nfs3_slots))) {
		TAILQ_REMOVE(&window->sent, slot, entry);
		slot->sent_ns = 0;
		slot->n_repeats = 0;
		slot->call->is_retransmitted = true;
		TAILQ_INSERT_HEAD(&window->unsent, slot, entry);
	}
}

static bool is_to_be_repeated(const struct nfs3_slot *slot, uint64_t now_ns)
{
	return slot->call && slot->sent_ns && slot->call->is_retransmitted &&
	       nfs_call_is_change(slot->call) &&
	       now_ns > slot->sent_ns + (REPEAT_NS << slot->n_repeats);
}

void nfs3_window_repeat(struct nfs3_window *window, uint64_t now_ns)
{
	for (uint32_t i = 0; i < window->n_slots; i++) {
		struct nfs3_slot *slot = &window->slots[i];

		if (!is_to_be_repeated(slot, now_ns))
			continue;
		TAILQ_REMOVE(&window->sent, slot, entry);
		slot->repeated_ns = slot->sent_ns;
		slot->sent_ns = 0;
		slot->n_repeats += slot->n_repeats < REPEAT_SHIFT_MAX;
		TAILQ_INSERT_TAIL(&window->unsent, slot, entry);
	}
}

uint64_t nfs3_window_oldest_ns(const struct nfs3_window *window,
			       uint64_t now_ns)
{
	uint64_t oldest_ns = now_ns;

	for (uint32_t i = 0; i < window->n_slots; i++) {
		const struct nfs3_slot *slot = &window->slots[i];
		uint64_t sent_ns = slot->sent_ns | slot->repeated_ns;

		if (slot->call && sent_ns && sent_ns < oldest_ns)
			oldest_ns = sent_ns;
	}
	return now_ns - oldest_ns;
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
