/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The wall clock of the program that this is loaded into (LD_PRELOAD) is wrong by as
 * many seconds as are in the file that $SHIFTED_CLOCK names, a number of 8 bytes that
 * may change at any time. No other clock is.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

/* The function that this one hides. */
#define NEXT(name) ((typeof(&(name)))dlsym(RTLD_NEXT, #name))

static _Atomic int64_t none;
static _Atomic int64_t *shift = &none;

__attribute__((constructor)) static void init(void)
{
	const char *path = getenv("SHIFTED_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map = mmap(NULL, sizeof(*shift), PROT_READ, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		abort();
	shift = map;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = NEXT(clock_gettime)(clock, ret);

	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		ret->tv_sec += atomic_load(shift);
	return r;
}

time_t time(time_t *ret)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *ret, void *zone)
{
	int r = NEXT(gettimeofday)(ret, zone);

	ret->tv_sec += atomic_load(shift);
	return r;
}
