/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Few different credentials have files of a volume open at a time, one or two per
 * pod: a short array is searched at open, and read by its index afterwards. An
 * entry does not change while it is held, so reading it takes no lock.
 *
 * FUSE tells of a WRITE which descriptor it is for, but of one that writes a
 * mapping's pages back no caller (pid 0), and of one through a descriptor that was
 * passed on another caller, who may be in fewer groups than the opener.
 */

#include "opener.h"

#include <assert.h>
#include <string.h>

#include "cred.h"
#include "inode_layout.h"
#include "inode_table.h"

/* OPENERS_MAX when there is neither an equal entry nor a free one. */
static uint32_t find_locked(const struct inode_table *table,
			    const struct nfs_cred *cred)
{
	uint32_t free_slot = OPENERS_MAX;

	for (uint32_t i = 0; i < table->header->n_openers; i++) {
		const struct opener_slot *slot = &table->openers[i];

		if (slot->n_held > 0 && cred_equal(&slot->cred, cred))
			return i;
		if (slot->n_held == 0 && free_slot == OPENERS_MAX)
			free_slot = i;
	}
	if (free_slot == OPENERS_MAX && table->header->n_openers < OPENERS_MAX)
		free_slot = table->header->n_openers++;
	return free_slot;
}

int opener_hold(struct inode_table *table, const struct nfs_cred *cred,
		uint32_t *ret)
{
	uint32_t i;

	pthread_mutex_lock(&table->opener_lock);
	i = find_locked(table, cred);
	if (i < OPENERS_MAX && table->openers[i].n_held++ == 0)
		table->openers[i].cred = *cred;
	pthread_mutex_unlock(&table->opener_lock);
	if (i == OPENERS_MAX)
		return -ENFILE;
	*ret = i;
	return 0;
}

void opener_get(struct inode_table *table, uint32_t opener,
		struct nfs_cred *ret)
{
	assert(opener < OPENERS_MAX);
	*ret = table->openers[opener].cred;
}

void opener_let_go(struct inode_table *table, uint32_t opener)
{
	assert(opener < OPENERS_MAX);
	pthread_mutex_lock(&table->opener_lock);
	assert(table->openers[opener].n_held > 0);
	table->openers[opener].n_held--;
	pthread_mutex_unlock(&table->opener_lock);
}
