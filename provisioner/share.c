/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Making and reclaiming directories. The order of writes is what keeps data safe:
 *
 *	make:	 descriptor "creating" -> mkdir -> descriptor "ready" with file id
 *	reclaim: check descriptor and file id -> rename into the trash -> check the
 *		 file id again -> remove below the trash;
 *		 what is in the trash from an earlier try comes first
 *	forget:	 remove the descriptor
 *
 * Invariants:
 *  1. A directory is touched by reclaim only when the descriptor of that name
 *     names this volume and this path, and the directory has the file id that was
 *     recorded when it was made. Anything else is an error and changes nothing.
 *  2. A directory that was there before its descriptor ("adopted") is never
 *     removed, nor one that is still "creating" and not empty.
 *  3. The descriptor goes last, after the volume's finalizer: while it is there,
 *     an interrupted removal is found again in the trash, a directory that stays
 *     is known to be no obstacle, and nobody else gets the path.
 *
 * The directory's mode is 0777 unless the class says otherwise: what keeps pods
 * apart is that each sees its own directory only, and a pod that does not run as
 * root must be able to write without anybody's chown. Owner and group are root's
 * unless the class names others.
 */

#include "share.h"

#include <string.h>

#include "share_descriptor.h"
#include "share_fault.h"
#include "share_nfs.h"
#include "share_tree.h"

#define PRIVATE_DIR  ".claimfs"
#define VOLUME_MODE  0777
#define PRIVATE_MODE 0700
#define MAX_ARCHIVES 100
#define UID_PREFIX   8

/* A connected share with its private directories. */
struct session {
	struct share_nfs *nfs;
	const struct share_volume *volume; /* borrowed */
	struct share_fh volumes;
	struct share_fh trash;
};

static void session_fini(struct session *session)
{
	session->nfs = share_nfs_close(session->nfs);
}

DEFINE_FINI(struct session, session_fini)

static int fail_at(enum share_step step, const struct share_volume *volume,
		   int r, const char *what, struct err *err)
{
	(void)err_set_errno(err, r, "%s directory %s on share %s of server %s",
			    what, volume->path, volume->share, volume->server);
	share_fault_explain(err, step, volume->share);
	return r;
}

static int fail(const struct share_volume *volume, int r, const char *what,
		struct err *err)
{
	return fail_at(SHARE_STEP_CHANGE, volume, r, what, err);
}

static int refuse(const struct share_volume *volume, const char *why,
		  struct err *err)
{
	return err_set(err, -EPERM,
		       "keep directory %s on share %s of server %s: %s",
		       volume->path, volume->share, volume->server, why);
}

/* --- directories ----------------------------------------------------------------- */

static int ensure_directory(struct share_nfs *nfs, const struct share_fh *dir,
			    const char *name, uint32_t mode,
			    struct share_entry *ret)
{
	int r = share_nfs_lookup(nfs, dir, name, ret);

	if (r == -ENOENT) {
		r = share_nfs_mkdir(nfs, dir, name, mode);
		if (r < 0 && r != -EEXIST)
			return r;
		r = share_nfs_lookup(nfs, dir, name, ret);
	}
	if (r < 0)
		return r;
	return ret->is_directory ? 0 : -ENOTDIR;
}

/* SHARE_UNREACHED when the share can't be mounted. */
static int session_open(struct session *session,
			const struct share_volume *volume, struct err *err)
{
	struct share_nfs_options options = { .server = volume->server,
					     .share = volume->share,
					     .port = volume->port,
					     .mountport = volume->mountport };
	struct share_entry top, entry;
	int r;

	r = share_nfs_open(&session->nfs, &options, err);
	if (r < 0)
		return SHARE_UNREACHED;
	session->volume = volume;
	r = ensure_directory(session->nfs, share_nfs_root(session->nfs),
			     PRIVATE_DIR, PRIVATE_MODE, &top);
	if (r < 0)
		return fail(volume, r, "make " PRIVATE_DIR " for", err);
	r = ensure_directory(session->nfs, &top.fh, "volumes", PRIVATE_MODE,
			     &entry);
	if (r < 0)
		return fail(volume, r, "make " PRIVATE_DIR "/volumes for", err);
	session->volumes = entry.fh;
	r = ensure_directory(session->nfs, &top.fh, "trash", PRIVATE_MODE,
			     &entry);
	if (r < 0)
		return fail(volume, r, "make " PRIVATE_DIR "/trash for", err);
	session->trash = entry.fh;
	return 0;
}

