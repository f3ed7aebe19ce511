/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The memory of all I/O buffers of the process: a memory file, so that what was
 * written and is not committed on a server yet is there for the next process. An
 * address in it is told to that one as an offset.
 *
 * A process that attaches the file of a former one takes new memory only beyond
 * what that one used, claims what is still wanted, and settles: the rest is free.
 *
 * Threads: any.
 */

#include <stdbool.h>
#include <stdint.h>

#include "cleanup.h"

struct arena;

#define ARENA_VERSION 2
/* For link_table.c. */
#define ARENA_LINKS_SIZE (64u << 10)

int arena_new(struct arena **ret);
/* take_fd is consumed. -EBADMSG when it is not an arena of this version. */
int arena_attach(struct arena **ret, int take_fd);
/* That of the arena in a file (borrowed), which may be another; -EBADMSG. */
int arena_read_version(int fd, uint32_t *ret);
/* Every piece must have been put, or is left to the next process. */
struct arena *arena_free(struct arena *arena);

/* The memory file; borrowed. */
int arena_fd(const struct arena *arena);

/* ARENA_LINKS_SIZE bytes of it, all 0 at first. */
void *arena_links(struct arena *arena);

/* A piece of BUFFER_SMALL_SIZE or BUFFER_LARGE_SIZE bytes; NULL = all are taken. */
uint8_t *arena_get(struct arena *arena, uint32_t size);
/*
 * Its memory goes back to the system. A former process's piece keeps its bytes until
 * all is settled.
 */
void arena_put(struct arena *arena, uint8_t *piece);

uint64_t arena_offset(const struct arena *arena, const uint8_t *data);

/*
 * The piece of a former process that offset is in: its address and size. False
 * when there is none, or when it can't hold len bytes from there.
 */
bool arena_claim(struct arena *arena, uint64_t offset, uint32_t len,
		 uint8_t **ret_piece, uint32_t *ret_size);
/* len bytes there, which nobody claims; NULL, or good until all is settled. */
const uint8_t *arena_find_left(struct arena *arena, uint64_t offset,
			       uint32_t len);
/* From here on nothing is put back: the next process may want it. NULL: nothing. */
void arena_close(struct arena *arena);
bool arena_is_closed(struct arena *arena);

/* Nothing more is claimed. NULL: nothing. */
void arena_settle(struct arena *arena);

DEFINE_CLEANUP(struct arena *, arena_free)
