/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How long to wait before asking again: twice as long each time, up to a limit, and
 * by chance half as long or half as long again, so that those who failed together do
 * not come back together. Belongs to one thread.
 */

struct kube_backoff {
	unsigned int first_ms;
	unsigned int max_ms;
	unsigned int now_ms; /* 0 = from the beginning */
};

unsigned int kube_backoff_next(struct kube_backoff *backoff);
void kube_backoff_reset(struct kube_backoff *backoff);

/* ms, and by chance up to half of it less or more. */
unsigned int kube_jitter(unsigned int ms);
