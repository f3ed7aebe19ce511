/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The checks. Each reports what it finds, and returns 0 if those after it can be
 * made, -EINTR when it was stopped, another negative errno if they can't.
 */

#include "doctor.h"
#include "share_fault.h"
#include "share_probe.h"

struct doctor {
	const struct doctor_options *options;
	doctor_finding_fn fn;
	void *userdata;
	int n_failures;
	struct share_nfs *nfs; /* the mounted share */
	/* In its root: a directory for all doctors, and this one's own in it. */
	bool has_shelf;
	struct share_fh shelf;
	char name[48];
	struct share_fh scratch;
	bool has_scratch;
	struct share_attributes scratch_attributes;
	bool is_root_squashed;
};

/* A finding; remedy may be NULL. */
void doctor_say(struct doctor *doctor, enum doctor_level level,
		const char *check, const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* A failure with the remedy that its step and r have; returns r. */
int doctor_fail(struct doctor *doctor, const char *check, enum share_step step,
		int r, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* doctor_server.c: what needs no mounted share. */
int doctor_check_name(struct doctor *doctor);
int doctor_check_port(struct doctor *doctor);
int doctor_check_mount_service(struct doctor *doctor);
int doctor_check_share(struct doctor *doctor);

/* doctor_scratch.c: the directory that it works in. */
int doctor_make_scratch(struct doctor *doctor);
/* Removes it with all that the checks may have left. */
void doctor_remove_scratch(struct doctor *doctor);

/* doctor_share.c: the mounted share. */
int doctor_check_sizes(struct doctor *doctor);
int doctor_check_space(struct doctor *doctor);
int doctor_check_latency(struct doctor *doctor);

/* doctor_change.c: in the scratch directory. */
int doctor_check_squash(struct doctor *doctor);
int doctor_check_permissions(struct doctor *doctor);
int doctor_check_rename(struct doctor *doctor);
int doctor_check_data(struct doctor *doctor);
int doctor_check_locks(struct doctor *doctor);

/* Names that the checks use in the scratch directory. */
#define DOCTOR_FILE	  "file"
#define DOCTOR_RENAMED	  "renamed"
#define DOCTOR_USERS_FILE "file-of-a-user"
#define DOCTOR_DIRECTORY  "directory"
#define DOCTOR_TRASH	  "trash"
