/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Doctors on several nodes may visit one share at once, so each has a directory of
 * its own, with a name that nobody else draws, on one shelf in the share's root.
 * Who goes takes his directory with him, and the shelf if it is empty then; whoever
 * finds that the shelf went away meanwhile puts it there again.
 *
 * A doctor lives for seconds. A directory that the server's clock makes older than
 * an hour was left by one that was killed, and goes.
 */

#include <string.h>
#include <sys/random.h>

#include "doctor_internal.h"

#define SHELF	    ".claimfs-doctor"
#define SHELF_TRIES 3
#define LEFT_S	    3600

/* Names are known, and so few that nothing has to be listed. */
static void empty(struct share_nfs *nfs, const struct share_fh *dir)
{
	static const char *const files[] = { DOCTOR_FILE, DOCTOR_RENAMED,
					     DOCTOR_USERS_FILE };
	static const char *const directories[] = { DOCTOR_DIRECTORY,
						   DOCTOR_TRASH };
	struct share_entry trash;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		(void)share_nfs_remove(nfs, dir, files[i]);
	if (share_nfs_lookup(nfs, dir, DOCTOR_TRASH, &trash) == 0)
		(void)share_nfs_rmdir(nfs, &trash.fh, DOCTOR_DIRECTORY);
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		(void)share_nfs_rmdir(nfs, dir, directories[i]);
}

static int make(struct share_nfs *nfs, const struct share_fh *dir,
		const char *name, uint32_t mode, struct share_fh *ret)
{
	struct share_made made;
	int r = share_nfs_ensure_directory(nfs, dir, name, mode, &made);

	*ret = made.entry.fh;
	return r;
}

static int make_both(struct doctor *doctor)
{
	struct share_nfs *nfs = doctor->nfs;
	int r = make(nfs, share_nfs_root(nfs), SHELF, 0755, &doctor->shelf);

	if (r < 0)
		return r;
	doctor->has_shelf = true;
	r = make(nfs, &doctor->shelf, doctor->name, 0755, &doctor->scratch);
	if (r < 0)
		return r;
	doctor->has_scratch = true;
	return 0;
}

/* What has not changed for an hour, by the server's own clock. */
static void sweep_one(struct doctor *doctor, const char *name)
{
	struct share_attributes attributes;
	struct share_entry entry;

	if (strcmp(name, doctor->name) == 0 ||
	    share_nfs_lookup(doctor->nfs, &doctor->shelf, name, &entry) < 0 ||
	    share_probe_getattr(doctor->nfs, &entry.fh, &attributes) < 0 ||
	    attributes.mtime.tv_sec + LEFT_S >
		    doctor->scratch_attributes.ctime.tv_sec)
		return;
	empty(doctor->nfs, &entry.fh);
	(void)share_nfs_rmdir(doctor->nfs, &doctor->shelf, name);
}

static void sweep(struct doctor *doctor)
{
	_cleanup_(share_page_fini) struct share_page page = { 0 };

	if (share_nfs_list(doctor->nfs, &doctor->shelf, &page) < 0)
		return;
	for (size_t i = 0; i < page.n; i++)
		sweep_one(doctor, page.items[i].name);
}

/* The clocks: ours before and after the server used its own. */
static void say_clock(struct doctor *doctor, double before, double after)
{
	const struct timespec *ctime = &doctor->scratch_attributes.ctime;
	double server = (double)ctime->tv_sec + (double)ctime->tv_nsec / 1e9;
	double ahead = server > after	 ? server - after
		       : server < before ? server - before
					 : 0;
	double off = ahead < 0 ? -ahead : ahead;

	/* Kernels stamp files with the time of their last tick. */
	if (off < 0.5)
		doctor_say(doctor, DOCTOR_OK, "clock", NULL,
			   "the server's clock agrees with this machine's");
	else
		doctor_say(
			doctor, off < 2 ? DOCTOR_OK : DOCTOR_WARN, "clock",
			off < 2 ? NULL
				: "let chrony or systemd-timesyncd set the clocks of the server and of the nodes: programs such as make compare times of files with their own",
			"the server's clock is %.1f s %s this machine's", off,
			ahead > 0 ? "ahead of" : "behind");
}

static double now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void draw_name(struct doctor *doctor)
{
	uint64_t random = 0;

	(void)getrandom(&random, sizeof(random), 0);
	(void)snprintf(doctor->name, sizeof(doctor->name), "visit-%016llx",
		       (unsigned long long)random);
}

int doctor_make_scratch(struct doctor *doctor)
{
	double before = now();
	int r = -ESTALE;

	draw_name(doctor);
	for (int i = 0; i < SHELF_TRIES && (r == -ESTALE || r == -ENOENT); i++)
		r = make_both(doctor);
	if (r < 0)
		return doctor_fail(doctor, "write", SHARE_STEP_CHANGE, r,
				   "make a directory in share %s as root",
				   doctor->options->share.share);
	r = share_probe_getattr(doctor->nfs, &doctor->scratch,
				&doctor->scratch_attributes);
	if (r < 0)
		return doctor_fail(doctor, "write", SHARE_STEP_CHANGE, r,
				   "look at a new directory in share %s",
				   doctor->options->share.share);
	doctor_say(doctor, DOCTOR_OK, "write", NULL,
		   "root can make directories in %s",
		   doctor->options->share.share);
	say_clock(doctor, before, now());
	sweep(doctor);
	return 0;
}

void doctor_remove_scratch(struct doctor *doctor)
{
	int r = 0;

	if (!doctor->has_shelf)
		return;
	share_probe_become(doctor->nfs, 0, 0);
	if (doctor->has_scratch) {
		empty(doctor->nfs, &doctor->scratch);
		r = share_nfs_rmdir(doctor->nfs, &doctor->shelf, doctor->name);
	}
	/* Another doctor may be at work there. */
	(void)share_nfs_rmdir(doctor->nfs, share_nfs_root(doctor->nfs), SHELF);
	if (r < 0)
		doctor_say(doctor, DOCTOR_WARN, "write", NULL,
			   "%s/%s could not be removed from the share: %s",
			   SHELF, doctor->name, strerrordesc_np(-r));
}
