/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a copy is while it is made:
 *
 *	.claimfs/copies/<name>/tree		what will be a volume's directory
 *	.claimfs/copies/<name>/links/		its files that have several names
 *	.claimfs/copies/<name>/copy.json	it is whole, and this is its file id
 *	.claimfs/snapshots/<id>/		the same, with snapshot.json
 *
 * Threads: a session's.
 */

#include "share_session.h"

#define COPIES	   "copies"
#define SNAPSHOTS  "snapshots"
#define COPY_TREE  "tree"
#define COPY_LINKS "links"

struct copy_place {
	struct share_fh all; /* .claimfs/copies */
	struct share_fh dir; /* the copy's own */
	bool is_whole;
	uint64_t fileid; /* of a whole one's tree */
};

/* A name of a copy or an id of a snapshot: 0, or -EINVAL; what says which. */
int copy_name_check(const char *what, const char *name, struct err *err);
/* "<what> <name> on share ... of server ...: <r>"; returns r. */
int copy_fail(struct session *session, int r, const char *what,
	      const char *name, struct err *err);
/* "<what> <name> on share ... of server ...: <why>"; returns -EPERM. */
int copy_refuse(const struct session *session, const char *what,
		const char *name, const char *why, struct err *err);

/* .claimfs/<name>, made if it is missing. */
int copy_ensure_private(struct session *session, const char *name,
			struct share_fh *ret);
/* -ENOENT: there is none. */
int copy_place_find(struct session *session, const char *name,
		    struct copy_place *ret);
/* Made if it is missing. */
int copy_place_make(struct session *session, const char *name,
		    struct copy_place *ret);
/* From now on it is whole: every change to it is stable. */
int copy_place_finish(struct session *session, struct copy_place *place);
/* A small file, replaced by one rename. */
int copy_write_file(struct session *session, const struct share_fh *dir,
		    const char *name, const char *text);
