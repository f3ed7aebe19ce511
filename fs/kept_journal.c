/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A slot is valid while its state is not 0; the state is set last and cleared
 * first. What changes later (a gathered run that grows, data that moves) is one
 * aligned store each, after the data is in place, so that the next process finds
 * the slot as it was before or after. A free slot says in `data` which one is the
 * next free one; that is this process' alone.
 *
 * What was answered has a number; runs that were not answered come behind it and
 * do not overlap each other (behind.c), so their order does not matter.
 */

#include "kept_journal.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "inode_layout.h"

#define ROOM_MIN 1024 /* writes that may be under way */

struct kept_journal {
	struct journal_slot
		*slots;	     /* borrowed, as n_used: the table's memory */
	uint32_t *n_used;    /* that were ever used */
	struct arena *arena; /* borrowed */
	uint32_t n_free;
	uint32_t free; /* the first one; none if n_free is 0 */
	bool is_closed;
};

static void put_slot(struct kept_journal *journal, struct journal_slot *slot)
{
	atomic_store(&slot->data, journal->free);
	journal->free = (uint32_t)(slot - journal->slots);
	journal->n_free++;
}

int kept_journal_new(struct kept_journal **ret, struct inode_table *table,
		     struct arena *arena)
{
	struct kept_journal *journal = calloc(1, sizeof(*journal));

	if (!journal)
		return -ENOMEM;
	journal->slots = inode_table_journal(table);
	journal->n_used = &inode_table_header(table)->n_journal;
	journal->arena = arena;
	for (uint32_t i = 0; i < *journal->n_used; i++) {
		if (!atomic_load(&journal->slots[i].state))
			put_slot(journal, &journal->slots[i]);
	}
	*ret = journal;
	return 0;
}

struct kept_journal *kept_journal_free(struct kept_journal *journal)
{
	free(journal);
	return NULL;
}

bool kept_journal_has_room(const struct kept_journal *journal)
{
	return !journal ||
	       journal->n_free + JOURNAL_MAX - *journal->n_used >= ROOM_MIN;
}

/* --- recording ----------------------------------------------------------------- */

static struct journal_slot *take_slot(struct kept_journal *journal)
{
	struct journal_slot *slot;

	if (journal->n_free == 0)
		return *journal->n_used < JOURNAL_MAX
			       ? &journal->slots[(*journal->n_used)++]
			       : NULL;
	slot = &journal->slots[journal->free];
	journal->free = (uint32_t)atomic_load(&slot->data);
	journal->n_free--;
	return slot;
}

static void update(struct kept_journal *journal, struct journal_slot *slot,
		   const struct kept_extent *extent)
{
	atomic_store(&slot->data, arena_offset(journal->arena, extent->data));
	atomic_store(&slot->len, extent->len);
	slot->verf = extent->verf;
	slot->seq = extent->seq;
	atomic_store(&slot->state, extent->is_broken || extent->seq == 0
					   ? JOURNAL_UNSENT
					   : JOURNAL_ANSWERED);
}

void kept_journal_record(struct kept_journal *journal, uint64_t nodeid,
			 struct kept_extent *extent)
{
	if (!journal || journal->is_closed || !journal->arena)
		return;
	if (!extent->slot) {
		extent->slot = take_slot(journal);
		if (!extent->slot)
			return;
		extent->slot->nodeid = nodeid;
		extent->slot->offset = extent->offset;
		extent->slot->cred = extent->cred;
	}
	update(journal, extent->slot, extent);
}

void kept_journal_erase(struct kept_journal *journal,
			struct kept_extent *extent)
{
	struct journal_slot *slot = TAKE_PTR(extent->slot);

	if (!slot || journal->is_closed)
		return;
	atomic_store(&slot->state, 0);
	put_slot(journal, slot);
}

void kept_journal_close(struct kept_journal *journal)
{
	if (journal)
		journal->is_closed = true;
}

/* --- restoring ------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct journal_slot *x = *(struct journal_slot *const *)a;
	const struct journal_slot *y = *(struct journal_slot *const *)b;
	/* What was not answered has no number: the last. */
	uint64_t x_seq = x->seq ? x->seq : UINT64_MAX;
	uint64_t y_seq = y->seq ? y->seq : UINT64_MAX;

	return (x_seq > y_seq) - (x_seq < y_seq);
}

static struct journal_slot **sorted_slots(struct kept_journal *journal,
					  uint32_t *ret_n)
{
	struct journal_slot **slots =
		calloc(*journal->n_used + 1, sizeof(struct journal_slot *));
	uint32_t n = 0;

	for (uint32_t i = 0; slots && i < *journal->n_used; i++) {
		if (atomic_load(&journal->slots[i].state))
			slots[n++] = &journal->slots[i];
	}
	if (slots)
		qsort(slots, n, sizeof(*slots), compare);
	*ret_n = n;
	return slots;
}

/* Extents that shared a buffer share it again. */
static struct kept_memory *memory_of(struct kept_journal *journal,
				     struct kept_memory **memories, uint32_t *n,
				     const struct journal_slot *slot)
{
	struct kept_memory *memory;
	uint8_t *piece;
	uint32_t size;

	if (!arena_claim(journal->arena, atomic_load(&slot->data),
			 atomic_load(&slot->len), &piece, &size))
		return NULL;
	for (uint32_t i = 0; i < *n; i++) {
		if (memories[i]->buffer->data == piece)
			return memories[i];
	}
	memory = kept_memory_restore(journal->arena, piece, size);
	if (memory)
		memories[(*n)++] = memory;
	return memory;
}

static struct kept_extent *extent_of(const struct kept_journal *journal,
				     struct journal_slot *slot,
				     struct kept_memory *memory)
{
	uint64_t start = arena_offset(journal->arena, memory->buffer->data);
	struct kept_extent *extent = kept_extent_share(
		memory, (uint32_t)(atomic_load(&slot->data) - start),
		atomic_load(&slot->len));

	if (!extent)
		return NULL;
	extent->offset = slot->offset;
	extent->verf = slot->verf;
	extent->is_broken = atomic_load(&slot->state) != JOURNAL_ANSWERED;
	extent->committed = NFS_UNSTABLE;
	extent->cred = slot->cred;
	extent->slot = slot;
	return extent;
}

/* False when there is no memory. */
static bool restore_slot(struct kept_journal *journal,
			 struct kept_memory **memories, uint32_t *n,
			 struct journal_slot *slot, kept_restore_fn fn,
			 void *userdata)
{
	struct kept_memory *memory = memory_of(journal, memories, n, slot);
	struct kept_extent *extent;

	if (!memory)
		return false;
	extent = extent_of(journal, slot, memory);
	if (!extent)
		return false;
	fn(userdata, slot->nodeid, extent);
	return true;
}

int kept_journal_restore(struct kept_journal *journal, kept_restore_fn fn,
			 void *userdata)
{
	_cleanup_(free) struct journal_slot **slots = NULL;
	_cleanup_(free) struct kept_memory **memories = NULL;
	uint32_t n_memories = 0;
	uint32_t n_slots;
	bool is_ok = true;

	if (!journal || !journal->arena)
		return 0;
	slots = sorted_slots(journal, &n_slots);
	memories = calloc(n_slots + 1, sizeof(struct kept_memory *));
	if (!slots || !memories)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_slots && is_ok; i++)
		is_ok = restore_slot(journal, memories, &n_memories, slots[i],
				     fn, userdata);
	/* The extents have their own shares. */
	while (n_memories > 0)
		kept_memory_put(memories[--n_memories], NULL);
	return is_ok ? 0 : -ENOMEM;
}
