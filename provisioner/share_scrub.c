/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is changed in a directory's place: emptied for a volume that is recycled, given
 * another mode, and described anew for one that grew or got another claim.
 */

#include <string.h>

#include "clock.h"
#include "share.h"
#include "share_session.h"

/* A descriptor that says otherwise is believed; a static volume has none. */
static int check_own(struct session *session,
		     const struct share_descriptor *descriptor,
		     const struct share_entry *entry, struct err *err)
{
	if (strcmp(descriptor->path, session->volume->path) != 0)
		return session_refuse(
			session,
			"the volume's descriptor names another directory", err);
	if (descriptor->has_fileid && descriptor->fileid != entry->fileid)
		return session_refuse(
			session,
			"it is not the one that was made for the volume", err);
	return 0;
}

static int check_others(struct session *session, struct err *err)
{
	_cleanup_(share_descriptor_fini) struct share_descriptor other = { 0 };
	_cleanup_(free) char *why = NULL;
	int r = share_descriptor_find(session->nfs, &session->volumes,
				      session->volume, &other);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return session_fail(session, r, "find the owner of", err);
	if (asprintf(&why, "it overlaps with that of volume %s",
		     other.owner.volume) < 0)
		why = NULL;
	return session_refuse(session, why ? why : "it is another volume's",
			      err);
}

static int find_own(struct session *session, struct share_entry *ret,
		    struct err *err)
{
	_cleanup_(share_descriptor_fini) struct share_descriptor own = { 0 };
	_cleanup_(free) char *name = NULL;
	struct share_fh parent;
	int r = session_find_directory(session, &parent, &name, ret);

	if (r == 0 && !ret->is_directory)
		r = -ENOTDIR;
	if (r < 0)
		return session_fail(session, r, "look up", err);
	r = check_others(session, err);
	if (r < 0)
		return r;
	r = share_descriptor_read(session->nfs, &session->volumes,
				  session->volume->name, &own);
	if (r < 0)
		return r == -ENOENT
			       ? 0
			       : session_fail(session, r,
					      "read the descriptor of", err);
	return check_own(session, &own, ret, err);
}

/* Something goes in any case: with a slow server all the time is over by now. */
static bool is_in_time(void *userdata,
		       const struct share_tree_progress *progress)
{
	const uint64_t *deadline_ns = userdata;

	return progress->n_files == 0 || clock_ns() < *deadline_ns;
}

/* By its handle: by its name another one could be found by now. */
int share_scrub(const struct share_volume *volume, uint64_t deadline_ns,
		struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	struct share_entry entry = { 0 };
	int r = session_open(&session, volume, err);

	if (r != 0)
		return r;
	session_hold_places(&session);
	r = find_own(&session, &entry, err);
	if (r != 0)
		return r;
	r = share_tree_walk(session.nfs, &entry.fh, ".", SHARE_TREE_EMPTY,
			    is_in_time, &deadline_ns);
	if (r == SHARE_TREE_MORE)
		return SHARE_MORE;
	return r < 0 ? session_fail(&session, r, "empty", err) : 0;
}

int share_permit(const struct share_volume *volume, struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	struct share_entry entry = { 0 };
	int r = session_open(&session, volume, err);

	if (r == 0)
		r = find_own(&session, &entry, err);
	if (r != 0)
		return r;
	r = share_nfs_chmod(session.nfs, &entry.fh, volume->permissions);
	return r < 0 ? session_fail(&session, r, "set the mode of", err) : 0;
}

int share_describe(const struct share_volume *volume, struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	_cleanup_(share_descriptor_fini) struct share_descriptor descriptor = {
		0
	};
	int r = session_open(&session, volume, err);

	if (r != 0)
		return r;
	session_hold_volume(&session);
	r = share_descriptor_read(session.nfs, &session.volumes, volume->name,
				  &descriptor);
	if (r == 0)
		r = share_descriptor_write(session.nfs, &session.volumes,
					   volume, &descriptor);
	return r < 0 && r != -ENOENT
		       ? session_fail(&session, r, "write the descriptor of",
				      err)
		       : 0;
}
