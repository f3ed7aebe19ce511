/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * XDR (RFC 4506): two bounded cursors over memory that somebody else owns.
 *
 * Errors stick: a read past the end, a length above its limit or a bool that is
 * neither 0 nor 1 sets is_bad, and from then on every read gives 0 or NULL. So a
 * decoder reads field after field and looks at is_bad once, at the end and
 * before it uses a number as a size or repeats something. Nothing here allocates.
 *
 * The reader may write into its memory: xdr_get_string() makes room for the NUL
 * that XDR does not have by moving the text over its own length word.
 */

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct xdr_reader {
	uint8_t *p; /* next byte */
	uint8_t *end;
	bool is_bad;
};

struct xdr_writer {
	uint8_t *p; /* next byte */
	uint8_t *end;
	bool is_bad; /* something did not fit */
};

static inline struct xdr_reader xdr_reader_over(uint8_t *data, size_t len)
{
	return (struct xdr_reader){ .p = data, .end = data + len };
}

static inline struct xdr_writer xdr_writer_over(uint8_t *data, size_t len)
{
	return (struct xdr_writer){ .p = data, .end = data + len };
}

/* len rounded up to XDR's unit of four bytes; len is at most INT32_MAX. */
static inline uint32_t xdr_padded(uint32_t len)
{
	return (len + 3) & ~3u;
}

static inline size_t xdr_left(const struct xdr_reader *r)
{
	return (size_t)(r->end - r->p);
}

/* The next len bytes and their padding; NULL if there are fewer. */
static inline uint8_t *xdr_get_fixed(struct xdr_reader *r, uint32_t len)
{
	uint8_t *p = r->p;

	if (r->is_bad || len > INT32_MAX || xdr_padded(len) > xdr_left(r)) {
		r->is_bad = true;
		return NULL;
	}
	r->p += xdr_padded(len);
	return p;
}

static inline uint32_t xdr_load_u32(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return be32toh(value);
}

static inline uint64_t xdr_load_u64(const uint8_t *p)
{
	uint64_t value;

	memcpy(&value, p, sizeof(value));
	return be64toh(value);
}

static inline uint32_t xdr_get_u32(struct xdr_reader *r)
{
	const uint8_t *p = xdr_get_fixed(r, 4);

	return p ? xdr_load_u32(p) : 0;
}

static inline uint64_t xdr_get_u64(struct xdr_reader *r)
{
	const uint8_t *p = xdr_get_fixed(r, 8);

	return p ? xdr_load_u64(p) : 0;
}

static inline bool xdr_get_bool(struct xdr_reader *r)
{
	uint32_t value = xdr_get_u32(r);

	if (value > 1)
		r->is_bad = true;
	return value == 1;
}

/* Variable-length bytes, at most max; they stay where they are. */
static inline uint8_t *xdr_get_opaque(struct xdr_reader *r, uint32_t max,
				      uint32_t *ret_len)
{
	uint32_t len = xdr_get_u32(r);

	if (len > max)
		r->is_bad = true;
	*ret_len = r->is_bad ? 0 : len;
	return xdr_get_fixed(r, len);
}

/* A string of at most max bytes, none of them NUL, NUL-terminated in place. */
static inline char *xdr_get_string(struct xdr_reader *r, uint32_t max)
{
	char *string = (char *)r->p; /* where its length is now */
	uint32_t len;
	const uint8_t *text = xdr_get_opaque(r, max, &len);

	if (!text)
		return NULL;
	if (memchr(text, '\0', len)) {
		r->is_bad = true;
		return NULL;
	}
	memmove(string, text, len);
	string[len] = '\0';
	return string;
}

/* Whether len bytes and their padding fit; if not, the error sticks. */
static inline bool xdr_has_room(struct xdr_writer *w, uint32_t len)
{
	if (len > INT32_MAX || xdr_padded(len) > (size_t)(w->end - w->p))
		w->is_bad = true;
	return !w->is_bad;
}

/* Room for len bytes and their padding, which is zeroed; NULL if it is full. */
static inline uint8_t *xdr_put_space(struct xdr_writer *w, uint32_t len)
{
	uint8_t *p = w->p;

	if (!xdr_has_room(w, len))
		return NULL;
	w->p += xdr_padded(len);
	for (uint8_t *pad = p + len; pad < w->p; pad++)
		*pad = 0;
	return p;
}

static inline void xdr_put_u32(struct xdr_writer *w, uint32_t value)
{
	uint32_t wire = htobe32(value);

	if (!xdr_has_room(w, sizeof(wire)))
		return;
	memcpy(w->p, &wire, sizeof(wire));
	w->p += sizeof(wire);
}

static inline void xdr_put_u64(struct xdr_writer *w, uint64_t value)
{
	uint64_t wire = htobe64(value);

	if (!xdr_has_room(w, sizeof(wire)))
		return;
	memcpy(w->p, &wire, sizeof(wire));
	w->p += sizeof(wire);
}

static inline void xdr_put_opaque(struct xdr_writer *w, const void *data,
				  uint32_t len)
{
	uint8_t *p;

	xdr_put_u32(w, len);
	p = xdr_put_space(w, len);
	if (p)
		memcpy(p, data, len);
}
