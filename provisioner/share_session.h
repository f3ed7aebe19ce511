/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A volume's share, connected, with claimfs' private directories on it: what the
 * operations of share.h begin with. Threads: one per session.
 */

#include "share.h"
#include "share_descriptor.h"
#include "share_fault.h"
#include "share_hold.h"
#include "share_nfs.h"

#define VOLUME_MODE 0777

struct session {
	struct share_nfs *nfs;
	const struct share_volume *volume; /* borrowed */
	bool is_doubtful;		   /* not to be used once more */
	struct share_fh private;	   /* .claimfs */
	struct share_fh volumes;	   /* .claimfs/volumes */
	struct share_fh trash;		   /* .claimfs/trash */
	struct share_hold held_volume;	   /* until session_fini() */
	struct share_hold held_top;	   /* the same */
	struct share_hold held_places;	   /* the same, at the latest */
};

/* SHARE_UNREACHED when the share can't be mounted. */
int session_open(struct session *session, const struct share_volume *volume,
		 struct err *err);
void session_fini(struct session *session);

/* Nobody else works on the volume's descriptors. */
static inline void session_hold_volume(struct session *session)
{
	share_hold_take(&session->held_volume, SHARE_HOLD_VOLUME,
			session->volume->name);
}

/* Nobody else makes a directory of this name. */
static inline void session_hold_top(struct session *session)
{
	share_hold_take(&session->held_top, SHARE_HOLD_TOP,
			session->volume->path);
}

/* Nobody else gets a directory of this server, or takes one away from others. */
static inline void session_hold_places(struct session *session)
{
	session_hold_top(session);
	share_hold_take(&session->held_places, SHARE_HOLD_PLACES,
			session->volume->server);
}

/*
 * Whether the volume's path is free: 0, SHARE_TAKEN, or an error, "<what> directory ...:
 * another one is in its place". For who holds the places.
 */
int session_check_free(struct session *session, const char *what,
		       struct share_owner *ret_owner, struct err *err);

/* "<what> directory ... on share ... of server ...: <r>"; returns r. */
int session_fail(struct session *session, int r, const char *what,
		 struct err *err);
/* The same, with what to do about it at this step. */
int session_fail_at(struct session *session, enum share_step step, int r,
		    const char *what, struct err *err);
/* "keep directory ...: <why>"; returns -EPERM. */
int session_refuse(const struct session *session, const char *why,
		   struct err *err);

enum walk_flags {
	WALK_MAKE = 1u << 0, /* make what is missing */
};

/*
 * The directory that holds the volume's, and the volume's own name in it. Only
 * real directories on the way: a symlink is -ENOTDIR.
 */
int session_walk_to_parent(struct session *session, enum walk_flags flags,
			   struct share_fh *ret_parent, char **ret_name);
/* -ENOENT: it is not there, nor maybe its parent. */
int session_find_directory(struct session *session, struct share_fh *ret_parent,
			   char **ret_name, struct share_entry *ret);
/* The volume's directory lies in the trash: 0, -ENOENT, or an error for another one. */
int session_find_trashed(struct session *session,
			 const struct share_descriptor *descriptor,
			 struct err *err);
/* The directory of that name, made if it is missing; -ENOTDIR. */
int session_ensure_directory(struct session *session,
			     const struct share_fh *dir, const char *name,
			     uint32_t mode, struct share_entry *ret);

DEFINE_FINI(struct session, session_fini)
