/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Names set aside ("silly rename"). NFSv3 servers know of no open files: what is
 * removed is gone for whoever reads it. So a name whose file is open on this node
 * and has no other name is renamed to .nfs<file id and more>, as Linux does, and
 * removed at the last close on this node. A file that is replaced gets that name
 * by LINK, so that the old name is never missing on other nodes.
 *
 *	LOOKUP name -> not open, other links, no file -> unlink.then
 *	            -> open -> remembered -> RENAME aside -> unlink.aside
 *	                                 \-> LINK (rename) -/
 *
 * The new name is remembered before it is made, in the node table for the process
 * that takes over and in the journal for one that begins anew (leftovers.c), and
 * forgotten when the server has said that it is gone or was never made. Who sets a file
 * aside counts as an open of it, which his intent tells: when his request is
 * executed again, it is the same open and the same name (opens_adopt()).
 *
 * Not covered: a file that another node has open (nobody tells us); it reads
 * ESTALE then.
 */

#include <string.h>

#include "file_state.h"
#include "inode.h"
#include "leftovers.h"
#include "opener.h"
#include "opens.h"
#include "ops.h"

/* --- remembered -------------------------------------------------------------------- */

void ops_silly_let_go(struct view *view, const struct file_silly *silly)
{
	atomic_fetch_sub(&view->n_silly, 1);
	opener_let_go(view->inodes, silly->opener);
	inode_forget(view->inodes, silly->dir, 1);
}

static uint32_t write_down(struct op *op)
{
	const struct op_unlink *unlink = &op->unlink;
	struct silly_entry entry = { .cred = op->call.cred };

	if (inode_get(op->view->inodes, unlink->dir, &entry.dir) < 0 ||
	    inode_get(op->view->inodes, unlink->target, &entry.file) < 0)
		return SILLY_NO_ENTRY;
	memcpy(entry.name, unlink->silly_name, sizeof(entry.name));
	return leftovers_add(op->view->leftovers, &entry);
}

/* False: no room. */
static bool remember(struct op *op)
{
	struct inode_table *inodes = op->view->inodes;
	struct op_unlink *unlink = &op->unlink;
	struct file_silly silly = { .dir = unlink->dir,
				    .number = file_silly_number(inodes) };

	if (opener_hold(inodes, &op->call.cred, &silly.opener) < 0)
		return false;
	if (inode_hold(inodes, silly.dir) < 0) {
		opener_let_go(inodes, silly.opener);
		return false;
	}
	file_silly_name(inodes, unlink->target, silly.number,
			unlink->silly_name);
	silly.entry = write_down(op);
	atomic_fetch_add(&op->view->n_silly, 1);
	unlink->silly = silly;
	if (file_set_silly(inodes, unlink->target, &silly))
		return true;
	leftovers_drop(op->view->leftovers, silly.entry);
	ops_silly_let_go(op->view, &silly);
	return false;
}

/* The server has refused it. */
static void forget(struct op *op)
{
	struct view *view = op->view;
	struct file_silly silly;

	if (!file_take_silly(view->inodes, op->unlink.target, &silly))
		return;
	leftovers_drop(view->leftovers, silly.entry);
	ops_silly_let_go(view, &silly);
}

/* --- set aside --------------------------------------------------------------------- */

static bool is_answered(const struct op *op)
{
	return !op->give_up_status && op->call.status != -ETIMEDOUT;
}

static void is_aside(struct op *op)
{
	if (op->call.status == 0) {
		op->unlink.aside(op);
		return;
	}
	/* Else nobody knows: the name may be there. */
	if (is_answered(op))
		forget(op);
	op_finish_err(op, op->call.status);
}

static void renamed_aside(struct op *op)
{
	ops_forgive_replay(op, -ENOENT);
	is_aside(op);
}

static void rename_aside(struct op *op)
{
	struct nfs_args *args = &op->call.args;

	if (!op_target(op, op->unlink.dir) ||
	    !op_resolve(op, op->unlink.silly.dir, &args->rename.to_fh))
		return;
	args->name = op->unlink.name;
	args->rename.to_name = op->unlink.silly_name;
	op_call(op, NFS_RENAME, renamed_aside);
}

static void linked_aside(struct op *op)
{
	ops_forgive_replay(op, -EEXIST);
	/* Links are an option of file systems, and servers have rules for them. */
	if (op->call.status < 0 && is_answered(op))
		rename_aside(op);
	else
		is_aside(op);
}

