/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A whole copy becomes a volume's directory. The descriptor comes first, as always, and
 * has the copy's file id already:
 *
 *	descriptor with the copy's file id -> rename into the place
 *
 * so that on either side of the rename it is known which directory is the volume's.
 * Mode and owner stay what the source's were: that is what a copy is.
 */

#include "share_copied.h"

#include <string.h>

#include "share.h"
#include "share_copy_place.h"

static int find_whole(struct session *session, struct copy_place *ret,
		      struct err *err)
{
	const char *copy = session->volume->copy;
	int r = copy_place_find(session, copy, ret);

	if (r < 0)
		return copy_fail(session, r, "find copy", copy, err);
	return ret->is_whole ? 0
			     : copy_refuse(session, "use copy", copy,
					   "it is not whole", err);
}

static int move_to_place(struct session *session,
			 const struct copy_place *place, struct err *err)
{
	_cleanup_(free) char *name = NULL;
	struct share_fh parent;
	int r = session_walk_to_parent(session, WALK_MAKE, &parent, &name);

	if (r == 0)
		r = share_nfs_rename(session->nfs, &place->dir, COPY_TREE,
				     &parent, name);
	return r < 0 ? session_fail(session, r, "put a copy at", err) : 0;
}

/* The descriptor has this copy's file id, and then it goes to its place. */
static int put(struct session *session, struct err *err)
{
	const struct share_volume *volume = session->volume;
	struct share_descriptor descriptor = { .path = (char *)volume->path,
					       .has_fileid = true };
	struct copy_place place;
	int r = find_whole(session, &place, err);

	if (r < 0)
		return r;
	descriptor.fileid = place.fileid;
	r = share_descriptor_write(session->nfs, &session->volumes, volume,
				   &descriptor);
	if (r < 0)
		return session_fail(session, r, "write the descriptor of", err);
	return move_to_place(session, &place, err);
}

/* The rename is still to come. */
#define MISSING 1

static int check_begun(struct session *session,
		       const struct share_descriptor *descriptor,
		       struct err *err)
{
	_cleanup_(free) char *name = NULL;
	struct share_fh parent;
	struct share_entry entry;
	int r;

	if (strcmp(descriptor->path, session->volume->path) != 0)
		return session_refuse(
			session,
			"the volume's descriptor names another directory", err);
	r = session_find_directory(session, &parent, &name, &entry);
	if (r == -ENOENT)
		return MISSING;
	if (r < 0)
		return session_fail(session, r, "look up", err);
	if (descriptor->has_fileid && descriptor->fileid == entry.fileid)
		return 0;
	return session_refuse(
		session, "it is not the one that was made for the volume", err);
}

int share_make_copied(struct session *session, struct share_owner *ret_owner,
		      struct err *err)
{
	_cleanup_(share_descriptor_fini) struct share_descriptor descriptor = {
		0
	};
	int r = share_descriptor_read(session->nfs, &session->volumes,
				      session->volume->name, &descriptor);

	if (r < 0 && r != -ENOENT)
		return session_fail(session, r, "read the descriptor of", err);
	if (r == -ENOENT) {
		session_hold_places(session);
		r = session_check_free(session, "put a copy at", ret_owner,
				       err);
		if (r != 0)
			return r;
	} else {
		r = check_begun(session, &descriptor, err);
		if (r != MISSING)
			return r;
	}
	return put(session, err);
}
