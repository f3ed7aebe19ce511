/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Names set aside ("silly rename"). NFSv3 servers know of no open files: what is
 * removed is gone for whoever reads it. So a name whose file is open on this node
 * and has no other name is renamed to .nfs<file id><number>, as Linux does, and
 * removed at the last close on this node. A file that is replaced gets that name
 * by LINK, so that the old name is never missing on other nodes.
 *
 *	LOOKUP name -> not open, other links, no file -> unlink.then
 *	            -> open -> RENAME aside -> remembered -> unlink.aside
 *	                   \-> LINK (rename) -/
 *
 * Not covered: a file that another node has open (nobody tells us); it reads
 * ESTALE then.
 */

#include <string.h>

#include "file_state.h"
#include "inode.h"
#include "opener.h"
#include "opens.h"
#include "ops.h"

static void leftover_removed(struct op *op)
{
	/* Too late for an answer to anybody: the name may stay, as with Linux. */
	op->unlink.aside(op);
}

/* Nobody else will remove it. */
static void remove_leftover(struct op *op)
{
	if (!op_target(op, op->unlink.dir))
		return;
	op->call.args.name = op->unlink.silly_name;
	op_call(op, NFS_REMOVE, leftover_removed);
}

/* False: no room. (A file that has such a name already did not come here.) */
static bool remember(struct op *op)
{
	struct inode_table *inodes = op->view->inodes;
	struct file_silly silly = { .dir = op->unlink.dir,
				    .name = op->unlink.silly };

	if (opener_hold(inodes, &op->call.cred, &silly.opener) < 0)
		return false;
	if (inode_hold(inodes, silly.dir) == 0) {
		if (file_set_silly(inodes, op->unlink.target, &silly)) {
			atomic_fetch_add(&op->view->n_silly, 1);
			return true;
		}
		inode_forget(inodes, silly.dir, 1);
	}
	opener_let_go(inodes, silly.opener);
	return false;
}

static void has_silly_name(struct op *op)
{
	if (op_failed(op))
		return;
	if (remember(op))
		op->unlink.aside(op);
	else
		remove_leftover(op);
}

static void renamed_aside(struct op *op)
{
	ops_forgive_replay(op, -ENOENT);
	has_silly_name(op);
}

static void rename_aside(struct op *op)
{
	struct nfs_args *args = &op->call.args;

	if (!op_target(op, op->unlink.dir))
		return;
	args->name = op->unlink.name;
	args->rename.to_fh = args->fh;
	args->rename.to_name = op->unlink.silly_name;
	op_call(op, NFS_RENAME, renamed_aside);
}

static void linked_aside(struct op *op)
{
	const bool is_answered =
		!op->give_up_status && op->call.status != -ETIMEDOUT;

	ops_forgive_replay(op, -EEXIST);
	/* Links are an option of file systems, and servers have rules for them. */
	if (op->call.status < 0 && is_answered)
		rename_aside(op);
	else
		has_silly_name(op);
}

static void link_aside(struct op *op)
{
	struct nfs_args *args = &op->call.args;

	args->link.to_fh = args->fh;
	args->link.to_name = op->unlink.silly_name;
	args->fh = op->call.res.fh;
	op_call(op, NFS_LINK, linked_aside);
}

static void set_aside(struct op *op)
{
	op->unlink.silly = atomic_fetch_add(&op->view->silly_next, 1);
	file_silly_name(inode_fileid(op->view->inodes, op->unlink.target),
			op->unlink.silly, op->unlink.silly_name);
	if (op->unlink.is_replaced)
		link_aside(op);
	else
		rename_aside(op);
}

/* Whether the name can go as it is, because nobody loses its file by that. */
static bool may_go(struct op *op)
{
	const struct nfs_result *res = &op->call.res;
	uint64_t node =
		res->has_fh ? inode_find(op->view->inodes, &res->fh) : 0;

	/* What the kernel does not know is not open, and its directory is locked. */
	if (!node ||
	    (res->has_attr && (res->attr.nlink > 1 || S_ISDIR(res->attr.mode))))
		return true;
	return opens_exclude(op, node);
}

static void looked_up(struct op *op)
{
	if (op->call.status == -ENOENT &&
	    (op->unlink.is_replaced || op->is_replay)) {
		op->unlink.then(op); /* there was nothing, or is nothing more */
		return;
	}
	if (op_failed(op))
		return;
	if (may_go(op))
		op->unlink.then(op);
	else if (file_is_silly(op->view->inodes, op->unlink.target))
		op_finish_err(op, -EBUSY); /* it is set aside already */
	else
		set_aside(op);
}

static void check(struct op *op)
{
	if (opens_exclude_all(op)) {
		op->unlink.then(op);
		return;
	}
	if (!op_target(op, op->unlink.dir))
		return;
	op->call.args.name = op->unlink.name;
	op_call(op, NFS_LOOKUP, looked_up);
}

void ops_silly_check(struct op *op)
{
	if (op->unlink.is_replaced)
		opens_let_first(op, check);
	else
		check(op);
}

static void silly_removed(struct op *op)
{
	inode_forget(op->view->inodes, op->node, 1);
	atomic_fetch_sub(&op->view->n_silly, 1);
	op_finish_err(op, op->close_status);
}

void ops_silly_remove(struct op *op, uint64_t dir, uint64_t fileid,
		      uint32_t number)
{
	if (!op_target(op, dir))
		return;
	file_silly_name(fileid, number, op->name);
	op->call.args.name = op->name;
	op_call(op, NFS_REMOVE, silly_removed);
}