static void link_aside(struct op *op)
{
	struct nfs_args *args = &op->call.args;

	if (!op_resolve(op, op->unlink.target, &args->fh) ||
	    !op_resolve(op, op->unlink.silly.dir, &args->link.to_fh))
		return;
	args->link.to_name = op->unlink.silly_name;
	op_call(op, NFS_LINK, linked_aside);
}

/* The name that is to go is the one that was set aside itself. */
static bool is_silly_name(const struct op *op)
{
	return op->unlink.dir == op->unlink.silly.dir &&
	       strcmp(op->unlink.name, op->unlink.silly_name) == 0;
}

/* Of an earlier request of which nobody knows how far it came it is the same name. */
static void set_aside(struct op *op)
{
	struct inode_table *inodes = op->view->inodes;
	struct op_unlink *unlink = &op->unlink;

	if (file_get_silly(inodes, unlink->target, &unlink->silly)) {
		file_silly_name(inodes, unlink->target, unlink->silly.number,
				unlink->silly_name);
	} else if (!remember(op)) {
		unlink->then(op);
		return;
	}
	if (is_silly_name(op))
		op_finish_err(op, -EBUSY);
	else if (unlink->is_replaced)
		link_aside(op);
	else
		rename_aside(op);
}

/* --- whether to -------------------------------------------------------------------- */

static uint64_t found_node(struct op *op)
{
	const struct nfs_result *res = &op->call.res;

	return res->has_fh ? inode_find(op->view->inodes, &res->fh) : 0;
}

/* Whether the name can go as it is, because nobody loses its file by that. */
static bool may_go(struct op *op)
{
	const struct nfs_result *res = &op->call.res;
	uint64_t node = found_node(op);

	/* What the kernel does not know is not open, and its directory is locked. */
	if (!node ||
	    (res->has_attr && (res->attr.nlink > 1 || S_ISDIR(res->attr.mode))))
		return true;
	return opens_exclude(op, node);
}

/* A former process was setting op->counted aside. */
static void look_again(struct op *op)
{
	if (found_node(op) != op->counted) {
		op->unlink.aside(op); /* it is, and somebody has the name */
		return;
	}
	op->unlink.target = op->counted;
	set_aside(op);
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
	if (op->counted)
		look_again(op);
	else if (may_go(op))
		op->unlink.then(op);
	else
		set_aside(op);
}

static void check(struct op *op)
{
	if (!op->counted && opens_exclude_all(op)) {
		op->unlink.then(op);
		return;
	}
	if (!op_target(op, op->unlink.dir))
		return;
	op->call.args.name = op->unlink.name;
	op_call(op, NFS_LOOKUP, looked_up);
}

static void check_passed(struct op *op)
{
	if (op_failed(op))
		return;
	if (op->unlink.is_replaced)
		opens_let_first(op, check);
	else
		check(op);
}

/* Nobody's open waits for a removal that waits itself. */
void ops_silly_check(struct op *op)
{
	gate_pass(op, check_passed);
}

/* --- removed ----------------------------------------------------------------------- */

/* What was not answered, or refused, is in the journal. */
static void silly_removed(struct op *op)
{
	struct view *view = op->view;
	const int status = op->call.status;

	if (status == 0 || status == -ENOENT || status == -ESTALE)
		leftovers_drop(view->leftovers, op->unlink.silly.entry);
	ops_silly_let_go(view, &op->unlink.silly);
	op_finish_err(op, op->close_status);
}

void ops_silly_remove(struct op *op)
{
	const struct file_silly *silly = &op->unlink.silly;
	struct inode_table *inodes = op->view->inodes;

	opener_get(inodes, silly->opener, &op->call.cred);
	if (!op_target(op, silly->dir))
		return;
	file_silly_name(inodes, op->unlink.target, silly->number, op->name);
	op->call.args.name = op->name;
	op_change(op, NFS_REMOVE, silly_removed);
}

/*
 * Its kernel has no such file any more: whatever is counted as an open of it is too
 * much, as processes that die leave it.
 */
void ops_silly_forget(struct view *view, uint64_t node, uint64_t n_forgotten)
{
	struct file_silly silly;

	if (inode_n_lookup(view->inodes, node) > n_forgotten ||
	    !file_take_silly(view->inodes, node, &silly))
		return;
	ops_silly_let_go(view, &silly);
	leftovers_leave(view->leftovers, silly.entry);
}
