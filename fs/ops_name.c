/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Existing names: readlink, unlink, rmdir, rename, link. A file that this node has
 * open is not removed but set aside (ops_silly.c), which costs a LOOKUP only
 * while any file of the volume is open at all.
 */

#include <stdio.h>
#include <string.h>

#include "gate.h"
#include "inode.h"
#include "opens.h"
#include "ops.h"

#define RMDIR_TRIES_MAX 10
#define RMDIR_WAIT_NS	(5 * NS_PER_MS)

static void readlink_done(struct op *op)
{
	if (op_failed(op))
		return;
	op_finish_readlink(op, op->call.res.readlink.target);
}

void ops_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct op *op = op_begin(req, OP_READLINK);

	if (op && op_target(op, ino))
		op_call(op, NFS_READLINK, readlink_done);
}

/* --- unlink, rmdir --------------------------------------------------------------- */

static void removed(struct op *op)
{
	ops_forgive_replay(op, -ENOENT);
	op_finish_err(op, op->call.status);
}

static void remove_name(struct op *op)
{
	if (!op_target(op, op->unlink.dir))
		return;
	op->call.args.name = op->name;
	op_call(op, NFS_REMOVE, removed);
}

static void set_aside(struct op *op)
{
	op_finish_err(op, 0);
}

static struct op *begin_removal(fuse_req_t req, enum op_kind kind)
{
	struct op *op = op_begin_change(req, kind);

	if (op)
		opens_adopt(op);
	return op;
}

void ops_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct op *op = begin_removal(req, OP_UNLINK);

	if (!op || !op_take_change(op, parent, name))
		return;
	op->unlink = (struct op_unlink){ .then = remove_name,
					 .aside = set_aside,
					 .dir = parent,
					 .name = op->name };
	ops_silly_check(op);
}

static void rmdir_done(struct op *op);

/* The RELEASE may be held at the gate: whoever is inside must not wait for it. */
static void rmdir_again(struct timer *timer)
{
	struct op *op = container_of(timer, struct op, timer);

	gate_leave(op);
	if (gate_is_closed(op))
		op->n_tries = 0;
	op_change(op, NFS_RMDIR, rmdir_done);
}

/*
 * close(2) does not wait for the RELEASE that removes a name set aside, and another
 * shard may have it: who closes a file and removes its folder must not notice.
 */
static void rmdir_done(struct op *op)
{
	if (op->call.status != -ENOTEMPTY ||
	    atomic_load(&op->view->n_silly) == 0 ||
	    op->n_tries++ == RMDIR_TRIES_MAX) {
		removed(op);
		return;
	}
	op->timer = TIMER_INIT(rmdir_again);
	if (timer_set(&op->timer, shard_loop(op->lane->shard),
		      clock_ns() + RMDIR_WAIT_NS) < 0)
		removed(op);
}

void ops_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct op *op = op_begin_change(req, OP_RMDIR);

	if (!op || !op_take_change(op, parent, name) || !op_target(op, parent))
		return;
	op->n_tries = 0;
	op_change(op, NFS_RMDIR, rmdir_done);
}

/* --- rename ------------------------------------------------------------------------ */

static void rename_call(struct op *op)
{
	if (!op_target(op, op->node2) ||
	    !op_resolve(op, op->unlink.dir, &op->call.args.rename.to_fh))
		return;
	op->call.args.name = op->name;
	op->call.args.rename.to_name = op->name2;
	op_call(op, NFS_RENAME, removed);
}

/* Else what was renamed already would be set aside as if it was in the way. */
static void source_looked_up(struct op *op)
{
	if (op->call.status == -ENOENT)
		op_finish_err(op, 0);
	else if (!op_failed(op))
		ops_silly_check(op);
}

static void look_for_source(struct op *op)
{
	if (!op_target(op, op->node2))
		return;
	op->call.args.name = op->name;
	op_call(op, NFS_LOOKUP, source_looked_up);
}

static bool take_second_name(struct op *op, uint64_t dir, const char *name)
{
	int r = view_check_change(op->view, dir, name);

	if (r < 0) {
		op_finish_err(op, r);
		return false;
	}
	memcpy(op->name2, name, strlen(name) + 1);
	return true;
}

void ops_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
		fuse_ino_t new_parent, const char *new_name, unsigned int flags)
{
	struct op *op = begin_removal(req, OP_RENAME);

	if (!op)
		return;
	/* NFSv3 can't promise NOREPLACE or EXCHANGE; renameat2(2) says EINVAL. */
	if (flags != 0) {
		op_finish_err(op, -EINVAL);
		return;
	}
	if (!op_take_change(op, parent, name) ||
	    !take_second_name(op, new_parent, new_name))
		return;
	op->node2 = parent;
	op->unlink = (struct op_unlink){ .then = rename_call,
					 .aside = rename_call,
					 .dir = new_parent,
					 .name = op->name2,
					 .is_replaced = true };
	if (op->is_replay)
		look_for_source(op);
	else
		ops_silly_check(op);
}

/* --- link --------------------------------------------------------------------------- */

static void linked(struct op *op)
{
	ops_forgive_replay(op, -EEXIST);
	ops_object_done(op);
}

void ops_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent,
	      const char *new_name)
{
	struct op *op = op_begin_change(req, OP_LINK);

	if (!op || !op_take_change(op, new_parent, new_name) ||
	    !op_target(op, ino) ||
	    !op_resolve(op, new_parent, &op->call.args.link.to_fh))
		return;
	op->call.args.link.to_name = op->name;
	op->node = new_parent; /* the entry is there */
	op_change(op, NFS_LINK, linked);
}
