/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a server's duplicate request cache knows a call by: its XID, the source port
 * that it came from, and its bytes, of which this has a digest. All of it is one word,
 * so that a process that dies leaves all of it or nothing; 0 = the call was not sent.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fnv1a.h"

static inline uint64_t nfs_sent_make(uint32_t xid, uint16_t port,
				     uint16_t digest)
{
	return (uint64_t)xid << 32 | (uint64_t)port << 16 | digest;
}

static inline uint32_t nfs_sent_xid(uint64_t sent)
{
	return (uint32_t)(sent >> 32);
}

static inline uint16_t nfs_sent_port(uint64_t sent)
{
	return (uint16_t)(sent >> 16);
}

static inline bool nfs_sent_has_digest(uint64_t sent, uint16_t digest)
{
	return sent != 0 && (uint16_t)sent == digest;
}

/* Of all that comes after the XID. */
static inline uint16_t nfs_sent_digest(const uint8_t *bytes, size_t len)
{
	uint64_t hash = fnv1a(FNV1A_START, bytes, len);

	hash ^= hash >> 32;
	return (uint16_t)(hash ^ hash >> 16);
}
