/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Names set aside ("silly rename"). NFSv3 servers know of no open files: what is
 * removed is gone for whoever reads it. So a name whose file is open on this node
 * and has no other name is renamed to .nfs<file id><number>, as Linux does, and
 * removed at the last close on this node.
 *
 *	LOOKUP name -> not open, other links, no file    -> unlink.then
 *	            -> open -> RENAME aside -> remembered -> unlink.aside
 *
 * Not covered: a file that another node has open (nobody tells us), and one that
 * is opened between LOOKUP and REMOVE; both read ESTALE then.
 */

#include <string.h>

#include "file_state.h"
#include "inode.h"
#include "opener.h"
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

/* False: closed meanwhile, or no room to remember it. */
static bool remember(struct op *op)
{
	struct inode_table *inodes = op->view->inodes;
	struct file_silly silly = { .dir = op->unlink.dir,
				    .name = op->unlink.silly };

	if (opener_hold(inodes, &op->call.cred, &silly.opener) < 0)
		return false;
	if (inode_hold(inodes, silly.dir) == 0) {
		if (file_set_silly(inodes, op->unlink.target, &silly))
			return true;
		inode_forget(inodes, silly.dir, 1);
	}
	opener_let_go(inodes, silly.opener);
	return false;
}

static void renamed_aside(struct op *op)
{
	ops_forgive_replay(op, -ENOENT);
	if (op_failed(op))
		return;
	if (remember(op))
		op->unlink.aside(op);
	else
		remove_leftover(op);
}

static void rename_aside(struct op *op)
{
	struct nfs_args *args = &op->call.args;

	op->unlink.silly = atomic_fetch_add(&op->view->silly_next, 1);
	file_silly_name(inode_fileid(op->view->inodes, op->unlink.target),
			op->unlink.silly, op->unlink.silly_name);
	args->rename.to_fh = args->fh;
	args->rename.to_name = op->unlink.silly_name;
	op_call(op, NFS_RENAME, renamed_aside);
}

static void looked_up(struct op *op)
{
	struct inode_table *inodes = op->view->inodes;
	const struct nfs_result *res = &op->call.res;

	if (op->call.status == -ENOENT && op->unlink.may_be_absent) {
		op->unlink.then(op);
		return;
	}
	if (op_failed(op))
		return;
	op->unlink.target = res->has_fh ? inode_find(inodes, &res->fh) : 0;
	if (!op->unlink.target ||
	    file_n_opens(inodes, op->unlink.target) == 0 ||
	    (res->has_attr && (res->attr.nlink > 1 || S_ISDIR(res->attr.mode))))
		op->unlink.then(op);
	else if (file_is_silly(inodes, op->unlink.target))
		op_finish_err(op, -EBUSY); /* it is set aside already */
	else
		rename_aside(op);
}

void ops_silly_check(struct op *op)
{
	if (atomic_load(&op->view->n_opens) == 0) {
		op->unlink.then(op);
		return;
	}
	if (!op_target(op, op->unlink.dir))
		return;
	op->call.args.name = op->unlink.name;
	op_call(op, NFS_LOOKUP, looked_up);
}

static void silly_removed(struct op *op)
{
	inode_forget(op->view->inodes, op->node, 1);
	op_finish_err(op, 0);
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
