/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The file:
 *
 *	0       struct arena_header: how many pieces of each kind were ever used
 *	4 KiB   which connections there are (link_table.c)
 *	1 MiB   small pieces
 *	...     large pieces
 *
 * All of it is address space from the start; what is not touched costs nothing,
 * and what is put back is punched out of the file. Which pieces are taken is in
 * process memory only: whoever attaches the file learns it from those who claim.
 *
 * The lock is taken when a pool has no buffer left, not for each request.
 */

#include "arena.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "buffer.h"

#define ARENA_MAGIC 0x616e657261636c63ull
#define ARENA_LINKS (4u << 10)
#define ARENA_START (1ull << 20)
#define SMALL_MAX   16384u /* 1.1 GiB */
#define LARGE_MAX   4096u  /* 4.25 GiB */
#define SMALL_BYTES ((uint64_t)SMALL_MAX * BUFFER_SMALL_SIZE)
#define LARGE_BYTES ((uint64_t)LARGE_MAX * BUFFER_LARGE_SIZE)
#define ARENA_BYTES (ARENA_START + SMALL_BYTES + LARGE_BYTES)

_Static_assert(ARENA_LINKS + ARENA_LINKS_SIZE <= ARENA_START,
	       "the connections end before the pieces begin");

enum kind {
	SMALL,
	LARGE,
	N_KINDS
};

struct arena_header {
	uint64_t magic;
	uint32_t version;
	uint32_t n_used[N_KINDS]; /* pieces that were ever taken */
};

/* Pieces of one size. */
struct shelf {
	uint64_t start; /* offset */
	uint32_t size;
	uint32_t max;
	uint32_t n_left; /* of a former process; 0 once settled */
	uint32_t n_free;
	uint32_t *free;	  /* stack of indices */
	bool *is_claimed; /* the first n_left */
};

struct arena {
	int fd;
	uint8_t *base;
	struct arena_header *header; /* the base */
	pthread_mutex_t lock;	     /* of all below, and header->n_used */
	struct shelf shelves[N_KINDS];
	_Atomic bool is_closed; /* set with the lock */
};

/* --- starting ------------------------------------------------------------------ */

struct arena *arena_free(struct arena *arena)
{
	if (!arena)
		return NULL;
	for (int kind = 0; kind < N_KINDS; kind++) {
		free(arena->shelves[kind].free);
		free(arena->shelves[kind].is_claimed);
	}
	if (arena->base)
		(void)munmap(arena->base, ARENA_BYTES);
	fd_close(arena->fd);
	(void)pthread_mutex_destroy(&arena->lock);
	free(arena);
	return NULL;
}

static int map(struct arena *arena)
{
	void *base = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_NORESERVE, arena->fd, 0);

	if (base == MAP_FAILED)
		return -errno;
	arena->base = base;
	arena->header = base;
	return 0;
}

static int make_shelves(struct arena *arena)
{
	arena->shelves[SMALL] = (struct shelf){ .start = ARENA_START,
						.size = BUFFER_SMALL_SIZE,
						.max = SMALL_MAX };
	arena->shelves[LARGE] =
		(struct shelf){ .start = ARENA_START + SMALL_BYTES,
				.size = BUFFER_LARGE_SIZE,
				.max = LARGE_MAX };
	for (int kind = 0; kind < N_KINDS; kind++) {
		struct shelf *shelf = &arena->shelves[kind];

		shelf->free = calloc(shelf->max, sizeof(*shelf->free));
		shelf->is_claimed =
			calloc(shelf->max, sizeof(*shelf->is_claimed));
		if (!shelf->free || !shelf->is_claimed)
			return -ENOMEM;
	}
	return 0;
}

/* take_fd is consumed. */
static int make(struct arena **ret, int take_fd)
{
	_cleanup_(arena_free) struct arena *arena = calloc(1, sizeof(*arena));
	int r;

	if (!arena) {
		fd_close(take_fd);
		return -ENOMEM;
	}
	arena->fd = take_fd;
	(void)pthread_mutex_init(&arena->lock, NULL);
	r = map(arena);
	if (r == 0)
		r = make_shelves(arena);
	if (r == 0)
		*ret = TAKE_PTR(arena);
	return r;
}

int arena_new(struct arena **ret)
{
	_cleanup_(fd_close) int fd = memfd_create("claimfs-data", MFD_CLOEXEC);
	struct arena *arena;
	int r;

	if (fd < 0 || ftruncate(fd, (off_t)ARENA_BYTES) < 0)
		return -errno;
	r = make(&arena, TAKE_FD(fd));
	if (r < 0)
		return r;
	arena->header->version = ARENA_VERSION;
	arena->header->magic = ARENA_MAGIC;
	*ret = arena;
	return 0;
}

int arena_read_version(int fd, uint32_t *ret)
{
	struct arena_header header;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header) ||
	    header.magic != ARENA_MAGIC)
		return -EBADMSG;
	*ret = header.version;
	return 0;
}