enum walk_flags {
	WALK_MAKE = 1u << 0, /* make what is missing */
};

/*
 * The directory that holds the volume's, and the volume's own name in it. Only
 * real directories on the way: a symlink is -ENOTDIR.
 */
static int walk_to_parent(struct session *session, enum walk_flags flags,
			  struct share_fh *ret_parent, char **ret_name)
{
	_cleanup_(free) char *path = strdup(session->volume->path);
	struct share_fh dir = *share_nfs_root(session->nfs);
	char *name, *slash;

	if (!path)
		return -ENOMEM;
	for (name = path; (slash = strchr(name, '/')); name = slash + 1) {
		struct share_entry entry;
		int r;

		*slash = '\0';
		if (flags & WALK_MAKE)
			r = ensure_directory(session->nfs, &dir, name,
					     VOLUME_MODE, &entry);
		else
			r = share_nfs_lookup(session->nfs, &dir, name, &entry);
		if (r < 0)
			return r;
		if (!entry.is_directory)
			return -ENOTDIR;
		dir = entry.fh;
	}
	*ret_name = strdup(name);
	if (!*ret_name)
		return -ENOMEM;
	*ret_parent = dir;
	return 0;
}

/* --- make -------------------------------------------------------------------------- */

/* -ENOENT: it is not there, nor maybe its parent. */
static int find_directory(struct session *session, struct share_fh *ret_parent,
			  char **ret_name, struct share_entry *ret)
{
	int r = walk_to_parent(session, 0, ret_parent, ret_name);

	if (r < 0)
		return r;
	return share_nfs_lookup(session->nfs, ret_parent, *ret_name, ret);
}

/* A directory that took the place of the one that was made is not the volume's. */
static int check_made(struct session *session,
		      const struct share_descriptor *descriptor,
		      struct err *err)
{
	const struct share_volume *volume = session->volume;
	_cleanup_(free) char *name = NULL;
	struct share_fh parent;
	struct share_entry entry;
	int r;

	if (strcmp(descriptor->path, volume->path) != 0)
		return refuse(volume,
			      "the volume's descriptor names another directory",
			      err);
	if (!descriptor->has_fileid)
		return 0;
	r = find_directory(session, &parent, &name, &entry);
	if (r < 0)
		return r == -ENOENT ? 0 : fail(volume, r, "look up", err);
	if (entry.fileid == descriptor->fileid)
		return 0;
	return refuse(volume, "it is not the one that was made for the volume",
		      err);
}

/* The first thing on the share that says that this volume is going to exist. */
static int claim_path(struct session *session,
		      struct share_descriptor *descriptor, char **ret_owner,
		      struct err *err)
{
	const struct share_volume *volume = session->volume;
	_cleanup_(free) char *name = NULL;
	struct share_fh parent;
	struct share_entry entry;
	int r;

	/* A path that is the PV's own name can't be anybody else's. */
	if (strcmp(volume->path, volume->name) != 0) {
		r = share_descriptor_find(session->nfs, &session->volumes,
					  volume->path, ret_owner);
		if (r == 0)
			return SHARE_TAKEN;
		if (r != -ENOENT)
			return fail(volume, r, "find the owner of", err);
	}
	r = find_directory(session, &parent, &name, &entry);
	if (r < 0 && r != -ENOENT)
		return fail(volume, r, "look up", err);
	descriptor->is_adopted = r == 0;
	r = share_descriptor_write(session->nfs, &session->volumes, volume,
				   descriptor);
	if (r < 0)
		return fail(volume, r, "write the descriptor of", err);
	return 0;
}

/* The owner comes first, because chown takes the setgid bit. */
static int set_attributes(struct session *session, const struct share_fh *fh,
			  bool is_adopted, struct err *err)
{
	const struct share_volume *volume = session->volume;
	uint32_t mode = volume->permissions ? volume->permissions : VOLUME_MODE;
	int r = 0;

	if (!is_adopted && volume->has_owner)
		r = share_nfs_chown(session->nfs, fh, volume->uid, volume->gid);
	if (r < 0)
		return fail_at(SHARE_STEP_OWNER, volume, r,
			       "set owner and group (uid, gid) of", err);
	/* Again, because servers apply a umask to MKDIR. */
	if (!is_adopted || volume->permissions)
		r = share_nfs_chmod(session->nfs, fh, mode);
	return r < 0 ? fail(volume, r, "set the mode of", err) : 0;
}

