/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Two stacks of free buffers, one per size. The descriptor (struct buffer) is
 * apart from the memory, so that data is page-aligned and a large buffer is
 * whole pages. What would raise the stack above its cap is freed at once; what
 * is in use is bounded by the calls and requests in flight, not here.
 */

#include "buffer.h"

#include <assert.h>
#include <sys/mman.h>

#include "arena.h"

#define LARGE_KEPT 24 /* some 25 MiB: what 1 MiB transfers at depth 16 need */
#define SMALL_KEPT 64 /* some 4.5 MiB */
#define PAGE_SIZE  4096

SLIST_HEAD(buffer_list, buffer);

struct buffer_class {
	struct buffer_list free;
	uint32_t n_free;
	uint32_t n_idle; /* the least n_free since the last trim */
	uint32_t kept;	 /* n_free is never above */
	uint32_t size;	 /* bytes of each buffer */
};

struct buffer_pool {
	struct buffer_class small;
	struct buffer_class large;
	uint32_t n_used;
	struct arena *arena; /* borrowed; NULL = the heap */
};

struct buffer *buffer_free(struct buffer *buffer)
{
	if (!buffer)
		return NULL;
	if (buffer->arena && buffer->data)
		arena_put(buffer->arena, buffer->data);
	else
		free(buffer->data);
	free(buffer);
	return NULL;
}

DEFINE_CLEANUP(struct buffer *, buffer_free)

struct buffer *buffer_of_piece(struct arena *arena, uint8_t *piece,
			       uint32_t size)
{
	struct buffer *buffer = calloc(1, sizeof(*buffer));

	if (!buffer)
		return NULL;
	buffer->arena = arena;
	buffer->data = piece;
	buffer->size = size;
	return buffer;
}

static struct buffer *buffer_new(struct arena *arena, uint32_t size)
{
	_cleanup_(buffer_free) struct buffer *buffer =
		calloc(1, sizeof(*buffer));

	if (!buffer)
		return NULL;
	buffer->size = size;
	buffer->arena = arena;
	buffer->data =
		arena ? arena_get(arena, size) : aligned_alloc(PAGE_SIZE, size);
	if (!buffer->data)
		return NULL;
	return TAKE_PTR(buffer);
}

static struct buffer *class_pop(struct buffer_class *class)
{
	struct buffer *buffer = SLIST_FIRST(&class->free);

	if (!buffer)
		return NULL;
	SLIST_REMOVE_HEAD(&class->free, entry);
	class->n_free--;
	if (class->n_free < class->n_idle)
		class->n_idle = class->n_free;
	return buffer;
}

/* Frees what was not needed. */
static void class_trim(struct buffer_class *class)
{
	for (uint32_t n = class->n_idle; n > 0; n--)
		buffer_free(class_pop(class));
	class->n_idle = class->n_free;
}

static struct buffer_class *class_of(struct buffer_pool *pool, uint32_t size)
{
	return size <= BUFFER_SMALL_SIZE ? &pool->small : &pool->large;
}

struct buffer *buffer_get(struct buffer_pool *pool, uint32_t size)
{
	struct buffer_class *class = class_of(pool, size);
	struct buffer *buffer;

	assert(size <= BUFFER_LARGE_SIZE);
	buffer = class_pop(class);
	if (!buffer)
		buffer = buffer_new(pool->arena, class->size);
	if (buffer)
		pool->n_used++;
	return buffer;
}

void buffer_make_present(struct buffer *buffer)
{
	volatile uint8_t *data = buffer->data;

	if (buffer->is_present)
		return;
	buffer->is_present = true;
	/* One call instead of a fault for each page; Linux 5.14. */
	if (madvise(buffer->data, buffer->size, MADV_POPULATE_WRITE) == 0)
		return;
	for (uint32_t at = 0; at < buffer->size; at += PAGE_SIZE)
		data[at] = 0;
}

void buffer_put(struct buffer_pool *pool, struct buffer *buffer)
{
	struct buffer_class *class;

	if (!buffer)
		return;
	assert(pool->n_used > 0);
	pool->n_used--;
	class = class_of(pool, buffer->size);
	/* The next process may want what is in it: nothing may overwrite that. */
	if (class->n_free >= class->kept ||
	    (buffer->arena && arena_is_closed(buffer->arena))) {
		buffer_free(buffer);
		return;
	}
	SLIST_INSERT_HEAD(&class->free, buffer, entry);
	class->n_free++;
}

void buffer_move_out(struct buffer_pool *pool, struct buffer *buffer)
{
	assert(pool->n_used > 0);
	pool->n_used--;
}

void buffer_move_in(struct buffer_pool *pool, struct buffer *take_buffer)
{
	pool->n_used++;
	buffer_put(pool, take_buffer);
}

bool buffer_pool_has_kept(const struct buffer_pool *pool)
{
	return pool->small.n_free > 0 || pool->large.n_free > 0;
}

void buffer_pool_trim(struct buffer_pool *pool)
{
	class_trim(&pool->small);
	class_trim(&pool->large);
}

struct buffer_pool *buffer_pool_free(struct buffer_pool *pool)
{
	if (!pool)
		return NULL;
	assert(pool->n_used == 0);
	/* The first time everything counts as needed. */
	buffer_pool_trim(pool);
	buffer_pool_trim(pool);
	free(pool);
	return NULL;
}

int buffer_pool_new(struct buffer_pool **ret, struct arena *arena)
{
	struct buffer_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	pool->arena = arena;
	pool->small.size = BUFFER_SMALL_SIZE;
	pool->small.kept = SMALL_KEPT;
	pool->large.size = BUFFER_LARGE_SIZE;
	pool->large.kept = LARGE_KEPT;
	*ret = pool;
	return 0;
}
