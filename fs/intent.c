/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A slot is in use while its unique is not 0; that is written last and cleared
 * first, and a flag is set after what it speaks of, so that a process that dies
 * between two stores leaves nothing that is half true.
 *
 * Slots that a former process left belong to requests that the kernel asks again,
 * or to such as were answered right before the end. Nobody can tell them apart, so
 * they stay until their request comes or all others are taken.
 *
 * A free slot says in `value` which one is the next free one; that and INTENT_LEFT
 * are this process' alone.
 */

#include "intent.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "cleanup.h"
#include "inode_layout.h"

struct intents {
	struct intent_slot *slots; /* borrowed, as n_used: the table's memory */
	uint32_t *n_used;	   /* lock: that were ever used */
	pthread_mutex_t lock;
	uint32_t free;	    /* lock: the first one, or INTENT_NONE */
	uint32_t next_left; /* lock: where to look for one that was left */
};

static void put_locked(struct intents *intents, uint32_t slot)
{
	intents->slots[slot].value = intents->free;
	intents->free = slot;
}

int intents_new(struct intents **ret, struct inode_table *table)
{
	struct intents *intents = calloc(1, sizeof(*intents));

	if (!intents)
		return -ENOMEM;
	intents->free = INTENT_NONE;
	intents->slots = inode_table_intents(table);
	intents->n_used = &inode_table_header(table)->n_intents;
	(void)pthread_mutex_init(&intents->lock, NULL);
	for (uint32_t i = 0; i < *intents->n_used; i++) {
		struct intent_slot *slot = &intents->slots[i];

		if (atomic_load(&slot->unique))
			atomic_fetch_or(&slot->flags, INTENT_LEFT);
		else
			put_locked(intents, i);
	}
	*ret = intents;
	return 0;
}

struct intents *intents_free(struct intents *intents)
{
	if (!intents)
		return NULL;
	(void)pthread_mutex_destroy(&intents->lock);
	free(intents);
	return NULL;
}

static bool is_left_locked(const struct intents *intents, uint32_t slot)
{
	return atomic_load(&intents->slots[slot].flags) & INTENT_LEFT;
}

static void claim_locked(struct intents *intents, uint32_t slot)
{
	atomic_fetch_and(&intents->slots[slot].flags, ~(uint32_t)INTENT_LEFT);
}

static uint32_t find_left_locked(struct intents *intents, uint64_t unique)
{
	for (uint32_t i = 0; i < *intents->n_used; i++) {
		if (is_left_locked(intents, i) &&
		    atomic_load(&intents->slots[i].unique) == unique)
			return i;
	}
	return INTENT_NONE;
}

static uint32_t take_left_locked(struct intents *intents)
{
	for (; intents->next_left < *intents->n_used; intents->next_left++) {
		if (is_left_locked(intents, intents->next_left))
			return intents->next_left;
	}
	return INTENT_NONE;
}

static uint32_t take_locked(struct intents *intents)
{
	uint32_t slot = intents->free;

	if (slot != INTENT_NONE)
		intents->free = (uint32_t)intents->slots[slot].value;
	else if (*intents->n_used < INTENTS_MAX)
		slot = (*intents->n_used)++;
	else
		slot = take_left_locked(intents);
	if (slot != INTENT_NONE)
		claim_locked(intents, slot);
	return slot;
}

static uint32_t begin_new(struct intents *intents, uint64_t unique)
{
	struct intent_slot *slot;
	uint32_t i;

	pthread_mutex_lock(&intents->lock);
	i = take_locked(intents);
	pthread_mutex_unlock(&intents->lock);
	if (i == INTENT_NONE)
		return i;
	slot = &intents->slots[i];
	atomic_store(&slot->unique, 0);
	atomic_store(&slot->flags, 0);
	atomic_store(&slot->sent, 0);
	atomic_store(&slot->unique, unique);
	return i;
}

static uint32_t begin_again(struct intents *intents, uint64_t unique,
			    struct intent_outcome *ret)
{
	const struct intent_slot *slot;
	uint32_t flags;
	uint32_t i;

	pthread_mutex_lock(&intents->lock);
	i = find_left_locked(intents, unique);
	if (i != INTENT_NONE)
		claim_locked(intents, i);
	pthread_mutex_unlock(&intents->lock);
	if (i == INTENT_NONE)
		return begin_new(intents, unique);
	slot = &intents->slots[i];
	flags = atomic_load(&slot->flags);
	*ret = (struct intent_outcome){
		.is_settled = flags & INTENT_SETTLED,
		.status = slot->status,
		.has_value = flags & INTENT_HAS_VALUE,
		.value = slot->value,
		.sent = atomic_load(&slot->sent),
	};
	return i;
}

uint32_t intent_begin(struct intents *intents, uint64_t unique,
		      struct intent_outcome *ret)
{
	*ret = (struct intent_outcome){ 0 };
	if (!intents)
		return INTENT_NONE;
	if (unique & INTENT_UNIQUE_RESEND)
		return begin_again(intents, unique & ~INTENT_UNIQUE_RESEND,
				   ret);
	return begin_new(intents, unique);
}

void intent_set_value(struct intents *intents, uint32_t slot, uint64_t value)
{
	if (slot == INTENT_NONE)
		return;
	intents->slots[slot].value = value;
	atomic_fetch_or(&intents->slots[slot].flags, INTENT_HAS_VALUE);
}

_Atomic uint64_t *intent_sent(struct intents *intents, uint32_t slot)
{
	return slot == INTENT_NONE ? NULL : &intents->slots[slot].sent;
}

void intent_settle(struct intents *intents, uint32_t slot, int status)
{
	if (slot == INTENT_NONE)
		return;
	intents->slots[slot].status = status;
	atomic_fetch_or(&intents->slots[slot].flags, INTENT_SETTLED);
}

void intent_end(struct intents *intents, uint32_t slot)
{
	if (slot == INTENT_NONE)
		return;
	atomic_store(&intents->slots[slot].unique, 0);
	pthread_mutex_lock(&intents->lock);
	put_locked(intents, slot);
	pthread_mutex_unlock(&intents->lock);
}