static int make_directory(struct session *session,
			  struct share_descriptor *descriptor, struct err *err)
{
	const struct share_volume *volume = session->volume;
	_cleanup_(free) char *name = NULL;
	struct share_fh parent;
	struct share_entry entry;
	int r;

	r = walk_to_parent(session, WALK_MAKE, &parent, &name);
	if (r >= 0)
		r = ensure_directory(session->nfs, &parent, name, VOLUME_MODE,
				     &entry);
	if (r < 0)
		return fail(volume, r, "make", err);
	r = set_attributes(session, &entry.fh, descriptor->is_adopted, err);
	if (r < 0)
		return r;
	descriptor->fileid = entry.fileid;
	descriptor->has_fileid = true;
	r = share_descriptor_write(session->nfs, &session->volumes, volume,
				   descriptor);
	if (r < 0)
		return fail(volume, r, "write the descriptor of", err);
	return 0;
}

static int make(const struct share_volume *volume, char **ret_owner,
		struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	_cleanup_(share_descriptor_fini) struct share_descriptor descriptor = {
		0
	};
	int r;

	r = session_open(&session, volume, err);
	if (r != 0)
		return r;
	r = share_descriptor_read(session.nfs, &session.volumes, volume->name,
				  &descriptor);
	if (r == -ENOENT)
		r = claim_path(&session, &descriptor, ret_owner, err);
	else if (r < 0)
		return fail(volume, r, "read the descriptor of", err);
	else
		r = check_made(&session, &descriptor, err);
	if (r != 0)
		return r;
	return make_directory(&session, &descriptor, err);
}

/* --- reclaim ----------------------------------------------------------------------- */

struct found {
	struct share_fh parent;
	char *name;
	struct share_entry entry;
};

/* An error undoes the rename: what lies there is not what was looked at. */
static int move_to_trash(struct session *session, const struct found *found,
			 struct err *err)
{
	const struct share_volume *volume = session->volume;
	struct share_entry moved;
	int r;

	r = share_nfs_rename(session->nfs, &found->parent, found->name,
			     &session->trash, volume->name);
	if (r < 0)
		return fail(volume, r, "move into the trash the", err);
	r = share_nfs_lookup(session->nfs, &session->trash, volume->name,
			     &moved);
	if (r < 0)
		return fail(volume, r, "look up in the trash the", err);
	if (moved.fileid == found->entry.fileid)
		return 0;
	(void)share_nfs_rename(session->nfs, &session->trash, volume->name,
			       &found->parent, found->name);
	return refuse(volume, "it was replaced while it was being removed",
		      err);
}

static int archive(struct session *session, const struct found *found,
		   const struct share_descriptor *descriptor, struct err *err)
{
	for (int i = 1; i <= MAX_ARCHIVES; i++) {
		_cleanup_(free) char *name = NULL;
		struct share_entry entry;
		int r;

		if (asprintf(&name,
			     i == 1 ? "archived-%s-%.*s"
				    : "archived-%s-%.*s-%d",
			     found->name, UID_PREFIX, descriptor->claim_uid,
			     i) < 0) {
			name = NULL;
			return err_set(err, -ENOMEM, "no memory");
		}
		r = share_nfs_lookup(session->nfs, &found->parent, name,
				     &entry);
		if (r == 0)
			continue;
		if (r == -ENOENT)
			r = share_nfs_rename(session->nfs, &found->parent,
					     found->name, &found->parent, name);
		if (r < 0)
			return fail(session->volume, r, "archive", err);
		return 0;
	}
	return refuse(session->volume, "it was archived too often", err);
}

/* Whether the directory is provably the volume's: 0, SHARE_KEPT or an error. */
static int check_ownership(struct session *session, const struct found *found,
			   const struct share_descriptor *descriptor,
			   struct err *err)
{
	const struct share_volume *volume = session->volume;

	if (strcmp(descriptor->path, volume->path) != 0)
		return refuse(volume,
			      "the volume's descriptor names another directory",
			      err);
	if (descriptor->is_adopted)
		return SHARE_KEPT;
	if (!found->entry.is_directory ||
	    (descriptor->has_fileid &&
	     descriptor->fileid != found->entry.fileid))
		return refuse(volume,
			      "it is not the one that was made for the volume",
			      err);
	return 0;
}

