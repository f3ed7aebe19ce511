/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The kernel's random numbers, not a generator with a seed: the processes that must
 * not come back together are copies of one image, started together.
 */

#include "kube_backoff.h"

#include <stdint.h>
#include <sys/random.h>

unsigned int kube_jitter(unsigned int ms)
{
	uint32_t chance = UINT32_MAX / 2;

	(void)getrandom(&chance, sizeof(chance), GRND_NONBLOCK);
	return ms / 2 + (unsigned int)((uint64_t)ms * chance / UINT32_MAX);
}

unsigned int kube_backoff_next(struct kube_backoff *backoff)
{
	unsigned int ms = backoff->now_ms ? backoff->now_ms : backoff->first_ms;

	backoff->now_ms = ms > backoff->max_ms / 2 ? backoff->max_ms : ms * 2;
	return kube_jitter(ms);
}

void kube_backoff_reset(struct kube_backoff *backoff)
{
	backoff->now_ms = 0;
}
