/* SPDX-License-Identifier: Apache-2.0 */

/*
 * State of open files in the slots of the node table. Each function takes the
 * node's state lock, looks or changes a few words, and lets go: no I/O, no other
 * lock.
 *
 * Close-to-open. "Known" is the state of the file (mtime, ctime, size) that the
 * kernel's cached pages were read from or written in. An open compares it with
 * the server's; our own writes move it along by means of wcc data: if the state
 * before the write is the known one, nobody else has been there, and the state
 * after it is the new known one. Replies that overtake each other, and servers
 * that leave the state before out, break that chain and cost a needless cache drop,
 * never stale data: known only ever moves to a state that is not newer than the
 * pages which the kernel has.
 */

#include "file_state.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "inode.h"
#include "inode_layout.h"

static bool time_equal(const struct slot_time *a, const struct timespec *b)
{
	return a->s == b->tv_sec && a->ns == (uint32_t)b->tv_nsec;
}

static void time_store(struct slot_time *a, const struct timespec *b)
{
	a->s = b->tv_sec;
	a->ns = (uint32_t)b->tv_nsec;
}

static bool known_equal_locked(const struct inode_slot *slot,
			       const struct nfs_attr *attr)
{
	return slot->known_size == attr->size &&
	       time_equal(&slot->known_mtime, &attr->mtime) &&
	       time_equal(&slot->known_ctime, &attr->ctime);
}

static void known_store_locked(struct inode_slot *slot,
			       const struct nfs_attr *attr)
{
	slot->flags |= SLOT_HAS_KNOWN;
	slot->known_size = attr->size;
	time_store(&slot->known_mtime, &attr->mtime);
	time_store(&slot->known_ctime, &attr->ctime);
}

bool file_validate(struct inode_table *table, uint64_t nodeid,
		   const struct nfs_attr *attr)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);
	bool is_same;

	if (!slot)
		return false;
	is_same = (slot->flags & SLOT_HAS_KNOWN) &&
		  known_equal_locked(slot, attr);
	known_store_locked(slot, attr);
	inode_slot_unlock(table, nodeid);
	return is_same;
}

bool file_is_changed(struct inode_table *table, uint64_t nodeid,
		     const struct nfs_attr *attr)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);
	bool is_changed;

	if (!slot)
		return false;
	is_changed = slot->n_opens > 0 && (slot->flags & SLOT_HAS_KNOWN) &&
		     slot->kernel_size == attr->size &&
		     !known_equal_locked(slot, attr);
	inode_slot_unlock(table, nodeid);
	return is_changed;
}

void file_dropped(struct inode_table *table, uint64_t nodeid,
		  const struct nfs_attr *attr)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);

	if (!slot)
		return;
	known_store_locked(slot, attr);
	inode_slot_unlock(table, nodeid);
}

/* Never 0. Equal digests of different states only cost a time-out of staleness. */
static uint32_t digest_state(uint64_t size, const struct slot_time *mtime,
			     const struct slot_time *ctime)
{
	const uint64_t words[] = { size, (uint64_t)mtime->s, mtime->ns,
				   (uint64_t)ctime->s, ctime->ns };
	uint64_t hash = 0x9e3779b97f4a7c15ull;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		hash = (hash ^ words[i]) * 0xff51afd7ed558ccdull ^ hash >> 29;
	return (uint32_t)(hash >> 32) | 1;
}

static uint32_t digest(const struct nfs_attr *attr)
{
	struct slot_time mtime, ctime;

	time_store(&mtime, &attr->mtime);
	time_store(&ctime, &attr->ctime);
	return digest_state(attr->size, &mtime, &ctime);
}

static uint32_t known_digest_locked(const struct inode_slot *slot)
{
	return digest_state(slot->known_size, &slot->known_mtime,
			    &slot->known_ctime);
}

