/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One name at a time, on the first shard:
 *
 *	entry -> LOOKUP -> the same file -> REMOVE -> dropped -> next entry
 *	            \-> another one, or none -------^
 *
 * A name is removed only if it still means the file that had it. Names are of their
 * mount (file_silly_name()), so no other node's is ever in question; the comparison is
 * for whoever has put something else there by hand.
 *
 * What the server refuses stays in the journal, and is tried when the volume is served
 * by the next process. The calls go through the volume's own connections, as patient
 * as these are.
 */

#include "leftovers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "inode.h"
#include "log.h"
#include "shard.h"
#include "view.h"
#include "volume.h"

struct leftovers {
	struct silly_journal *journal;
	struct view *view;
	const char *name; /* of the volume */
	struct shard *home;
	_Atomic bool is_posted; /* post is on its way */
	struct post post;
	/* What follows is home's. */
	struct nfs_client *client;
	struct nfs_call call;
	struct silly_entry entry;
	uint32_t number; /* of the entry */
	uint32_t n_removed;
	uint32_t n_kept; /* by somebody else, or refused */
	bool is_busy;	 /* the call is under way */
	bool is_over;
};

static void next_entry(struct leftovers *leftovers);

static void submit(struct leftovers *leftovers, enum nfs_proc proc,
		   nfs_done_fn done)
{
	leftovers->call.proc = proc;
	leftovers->call.done = done;
	leftovers->call.cred = leftovers->entry.cred;
	leftovers->call.args.fh = leftovers->entry.dir;
	leftovers->call.args.name = leftovers->entry.name;
	leftovers->is_busy = true;
	leftovers->client =
		view_submit(leftovers->view, shard_index(leftovers->home),
			    &leftovers->call);
}

/* There is no such name, or no such directory any more. */
static bool is_gone(int status)
{
	return status == -ENOENT || status == -ESTALE || status == -ENOTDIR;
}

static struct gate_door *door_of(struct leftovers *leftovers)
{
	return &leftovers->view->shards[shard_index(leftovers->home)].door;
}

static void end_entry(struct leftovers *leftovers, bool is_over)
{
	atomic_fetch_sub(&leftovers->view->n_silly, 1);
	gate_exit(door_of(leftovers));
	if (is_over)
		silly_journal_drop(leftovers->journal, leftovers->number);
	next_entry(leftovers);
}

static void removed(struct nfs_call *call)
{
	struct leftovers *leftovers =
		container_of(call, struct leftovers, call);
	struct view *view = leftovers->view;
	uint64_t dir = inode_find(view->inodes, &leftovers->entry.dir);

	leftovers->is_busy = false;
	if (dir)
		view_names_change(view, dir, call, &call->res.wcc);
	leftovers->n_removed += call->status == 0;
	leftovers->n_kept += call->status < 0 && !is_gone(call->status);
	end_entry(leftovers, call->status == 0 || is_gone(call->status));
}

static bool is_same_file(const struct leftovers *leftovers)
{
	const struct nfs_fh *found = &leftovers->call.res.fh;
	const struct nfs_fh *file = &leftovers->entry.file;

	return leftovers->call.res.has_fh && found->len == file->len &&
	       memcmp(found->data, file->data, file->len) == 0;
}

static void looked_up(struct nfs_call *call)
{
	struct leftovers *leftovers =
		container_of(call, struct leftovers, call);

	leftovers->is_busy = false;
	if (call->status == 0 && is_same_file(leftovers)) {
		submit(leftovers, NFS_REMOVE, removed);
		return;
	}
	leftovers->n_kept += !is_gone(call->status);
	end_entry(leftovers, call->status == 0 || is_gone(call->status));
}

static void tell(struct leftovers *leftovers)
{
	if (leftovers->n_removed + leftovers->n_kept > 0)
		log_info("names set aside were left over",
			 F_STR("volume", leftovers->name),
			 F_U64("removed", leftovers->n_removed),
			 F_U64("kept", leftovers->n_kept));
	leftovers->n_removed = 0;
	leftovers->n_kept = 0;
}

static void next_entry(struct leftovers *leftovers)
{
	/* When the door opens somebody looks again. */
	if (leftovers->is_over || !gate_enter(door_of(leftovers)))
		return;
	leftovers->number =
		silly_journal_claim_left(leftovers->journal, &leftovers->entry);
	if (leftovers->number == SILLY_NO_ENTRY) {
		gate_exit(door_of(leftovers));
		tell(leftovers);
		return;
	}
	atomic_fetch_add(&leftovers->view->n_silly, 1);
	submit(leftovers, NFS_LOOKUP, looked_up);
}

/* --- for others ------------------------------------------------------------------- */

static void on_post(struct post *post)
{
	struct leftovers *leftovers =
		container_of(post, struct leftovers, post);

	atomic_store(&leftovers->is_posted, false);
	if (!leftovers->is_busy)
		next_entry(leftovers);
}

static void look(struct leftovers *leftovers)
{
	if (!atomic_exchange(&leftovers->is_posted, true))
		loop_post(shard_loop(leftovers->home), &leftovers->post);
}

uint32_t leftovers_add(struct leftovers *leftovers,
		       const struct silly_entry *entry)
{
	return leftovers ? silly_journal_add(leftovers->journal, entry)
			 : SILLY_NO_ENTRY;
}

void leftovers_drop(struct leftovers *leftovers, uint32_t number)
{
	if (leftovers)
		silly_journal_drop(leftovers->journal, number);
}

bool leftovers_claim(struct leftovers *leftovers, uint32_t number,
		     const char *name)
{
	return leftovers &&
	       silly_journal_claim(leftovers->journal, number, name);
}

void leftovers_leave(struct leftovers *leftovers, uint32_t number)
{
	if (!leftovers)
		return;
	silly_journal_leave(leftovers->journal, number);
	look(leftovers);
}

/* --- life -------------------------------------------------------------------------- */

int leftovers_new(struct leftovers **ret, struct view *view,
		  struct shards *shards, const struct volume_spec *spec,
		  struct err *err)
{
	struct leftovers *leftovers = calloc(1, sizeof(*leftovers));
	int r;

	if (!leftovers)
		return err_set(err, -ENOMEM, "open the journal of names");
	r = silly_journal_open(&leftovers->journal, spec->state_dir,
			       spec->handle, err);
	if (r < 0) {
		free(leftovers);
		return r;
	}
	leftovers->view = view;
	leftovers->name = spec->pv;
	leftovers->home = shards_get(shards, 0);
	leftovers->post.fn = on_post;
	*ret = leftovers;
	return 0;
}

void leftovers_start(struct leftovers *leftovers)
{
	if (leftovers)
		look(leftovers);
}

static void end(struct shard *shard, void *userdata)
{
	struct leftovers *leftovers = userdata;

	(void)loop_unpost(shard_loop(shard), &leftovers->post);
	leftovers->is_over = true;
	if (leftovers->is_busy) /* done() runs inside */
		nfs_client_cancel(leftovers->client, &leftovers->call);
}

struct leftovers *leftovers_stop(struct leftovers *leftovers)
{
	if (!leftovers)
		return NULL;
	shard_call(leftovers->home, end, leftovers);
	silly_journal_close(leftovers->journal);
	free(leftovers);
	return NULL;
}
