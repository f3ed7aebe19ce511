/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The store of uncommitted data. Files are found by node id in a table of fixed
 * size: few files have uncommitted data at the same time, since closing commits.
 *
 * Memory is accounted by cost: a payload that lives in a request's own buffer
 * costs the whole buffer, a packed one its length. Packed payloads share small
 * buffers, and a buffer goes when the last of them does.
 */

#include "kept.h"

#include <assert.h>
#include <string.h>

#include "cred.h"
#include "kept_budget.h"
#include "kept_journal.h"

#define N_BUCKETS 256

LIST_HEAD(kept_files, kept_file);

struct kept {
	uint64_t bytes;
	uint64_t reserved;
	uint32_t n_files;
	struct kept_budget *budget; /* borrowed */
	struct kept_journal *journal;
	struct kept_files buckets[N_BUCKETS];
};

int kept_new(struct kept **ret, struct kept_journal *take_journal,
	     struct kept_budget *budget)
{
	struct kept *kept = calloc(1, sizeof(*kept));

	if (!kept) {
		kept_journal_free(take_journal);
		return -ENOMEM;
	}
	kept->journal = take_journal;
	kept->budget = budget;
	*ret = kept;
	return 0;
}

struct kept_journal *kept_get_journal(struct kept *kept)
{
	return kept->journal;
}

struct kept *kept_free(struct kept *kept)
{
	if (!kept)
		return NULL;
	assert(kept->n_files == 0 && kept->bytes == 0);
	kept_journal_free(kept->journal);
	free(kept);
	return NULL;
}

uint64_t kept_bytes(const struct kept *kept)
{
	return kept->bytes + kept->reserved;
}

bool kept_has_room(const struct kept *kept)
{
	return kept_bytes(kept) < kept_budget_limit(kept->budget);
}

void kept_reserve(struct kept *kept, uint64_t bytes)
{
	kept->reserved += bytes;
	kept_budget_take(kept->budget, bytes);
}

void kept_unreserve(struct kept *kept, uint64_t bytes)
{
	assert(kept->reserved >= bytes);
	kept->reserved -= bytes;
	kept_budget_give(kept->budget, bytes);
}

/* --- files ---------------------------------------------------------------------- */

/* The low half of a node id is its slot's number: as good as a hash. */
static unsigned int bucket_of(uint64_t nodeid)
{
	return nodeid % N_BUCKETS;
}

struct kept_file *kept_find(struct kept *kept, uint64_t nodeid)
{
	struct kept_file *file;

	LIST_FOREACH (file, &kept->buckets[bucket_of(nodeid)], entry) {
		if (file->nodeid == nodeid)
			return file;
	}
	return NULL;
}

struct kept_file *kept_get(struct kept *kept, uint64_t nodeid,
			   const struct nfs_fh *fh)
{
	struct kept_file *file = kept_find(kept, nodeid);

	if (file)
		return file;
	file = calloc(1, sizeof(*file));
	if (!file)
		return NULL;
	file->nodeid = nodeid;
	file->fh = *fh;
	TAILQ_INIT(&file->extents);
	LIST_INSERT_HEAD(&kept->buckets[bucket_of(nodeid)], file, entry);
	kept->n_files++;
	return file;
}

bool kept_put(struct kept *kept, struct kept_file *file)
{
	if (!TAILQ_EMPTY(&file->extents) || file->n_writing > 0 || file->job ||
	    file->gather)
		return false;
	LIST_REMOVE(file, entry);
	free(file);
	kept->n_files--;
	return true;
}

struct kept_file *kept_next(struct kept *kept, const struct kept_file *file)
{
	unsigned int i = 0;

	if (file && LIST_NEXT(file, entry))
		return LIST_NEXT(file, entry);
	if (file)
		i = bucket_of(file->nodeid) + 1;
	for (; i < N_BUCKETS; i++) {
		if (!LIST_EMPTY(&kept->buckets[i]))
			return LIST_FIRST(&kept->buckets[i]);
	}
	return NULL;
}

/* --- a file's extents ------------------------------------------------------------- */

