/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Taking a directory out of its place:
 *
 *	check descriptor and file id -> rename into the trash -> check the file id
 *	again -> descriptor in the trash
 *
 * Nothing is removed here but a directory that is empty. The volume's descriptor goes
 * after its finalizer, by forget: while it is there, what lies in the trash is known
 * to be the volume's, a directory that stays is known to be no obstacle, and nobody
 * else gets the path.
 *
 * Invariants:
 *  1. A directory is touched only when the descriptor of that name names this volume
 *     and this path, and the directory has the file id that was recorded when it was
 *     made. Anything else is an error and changes nothing. A path in a volume's
 *     handle is not even looked at (CVE-2026-3864).
 *  2. A directory that several volumes share goes with the last of them.
 *  3. A directory that was there before its descriptor ("adopted") stays, as does one
 *     that is still "creating" and not empty.
 */

#include <string.h>

#include "share.h"
#include "share_session.h"

#define MAX_ARCHIVES 100
#define UID_PREFIX   8
#define ARCHIVED_MAX 230 /* of 255 bytes */

struct found {
	struct share_fh parent;
	char *name;
	struct share_entry entry;
};

/* SHARE_TRASHED. An error undoes the rename: what lies there is not what was looked at. */
static int move_to_trash(struct session *session, const struct found *found,
			 struct err *err)
{
	const struct share_volume *volume = session->volume;
	struct share_entry moved;
	int r;

	r = share_nfs_rename(session->nfs, &found->parent, found->name,
			     &session->trash, volume->name);
	if (r < 0)
		return session_fail(session, r, "move into the trash the", err);
	r = share_nfs_lookup(session->nfs, &session->trash, volume->name,
			     &moved);
	if (r < 0)
		return session_fail(session, r, "look up in the trash the",
				    err);
	if (moved.fileid == found->entry.fileid)
		return SHARE_TRASHED;
	(void)share_nfs_rename(session->nfs, &session->trash, volume->name,
			       &found->parent, found->name);
	return session_refuse(
		session, "it was replaced while it was being removed", err);
}

/* How much of a name leaves room for the rest of it; no half of a character. */
static size_t archived_length(const char *name)
{
	size_t len = strnlen(name, ARCHIVED_MAX + 1);

	if (len <= ARCHIVED_MAX)
		return len;
	len = ARCHIVED_MAX;
	while (len > 0 && (name[len] & 0xc0) == 0x80)
		len--;
	return len;
}

