/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The kernel forgets a directory's attributes whenever it has made or removed a
 * name there, and asks for them before the next one, to check permissions; a
 * file's, whenever it has written. The reply to the change said what they are.
 *
 * It is not a second cache behind the kernel's: what the kernel was told answers no
 * GETATTR. So who asks because the kernel's copy is too old, or does not want to see
 * a copy (AT_STATX_FORCE_SYNC), has the server asked.
 *
 * Invariants:
 *  1. A reply is taken only if its call was sent after all changes of our own to
 *     the node that have ended: it could tell of a state before one of them
 *     otherwise. Of changes that overlap none is taken: who came last is only known
 *     to the server.
 *  2. Calls that change names don't say whose: a file loses a link, and its name,
 *     behind its node's back. What was known before such a call ended is not used.
 *  3. Attributes are as old as the reply, not as the answer to the kernel, so that
 *     no foreign change goes unseen for longer than the timeout.
 */

#include "attr_cache.h"

#include <sys/stat.h>

#include "clock.h"
#include "inode.h"
#include "inode_layout.h"
#include "inode_table.h"

/* Of the clocks that file systems take their times from, at 100 HZ. */
#define TICK_NS (10 * NS_PER_MS)

static void store(struct inode_slot *slot, const struct nfs_attr *attr,
		  uint64_t at_ns, bool is_new)
{
	slot->attr = (struct slot_attr){
		.mode = attr->mode,
		.nlink = attr->nlink,
		.uid = attr->uid,
		.gid = attr->gid,
		.rdev_major = attr->rdev_major,
		.rdev_minor = attr->rdev_minor,
		.size = attr->size,
		.used = attr->used,
		.atime_s = attr->atime.tv_sec,
		.mtime_s = attr->mtime.tv_sec,
		.ctime_s = attr->ctime.tv_sec,
		.atime_ns = (uint32_t)attr->atime.tv_nsec,
		.mtime_ns = (uint32_t)attr->mtime.tv_nsec,
		.ctime_ns = (uint32_t)attr->ctime.tv_nsec,
		.is_new = is_new,
	};
	slot->attr_ns = at_ns;
}

static void load(const struct inode_slot *slot, struct attr_cached *ret)
{
	const struct slot_attr *attr = &slot->attr;

	ret->at_ns = slot->attr_ns;
	ret->attr = (struct nfs_attr){
		.mode = attr->mode,
		.nlink = attr->nlink,
		.uid = attr->uid,
		.gid = attr->gid,
		.size = attr->size,
		.used = attr->used,
		.rdev_major = attr->rdev_major,
		.rdev_minor = attr->rdev_minor,
		.fileid = slot->fileid,
		.atime = { attr->atime_s, attr->atime_ns },
		.mtime = { attr->mtime_s, attr->mtime_ns },
		.ctime = { attr->ctime_s, attr->ctime_ns },
	};
}

static void learn(struct inode_table *table, uint64_t nodeid,
		  const struct nfs_attr *attr, uint64_t sent_ns, bool is_new)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);

	if (!slot)
		return;
	if (sent_ns >= slot->changed_own_ns)
		store(slot, attr, sent_ns, is_new);
	inode_slot_unlock(table, nodeid);
}

void attr_cache_seen(struct inode_table *table, uint64_t nodeid,
		     const struct nfs_attr *attr, uint64_t sent_ns)
{
	learn(table, nodeid, attr, sent_ns, true);
}

void attr_cache_told(struct inode_table *table, uint64_t nodeid,
		     const struct nfs_attr *attr, uint64_t sent_ns)
{
	learn(table, nodeid, attr, sent_ns, false);
}

void attr_cache_changed(struct inode_table *table, uint64_t nodeid,
			const struct nfs_attr *after, uint64_t sent_ns)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);
	uint64_t now = clock_ns();

	if (!slot)
		return;
	if (after && sent_ns >= slot->changed_own_ns)
		store(slot, after, now, true);
	else
		slot->attr_ns = 0;
	slot->changed_own_ns = now;
	inode_slot_unlock(table, nodeid);
}

void attr_cache_names_changed(struct inode_table *table, bool is_rename)
{
	uint64_t now = clock_ns();

	atomic_store(&table->unnamed_ns, now);
	if (is_rename)
		atomic_store(&table->renamed_ns, now);
}

/* Invariant 2. */
static bool is_valid_locked(struct inode_table *table,
			    const struct inode_slot *slot)
{
	return slot->attr_ns > 0 &&
	       slot->attr_ns >= atomic_load(S_ISDIR(slot->attr.mode)
						    ? &table->renamed_ns
						    : &table->unnamed_ns);
}

/* A state that is as new as these: its age is nothing. */
static bool is_fresh(struct attr_cached *cached,
		     const struct attr_timeouts *timeouts, uint64_t now_ns)
{
	cached->left_s = attr_timeout(timeouts, cached->attr.mode, 0);
	if (now_ns > cached->at_ns)
		cached->left_s -= (double)(now_ns - cached->at_ns) / NS_PER_S;
	return cached->left_s > 0;
}

bool attr_cache_get(struct inode_table *table, uint64_t nodeid,
		    const struct attr_timeouts *timeouts, uint64_t now_ns,
		    struct attr_cached *ret)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);
	bool is_known;

	if (!slot)
		return false;
	is_known = slot->attr.is_new && is_valid_locked(table, slot);
	load(slot, ret);
	inode_slot_unlock(table, nodeid);
	return is_known && is_fresh(ret, timeouts, now_ns);
}

uint64_t attr_cache_size(struct inode_table *table, uint64_t nodeid,
			 uint64_t size, uint64_t sent_ns)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);

	if (!slot)
		return size;
	if (sent_ns < slot->changed_own_ns) {
		if (slot->attr_ns > 0 && size < slot->attr.size)
			size = slot->attr.size;
		if (size < slot->kernel_size)
			size = slot->kernel_size;
	}
	inode_slot_unlock(table, nodeid);
	return size;
}

static bool has_owner(const struct inode_slot *slot, const struct nfs_set *set)
{
	return (!(set->mask & NFS_SET_UID) || slot->attr.uid == set->uid) &&
	       (!(set->mask & NFS_SET_GID) || slot->attr.gid == set->gid) &&
	       !(slot->attr.mode & (S_ISUID | S_ISGID));
}

bool attr_cache_has_owner(struct inode_table *table, uint64_t nodeid,
			  const struct nfs_set *set,
			  const struct attr_timeouts *timeouts, uint64_t now_ns,
			  struct attr_cached *ret)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);
	bool has;

	if (!slot)
		return false;
	has = is_valid_locked(table, slot) && has_owner(slot, set) &&
	      now_ns < slot->changed_own_ns + TICK_NS;
	load(slot, ret);
	inode_slot_unlock(table, nodeid);
	return has && is_fresh(ret, timeouts, now_ns);
}

bool attr_cache_has_mtime(struct inode_table *table, uint64_t nodeid,
			  const struct timespec *mtime, struct attr_cached *ret)
{
	struct inode_slot *slot = inode_slot_lock(table, nodeid);
	bool is_same;

	if (!slot)
		return false;
	is_same = slot->attr_ns > 0 && S_ISREG(slot->attr.mode) &&
		  slot->attr.nlink == 1 &&
		  slot->attr.mtime_s == mtime->tv_sec &&
		  slot->attr.mtime_ns == (uint32_t)mtime->tv_nsec;
	load(slot, ret);
	ret->left_s = 0;
	inode_slot_unlock(table, nodeid);
	return is_same;
}
