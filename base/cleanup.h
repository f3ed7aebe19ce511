/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Scope-bound ownership. A local that owns something says so where it is
 * declared: `_cleanup_(x_free) struct x *x = NULL;`. Ownership is given away
 * with TAKE_PTR()/TAKE_FD() and in no other way. Every destructor used here
 * accepts NULL (or -1) and leaves errno alone.
 */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn##p)))

/* Defines what _cleanup_(fn) needs: fn takes `type` by value. */
#define DEFINE_CLEANUP(type, fn)          \
	static inline void fn##p(type *p) \
	{                                 \
		if (*p)                   \
			fn(*p);           \
	}

/* For objects that are embedded rather than pointed to. */
#define DEFINE_FINI(type, fn)             \
	static inline void fn##p(type *p) \
	{                                 \
		fn(p);                    \
	}

#define TAKE_PTR(p)                         \
	({                                  \
		__typeof__(p) _taken = (p); \
		(p) = NULL;                 \
		_taken;                     \
	})

#define TAKE_FD(fd)                \
	({                         \
		int _taken = (fd); \
		(fd) = -1;         \
		_taken;            \
	})

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr)-offsetof(type, member)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Closes and keeps errno, so that it can run after the failure it follows. */
static inline int fd_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		(void)close(fd);
	errno = saved;
	return -1;
}

static inline void fd_closep(int *fd)
{
	*fd = fd_close(*fd);
}

DEFINE_CLEANUP(FILE *, fclose)

static inline void freep(void *p)
{
	free(*(void **)p);
}

/* `_cleanup_(free) char *s = NULL;` works through freep(). */
