/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Conditions that are waited for up to a clock_ns(). */

#include <pthread.h>

#include "clock.h"

static inline void cond_init_monotonic(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(cond, &attr);
	(void)pthread_condattr_destroy(&attr);
}

/* As pthread_cond_timedwait(); UINT64_MAX = for ever. */
static inline int cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
				  uint64_t until_ns)
{
	const struct timespec until = {
		.tv_sec = (time_t)(until_ns / NS_PER_S),
		.tv_nsec = (long)(until_ns % NS_PER_S),
	};

	if (until_ns == UINT64_MAX)
		return pthread_cond_wait(cond, lock);
	return pthread_cond_timedwait(cond, lock, &until);
}
