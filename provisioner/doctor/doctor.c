/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The order of the checks is the order in which things have to work: the first one
 * that says that nothing can go on ends the visit, so that one cause has one line.
 * Checks that only look at something go on after a failure.
 */

#include "doctor.h"

#include <stdarg.h>
#include <string.h>

#include "doctor_internal.h"

static int (*const checks[])(struct doctor *) = {
	doctor_check_name,    doctor_check_port,   doctor_check_mount_service,
	doctor_check_share,   doctor_check_sizes,  doctor_check_space,
	doctor_make_scratch,  doctor_check_squash, doctor_check_permissions,
	doctor_check_rename,  doctor_check_data,   doctor_check_locks,
	doctor_check_latency,
};

static void say(struct doctor *doctor, const struct doctor_finding *finding)
{
	doctor->n_failures += finding->level == DOCTOR_FAIL;
	doctor->fn(doctor->userdata, finding);
}

void doctor_say(struct doctor *doctor, enum doctor_level level,
		const char *check, const char *remedy, const char *fmt, ...)
{
	_cleanup_(free) char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	say(doctor, &(struct doctor_finding){ .check = check,
					      .level = level,
					      .text = text ? text : "no memory",
					      .remedy = remedy });
}

int doctor_fail(struct doctor *doctor, const char *check, enum share_step step,
		int r, const char *fmt, ...)
{
	_cleanup_(free) char *remedy =
		share_fault_remedy(step, r, doctor->options->share.share);
	_cleanup_(free) char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	doctor_say(doctor, DOCTOR_FAIL, check, remedy, "%s: %s",
		   text ? text : "no memory", strerrordesc_np(-r));
	return r;
}

const char *doctor_level_name(enum doctor_level level)
{
	static const char *const names[] = { [DOCTOR_OK] = "ok",
					     [DOCTOR_WARN] = "warn",
					     [DOCTOR_FAIL] = "fail" };

	return names[level];
}

int doctor_run(const struct doctor_options *options, doctor_finding_fn fn,
	       void *userdata)
{
	struct doctor doctor = { .options = options,
				 .fn = fn,
				 .userdata = userdata };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(checks) && r == 0; i++)
		r = *options->stop ? -EINTR : checks[i](&doctor);
	doctor_remove_scratch(&doctor);
	doctor.nfs = share_nfs_close(doctor.nfs);
	return r == -EINTR ? r : doctor.n_failures;
}