static int archive(struct session *session, const struct found *found,
		   const struct share_descriptor *descriptor, struct err *err)
{
	for (int i = 1; i <= MAX_ARCHIVES; i++) {
		_cleanup_(free) char *name = NULL;
		struct share_entry entry;
		int r;

		if (asprintf(&name,
			     i == 1 ? "archived-%.*s-%.*s"
				    : "archived-%.*s-%.*s-%d",
			     (int)archived_length(found->name), found->name,
			     UID_PREFIX, descriptor->claim_uid, i) < 0) {
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
			return session_fail(session, r, "archive", err);
		return 0;
	}
	return session_refuse(session, "it was archived too often", err);
}

/* Whether the directory is provably the volume's: 0, SHARE_KEPT or an error. */
static int check_ownership(struct session *session, const struct found *found,
			   const struct share_descriptor *descriptor,
			   struct err *err)
{
	const struct share_volume *volume = session->volume;

	if (strcmp(descriptor->path, volume->path) != 0)
		return session_refuse(
			session,
			"the volume's descriptor names another directory", err);
	if (descriptor->is_adopted)
		return SHARE_KEPT;
	if (!found->entry.is_directory ||
	    (descriptor->has_fileid &&
	     descriptor->fileid != found->entry.fileid))
		return session_refuse(
			session,
			"it is not the one that was made for the volume", err);
	return 0;
}

/* Whether another volume has the directory, too: 0, SHARE_KEPT or an error. */
static int check_sharers(struct session *session,
			 const struct share_descriptor *descriptor,
			 struct err *err)
{
	_cleanup_(share_descriptor_fini) struct share_descriptor other = { 0 };
	int r;

	if (!descriptor->is_shared)
		return 0;
	session_hold_places(session);
	r = share_descriptor_find(session->nfs, &session->volumes,
				  session->volume, &other);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? session_fail(session, r, "find other owners of", err)
		     : SHARE_KEPT;
}

/* A directory that is still "creating" goes only while it is empty. */
static int remove_found(struct session *session, const struct found *found,
			const struct share_descriptor *descriptor,
			enum on_delete how, struct err *err)
{
	int r = check_ownership(session, found, descriptor, err);

	if (r == 0)
		r = check_sharers(session, descriptor, err);
	if (r != 0)
		return r;
	if (!descriptor->has_fileid) {
		r = share_nfs_rmdir(session->nfs, &found->parent, found->name);
		return r < 0 ? session_fail(session, r, "remove", err) : 0;
	}
	if (how == ON_DELETE_ARCHIVE)
		return archive(session, found, descriptor, err);
	return move_to_trash(session, found, err);
}

/*
 * Says in the trash whose it is: the volume's descriptor will go. Where there is no room
 * to say more, it goes there itself: a full share must not keep what filled it.
 */
static int describe_trash(struct session *session,
			  struct share_descriptor *descriptor, struct err *err)
{
	int r = share_descriptor_write(session->nfs, &session->trash,
				       session->volume, descriptor);

	if (r == -ENOSPC || r == -EDQUOT)
		r = share_descriptor_move(session->nfs, &session->volumes,
					  &session->trash,
					  session->volume->name);
	if (r < 0)
		return session_fail(session, r,
				    "write the descriptor in the trash of",
				    err);
	return SHARE_TRASHED;
}

/* Without a descriptor there may be nothing: the removal was finished before. */
static int reclaim_unknown(struct session *session, int found, struct err *err)
{
	if (found == -ENOENT)
		return 0;
	(void)session_refuse(
		session,
		"nothing there says that it belongs to the volume (with persistentVolumeReclaimPolicy Retain it is left alone)",
		err);
	return SHARE_FOREIGN;
}

/* The volume's, or the one that was moved into the trash for want of room. */
static int read_descriptor(struct session *session,
			   struct share_descriptor *ret, bool *ret_is_moved)
{
	const char *name = session->volume->name;
	int r = share_descriptor_read(session->nfs, &session->volumes, name,
				      ret);

	*ret_is_moved = false;
	if (r != -ENOENT)
		return r;
	r = share_descriptor_read(session->nfs, &session->trash, name, ret);
	*ret_is_moved = r == 0;
	return r;
}

/* missing: -ENOENT when the directory is not in its place. */
static int reclaim_found(struct session *session, struct found *found,
			 int missing, enum on_delete how, struct err *err)
{
	_cleanup_(share_descriptor_fini) struct share_descriptor descriptor = {
		0
	};
	bool is_moved;
	int r = read_descriptor(session, &descriptor, &is_moved);

	if (r == -ENOENT)
		return reclaim_unknown(session, missing, err);
	if (r < 0)
		return session_fail(session, r, "read the descriptor of", err);
	r = session_find_trashed(session, &descriptor, err);
	if (r == 0)
		return is_moved ? SHARE_TRASHED
				: describe_trash(session, &descriptor, err);
	if (r != -ENOENT)
		return r;
	if (is_moved)
		return reclaim_unknown(session, missing, err);
	if (how == ON_DELETE_RETAIN)
		return SHARE_KEPT;
	if (missing)
		return 0;
	r = remove_found(session, found, &descriptor, how, err);
	return r == SHARE_TRASHED ? describe_trash(session, &descriptor, err)
				  : r;
}

int share_reclaim(const struct share_volume *volume, enum on_delete how,
		  struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	_cleanup_(free) char *name = NULL;
	struct found found = { 0 };
	int r = session_open(&session, volume, err);

	if (r != 0)
		return r;
	session_hold_volume(&session);
	r = session_find_directory(&session, &found.parent, &name,
				   &found.entry);
	if (r < 0 && r != -ENOENT)
		return session_fail(&session, r, "look up", err);
	found.name = name;
	return reclaim_found(&session, &found, r, how, err);
}

int share_forget(const struct share_volume *volume, const char *name,
		 struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	int r = session_open(&session, volume, err);

	if (r != 0)
		return r;
	share_hold_take(&session.held_volume, SHARE_HOLD_VOLUME, name);
	r = share_descriptor_remove(session.nfs, &session.volumes, name);
	if (r < 0)
		return session_fail(&session, r, "remove the descriptor of",
				    err);
	return 0;
}
