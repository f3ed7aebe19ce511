/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The memory file of a node table: made, mapped, and mapped again. It is mapped in
 * parts, of which none ever moves, so readers need no lock to follow them: what is
 * before the journal, with the first slots; journal and requests; and segments of
 * slots as they are needed. One mapping of everything would be 1.3 GiB, and each
 * volume's had page tables of its own, which is most of what a take-over costs.
 *
 * A file that is attached comes from another process of ours, perhaps an older
 * one: its header is checked, its slots are believed. Magic and version are in the
 * same places in every version.
 */

#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "clock.h"
#include "inode.h"
#include "inode_table.h"

#define LOGS_BYTES (TABLE_MORE_OFFSET - TABLE_JOURNAL_OFFSET)

_Static_assert(((1u << INODE_SEGMENTS) - 1) * INODE_SEGMENT_SLOTS == INODE_MAX,
	       "segments are as many as nodes need");

#define PAGE_MAX (64u << 10) /* that a kernel may have */

static size_t segment_bytes(uint32_t segment)
{
	return ((size_t)INODE_SEGMENT_SLOTS << segment) *
	       sizeof(struct inode_slot);
}

/* In the file. That of INODE_SEGMENTS is where it ends. */
static size_t segment_offset(uint32_t segment)
{
	size_t offset = TABLE_MORE_OFFSET;

	for (uint32_t i = 1; i < segment; i++)
		offset +=
			(segment_bytes(i) + PAGE_MAX - 1) / PAGE_MAX * PAGE_MAX;
	return offset;
}

static size_t file_bytes(void)
{
	return segment_offset(INODE_SEGMENTS);
}

static void *map_part(int fd, size_t offset, size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_NORESERVE, fd, (off_t)offset);

	return p == MAP_FAILED ? NULL : p;
}

static void unmap_part(void *part, size_t len)
{
	if (part)
		(void)munmap(part, len);
}

/* The first one's is that of the header. */
int inode_segment_map(struct inode_table *table, uint32_t segment)
{
	void *slots;

	if (atomic_load(&table->segments[segment]))
		return 0;
	slots = map_part(table->fd, segment_offset(segment),
			 segment_bytes(segment));
	if (!slots)
		return -errno;
	atomic_store(&table->segments[segment], slots);
	return 0;
}

struct inode_table *inode_table_free(struct inode_table *table)
{
	if (!table)
		return NULL;
	for (uint32_t i = 0; i < INODE_STRIPES; i++) {
		pthread_mutex_destroy(&table->stripes[i].lock);
		free(table->stripes[i].buckets);
	}
	for (uint32_t i = 0; i < INODE_STATE_LOCKS; i++)
		pthread_mutex_destroy(&table->state_locks[i]);
	pthread_mutex_destroy(&table->alloc_lock);
	pthread_mutex_destroy(&table->opener_lock);
	pthread_mutex_destroy(&table->told_lock);
	for (uint32_t i = 1; i < INODE_SEGMENTS; i++)
		unmap_part(table->segments[i], segment_bytes(i));
	unmap_part(table->logs, LOGS_BYTES);
	unmap_part(table->header, TABLE_JOURNAL_OFFSET);
	fd_close(table->fd);
	free(table);
	return NULL;
}

struct intent_slot *inode_table_intents(struct inode_table *table)
{
	return (void *)((char *)table->header + TABLE_INTENTS_OFFSET);
}

struct journal_slot *inode_table_journal(struct inode_table *table)
{
	return (void *)table->logs;
}

struct request_slot *inode_table_requests(struct inode_table *table)
{
	return (void *)(table->logs + TABLE_REQUESTS_OFFSET -
			TABLE_JOURNAL_OFFSET);
}

static int map_parts(struct inode_table *table)
{
	char *header = map_part(table->fd, 0, TABLE_JOURNAL_OFFSET);

	table->header = (void *)header;
	table->logs = map_part(table->fd, TABLE_JOURNAL_OFFSET, LOGS_BYTES);
	if (!header || !table->logs)
		return -ENOMEM;
	table->openers = (void *)(header + TABLE_OPENERS_OFFSET);
	table->told = (void *)(header + TABLE_TOLD_OFFSET);
	atomic_store(&table->segments[0],
		     (void *)(header + TABLE_SLOTS_OFFSET));
	return 0;
}

