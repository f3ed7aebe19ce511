/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The trash. A directory in it is taken for a volume's only if a descriptor, the
 * trash's or the volume's own, has its file id: what somebody else put there under
 * the volume's name is neither removed nor brought back.
 *
 *	restore: volume's descriptor -> rename into the place -> (the caller makes the
 *		 volume) -> drop
 *
 * so that from the first write on the path is the volume's, and what was interrupted
 * is found again on either side of the rename.
 */

#include <string.h>

#include "share.h"
#include "share_calls.h"
#include "share_session.h"

static int read_descriptor(struct session *session,
			   struct share_descriptor *ret, struct err *err)
{
	const char *name = session->volume->name;
	int r = share_descriptor_read(session->nfs, &session->trash, name, ret);

	if (r == -ENOENT)
		r = share_descriptor_read(session->nfs, &session->volumes, name,
					  ret);
	if (r < 0)
		return session_fail(session, r,
				    "read the descriptor in the trash of", err);
	return 0;
}

/* 0, -ENOENT when nothing lies there, or an error with a sentence. */
static int open_trashed(struct session *session,
			const struct share_volume *volume,
			struct share_descriptor *ret, struct err *err)
{
	struct share_entry entry;
	int r = session_open(session, volume, err);

	if (r != 0)
		return r;
	r = share_nfs_lookup(session->nfs, &session->trash, volume->name,
			     &entry);
	if (r == -ENOENT)
		return r;
	r = read_descriptor(session, ret, err);
	return r == 0 ? session_find_trashed(session, ret, err) : r;
}

static int walk(const struct share_volume *volume, enum share_tree_task task,
		share_tree_fn go_on, void *userdata, struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	_cleanup_(share_descriptor_fini) struct share_descriptor descriptor = {
		0
	};
	int r = open_trashed(&session, volume, &descriptor, err);

	if (r == -ENOENT)
		return 0;
	if (r != 0)
		return r;
	/* It goes without, too. */
	(void)share_calls_widen(session.nfs, volume->server, volume->port);
	r = share_tree_walk(session.nfs, &session.trash, volume->name, task,
			    go_on, userdata);
	if (r == SHARE_TREE_MORE)
		return SHARE_MORE;
	return r < 0 ? session_fail(&session, r, "remove from the trash the",
				    err)
		     : 0;
}

static int note(const struct share_volume *volume, struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	_cleanup_(share_descriptor_fini) struct share_descriptor descriptor = {
		0
	};
	int r = open_trashed(&session, volume, &descriptor, err);

	if (r == -ENOENT)
		return 0;
	if (r != 0)
		return r;
	session_hold_volume(&session);
	r = share_descriptor_write(session.nfs, &session.trash, volume,
				   &descriptor);
	return r < 0 ? session_fail(&session, r,
				    "write the descriptor in the trash of", err)
		     : 0;
}

static int drop(const struct share_volume *volume, struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	int r = session_open(&session, volume, err);

	if (r != 0)
		return r;
	session_hold_volume(&session);
	r = share_descriptor_remove(session.nfs, &session.trash, volume->name);
	return r < 0 ? session_fail(&session, r,
				    "remove the descriptor in the trash of",
				    err)
		     : 0;
}

/* --- back --------------------------------------------------------------------------- */

static int move_back(struct session *session,
		     const struct share_descriptor *descriptor, struct err *err)
{
	const struct share_volume *volume = session->volume;
	_cleanup_(free) char *name = NULL;
	struct share_fh parent;
	int r = share_descriptor_write(session->nfs, &session->volumes, volume,
				       descriptor);

	if (r < 0)
		return session_fail(session, r, "write the descriptor of", err);
	r = session_walk_to_parent(session, WALK_MAKE, &parent, &name);
	if (r == 0)
		r = share_nfs_rename(session->nfs, &session->trash,
				     volume->name, &parent, name);
	return r < 0 ? session_fail(session, r, "restore", err) : 0;
}

/* Nothing is in the trash: done, if the place has what was there. */
static int check_restored(struct session *session, struct err *err)
{
	_cleanup_(share_descriptor_fini) struct share_descriptor descriptor = {
		0
	};
	_cleanup_(free) char *name = NULL;
	struct share_fh parent;
	struct share_entry entry;
	int r = share_descriptor_read(session->nfs, &session->volumes,
				      session->volume->name, &descriptor);

	if (r == 0)
		r = session_find_directory(session, &parent, &name, &entry);
	if (r < 0)
		return session_fail(session, r, "find in the trash the", err);
	if (descriptor.has_fileid && descriptor.fileid == entry.fileid)
		return 0;
	return session_refuse(
		session, "it is not the one that was made for the volume", err);
}

static int restore(const struct share_volume *volume,
		   struct share_owner *ret_owner, struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	_cleanup_(share_descriptor_fini) struct share_descriptor descriptor = {
		0
	};
	int r = open_trashed(&session, volume, &descriptor, err);

	if (r == -ENOENT)
		return check_restored(&session, err);
	if (r != 0)
		return r;
	session_hold_volume(&session);
	session_hold_places(&session);
	r = session_check_free(&session, "restore", ret_owner, err);
	if (r == 0)
		r = move_back(&session, &descriptor, err);
	return r;
}

const struct share_ops *share_ops_nfs(void)
{
	static const struct share_ops ops = {
		.make = share_make,
		.reclaim = share_reclaim,
		.scrub = share_scrub,
		.permit = share_permit,
		.describe = share_describe,
		.forget = share_forget,
		.walk = walk,
		.note = note,
		.restore = restore,
		.drop = drop,
		.copy = share_copy,
		.keep_snapshot = share_keep_snapshot,
		.drop_copy = share_drop_copy,
		.drop_snapshot = share_drop_snapshot,
		.each_snapshot = share_each_snapshot,
		.each_copy = share_each_copy,
	};

	return &ops;
}