/* A small sequential writer's extents become one. */
static bool extend(struct kept_extent *last, const struct kept_extent *extent)
{
	if (!last || last->memory != extent->memory ||
	    last->data + last->len != extent->data ||
	    last->offset + last->len != extent->offset ||
	    last->verf != extent->verf || last->is_broken ||
	    extent->is_broken || !cred_equal(&last->cred, &extent->cred))
		return false;
	last->len += extent->len;
	last->cost += extent->cost;
	last->seq = extent->seq;
	return true;
}

void kept_add(struct kept *kept, struct kept_file *file,
	      struct kept_extent *take_extent, uint64_t now)
{
	struct kept_extent *last = TAILQ_LAST(&file->extents, kept_extents);

	take_extent->seq = ++file->last_seq;
	file->bytes += take_extent->cost;
	kept->bytes += take_extent->cost;
	kept_budget_take(kept->budget, take_extent->cost);
	if (!last)
		file->since_ns = now;
	if (extend(last, take_extent)) {
		kept_journal_record(kept->journal, file->nodeid, last);
		kept_journal_erase(kept->journal, take_extent);
		/* Its bytes stay: last has another share of the memory. */
		atomic_fetch_sub(&take_extent->memory->n_users, 1);
		free(take_extent);
		return;
	}
	TAILQ_INSERT_TAIL(&file->extents, take_extent, entry);
	kept_journal_record(kept->journal, file->nodeid, take_extent);
}

static void discard(struct kept *kept, struct kept_file *file,
		    struct kept_extent *extent, struct buffer_pool *pool)
{
	TAILQ_REMOVE(&file->extents, extent, entry);
	file->bytes -= extent->cost;
	kept->bytes -= extent->cost;
	kept_budget_give(kept->budget, extent->cost);
	kept_journal_erase(kept->journal, extent);
	kept_extent_free(extent, pool);
}

/*
 * Only a head of the list goes: what is newer than something lost has to be
 * written again after it. Removing heads is cheap, too.
 */
bool kept_cover(struct kept *kept, struct kept_file *file, uint64_t seq,
		uint64_t verf, struct buffer_pool *pool)
{
	struct kept_extent *extent = TAILQ_FIRST(&file->extents);

	while (extent && extent->seq <= seq && extent->verf == verf &&
	       !extent->is_broken) {
		discard(kept, file, extent, pool);
		extent = TAILQ_FIRST(&file->extents);
	}
	return extent && extent->seq <= seq;
}

static void cut(struct kept *kept, const struct kept_file *file,
		struct kept_extent *extent, uint32_t len)
{
	extent->len = len;
	kept_journal_record(kept->journal, file->nodeid, extent);
}

void kept_truncate(struct kept *kept, struct kept_file *file, uint64_t size,
		   struct buffer_pool *pool)
{
	struct kept_extent *extent = TAILQ_FIRST(&file->extents);

	while (extent) {
		struct kept_extent *next = TAILQ_NEXT(extent, entry);

		if (extent->offset >= size)
			discard(kept, file, extent, pool);
		else if (extent->len > size - extent->offset)
			cut(kept, file, extent,
			    (uint32_t)(size - extent->offset));
		extent = next;
	}
}

void kept_drop(struct kept *kept, struct kept_file *file,
	       struct buffer_pool *pool)
{
	kept_truncate(kept, file, 0, pool);
}

/* --- extents ------------------------------------------------------------------------ */

struct kept_memory *kept_memory_new(struct buffer *take_buffer)
{
	struct kept_memory *memory = calloc(1, sizeof(*memory));

	if (!memory) {
		buffer_free(take_buffer);
		return NULL;
	}
	memory->buffer = take_buffer;
	atomic_init(&memory->n_users, 1);
	return memory;
}

struct kept_memory *kept_memory_of(const struct kept_extent *extent)
{
	atomic_fetch_add(&extent->memory->n_users, 1);
	return extent->memory;
}

void kept_memory_put(struct kept_memory *memory, struct buffer_pool *pool)
{
	if (!memory || atomic_fetch_sub(&memory->n_users, 1) != 1)
		return;
	if (pool)
		buffer_move_in(pool, memory->buffer);
	else
		buffer_free(memory->buffer);
	free(memory);
}

struct kept_memory *kept_memory_restore(struct arena *arena, uint8_t *piece,
					uint32_t size)
{
	struct buffer *buffer = buffer_of_piece(arena, piece, size);
	struct kept_memory *memory = buffer ? kept_memory_new(buffer) : NULL;

	if (memory)
		memory->used = size; /* nothing is packed into it any more */
	return memory;
}

