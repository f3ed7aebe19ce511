/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Paths are walked component by component from the share's root, by handle, and a
 * symlink on the way is no directory (CVE-2017-1002101, CVE-2021-25741: whoever
 * checks a path and then uses it by name is led elsewhere in between).
 */

#include "share_session.h"

#include <string.h>

#include "share_pool.h"

#define PRIVATE_DIR  ".claimfs"
#define PRIVATE_MODE 0700

void session_fini(struct session *session)
{
	struct share_pool *pool =
		session->volume ? session->volume->pool : NULL;

	if (pool && session->nfs && !session->is_doubtful &&
	    !share_nfs_is_broken(session->nfs))
		share_pool_put(pool, session);
	session->nfs = share_nfs_close(session->nfs);
	share_hold_release(&session->held_places);
	share_hold_release(&session->held_top);
	share_hold_release(&session->held_volume);
}

int session_fail_at(struct session *session, enum share_step step, int r,
		    const char *what, struct err *err)
{
	const struct share_volume *volume = session->volume;

	/* A handle may be stale. */
	session->is_doubtful = true;
	(void)err_set_errno(err, r, "%s directory %s on share %s of server %s",
			    what, volume->path, volume->share, volume->server);
	share_fault_explain(err, step, volume->share);
	return r;
}

int session_fail(struct session *session, int r, const char *what,
		 struct err *err)
{
	return session_fail_at(session, SHARE_STEP_CHANGE, r, what, err);
}

int session_refuse(const struct session *session, const char *why,
		   struct err *err)
{
	const struct share_volume *volume = session->volume;

	return err_set(err, -EPERM,
		       "keep directory %s on share %s of server %s: %s",
		       volume->path, volume->share, volume->server, why);
}

int session_ensure_directory(struct session *session,
			     const struct share_fh *dir, const char *name,
			     uint32_t mode, struct share_entry *ret)
{
	struct share_made made;
	int r = share_nfs_lookup(session->nfs, dir, name, ret);

	if (r == -ENOENT) {
		r = share_nfs_ensure_directory(session->nfs, dir, name, mode,
					       &made);
		*ret = made.entry;
	}
	if (r < 0)
		return r;
	return ret->is_directory ? 0 : -ENOTDIR;
}

static int find_private(struct session *session, const struct share_fh *top,
			const char *name, struct share_fh *ret, struct err *err)
{
	struct share_entry entry;
	int r = session_ensure_directory(session, top, name, PRIVATE_MODE,
					 &entry);

	if (r < 0)
		return session_fail(session, r,
				    "make " PRIVATE_DIR "'s directories for",
				    err);
	*ret = entry.fh;
	return 0;
}

/* The server answers, and the share has what it had. */
static bool is_as_before(struct session *session)
{
	struct share_entry entry;
	int r = share_nfs_lookup(session->nfs, share_nfs_root(session->nfs),
				 PRIVATE_DIR, &entry);

	return r == 0 && entry.fh.len == session->private.len &&
	       memcmp(entry.fh.data, session->private.data, entry.fh.len) == 0;
}

static bool open_kept(struct session *session)
{
	struct share_pool *pool = session->volume->pool;

	if (!pool || !share_pool_take(pool, session))
		return false;
	if (is_as_before(session))
		return true;
	session->nfs = share_nfs_close(session->nfs);
	return false;
}

int session_open(struct session *session, const struct share_volume *volume,
		 struct err *err)
{
	struct share_nfs_options options = { .server = volume->server,
					     .share = volume->share,
					     .port = volume->port,
					     .mountport = volume->mountport };
	int r;

	session->volume = volume;
	if (open_kept(session))
		return 0;
	r = share_nfs_open(&session->nfs, &options, err);
	if (r < 0)
		return SHARE_UNREACHED;
	r = find_private(session, share_nfs_root(session->nfs), PRIVATE_DIR,
			 &session->private, err);
	if (r == 0)
		r = find_private(session, &session->private, "volumes",
				 &session->volumes, err);
	if (r == 0)
		r = find_private(session, &session->private, "trash",
				 &session->trash, err);
	return r;
}

int session_walk_to_parent(struct session *session, enum walk_flags flags,
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
			r = session_ensure_directory(session, &dir, name,
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

int session_find_directory(struct session *session, struct share_fh *ret_parent,
			   char **ret_name, struct share_entry *ret)
{
	int r = session_walk_to_parent(session, 0, ret_parent, ret_name);

	if (r < 0)
		return r;
	return share_nfs_lookup(session->nfs, ret_parent, *ret_name, ret);
}

int session_find_trashed(struct session *session,
			 const struct share_descriptor *descriptor,
			 struct err *err)
{
	struct share_entry entry;
	int r = share_nfs_lookup(session->nfs, &session->trash,
				 session->volume->name, &entry);

	if (r == -ENOENT)
		return r;
	if (r < 0)
		return session_fail(session, r, "look up in the trash the",
				    err);
	if (descriptor->has_fileid && descriptor->fileid == entry.fileid)
		return 0;
	return session_refuse(
		session,
		"what lies in the trash under the volume's name is not the one that was made for it",
		err);
}

int session_check_free(struct session *session, const char *what,
		       struct share_owner *ret_owner, struct err *err)
{
	const struct share_volume *volume = session->volume;
	_cleanup_(share_descriptor_fini) struct share_descriptor other = { 0 };
	_cleanup_(free) char *name = NULL;
	struct share_fh parent;
	struct share_entry entry;
	int r = share_descriptor_find(session->nfs, &session->volumes, volume,
				      &other);

	if (r == 0) {
		*ret_owner = other.owner;
		other.owner = (struct share_owner){ 0 };
		return SHARE_TAKEN;
	}
	if (r < 0 && r != -ENOENT)
		return session_fail(session, r, "find the owner of", err);
	r = session_find_directory(session, &parent, &name, &entry);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return session_fail(session, r, "look up", err);
	return err_set(
		err, -EEXIST,
		"%s directory %s on share %s of server %s: another one is in its place",
		what, volume->path, volume->share, volume->server);
}
