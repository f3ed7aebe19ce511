/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the provisioner does to directories and what pods do to files, in the
 * scratch directory. Users of pods are played by one that no server knows: it is
 * squashed only where everybody is.
 */

#include <poll.h>
#include <string.h>

#include "doctor_internal.h"

#define SOMEBODY 28462
/* Grace periods last 90 s where nobody chose otherwise. */
#define GRACE_TRIES    100
#define GRACE_PAUSE_MS 1000

/* --- who root and others are ------------------------------------------------------ */

static int make_users_file(struct doctor *doctor, struct share_attributes *ret)
{
	struct share_fh fh;
	int r = share_nfs_chmod(doctor->nfs, &doctor->scratch, 0777);

	if (r < 0)
		return r;
	share_probe_become(doctor->nfs, SOMEBODY, SOMEBODY);
	r = share_probe_create(doctor->nfs, &doctor->scratch, DOCTOR_USERS_FILE,
			       &fh);
	share_probe_become(doctor->nfs, 0, 0);
	return r < 0 ? r : share_probe_getattr(doctor->nfs, &fh, ret);
}

static void say_squash(struct doctor *doctor, uint32_t user)
{
	uint32_t root = doctor->scratch_attributes.uid;

	if (user != SOMEBODY)
		doctor_say(
			doctor, DOCTOR_WARN, "squash",
			"export it with no_all_squash,no_root_squash in /etc/exports (Squash = No_Root_Squash; in ganesha.conf), or say squash: all in the class",
			"everybody is user %u on the server (all_squash)",
			user);
	else if (root != 0)
		doctor_say(
			doctor, DOCTOR_WARN, "squash",
			"export it with no_root_squash in /etc/exports (Squash = No_Root_Squash; in ganesha.conf), or leave uid and gid out of the class and say squash: root in it if containers run as root",
			"root is user %u on the server (root_squash): volumes can't be given to other users, and root in a pod is not root there",
			root);
	else
		doctor_say(
			doctor, DOCTOR_OK, "squash", NULL,
			"root is root on the server, and others are themselves");
}

/*
 * A server with a lock manager makes no files right after its start, until former
 * holders had the time to reclaim their locks (NFS3ERR_JUKEBOX). Nobody is told when
 * that is over: one has to ask again.
 */
static int make_after_grace(struct doctor *doctor, struct share_attributes *ret)
{
	int r = make_users_file(doctor, ret);

	if (r == -EAGAIN)
		doctor_say(doctor, DOCTOR_OK, "grace", NULL,
			   "the server has just started, and asks to wait");
	for (int i = 0; i < GRACE_TRIES && r == -EAGAIN; i++) {
		(void)poll(NULL, 0, GRACE_PAUSE_MS);
		r = *doctor->options->stop ? -EINTR
					   : make_users_file(doctor, ret);
	}
	return r;
}

int doctor_check_squash(struct doctor *doctor)
{
	struct share_attributes attributes;
	int r = make_after_grace(doctor, &attributes);

	if (r == -EINTR)
		return r;
	if (r < 0)
		return doctor_fail(doctor, "squash", SHARE_STEP_CHANGE, r,
				   "make a file as user %u in share %s",
				   SOMEBODY, doctor->options->share.share);
	doctor->is_root_squashed = doctor->scratch_attributes.uid != 0;
	say_squash(doctor, attributes.uid);
	return 0;
}

/* --- what may be done ------------------------------------------------------------- */

static int change_directory(struct doctor *doctor, const char **ret_what)
{
	struct share_nfs *nfs = doctor->nfs;
	struct share_entry entry;
	struct share_made made;
	int r;

	*ret_what = "make a directory";
	r = share_nfs_mkdir(nfs, &doctor->scratch, DOCTOR_DIRECTORY, 0700,
			    &made);
	if (r < 0)
		return r;
	*ret_what = "look up a directory";
	r = share_nfs_lookup(nfs, &doctor->scratch, DOCTOR_DIRECTORY, &entry);
	if (r < 0)
		return r;
	*ret_what = "set a directory's mode";
	r = share_nfs_chmod(nfs, &entry.fh, 0777);
	if (r < 0 || doctor->is_root_squashed)
		return r;
	*ret_what = "give a directory to another user";
	return share_nfs_chown(nfs, &entry.fh, SOMEBODY, SOMEBODY);
}

static int change_file(struct doctor *doctor, const char **ret_what)
{
	struct share_nfs *nfs = doctor->nfs;
	int r;

	*ret_what = "write a file";
	r = share_nfs_write_file(nfs, &doctor->scratch, DOCTOR_FILE, "doctor",
				 6);
	if (r < 0)
		return r;
	*ret_what = "rename a file";
	r = share_nfs_rename(nfs, &doctor->scratch, DOCTOR_FILE,
			     &doctor->scratch, DOCTOR_RENAMED);
	if (r < 0)
		return r;
	*ret_what = "remove a file";
	return share_nfs_remove(nfs, &doctor->scratch, DOCTOR_RENAMED);
}

int doctor_check_permissions(struct doctor *doctor)
{
	const char *what = "";
	int r = change_directory(doctor, &what);

	if (r == 0)
		r = change_file(doctor, &what);
	if (r < 0)
		return doctor_fail(doctor, "permissions", SHARE_STEP_CHANGE, r,
				   "%s in share %s as root", what,
				   doctor->options->share.share);
	doctor_say(
		doctor, DOCTOR_OK, "permissions", NULL,
		"directories and files can be made, changed, renamed and removed");
	return 0;
}

