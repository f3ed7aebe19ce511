/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Copies as others see them: a source and a target, each a session of its own, so that
 * they may be on different servers. The marker that says "whole" is written when all
 * else is stable; what is removed after it (the second names of files that have
 * several) is no part of the copy.
 */

#include "share_copy.h"

#include <string.h>

#include "share_calls.h"
#include "share_copy_place.h"

struct copying {
	struct session from;
	struct session to;
	const char *name; /* borrowed */
	struct copy_place place;
	struct share_entry source;
};

static void copying_fini(struct copying *copying)
{
	session_fini(&copying->from);
	session_fini(&copying->to);
}

DEFINE_FINI(struct copying, copying_fini)

/* --- the source ---------------------------------------------------------------------- */

static int find_snapshot(struct session *session, const char *id,
			 struct share_entry *ret)
{
	struct share_fh snapshots;
	int r = copy_ensure_private(session, SNAPSHOTS, &snapshots);

	if (r == 0)
		r = share_nfs_lookup(session->nfs, &snapshots, id, ret);
	if (r == 0)
		r = share_nfs_lookup(session->nfs, &ret->fh, COPY_TREE, ret);
	return r;
}

/* A directory that took the place of the volume's is not what is to be copied. */
static int check_source(struct session *session,
			const struct share_entry *entry, struct err *err)
{
	_cleanup_(share_descriptor_fini) struct share_descriptor descriptor = {
		0
	};
	int r = share_descriptor_read(session->nfs, &session->volumes,
				      session->volume->name, &descriptor);

	/* A volume that somebody else made has none. */
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return session_fail(session, r, "read the descriptor of", err);
	if (!descriptor.has_fileid || descriptor.fileid == entry->fileid)
		return 0;
	return err_set(
		err, -ESTALE,
		"copy directory %s on share %s of server %s: it is not the one that was made for the volume",
		session->volume->path, session->volume->share,
		session->volume->server);
}

static int find_source(struct copying *copying,
		       const struct share_source *source,
		       struct share_entry *ret, struct err *err)
{
	struct session *session = &copying->from;
	_cleanup_(free) char *name = NULL;
	struct share_fh parent;
	int r = source->snapshot
			? find_snapshot(session, source->snapshot, ret)
			: session_find_directory(session, &parent, &name, ret);

	if (r == 0 && !ret->is_directory)
		r = -ENOTDIR;
	if (r < 0 && source->snapshot)
		return copy_fail(session, r, "find snapshot", source->snapshot,
				 err);
	return r < 0 ? session_fail(session, r, "find the source", err) : 0;
}

static int open_source(struct copying *copying,
		       const struct share_source *source, struct err *err)
{
	struct session *session = &copying->from;
	int r = session_open(session, source->volume, err);

	if (r == 0)
		r = find_source(copying, source, &copying->source, err);
	if (r != 0)
		return r;
	return source->snapshot ? 0
				: check_source(session, &copying->source, err);
}

/*
 * What is removed while it is copied looks like a directory whose files go one after the
 * other: nothing of that is whole.
 */
static int check_source_is_still_there(struct copying *copying,
				       const struct share_source *source,
				       struct err *err)
{
	struct share_entry entry;
	int r = find_source(copying, source, &entry, err);

	if (r < 0 || entry.fileid == copying->source.fileid)
		return r;
	return err_set(
		err, -ESTALE,
		"copy %s: directory %s on share %s of server %s was replaced meanwhile",
		copying->name, source->volume->path, source->volume->share,
		source->volume->server);
}

/* --- the target ---------------------------------------------------------------------- */

static int open_target(struct copying *copying,
		       const struct share_volume *target, struct err *err)
{
	int r = session_open(&copying->to, target, err);

	if (r != 0)
		return r;
	r = copy_place_make(&copying->to, copying->name, &copying->place);
	return r < 0 ? copy_fail(&copying->to, r, "make copy", copying->name,
				 err)
		     : 0;
}

static int explain(struct copying *copying, const struct copy_fault *fault,
		   int r, struct err *err)
{
	const struct session *at =
		fault->is_at_source ? &copying->from : &copying->to;

	copying->from.is_doubtful = true;
	copying->to.is_doubtful = true;
	(void)err_set(err, r, "%s %s for copy %s on share %s of server %s: %s",
		      fault->what ? fault->what : "copy",
		      fault->path && *fault->path ? fault->path
						  : "the directory",
		      copying->name, at->volume->share, at->volume->server,
		      r == -EXDEV ? "another file system is mounted there"
				  : strerror(-r));
	share_fault_explain(err, fault->step, at->volume->share);
	return r;
}

struct asking {
	share_copy_fn go_on;
	void *userdata;
	struct share_copy_progress progress;
};

static bool on_progress(void *userdata,
			const struct share_copy_progress *progress)
{
	struct asking *asking = userdata;

	asking->progress = *progress;
	return !asking->go_on || asking->go_on(asking->userdata, progress);
}

/* The names that are removed were counted when they were made. */
static bool ask(void *userdata, const struct share_tree_progress *progress)
{
	struct asking *asking = userdata;

	return !asking->go_on ||
	       asking->go_on(asking->userdata, &asking->progress);
}

/* Of a whole one: what helped to make it. */
static int clear_links(struct copying *copying, struct asking *asking,
		       struct err *err)
{
	int r = share_tree_walk(copying->to.nfs, &copying->place.dir,
				COPY_LINKS, SHARE_TREE_REMOVE, ask, asking);

	if (r == SHARE_TREE_MORE)
		return SHARE_MORE;
	return r < 0 ? copy_fail(&copying->to, r, "complete copy",
				 copying->name, err)
		     : 0;
}

/* It goes without, too. */
static void widen(struct session *session)
{
	(void)share_calls_widen(session->nfs, session->volume->server,
				session->volume->port);
}

static int copy_all(struct copying *copying, const struct share_source *source,
		    struct asking *asking, struct err *err)
{
	_cleanup_(copy_fault_fini) struct copy_fault fault = { 0 };
	struct copy_job job = { .to = copying->to.nfs,
				.place = &copying->place.dir,
				.go_on = on_progress,
				.userdata = asking };
	int r = open_source(copying, source, err);

	if (r != 0)
		return r;
	widen(&copying->from);
	widen(&copying->to);
	job.from = copying->from.nfs;
	job.source = &copying->source.fh;
	r = copy_run(&job, &fault);
	if (r < 0)
		return explain(copying, &fault, r, err);
	if (r > 0)
		return r;
	r = check_source_is_still_there(copying, source, err);
	if (r < 0)
		return r;
	r = copy_place_finish(&copying->to, &copying->place);
	return r < 0 ? copy_fail(&copying->to, r, "complete copy",
				 copying->name, err)
		     : 0;
}

int share_copy(const struct share_volume *target, const char *name,
	       const struct share_source *source, share_copy_fn go_on,
	       void *userdata, struct err *err)
{
	_cleanup_(copying_fini) struct copying copying = { .name = name };
	struct asking asking = { .go_on = go_on, .userdata = userdata };
	int r;

	r = copy_name_check("copy", name, err);
	if (r == 0 && source->snapshot)
		r = copy_name_check("snapshot", source->snapshot, err);
	if (r == 0)
		r = open_target(&copying, target, err);
	if (r == 0 && !copying.place.is_whole)
		r = copy_all(&copying, source, &asking, err);
	if (r == 0)
		r = clear_links(&copying, &asking, err);
	return r;
}
