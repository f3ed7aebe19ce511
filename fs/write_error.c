/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A file's errors are numbered, and an open file has seen them up to a number: as
 * in Linux (lib/errseq.c), a number is used for all errors that come before somebody
 * is told of it, so whoever has seen less than the newest is told.
 *
 *	error.seq           the newest
 *	error.is_untold     nobody was told of it: who opens the file now is, too
 *	handle_seen(fh)     what fh had seen when it was opened
 *	struct told_slot    what it has seen since: for few, as long as they are open
 *
 * Unlike there, an error that means a full disk does not hide another before it:
 * space can be made, but who does not know of the EIO believes that nothing else was
 * lost. So the newest of the grave ones has a number of its own.
 *
 * When told_slots run out the oldest is used again, and its file is told twice. The
 * same happens to whoever was being told when the process died. Nobody is told of an
 * error of a file that the kernel has forgotten: no more than in Linux.
 *
 * Locks: the table's told_lock, alone, for everything but reading seq. Most files
 * have none, and then it is not taken.
 */

#include "write_error.h"

#include "handle.h"
#include "inode_layout.h"
#include "inode_table.h"

/* --- what open files have seen ---------------------------------------------------- */

static struct told_slot *told_find_locked(struct inode_table *table,
					  uint64_t nodeid, uint64_t fh)
{
	for (uint32_t i = 0; i < table->header->n_told; i++) {
		struct told_slot *slot = &table->told[i];

		if (atomic_load(&slot->nodeid) == nodeid &&
		    slot->number == handle_number(fh))
			return slot;
	}
	return NULL;
}

static struct told_slot *told_take_locked(struct inode_table *table)
{
	struct table_header *header = table->header;

	for (uint32_t i = 0; i < header->n_told; i++) {
		if (atomic_load(&table->told[i].nodeid) == 0)
			return &table->told[i];
	}
	if (header->n_told < TOLD_MAX)
		return &table->told[header->n_told++];
	return &table->told[header->told_oldest++ % TOLD_MAX];
}

static void told_set_locked(struct inode_table *table, uint64_t nodeid,
			    uint64_t fh, uint16_t seen)
{
	struct told_slot *slot = told_find_locked(table, nodeid, fh);

	if (!slot) {
		slot = told_take_locked(table);
		atomic_store(&slot->nodeid, 0);
		slot->number = handle_number(fh);
	}
	slot->seen = seen;
	atomic_store(&slot->nodeid, nodeid);
}

static uint16_t seen_locked(struct inode_table *table, uint64_t nodeid,
			    uint64_t fh)
{
	const struct told_slot *slot = told_find_locked(table, nodeid, fh);

	return slot ? slot->seen : handle_seen(fh);
}

/* --- a file's errors -------------------------------------------------------------- */

static bool is_of_full_disk(int status)
{
	return status == -ENOSPC || status == -EDQUOT || status == -EFBIG;
}

/* 0 says that there was none. */
static void next_number_locked(struct slot_error *error)
{
	uint16_t next = (uint16_t)(atomic_load(&error->seq) + 1);

	atomic_store(&error->seq, next ? next : 1);
}

/* Numbers wrap around. */
static bool is_before(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(a - b) < 0;
}

void write_error_add(struct inode_table *table, uint64_t nodeid, int status)
{
	struct inode_slot *slot = inode_table_slot(table, nodeid);
	const bool is_grave = !is_of_full_disk(status);
	struct slot_error *error;

	if (!slot)
		return;
	error = &slot->error;
	pthread_mutex_lock(&table->told_lock);
	if (!error->is_untold)
		next_number_locked(error);
	error->is_untold = true;
	error->last = (uint8_t)-status;
	if (is_grave) {
		error->grave_seq = atomic_load(&error->seq);
		error->grave = (uint8_t)-status;
	}
	pthread_mutex_unlock(&table->told_lock);
}

static bool has_some(const struct inode_slot *slot)
{
	return slot && atomic_load(&slot->error.seq) != 0;
}

uint16_t write_error_sample(struct inode_table *table, uint64_t nodeid)
{
	struct inode_slot *slot = inode_table_slot(table, nodeid);
	uint16_t seen;

	if (!has_some(slot))
		return 0;
	pthread_mutex_lock(&table->told_lock);
	seen = (uint16_t)(atomic_load(&slot->error.seq) -
			  slot->error.is_untold);
	pthread_mutex_unlock(&table->told_lock);
	return seen;
}

static int get_locked(struct inode_table *table, const struct slot_error *error,
		      uint64_t nodeid, uint64_t fh)
{
	const uint16_t seen = seen_locked(table, nodeid, fh);

	if (seen == atomic_load(&error->seq))
		return 0;
	return error->grave && is_before(seen, error->grave_seq) ? -error->grave
								 : -error->last;
}

int write_error_get(struct inode_table *table, uint64_t nodeid, uint64_t fh,
		    enum write_error_told told)
{
	struct inode_slot *slot = inode_table_slot(table, nodeid);
	int status;

	if (!has_some(slot))
		return 0;
	pthread_mutex_lock(&table->told_lock);
	status = get_locked(table, &slot->error, nodeid, fh);
	if (status < 0 && told != WRITE_ERROR_NOT_TOLD)
		slot->error.is_untold = false;
	if (status < 0 && told == WRITE_ERROR_TOLD_BY_FSYNC)
		told_set_locked(table, nodeid, fh,
				atomic_load(&slot->error.seq));
	pthread_mutex_unlock(&table->told_lock);
	return status;
}

void write_error_end(struct inode_table *table, uint64_t nodeid, uint64_t fh)
{
	const struct inode_slot *slot = inode_table_slot(table, nodeid);
	struct told_slot *told;

	if (!has_some(slot))
		return;
	pthread_mutex_lock(&table->told_lock);
	told = told_find_locked(table, nodeid, fh);
	if (told)
		atomic_store(&told->nodeid, 0);
	pthread_mutex_unlock(&table->told_lock);
}