/* Into the trash, as a volume's directory goes; it has to stay what it was. */
static int move_directory(struct doctor *doctor, bool *ret_is_same)
{
	struct share_nfs *nfs = doctor->nfs;
	struct share_entry before, after;
	struct share_made trash;
	int r = share_nfs_mkdir(nfs, &doctor->scratch, DOCTOR_TRASH, 0700,
				&trash);

	if (r == 0)
		r = share_nfs_lookup(nfs, &doctor->scratch, DOCTOR_DIRECTORY,
				     &before);
	if (r == 0)
		r = share_nfs_rename(nfs, &doctor->scratch, DOCTOR_DIRECTORY,
				     &trash.entry.fh, DOCTOR_DIRECTORY);
	if (r == 0)
		r = share_nfs_lookup(nfs, &trash.entry.fh, DOCTOR_DIRECTORY,
				     &after);
	if (r == 0)
		*ret_is_same = before.fileid == after.fileid;
	return r;
}

int doctor_check_rename(struct doctor *doctor)
{
	bool is_same = false;
	int r = move_directory(doctor, &is_same);

	if (r < 0)
		return doctor_fail(doctor, "rename", SHARE_STEP_CHANGE, r,
				   "move a directory into another one");
	if (is_same)
		doctor_say(doctor, DOCTOR_OK, "rename", NULL,
			   "directories can be moved into the trash");
	else
		doctor_say(
			doctor, DOCTOR_FAIL, "rename",
			"export a file system whose inode numbers stay (not one that is put together of several)",
			"a directory that is moved gets another file id: removed volumes could not be told from others");
	return 0;
}

/* --- data ------------------------------------------------------------------------- */

struct data {
	struct share_fh fh;
	struct share_verifier written;
	struct share_verifier committed;
	bool is_same;
};

static int write_data(struct doctor *doctor, struct data *data)
{
	static const char text[] = "written by claimctl doctor";
	char back[sizeof(text)] = "";
	size_t len = 0;
	int r = share_probe_create(doctor->nfs, &doctor->scratch, DOCTOR_FILE,
				   &data->fh);

	if (r == 0)
		r = share_probe_write(doctor->nfs, &data->fh, text,
				      sizeof(text), &len, &data->written);
	if (r == 0 && len != sizeof(text))
		r = -EIO;
	if (r == 0)
		r = share_probe_commit(doctor->nfs, &data->fh,
				       &data->committed);
	if (r == 0)
		r = share_nfs_read_file(doctor->nfs, &data->fh, back,
					sizeof(back), &len);
	if (r == 0)
		data->is_same = len == sizeof(text) &&
				memcmp(text, back, sizeof(text)) == 0;
	return r;
}

int doctor_check_data(struct doctor *doctor)
{
	struct data data = { 0 };
	int r = write_data(doctor, &data);

	if (r < 0)
		return doctor_fail(doctor, "data", SHARE_STEP_CHANGE, r,
				   "write, commit and read a file in share %s",
				   doctor->options->share.share);
	if (!data.is_same)
		doctor_say(doctor, DOCTOR_FAIL, "data",
			   "look for errors of the server's disk",
			   "what was written is not what is read");
	else if (memcmp(&data.written, &data.committed, sizeof(data.written)) !=
		 0)
		doctor_say(
			doctor, DOCTOR_WARN, "data",
			"look into the server's log for restarts; where several servers share an address, they need one write verifier",
			"the write verifier changed between WRITE and COMMIT: all uncommitted data is sent again each time");
	else
		doctor_say(doctor, DOCTOR_OK, "data", NULL,
			   "data is written, committed and read back");
	return 0;
}

/* --- locks ------------------------------------------------------------------------ */

static int lock_file(struct doctor *doctor, const char **ret_what)
{
	const char *server = doctor->options->share.server;
	_cleanup_(share_nfs_close) struct share_nfs *nlm = NULL;
	struct share_entry entry;
	uint32_t port = 0;
	int r;

	*ret_what = "ask the server's portmapper for its lock manager";
	r = share_probe_port(server, SHARE_SERVICE_NLM4, &port);
	if (r < 0)
		return r;
	*ret_what = "reach the server's lock manager";
	r = share_probe_service(&nlm, server, port, SHARE_SERVICE_NLM4);
	if (r == 0)
		r = share_nfs_lookup(doctor->nfs, &doctor->scratch, DOCTOR_FILE,
				     &entry);
	if (r < 0)
		return r;
	*ret_what = "lock a file";
	return share_probe_lock(nlm, &entry.fh);
}

int doctor_check_locks(struct doctor *doctor)
{
	const char *what = "";
	int r;

	if (!doctor->options->has_locks)
		return 0;
	r = lock_file(doctor, &what);
	if (r == 0)
		doctor_say(doctor, DOCTOR_OK, "locks", NULL,
			   "files can be locked and unlocked (NLM version 4)");
	else if (r == -EAGAIN)
		doctor_say(
			doctor, DOCTOR_OK, "locks", NULL,
			"the lock manager has just started: new locks have to wait until former ones are reclaimed");
	else
		(void)doctor_fail(doctor, "locks", SHARE_STEP_LOCK, r, "%s",
				  what);
	return 0;
}
