/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The internal clock: nanoseconds in uint64_t, monotonic, unaffected by changes
 * of the wall clock. Wall-clock time appears only in API objects and logs.
 */

#include <stdint.h>
#include <time.h>

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

static inline uint64_t clock_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}