uint64_t file_told(struct inode_table *table, uint64_t nodeid,
		   const struct nfs_attr *attr, uint64_t at_ns)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);
	const uint32_t told = digest(attr);
	uint64_t age_ns;

	if (!slot)
		return 0;
	slot->told_ns = at_ns;
	if (slot->told != told)
		slot->changed_ns = slot->told_ns;
	slot->told = told;
	slot->kernel_size = attr->size;
	slot->attr.is_new = 0;
	__atomic_store_n(&slot->group, attr->gid, __ATOMIC_RELAXED);
	age_ns = slot->told_ns - slot->changed_ns;
	inode_slot_unlock(table, nodeid);
	return age_ns;
}

struct file_told file_get_told(struct inode_table *table, uint64_t nodeid)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);
	struct file_told told = { 0 };

	if (!slot)
		return told;
	if (slot->told) {
		told.at_ns = slot->told_ns;
		told.age_ns = slot->told_ns - slot->changed_ns;
		told.is_known = (slot->flags & SLOT_HAS_KNOWN) &&
				slot->told == known_digest_locked(slot);
	}
	inode_slot_unlock(table, nodeid);
	return told;
}

bool file_is_told(struct inode_table *table, uint64_t nodeid,
		  const struct nfs_attr *attr)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);
	bool is_told;

	if (!slot)
		return false;
	is_told = slot->told == digest(attr);
	inode_slot_unlock(table, nodeid);
	return is_told;
}

void file_extended(struct inode_table *table, uint64_t nodeid, uint64_t end)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);

	if (!slot)
		return;
	if (slot->kernel_size < end)
		slot->kernel_size = end;
	inode_slot_unlock(table, nodeid);
}

void file_forget_known(struct inode_table *table, uint64_t nodeid)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);

	if (!slot)
		return;
	slot->flags &= ~(uint32_t)SLOT_HAS_KNOWN;
	inode_slot_unlock(table, nodeid);
}

static bool time_is_later(const struct slot_time *a, const struct timespec *b)
{
	return a->s != b->tv_sec ? a->s > b->tv_sec
				 : a->ns > (uint32_t)b->tv_nsec;
}

void file_advanced(struct inode_table *table, uint64_t nodeid,
		   const struct nfs_attr *attr)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);

	if (!slot)
		return;
	if ((slot->flags & SLOT_HAS_KNOWN) &&
	    !time_is_later(&slot->known_ctime, &attr->ctime))
		known_store_locked(slot, attr);
	inode_slot_unlock(table, nodeid);
}

void file_changed(struct inode_table *table, uint64_t nodeid,
		  const struct nfs_wcc *wcc)
{
	struct inode_slot *slot;

	if (!wcc->has_before || !wcc->has_after)
		return;
	slot = inode_slot_lock(table, nodeid);
	if (!slot)
		return;
	if ((slot->flags & SLOT_HAS_KNOWN) &&
	    slot->known_size == wcc->size_before &&
	    time_equal(&slot->known_mtime, &wcc->mtime_before) &&
	    time_equal(&slot->known_ctime, &wcc->ctime_before))
		known_store_locked(slot, &wcc->after);
	inode_slot_unlock(table, nodeid);
}

/* --- opens, and names set aside ----------------------------------------------- */

void file_opened(struct inode_table *table, uint64_t nodeid)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);

	if (!slot)
		return;
	slot->n_opens++;
	inode_slot_unlock(table, nodeid);
}

bool file_try_open(struct inode_table *table, uint64_t nodeid)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);
	bool is_ok;

	if (!slot)
		return true;
	is_ok = slot->n_removals == 0;
	if (is_ok)
		slot->n_opens++;
	inode_slot_unlock(table, nodeid);
	return is_ok;
}

static bool get_silly_locked(const struct inode_slot *slot,
			     struct file_silly *ret)
{
	*ret = (struct file_silly){ .dir = slot->silly_dir,
				    .number = slot->silly_number,
				    .opener = slot->silly_opener,
				    .entry = slot->silly_entry };
	return ret->dir;
}

void file_closed(struct inode_table *table, uint64_t nodeid,
		 struct file_silly *ret)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);

	*ret = (struct file_silly){ 0 };
	if (!slot)
		return;
	if (slot->n_opens > 0)
		slot->n_opens--;
	if (slot->n_opens == 0 && get_silly_locked(slot, ret)) {
		slot->silly_dir = 0;
		slot->n_removals++;
	}
	inode_slot_unlock(table, nodeid);
}

