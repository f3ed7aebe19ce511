/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Appends. The kernel gives a WRITE to an O_APPEND file the offset where it
 * believes the end to be, and does not ask before: with a second node that appends,
 * one would overwrite the other. So the server is asked for the size right before
 * the write, and the data goes there. (Between the two another node may still
 * append: NFSv3 has no atomic append, and Linux's client has the same gap.)
 *
 * On one node appends to a file are done one at a time, in the order of their
 * offsets: the kernel may split a direct one into several requests, which several
 * shards read. Who comes while one is under way parks in the view and is
 * resumed on its own shard.
 *
 * When the end was elsewhere, the kernel has put the data into the wrong place of
 * its cache. To have it drop pages means to wait for them (op.c); instead it is told
 * after the answer to forget the attributes. Whoever asks for them then, as a read to
 * the end does, sees another size than the kernel's, and that drops the pages, as does
 * the next open. Not covered: who has the file open, and reads nothing but the
 * misplaced bytes. Attributes that are on their way in that moment are ignored by
 * the kernel: a read at that very time may end at the old end of the file.
 */

#include "behind.h"
#include "file_state.h"
#include "ops.h"

static void write_at(struct op *op, uint64_t end)
{
	if (end != op->io.offset) {
		op->io.offset = end;
		op->is_misplaced = true;
	}
	op_note(op, end);
	ops_write_begin(op);
}

static void size_known(struct op *op)
{
	if (op->call.status < 0) {
		ops_append_end(op);
		op_finish_err(op, op->call.status);
		return;
	}
	write_at(op, op->call.res.attr.size);
}

/*
 * What is answered and not sent yet counts: it was written before. What a former
 * process began to append goes to the same place again.
 */
static void ask_size(struct op *op)
{
	if (op->call.status < 0)
		size_known(op);
	else if (op->has_before)
		write_at(op, op->before);
	else
		op_call(op, NFS_GETATTR, size_known);
}

/* Who was given up while he waited has no turn to pass on. */
static void resume(struct op *op)
{
	if (op->call.status == -ECONNABORTED)
		ops_append_end(op);
	if (!op_failed(op))
		behind_drain(op, ask_size);
}

void ops_append(struct op *op)
{
	struct view *view = op->view;
	bool is_first;

	pthread_mutex_lock(&view->appends.lock);
	is_first = file_append_begin(view->inodes, op->node);
	if (!is_first)
		parking_enter_locked(&view->appends, op, resume);
	pthread_mutex_unlock(&view->appends.lock);
	if (is_first)
		behind_drain(op, ask_size);
}

static struct op *next_waiter_locked(struct view *view, uint64_t node)
{
	struct op *next = NULL;
	struct op *op;

	TAILQ_FOREACH (op, &view->appends.ops, waiting) {
		if (op->node == node &&
		    (!next || op->io.offset < next->io.offset))
			next = op;
	}
	return next;
}

void ops_append_end(struct op *op)
{
	struct view *view = op->view;
	struct op *next;

	pthread_mutex_lock(&view->appends.lock);
	next = next_waiter_locked(view, op->node);
	if (next)
		parking_release_locked(&view->appends, next, 0);
	else
		file_append_end(view->inodes, op->node);
	pthread_mutex_unlock(&view->appends.lock);
}