/* A directory that is still "creating" goes only while it is empty. */
static int remove_found(struct session *session, const struct found *found,
			const struct share_descriptor *descriptor,
			enum on_delete how, struct err *err)
{
	int r = check_ownership(session, found, descriptor, err);

	if (r != 0)
		return r;
	if (!descriptor->has_fileid) {
		r = share_nfs_rmdir(session->nfs, &found->parent, found->name);
		return r < 0 ? fail(session->volume, r, "remove", err) : 0;
	}
	if (how == ON_DELETE_ARCHIVE)
		return archive(session, found, descriptor, err);
	return move_to_trash(session, found, err);
}

/*
 * What an interrupted removal left there may not have been looked at yet: only
 * the directory with the volume's own file id goes.
 */
static int check_trash(struct session *session,
		       const struct share_descriptor *descriptor,
		       struct err *err)
{
	struct share_entry entry;
	int r = share_nfs_lookup(session->nfs, &session->trash,
				 session->volume->name, &entry);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return fail(session->volume, r, "look up in the trash the",
			    err);
	if (descriptor->has_fileid && descriptor->fileid == entry.fileid)
		return 0;
	return refuse(
		session->volume,
		"what lies in the trash under the volume's name is not the one that was made for it",
		err);
}

static int empty_trash(struct session *session,
		       const struct share_descriptor *descriptor,
		       uint64_t deadline_ns, struct err *err)
{
	int r = check_trash(session, descriptor, err);

	if (r < 0)
		return r;
	r = share_tree_remove(session->nfs, &session->trash,
			      session->volume->name, deadline_ns);

	if (r == SHARE_TREE_MORE)
		return SHARE_MORE;
	if (r < 0)
		return fail(session->volume, r, "remove from the trash the",
			    err);
	return 0;
}

/* Without a descriptor there may be nothing: the removal was finished before. */
static int reclaim_unknown(struct session *session, int found, struct err *err)
{
	if (found == -ENOENT)
		return 0;
	(void)refuse(
		session->volume,
		"nothing there says that it belongs to the volume (with persistentVolumeReclaimPolicy Retain it is left alone)",
		err);
	return SHARE_FOREIGN;
}

static int reclaim_session(struct session *session, enum on_delete how,
			   uint64_t deadline_ns, struct err *err)
{
	const struct share_volume *volume = session->volume;
	_cleanup_(share_descriptor_fini) struct share_descriptor descriptor = {
		0
	};
	_cleanup_(free) char *name = NULL;
	struct found found = { 0 };
	int r, missing;

	missing = find_directory(session, &found.parent, &name, &found.entry);
	if (missing < 0 && missing != -ENOENT)
		return fail(volume, missing, "look up", err);
	r = share_descriptor_read(session->nfs, &session->volumes, volume->name,
				  &descriptor);
	if (r == -ENOENT)
		return reclaim_unknown(session, missing, err);
	if (r < 0)
		return fail(volume, r, "read the descriptor of", err);
	/* What an interrupted removal left goes first: its name is needed. */
	r = empty_trash(session, &descriptor, deadline_ns, err);
	if (r != 0)
		return r;
	if (how == ON_DELETE_RETAIN)
		return SHARE_KEPT;
	if (missing)
		return 0;
	found.name = name;
	r = remove_found(session, &found, &descriptor, how, err);
	if (r != 0)
		return r;
	return empty_trash(session, &descriptor, deadline_ns, err);
}

static int reclaim(const struct share_volume *volume, enum on_delete how,
		   uint64_t deadline_ns, struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	int r = session_open(&session, volume, err);

	if (r != 0)
		return r;
	return reclaim_session(&session, how, deadline_ns, err);
}

static int forget(const struct share_volume *volume, const char *name,
		  struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	int r = session_open(&session, volume, err);

	if (r != 0)
		return r;
	r = share_descriptor_remove(session.nfs, &session.volumes, name);
	if (r < 0)
		return fail(volume, r, "remove the descriptor of", err);
	return 0;
}

const struct share_ops *share_ops_nfs(void)
{
	static const struct share_ops ops = {
		.make = make,
		.reclaim = reclaim,
		.forget = forget,
	};

	return &ops;
}
