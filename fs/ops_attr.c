/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Attributes of files and of the file system.
 *
 * stat of a view's root and statfs are what health checks, df and the kubelet
 * call: they never wait for a server longer than SLOW_NS, but answer what was
 * known last.
 */

#include "file_state.h"
#include "inode.h"
#include "meta.h"
#include "ops.h"

#define SLOW_NS NS_PER_S

static void on_slow(struct timer *timer)
{
	struct op *op = container_of(timer, struct op, timer);

	op_give_up(op, -ETIMEDOUT);
}

static void call_bounded(struct op *op, enum nfs_proc proc, op_fn done)
{
	op->timer = TIMER_INIT(on_slow);
	/* Without a timer it takes as long as any other call. */
	(void)timer_set(&op->timer, shard_loop(op->lane->shard),
			op->start_ns + SLOW_NS);
	op_call(op, proc, done);
}

/* --- getattr ------------------------------------------------------------------ */

static void getattr_done(struct op *op)
{
	struct nfs_attr attr;

	if (op->node == INODE_ROOT && op->call.status == -ETIMEDOUT) {
		view_get_root(op->view, &attr);
		op_finish_attr(op, &attr);
		return;
	}
	if (op_failed(op))
		return;
	op_finish_attr(op, &op->call.res.attr);
}

void ops_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct op *op;

	if (meta_is_node(ino)) {
		meta_view_ops.getattr(req, ino, fi);
		return;
	}
	op = op_begin(req, OP_GETATTR);
	if (!op || !op_target(op, ino))
		return;
	if (ino == INODE_ROOT)
		call_bounded(op, NFS_GETATTR, getattr_done);
	else
		op_call(op, NFS_GETATTR, getattr_done);
}

/* --- setattr ------------------------------------------------------------------- */

static void setattr_done(struct op *op)
{
	const struct nfs_wcc *wcc = &op->call.res.wcc;

	if (op_failed(op))
		return;
	file_changed(op->view->inodes, op->node, wcc);
	if (wcc->has_after)
		op_finish_attr(op, &wcc->after);
	else
		op_call(op, NFS_GETATTR, getattr_done);
}

void ops_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		 struct fuse_file_info *fi)
{
	struct nfs_args *args;
	struct op *op;

	if (meta_is_node(ino)) {
		meta_view_ops.setattr(req, ino, attr, to_set, fi);
		return;
	}
	op = op_begin(req, OP_SETATTR);
	if (!op || !op_target(op, ino))
		return;
	if (fi && (to_set & FUSE_SET_ATTR_SIZE)) /* ftruncate */
		op_use_opener(op, fi);
	args = &op->call.args;
	args->setattr.has_guard = false;
	attr_from_setattr(attr, to_set, &args->setattr.set);
	if (args->setattr.set.mask == 0)
		op_call(op, NFS_GETATTR, getattr_done);
	else
		op_call(op, NFS_SETATTR, setattr_done);
}

/* --- access -------------------------------------------------------------------- */

/* NFS tells files (EXECUTE) from directories (LOOKUP), access(2) does not. */
static bool is_granted(uint32_t granted, int mask)
{
	return (!(mask & R_OK) || (granted & NFS_ACCESS_READ)) &&
	       (!(mask & W_OK) ||
		(granted & (NFS_ACCESS_MODIFY | NFS_ACCESS_EXTEND))) &&
	       (!(mask & X_OK) ||
		(granted & (NFS_ACCESS_EXECUTE | NFS_ACCESS_LOOKUP)));
}

static void access_done(struct op *op)
{
	if (op_failed(op))
		return;
	op_finish_err(op,
		      is_granted(op->call.res.access.granted, op->access_mask)
			      ? 0
			      : -EACCES);
}

void ops_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct op *op;

	if (meta_is_node(ino)) {
		meta_view_ops.access(req, ino, mask);
		return;
	}
	op = op_begin(req, OP_ACCESS);
	if (!op || !op_target(op, ino))
		return;
	op->access_mask = mask;
	op->call.args.access.mask = NFS_ACCESS_READ | NFS_ACCESS_MODIFY |
				    NFS_ACCESS_EXTEND | NFS_ACCESS_EXECUTE |
				    NFS_ACCESS_LOOKUP;
	op_call(op, NFS_ACCESS, access_done);
}

/* --- statfs --------------------------------------------------------------------- */

static void statfs_done(struct op *op)
{
	struct statvfs st;

	if (op->call.status == -ETIMEDOUT && view_get_statvfs(op->view, &st)) {
		op_finish_statfs(op, &st);
		return;
	}
	if (op_failed(op))
		return;
	attr_to_statvfs(&op->call.res, &st);
	view_set_statvfs(op->view, &st);
	op_finish_statfs(op, &st);
}

void ops_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct op *op = op_begin(req, OP_STATFS);

	/* Virtual nodes are on the volume's file system, too. */
	if (!op || !op_target(op, meta_is_node(ino) ? INODE_ROOT : ino))
		return;
	call_bounded(op, NFS_FSSTAT, statfs_done);
}