uint32_t file_n_opens(struct inode_table *table, uint64_t nodeid)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);
	uint32_t n;

	if (!slot)
		return 0;
	n = slot->n_opens;
	inode_slot_unlock(table, nodeid);
	return n;
}

bool file_removal_begin(struct inode_table *table, uint64_t nodeid)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);
	bool is_ok;

	if (!slot)
		return true;
	is_ok = slot->n_opens == 0;
	if (is_ok)
		slot->n_removals++;
	else
		slot->n_opens++;
	inode_slot_unlock(table, nodeid);
	return is_ok;
}

void file_removal_end(struct inode_table *table, uint64_t nodeid)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);

	if (!slot)
		return;
	if (slot->n_removals > 0)
		slot->n_removals--;
	inode_slot_unlock(table, nodeid);
}

bool file_set_silly(struct inode_table *table, uint64_t nodeid,
		    const struct file_silly *silly)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);
	bool is_ok;

	if (!slot)
		return false;
	is_ok = slot->n_opens > 0 && !slot->silly_dir;
	if (is_ok) {
		slot->silly_number = silly->number;
		slot->silly_opener = silly->opener;
		slot->silly_entry = silly->entry;
		/* Last: a process that dies here leaves nothing half true. */
		__atomic_store_n(&slot->silly_dir, silly->dir,
				 __ATOMIC_RELEASE);
	}
	inode_slot_unlock(table, nodeid);
	return is_ok;
}

bool file_get_silly(struct inode_table *table, uint64_t nodeid,
		    struct file_silly *ret)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);
	bool is_silly;

	if (!slot)
		return false;
	is_silly = get_silly_locked(slot, ret);
	inode_slot_unlock(table, nodeid);
	return is_silly;
}

bool file_take_silly(struct inode_table *table, uint64_t nodeid,
		     struct file_silly *ret)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);
	bool is_silly;

	if (!slot)
		return false;
	is_silly = get_silly_locked(slot, ret);
	slot->silly_dir = 0;
	inode_slot_unlock(table, nodeid);
	return is_silly;
}

void file_silly_name(struct inode_table *table, uint64_t nodeid,
		     uint32_t number, char ret[FILE_SILLY_NAME_SIZE])
{
	(void)snprintf(ret, FILE_SILLY_NAME_SIZE, ".nfs%016llx%08x%08x",
		       (unsigned long long)inode_fileid(table, nodeid),
		       (uint32_t)inode_table_epoch(table), number);
}

bool file_is_silly_name(const char name[FILE_SILLY_NAME_SIZE])
{
	return name[FILE_SILLY_NAME_SIZE - 1] == '\0' &&
	       memcmp(name, ".nfs", 4) == 0 &&
	       strspn(name + 4, "0123456789abcdef") == FILE_SILLY_NAME_SIZE - 5;
}

uint32_t file_silly_number(struct inode_table *table)
{
	return atomic_fetch_add(&inode_table_header(table)->n_silly_numbers, 1);
}

/* --- appends, directories ------------------------------------------------------ */

bool file_append_begin(struct inode_table *table, uint64_t nodeid)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);
	bool is_ok;

	if (!slot)
		return true;
	is_ok = !(slot->flags & SLOT_APPENDING);
	slot->flags |= SLOT_APPENDING;
	inode_slot_unlock(table, nodeid);
	return is_ok;
}

void file_append_end(struct inode_table *table, uint64_t nodeid)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);

	if (!slot)
		return;
	slot->flags &= ~(uint32_t)SLOT_APPENDING;
	inode_slot_unlock(table, nodeid);
}

uint64_t file_cookieverf(struct inode_table *table, uint64_t nodeid)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);
	uint64_t verf;

	if (!slot)
		return 0;
	verf = slot->cookieverf;
	inode_slot_unlock(table, nodeid);
	return verf;
}

void file_set_cookieverf(struct inode_table *table, uint64_t nodeid,
			 uint64_t cookieverf)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);

	if (!slot)
		return;
	slot->cookieverf = cookieverf;
	inode_slot_unlock(table, nodeid);
}
