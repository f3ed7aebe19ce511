/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What callbacks on another thread have told, as one text that is waited for. */

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <criterion/criterion.h>

struct told {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char text[4096];
};

static inline void told_init(struct told *told)
{
	*told = (struct told){ 0 };
	(void)pthread_mutex_init(&told->lock, NULL);
	(void)pthread_cond_init(&told->changed, NULL);
}

/* Whether that text is in it now. */
static inline bool told_add(struct told *told, const char *text,
			    const char *wanted)
{
	size_t len;
	bool is_in;

	(void)pthread_mutex_lock(&told->lock);
	len = strlen(told->text);
	(void)snprintf(told->text + len, sizeof(told->text) - len, "%s", text);
	is_in = wanted && strstr(told->text, wanted);
	(void)pthread_cond_broadcast(&told->changed);
	(void)pthread_mutex_unlock(&told->lock);
	return is_in;
}

static inline void told_wait(struct told *told, const char *text)
{
	struct timespec until = { .tv_sec = time(NULL) + 20 };

	(void)pthread_mutex_lock(&told->lock);
	while (!strstr(told->text, text))
		cr_assert_eq(pthread_cond_timedwait(&told->changed, &told->lock,
						    &until),
			     0, "\"%s\" does not come after \"%s\"", text,
			     told->text);
	(void)pthread_mutex_unlock(&told->lock);
}
