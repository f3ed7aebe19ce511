/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * fi->fh of an open file: plain numbers, so that it means the same to the next
 * process.
 *
 *	bits 0-14   whose credentials (opener.h)
 *	bit  15     it was opened to read only
 *	bits 16-31  which write errors it need not be told of (write_error.h)
 *	bits 32-63  a number that no other open file of the volume has
 */

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

static inline uint64_t handle_make(uint32_t opener, int open_flags,
				   uint16_t seen, uint32_t number)
{
	uint64_t reads_only = (open_flags & O_ACCMODE) == O_RDONLY;

	return opener | reads_only << 15 | (uint64_t)seen << 16 |
	       (uint64_t)number << 32;
}

static inline uint32_t handle_opener(uint64_t fh)
{
	return fh & 0x7fff;
}

static inline bool handle_reads_only(uint64_t fh)
{
	return fh >> 15 & 1;
}

static inline uint16_t handle_seen(uint64_t fh)
{
	return (uint16_t)(fh >> 16);
}

static inline uint32_t handle_number(uint64_t fh)
{
	return (uint32_t)(fh >> 32);
}