int arena_attach(struct arena **ret, int take_fd)
{
	_cleanup_(arena_free) struct arena *arena = NULL;
	struct stat st;
	int r = fstat(take_fd, &st) < 0 ? -errno : 0;

	if (r < 0 || (uint64_t)st.st_size != ARENA_BYTES) {
		fd_close(take_fd);
		return r < 0 ? r : -EBADMSG;
	}
	r = make(&arena, take_fd);
	if (r < 0)
		return r;
	if (arena->header->magic != ARENA_MAGIC ||
	    arena->header->version != ARENA_VERSION)
		return -EBADMSG;
	for (int kind = 0; kind < N_KINDS; kind++) {
		struct shelf *shelf = &arena->shelves[kind];

		shelf->n_left = arena->header->n_used[kind];
		if (shelf->n_left > shelf->max)
			return -EBADMSG;
	}
	*ret = TAKE_PTR(arena);
	return 0;
}

int arena_fd(const struct arena *arena)
{
	return arena->fd;
}

void *arena_links(struct arena *arena)
{
	return arena->base + ARENA_LINKS;
}

/* --- pieces ----------------------------------------------------------------------- */

static uint64_t piece_offset(const struct shelf *shelf, uint32_t index)
{
	return shelf->start + (uint64_t)index * shelf->size;
}

static uint8_t *get_locked(struct arena *arena, enum kind kind)
{
	struct shelf *shelf = &arena->shelves[kind];
	uint32_t *n_used = &arena->header->n_used[kind];
	uint32_t index;

	if (shelf->n_free > 0)
		index = shelf->free[--shelf->n_free];
	else if (*n_used < shelf->max)
		index = (*n_used)++;
	else
		return NULL;
	return arena->base + piece_offset(shelf, index);
}

uint8_t *arena_get(struct arena *arena, uint32_t size)
{
	enum kind kind = size <= BUFFER_SMALL_SIZE ? SMALL : LARGE;
	uint8_t *piece;

	pthread_mutex_lock(&arena->lock);
	piece = get_locked(arena, kind);
	pthread_mutex_unlock(&arena->lock);
	return piece;
}

uint64_t arena_offset(const struct arena *arena, const uint8_t *data)
{
	return (uint64_t)(data - arena->base);
}

/* NULL when nothing begins or lies there. */
static struct shelf *find(struct arena *arena, uint64_t offset,
			  uint32_t *ret_index)
{
	for (int kind = 0; kind < N_KINDS; kind++) {
		struct shelf *shelf = &arena->shelves[kind];
		uint64_t bytes = (uint64_t)shelf->max * shelf->size;

		if (offset < shelf->start || offset - shelf->start >= bytes)
			continue;
		*ret_index = (uint32_t)((offset - shelf->start) / shelf->size);
		return shelf;
	}
	return NULL;
}

static void give_back(struct arena *arena, const struct shelf *shelf,
		      uint32_t index)
{
	/* Best effort: it stays as it is, and is used again. */
	(void)fallocate(arena->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			(off_t)piece_offset(shelf, index), shelf->size);
}

void arena_put(struct arena *arena, uint8_t *piece)
{
	uint32_t index = 0;
	struct shelf *shelf = find(arena, arena_offset(arena, piece), &index);

	assert(shelf);
	pthread_mutex_lock(&arena->lock);
	if (index < shelf->n_left) {
		/* Others may find what they look for in it. */
		shelf->is_claimed[index] = false;
	} else if (!arena->is_closed) {
		give_back(arena, shelf, index);
		shelf->free[shelf->n_free++] = index;
	}
	pthread_mutex_unlock(&arena->lock);
}

void arena_close(struct arena *arena)
{
	if (!arena)
		return;
	pthread_mutex_lock(&arena->lock);
	arena->is_closed = true;
	pthread_mutex_unlock(&arena->lock);
}

bool arena_is_closed(struct arena *arena)
{
	return atomic_load_explicit(&arena->is_closed, memory_order_relaxed);
}

/* --- what a former process left ----------------------------------------------------- */

/* The shelf with len bytes there, in one piece. */
static struct shelf *find_left(struct arena *arena, uint64_t offset,
			       uint32_t len, uint32_t *ret_index)
{
	struct shelf *shelf = find(arena, offset, ret_index);

	if (!shelf || *ret_index >= shelf->n_left ||
	    len > shelf->size - (offset - piece_offset(shelf, *ret_index)))
		return NULL;
	return shelf;
}

bool arena_claim(struct arena *arena, uint64_t offset, uint32_t len,
		 uint8_t **ret_piece, uint32_t *ret_size)
{
	uint32_t index = 0;
	struct shelf *shelf = find_left(arena, offset, len, &index);

	if (!shelf)
		return false;
	pthread_mutex_lock(&arena->lock);
	shelf->is_claimed[index] = true;
	pthread_mutex_unlock(&arena->lock);
	*ret_piece = arena->base + piece_offset(shelf, index);
	*ret_size = shelf->size;
	return true;
}

const uint8_t *arena_find_left(struct arena *arena, uint64_t offset,
			       uint32_t len)
{
	uint32_t index = 0;

	return find_left(arena, offset, len, &index) ? arena->base + offset
						     : NULL;
}

static void settle_shelf(struct arena *arena, struct shelf *shelf)
{
	uint32_t n = shelf->n_left;

	shelf->n_left = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (shelf->is_claimed[i])
			continue;
		give_back(arena, shelf, i);
		shelf->free[shelf->n_free++] = i;
	}
}

void arena_settle(struct arena *arena)
{
	if (!arena)
		return;
	pthread_mutex_lock(&arena->lock);
	for (int kind = 0; kind < N_KINDS; kind++)
		settle_shelf(arena, &arena->shelves[kind]);
	pthread_mutex_unlock(&arena->lock);
}