/* An object around the file; fd is consumed. */
static int table_map(struct inode_table **ret, int take_fd, uint32_t max)
{
	_cleanup_(fd_close) int fd = take_fd;
	_cleanup_(inode_table_free) struct inode_table *table = NULL;
	int r;

	table = calloc(1, sizeof(*table));
	if (!table)
		return -ENOMEM;
	table->max = max ? max : INODE_MAX;
	table->free_slot = INODE_NO_SLOT;
	pthread_mutex_init(&table->alloc_lock, NULL);
	pthread_mutex_init(&table->opener_lock, NULL);
	pthread_mutex_init(&table->told_lock, NULL);
	for (uint32_t i = 0; i < INODE_STRIPES; i++)
		pthread_mutex_init(&table->stripes[i].lock, NULL);
	for (uint32_t i = 0; i < INODE_STATE_LOCKS; i++)
		pthread_mutex_init(&table->state_locks[i], NULL);
	table->fd = TAKE_FD(fd);
	r = map_parts(table);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(table);
	return 0;
}

uint64_t inode_table_epoch(const struct inode_table *table)
{
	return table->header->epoch;
}

static uint64_t make_epoch(void)
{
	uint64_t epoch = clock_ns();

	(void)!getrandom(&epoch, sizeof(epoch), GRND_NONBLOCK);
	return epoch;
}

int inode_table_new(struct inode_table **ret, const struct nfs_fh *root,
		    uint64_t root_fileid, uint32_t max)
{
	_cleanup_(inode_table_free) struct inode_table *table = NULL;
	uint64_t nodeid;
	int fd = memfd_create("claimfs-nodes", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)file_bytes()) < 0) {
		r = -errno;
		fd_close(fd);
		return r;
	}
	r = table_map(&table, fd, max);
	if (r < 0)
		return r;
	table->header->version = TABLE_VERSION;
	table->header->slot_size = sizeof(struct inode_slot);
	table->header->epoch = make_epoch();
	/* The first slot that is taken is 0 in its first life: node 1, the root. */
	r = inode_lookup(table, root, root_fileid, &nodeid);
	if (r < 0)
		return r;
	table->header->magic = TABLE_MAGIC;
	*ret = TAKE_PTR(table);
	return 0;
}

/* What nobody is about any more, and what calls may have changed since. */
static void forget_process(struct inode_slot *slot)
{
	slot->flags &= ~SLOT_OF_PROCESS;
	slot->n_removals = 0;
	slot->attr_ns = 0;
}

static int map_used(struct inode_table *table, uint32_t n_used)
{
	int r = 0;

	for (uint32_t i = 0; i < INODE_SEGMENTS && r == 0; i++) {
		if (n_used > inode_segment_start(i))
			r = inode_segment_map(table, i);
	}
	return r;
}

static int rebuild(struct inode_table *table)
{
	uint32_t n = atomic_load(&table->header->n_used);
	int r = map_used(table, n);

	if (r < 0)
		return r;
	for (uint32_t i = n; i-- > 0;) {
		struct inode_slot *slot = inode_slot_at(table, i);

		if (!atomic_load(&slot->is_valid)) {
			inode_slot_give_back(table, i);
			continue;
		}
		if (slot->fh_len > NFS_FH_MAX)
			return -EBADMSG;
		forget_process(slot);
		r = inode_chain_insert_locked(table, inode_slot_hash(slot), i);
		if (r < 0)
			return r;
		atomic_fetch_add(&table->n_nodes, 1);
	}
	return 0;
}

static int check_header(const struct inode_table *table)
{
	const struct table_header *header = table->header;

	if (header->magic != TABLE_MAGIC || header->version != TABLE_VERSION ||
	    header->slot_size != sizeof(struct inode_slot) ||
	    atomic_load(&header->n_used) > table->max ||
	    header->n_intents > INTENTS_MAX ||
	    header->n_journal > JOURNAL_MAX || header->n_told > TOLD_MAX ||
	    header->n_requests > REQUESTS_MAX)
		return -EBADMSG;
	return 0;
}

int inode_table_read_version(int fd, uint32_t *ret)
{
	struct {
		uint64_t magic;
		uint32_t version;
	} head;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    head.magic != TABLE_MAGIC)
		return -EBADMSG;
	*ret = head.version;
	return 0;
}

int inode_table_attach(struct inode_table **ret, int take_fd, uint32_t max)
{
	_cleanup_(inode_table_free) struct inode_table *table = NULL;
	off_t size = lseek(take_fd, 0, SEEK_END);
	int r = table_map(&table, take_fd, max);

	if (r < 0)
		return r;
	if (size != (off_t)file_bytes())
		return -EBADMSG;
	r = check_header(table);
	if (r == 0)
		r = rebuild(table);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(table);
	return 0;
}
