/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a copy lies on the share while it is made, and a snapshot afterwards:
 *
 *	.claimfs/copies/<name>/tree		the copy, later a volume's directory
 *	.claimfs/copies/<name>/links/		files that have several names in it
 *	.claimfs/copies/<name>/copy.json	written last: it is whole, and tree's file id
 *	.claimfs/snapshots/<id>/		such a directory, with snapshot.json
 *
 * Threads: the session's.
 */

#include "share_session.h"

#define COPIES	   "copies"
#define SNAPSHOTS  "snapshots"
#define COPY_TREE  "tree"
#define COPY_LINKS "links"

struct copy_place {
	struct share_fh all; /* .claimfs/copies */
	struct share_fh dir; /* .claimfs/copies/<name> */
	bool is_whole;
	uint64_t fileid; /* of tree; only if it is whole */
};

/* Whether a copy's name or a snapshot's id may be a file's name; what says which it is. */
int copy_name_check(const char *what, const char *name, struct err *err);
/* "<what> <name> on share ... of server ...: <r>"; returns r. */
int copy_fail(struct session *session, int r, const char *what,
	      const char *name, struct err *err);
/* "<what> <name> on share ... of server ...: <why>"; returns -EPERM. */
int copy_refuse(const struct session *session, const char *what,
		const char *name, const char *why, struct err *err);

/* Finds .claimfs/<name>, makes it if it is missing. */
int copy_ensure_private(struct session *session, const char *name,
			struct share_fh *ret);
/* Finds a copy. -ENOENT: there is none. */
int copy_place_find(struct session *session, const char *name,
		    struct copy_place *ret);
/* Finds a copy, makes its place if it is missing. */
int copy_place_make(struct session *session, const char *name,
		    struct copy_place *ret);
/* Marks the copy as whole; every change to it has to be on stable storage before. */
int copy_place_finish(struct session *session, struct copy_place *place);
/* Writes a small file; one that is there is replaced by a rename. */
int copy_write_file(struct session *session, const struct share_fh *dir,
		    const char *name, const char *text);
