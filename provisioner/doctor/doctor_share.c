/* SPDX-License-Identifier: Apache-2.0 */

/* What a mounted share tells without being changed: sizes, space, latency. */

#include <string.h>

#include "clock.h"
#include "doctor_internal.h"

#define SMALL_TRANSFER (64u << 10)
#define N_ROUNDS       31
#define SLOW_US	       10000
#define FULL_PERCENT   5

int doctor_check_sizes(struct doctor *doctor)
{
	const char *const remedy =
		"let the server take more per call: /proc/fs/nfsd/max_block_size for the kernel's, MaxRead and MaxWrite in the EXPORT of ganesha.conf";
	struct share_limits limits;
	bool is_small;
	int r = share_probe_limits(doctor->nfs, share_nfs_root(doctor->nfs),
				   &limits);

	if (r < 0)
		return doctor_fail(doctor, "sizes", SHARE_STEP_CHANGE, r,
				   "ask for the limits of share %s",
				   doctor->options->share.share);
	is_small = limits.read_max < SMALL_TRANSFER ||
		   limits.write_max < SMALL_TRANSFER;
	doctor_say(doctor, is_small ? DOCTOR_WARN : DOCTOR_OK, "sizes",
		   is_small ? remedy : NULL,
		   "the server takes %u KiB per READ and %u KiB per WRITE",
		   limits.read_max >> 10, limits.write_max >> 10);
	return 0;
}

/* --- space ------------------------------------------------------------------------ */

static bool is_nearly_used(uint64_t total, uint64_t left)
{
	return total && left < total / 100 * FULL_PERCENT;
}

static void say_space(struct doctor *doctor, const struct share_space *space)
{
	bool is_full = space->bytes && space->bytes_free == 0;
	bool is_low = is_nearly_used(space->bytes, space->bytes_free);
	_cleanup_(free) char *remedy = share_fault_remedy(
		SHARE_STEP_CHANGE, -ENOSPC, doctor->options->share.share);

	doctor_say(doctor,
		   is_full  ? DOCTOR_FAIL
		   : is_low ? DOCTOR_WARN
			    : DOCTOR_OK,
		   "space", is_full || is_low ? remedy : NULL,
		   "%llu of %llu MiB are free",
		   (unsigned long long)space->bytes_free >> 20,
		   (unsigned long long)space->bytes >> 20);
}

static void say_inodes(struct doctor *doctor, const struct share_space *space)
{
	bool is_full = space->files && space->files_free == 0;
	bool is_low = is_nearly_used(space->files, space->files_free);

	doctor_say(
		doctor,
		is_full	 ? DOCTOR_FAIL
		: is_low ? DOCTOR_WARN
			 : DOCTOR_OK,
		"inodes",
		is_full || is_low
			? "remove files, or make a file system with more inodes on the server (mkfs.ext4 -N; xfs has no limit of its own)"
			: NULL,
		"%llu of %llu inodes are free",
		(unsigned long long)space->files_free,
		(unsigned long long)space->files);
}

int doctor_check_space(struct doctor *doctor)
{
	struct share_space space;
	int r = share_probe_space(doctor->nfs, share_nfs_root(doctor->nfs),
				  &space);

	if (r < 0)
		return doctor_fail(doctor, "space", SHARE_STEP_CHANGE, r,
				   "ask for the free space of share %s",
				   doctor->options->share.share);
	say_space(doctor, &space);
	if (space.files)
		say_inodes(doctor, &space);
	return 0;
}

/* --- latency ---------------------------------------------------------------------- */

static int call_null(struct doctor *doctor)
{
	return share_probe_null(doctor->nfs);
}

static int call_getattr(struct doctor *doctor)
{
	struct share_attributes attributes;

	return share_probe_getattr(doctor->nfs, share_nfs_root(doctor->nfs),
				   &attributes);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int median_us(struct doctor *doctor, int (*call)(struct doctor *),
		     uint64_t *ret)
{
	uint64_t us[N_ROUNDS];

	for (size_t i = 0; i < N_ROUNDS; i++) {
		uint64_t begin = clock_ns();
		int r = *doctor->options->stop ? -EINTR : call(doctor);

		if (r < 0)
			return r;
		us[i] = (clock_ns() - begin) / NS_PER_US;
	}
	qsort(us, N_ROUNDS, sizeof(*us), by_value);
	*ret = us[N_ROUNDS / 2];
	return 0;
}

int doctor_check_latency(struct doctor *doctor)
{
	uint64_t null_us, getattr_us;
	int r = median_us(doctor, call_null, &null_us);

	if (r == 0)
		r = median_us(doctor, call_getattr, &getattr_us);
	if (r == -EINTR)
		return r;
	if (r < 0)
		return doctor_fail(doctor, "latency", SHARE_STEP_CONNECT, r,
				   "call the server %d times", N_ROUNDS);
	doctor_say(
		doctor, getattr_us < SLOW_US ? DOCTOR_OK : DOCTOR_WARN,
		"latency",
		getattr_us < SLOW_US
			? NULL
			: "put server and nodes into one network, or look for what loads the server: every open asks it",
		"a call takes %.2f ms, GETATTR %.2f ms (medians of %d)",
		(double)null_us / 1e3, (double)getattr_us / 1e3, N_ROUNDS);
	return 0;
}
