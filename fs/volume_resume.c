/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A volume that another process of ours served: its mount, its node table and what
 * the server said at its start are taken over, and the server is asked for nothing,
 * since it may be away. Requests that it owes wait as they did before.
 */

#include <errno.h>

#include "arena.h"
#include "commit.h"
#include "file_state.h"
#include "inode.h"
#include "inode_layout.h"
#include "leftovers.h"
#include "log.h"
#include "ops.h"
#include "request_log.h"
#include "volume_object.h"

/* An entry that the journal does not have (any more) may be another name's next. */
static void claim_entry(struct view *view, uint64_t node,
			struct file_silly silly)
{
	char name[FILE_SILLY_NAME_SIZE];

	file_silly_name(view->inodes, node, silly.number, name);
	if (leftovers_claim(view->leftovers, silly.entry, name) ||
	    !file_take_silly(view->inodes, node, &silly))
		return;
	silly.entry = SILLY_NO_ENTRY;
	(void)file_set_silly(view->inodes, node, &silly);
}

/* The name is still somebody's who has the file open; else it is left over. */
static void claim_name(struct view *view, uint64_t node,
		       const struct file_silly *silly)
{
	struct file_silly gone;

	atomic_fetch_add(&view->n_silly, 1);
	if (file_n_opens(view->inodes, node) > 0)
		claim_entry(view, node, *silly);
	else if (file_take_silly(view->inodes, node, &gone))
		ops_silly_let_go(view, &gone);
}

static void count_files(struct view *view)
{
	uint64_t cursor = 0;
	uint64_t node;
	struct file_silly silly;

	while ((node = inode_next(view->inodes, &cursor)) != 0) {
		view->n_opens += file_n_opens(view->inodes, node);
		if (file_get_silly(view->inodes, node, &silly))
			claim_name(view, node, &silly);
	}
}

static int resume_session(struct volume *volume,
			  const struct volume_state *state, struct err *err)
{
	const struct table_header *header =
		inode_table_header(volume->view.inodes);
	const struct session_resume resume = {
		.fuse_fd = state->fuse_fd,
		.dev_minor = state->dev_minor,
		.init_request = header->init_request,
		.init_len = header->init_len,
	};

	return volume_make_session(volume, &resume, err);
}

int volume_resume(struct volume **ret, struct shards *shards,
		  const struct volume_spec *spec,
		  const struct volume_state *state,
		  struct inode_table *take_table, struct err *err)
{
	_cleanup_(inode_table_free) struct inode_table *table = take_table;
	_cleanup_(volume_hand_over) struct volume *volume =
		calloc(1, sizeof(*volume));
	int r;

	if (!volume)
		return err_set(err, -ENOMEM, "resume volume %s", spec->handle);
	volume->shards = shards;
	view_init(&volume->view);
	r = volume_copy_spec(volume, spec);
	if (r < 0)
		return err_set(err, r, "resume volume %s", spec->handle);
	volume->view.inodes = TAKE_PTR(table);
	volume->export = inode_table_header(volume->view.inodes)->export;
	volume->has_export = true;
	r = volume_make_view(volume, err);
	if (r < 0)
		return r;
	count_files(&volume->view);
	r = commits_restore(volume->view.commits);
	if (r < 0)
		return err_set_errno(err, r,
				     "take over what volume %s has to write",
				     spec->handle);
	r = resume_session(volume, state, err);
	if (r < 0)
		return r;
	if (request_log_n_left(volume->view.requests) > 0)
		log_info("requests are executed again",
			 F_STR("volume", spec->pv),
			 F_U64("requests",
			       request_log_n_left(volume->view.requests)));
	leftovers_start(volume->view.leftovers);
	*ret = TAKE_PTR(volume);
	return 0;
}

void volume_get_state(const struct volume *volume, struct volume_state *ret)
{
	*ret = (struct volume_state){
		.fuse_fd = session_fd(volume->session),
		.table_fd = inode_table_fd(volume->view.inodes),
		.data_fd = arena_fd(shards_arena(volume->shards)),
		.dev_minor = session_dev_minor(volume->session),
	};
}
