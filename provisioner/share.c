/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Making directories. The order of writes is what keeps data safe:
 *
 *	descriptor "creating" -> mkdir -> descriptor "ready" with file id
 *
 * A directory that was there before its descriptor is "adopted", which is recorded
 * with the descriptor's first write and never forgotten.
 *
 * The directory's mode is 0777 unless the class says otherwise: what keeps pods
 * apart is that each sees its own directory only, and a pod that does not run as
 * root must be able to write without anybody's chown. Owner and group are root's
 * unless the class names others.
 */

#include "share.h"

#include <string.h>

#include "csi_origin.h"
#include "share_copied.h"
#include "share_session.h"

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
		return session_refuse(
			session,
			"the volume's descriptor names another directory", err);
	if (!descriptor->has_fileid)
		return 0;
	r = session_find_directory(session, &parent, &name, &entry);
	if (r < 0)
		return r == -ENOENT ? 0
				    : session_fail(session, r, "look up", err);
	if (entry.fileid == descriptor->fileid)
		return 0;
	return session_refuse(
		session, "it is not the one that was made for the volume", err);
}

static bool has_own_name(const struct share_volume *volume)
{
	return strcmp(volume->path, volume->name) == 0;
}

/*
 * Whether another volume has the path: 0, SHARE_TAKEN, or an error. Of those that
 * share a directory each is as the first one: either all adopted it, or the last of
 * them takes it along.
 */
static int check_owner(struct session *session,
		       struct share_descriptor *descriptor, bool *ret_has_owner,
		       struct share_owner *ret_owner, struct err *err)
{
	const struct share_volume *volume = session->volume;
	_cleanup_(share_descriptor_fini) struct share_descriptor other = { 0 };
	int r;

	*ret_has_owner = false;
	r = share_descriptor_find(session->nfs, &session->volumes, volume,
				  &other);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return session_fail(session, r, "find the owner of", err);
	if (!volume->is_shared || !other.is_shared ||
	    strcmp(other.path, volume->path) != 0) {
		*ret_owner = other.owner;
		other.owner = (struct share_owner){ 0 };
		return SHARE_TAKEN;
	}
	descriptor->is_adopted = other.is_adopted;
	*ret_has_owner = true;
	return 0;
}

/*
 * Names of volumes over CSI are chosen, so that one may be that of a directory which a
 * class gave to another volume; or of somebody's who has nothing to do with us.
 */
static int refuse_to_adopt(const struct share_volume *volume, struct err *err)
{
	return err_set(
		err, -EEXIST,
		"directory %s on share %s of server %s is there already, and is not the volume's: use another name",
		volume->path, volume->share, volume->server);
}

static bool is_chosen(const struct share_volume *volume)
{
	return volume->claim_namespace &&
	       namespace_is_csi(volume->claim_namespace) &&
	       has_own_name(volume);
}

/* Of the PV's own name nobody else has a directory, unless one is there already. */
static bool may_be_anothers(const struct share_volume *volume, bool is_there)
{
	return is_there || !has_own_name(volume);
}

/* The first thing on the share that says that this volume is going to exist. */
static int write_first(struct session *session,
		       struct share_descriptor *descriptor,
		       struct share_owner *ret_owner, struct err *err)
{
	_cleanup_(free) char *name = NULL;
	struct share_fh parent;
	struct share_entry entry;
	bool has_owner = false, is_there;
	int r = session_find_directory(session, &parent, &name, &entry);

	if (r < 0 && r != -ENOENT)
		return session_fail(session, r, "look up", err);
	is_there = r == 0;
	if (is_there && is_chosen(session->volume))
		return refuse_to_adopt(session->volume, err);
	r = may_be_anothers(session->volume, is_there)
		    ? check_owner(session, descriptor, &has_owner, ret_owner,
				  err)
		    : 0;
	if (r != 0)
		return r;
	if (!has_owner)
		descriptor->is_adopted = is_there;
	descriptor->is_shared = session->volume->is_shared;
	r = share_descriptor_write(session->nfs, &session->volumes,
				   session->volume, descriptor);
	if (r < 0)
		return session_fail(session, r, "write the descriptor of", err);
	return 0;
}

/* From its descriptor on the path is the volume's. */
static int claim_path(struct session *session,
		      struct share_descriptor *descriptor,
		      struct share_owner *ret_owner, struct err *err)
{
	int r;

	if (has_own_name(session->volume))
		session_hold_top(session);
	else
		session_hold_places(session);
	r = write_first(session, descriptor, ret_owner, err);
	share_hold_release(&session->held_places);
	return r;
}

static uint32_t mode_of(const struct share_volume *volume)
{
	return volume->permissions ? volume->permissions : VOLUME_MODE;
}

/* As it was asked for: some servers apply a umask to MKDIR, or the parent's setgid. */
static bool is_as_asked(const struct share_volume *volume,
			const struct share_made *made)
{
	return made->has_mode && made->mode == mode_of(volume) &&
	       (!volume->has_owner ||
		(made->uid == volume->uid && made->gid == volume->gid));
}

/* The owner comes first, because chown takes the setgid bit. */
static int set_attributes(struct session *session,
			  const struct share_made *made, bool is_adopted,
			  struct err *err)
{
	const struct share_volume *volume = session->volume;
	const struct share_fh *fh = &made->entry.fh;
	int r = 0;

	if (is_as_asked(volume, made))
		return 0;
	if (!is_adopted && volume->has_owner)
		r = share_nfs_chown(session->nfs, fh, volume->uid, volume->gid);
	if (r < 0)
		return session_fail_at(session, SHARE_STEP_OWNER, r,
				       "set owner and group (uid, gid) of",
				       err);
	if (!is_adopted || volume->permissions)
		r = share_nfs_chmod(session->nfs, fh, mode_of(volume));
	return r < 0 ? session_fail(session, r, "set the mode of", err) : 0;
}

static int make_directory(struct session *session,
			  struct share_descriptor *descriptor, struct err *err)
{
	const struct share_volume *volume = session->volume;
	_cleanup_(free) char *name = NULL;
	struct share_fh parent;
	struct share_made made;
	int r;

	r = session_walk_to_parent(session, WALK_MAKE, &parent, &name);
	if (r >= 0)
		r = share_nfs_ensure_directory(session->nfs, &parent, name,
					       mode_of(volume), &made);
	if (r < 0)
		return session_fail(session, r, "make", err);
	r = set_attributes(session, &made, descriptor->is_adopted, err);
	if (r < 0)
		return r;
	descriptor->fileid = made.entry.fileid;
	descriptor->has_fileid = true;
	r = share_descriptor_write(session->nfs, &session->volumes, volume,
				   descriptor);
	if (r < 0)
		return session_fail(session, r, "write the descriptor of", err);
	return 0;
}

int share_make(const struct share_volume *volume, struct share_owner *ret_owner,
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
	session_hold_volume(&session);
	if (volume->copy)
		return share_make_copied(&session, ret_owner, err);
	r = share_descriptor_read(session.nfs, &session.volumes, volume->name,
				  &descriptor);
	if (r == -ENOENT)
		r = claim_path(&session, &descriptor, ret_owner, err);
	else if (r < 0)
		return session_fail(&session, r, "read the descriptor of", err);
	else
		r = check_made(&session, &descriptor, err);
	if (r != 0)
		return r;
	return make_directory(&session, &descriptor, err);
}
