/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pages that are dropped before a request is answered. The notifier's thread does
 * it, since it waits for pages that are being read or written, and so for shards.
 * It may be busy with a volume whose server is silent: who is given up before his
 * turn goes on without, and the next open drops the pages.
 */

#include "op.h"

#include "file_state.h"
#include "session.h"

static struct loop *notify_loop(const struct op *op)
{
	return shards_notify_loop(shard_siblings(op->lane->shard));
}

static void dropped(struct post *post)
{
	struct op *op = container_of(post, struct op, post);

	op->is_dropping = false;
	op->done(op);
}

/* The notifier's thread. */
static void drop(struct post *post)
{
	struct op *op = container_of(post, struct op, post);

	(void)fuse_lowlevel_notify_inval_inode(session_fuse(op->lane->session),
					       op->node, 0, 0);
	op->post.fn = dropped;
	loop_post(shard_loop(op->lane->shard), &op->post);
}

void op_drop_pages(struct op *op, op_fn done)
{
	op->is_dropping = true;
	op->done = done;
	op->post.fn = drop;
	loop_post(notify_loop(op), &op->post);
}

void op_drop_give_up(struct op *op)
{
	if (!loop_unpost(notify_loop(op), &op->post))
		return;
	file_forget_known(op->view->inodes, op->node);
	dropped(&op->post);
}