struct kept_extent *kept_extent_adopt(struct buffer *take_buffer,
				      const void *data, uint32_t len)
{
	struct kept_extent *extent = calloc(1, sizeof(*extent));

	if (!extent) {
		buffer_free(take_buffer);
		return NULL;
	}
	extent->cost = take_buffer->size;
	extent->memory = kept_memory_new(take_buffer);
	if (!extent->memory) {
		free(extent);
		return NULL;
	}
	extent->data = data;
	extent->len = len;
	return extent;
}

static struct kept_memory *memory_with_room(struct kept_memory **memory,
					    struct buffer_pool *pool,
					    uint32_t len)
{
	struct buffer *buffer;

	if (*memory && (*memory)->buffer->size - (*memory)->used >= len)
		return *memory;
	kept_memory_put(TAKE_PTR(*memory), pool);
	buffer = buffer_get(pool, BUFFER_SMALL_SIZE);
	if (!buffer)
		return NULL;
	buffer_move_out(pool, buffer);
	*memory = kept_memory_new(buffer);
	return *memory;
}

struct kept_extent *kept_extent_share(struct kept_memory *memory, uint32_t at,
				      uint32_t len)
{
	struct kept_extent *extent = calloc(1, sizeof(*extent));

	if (!extent)
		return NULL;
	atomic_fetch_add(&memory->n_users, 1);
	extent->memory = memory;
	extent->data = memory->buffer->data + at;
	extent->len = len;
	extent->cost = len;
	return extent;
}

struct kept_extent *kept_extent_copy(struct kept_memory **memory,
				     struct buffer_pool *pool, const void *data,
				     uint32_t len)
{
	struct kept_memory *shared = memory_with_room(memory, pool, len);
	struct kept_extent *extent = NULL;

	if (shared)
		extent = kept_extent_share(shared, shared->used, len);
	if (!extent)
		return NULL;
	memcpy(shared->buffer->data + shared->used, data, len);
	shared->used += len;
	return extent;
}

struct kept_extent *kept_extent_to_grow(struct kept_extent *take_extent,
					struct buffer_pool *pool)
{
	struct kept_extent *extent = take_extent;
	struct buffer *buffer;

	if (take_extent->cost == take_extent->memory->buffer->size)
		return extent; /* all of the buffer is its own */
	buffer = buffer_get(pool, BUFFER_LARGE_SIZE);
	if (buffer) {
		memcpy(buffer->data, take_extent->data, take_extent->len);
		buffer_move_out(pool, buffer);
		extent = kept_extent_adopt(buffer, buffer->data,
					   take_extent->len);
	} else {
		extent = NULL;
	}
	kept_extent_free(take_extent, pool);
	return extent;
}

bool kept_extent_append(struct kept_extent *extent,
			const struct kept_extent *more)
{
	struct buffer *buffer = extent->memory->buffer;
	uint8_t *end =
		buffer->data + (extent->data - buffer->data) + extent->len;

	if (more->len > (size_t)(buffer->data + buffer->size - end))
		return false;
	memcpy(end, more->data, more->len);
	extent->len += more->len;
	return true;
}

void kept_extent_get_piece(const struct kept_extent *extent, uint32_t done,
			   uint32_t max, struct nfs_args *ret)
{
	uint32_t left = extent->len - done;

	ret->write.offset = extent->offset + done;
	ret->write.count = left < max ? left : max;
	ret->write.data = extent->data + done;
}

/* A verifier that changes between two pieces is a reboot, and the first is lost. */
void kept_extent_note_piece(struct kept_extent *extent, uint32_t done,
			    const struct nfs_result *res)
{
	bool is_first = done == 0;

	extent->is_broken = !is_first && (extent->is_broken ||
					  extent->verf != res->write.verf);
	extent->verf = res->write.verf;
	if (is_first || res->write.committed < extent->committed)
		extent->committed = res->write.committed;
}

void kept_extent_free(struct kept_extent *extent, struct buffer_pool *pool)
{
	if (!extent)
		return;
	kept_memory_put(extent->memory, pool);
	free(extent);
}
