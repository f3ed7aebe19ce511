/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Names to nodes and back to nothing: lookup and forget, the completion that all
 * calls share which produce an entry, and the table of a view's operations.
 */

#include "inode.h"
#include "meta.h"
#include "ops.h"
#include "session.h"
#include "volume.h"

static void attr_done(struct op *op)
{
	if (op_failed(op))
		return;
	if (!op->call.res.has_attr) {
		op_finish_err(op, -EIO);
		return;
	}
	op_finish_entry(op, &op->call.args.fh, &op->call.res.attr);
}

void ops_object_done(struct op *op)
{
	if (op_failed(op))
		return;
	if (op->call.res.has_attr)
		op_finish_entry(op, &op->call.args.fh, &op->call.res.attr);
	else
		op_call(op, NFS_GETATTR, attr_done);
}

void ops_entry_done(struct op *op)
{
	if (op_failed(op))
		return;
	if (!op->call.res.has_fh) {
		/* LOOKUP has to give one; the others need not. */
		if (op->call.proc == NFS_LOOKUP)
			op_finish_err(op, -EIO);
		else
			op_call(op, NFS_LOOKUP, ops_entry_done);
		return;
	}
	op->call.args.fh = op->call.res.fh;
	ops_object_done(op);
}

void ops_forgive_replay(struct op *op, int status)
{
	if (op->call.status != status ||
	    (!op->call.is_retransmitted && !op->is_replay))
		return;
	op->call.status = 0;
	op->call.res.has_fh = false;
	op->call.res.has_attr = false;
}

static void lookup_done(struct op *op)
{
	if (op->call.status == -ENOENT)
		op_finish_absent(op);
	else
		ops_entry_done(op);
}

void ops_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct op *op;

	if (meta_is_node(parent) || view_is_meta(parent, name)) {
		meta_view_ops.lookup(req, parent, name);
		return;
	}
	op = op_begin(req, OP_LOOKUP);
	if (!op || !op_take_name(op, parent, name) || !op_target(op, parent))
		return;
	op_call(op, NFS_LOOKUP, lookup_done);
}

static void forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	struct session *session = fuse_req_userdata(req);
	struct view *view = volume_view(session_owner(session));

	/* Virtual nodes are not counted. */
	if (meta_is_node(ino))
		return;
	if (atomic_load(&view->n_silly) > 0)
		ops_silly_forget(view, ino, n);
	inode_forget(view->inodes, ino, n);
}

void ops_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	forget(req, ino, n);
	fuse_reply_none(req);
}

void ops_forget_multi(fuse_req_t req, size_t count,
		      struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		forget(req, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

const struct fuse_lowlevel_ops view_ops = {
	.lookup = ops_lookup,
	.forget = ops_forget,
	.getattr = ops_getattr,
	.setattr = ops_setattr,
	.readlink = ops_readlink,
	.mknod = ops_mknod,
	.mkdir = ops_mkdir,
	.unlink = ops_unlink,
	.rmdir = ops_rmdir,
	.symlink = ops_symlink,
	.rename = ops_rename,
	.link = ops_link,
	.open = ops_open,
	.read = ops_read,
	.write = ops_write,
	.flush = ops_flush,
	.release = ops_release,
	.fsync = ops_fsync,
	.getlk = ops_getlk,
	.setlk = ops_setlk,
	.flock = ops_flock,
	.opendir = ops_opendir,
	.readdir = ops_readdir,
	.releasedir = ops_releasedir,
	.fsyncdir = ops_fsyncdir,
	.statfs = ops_statfs,
	.access = ops_access,
	.create = ops_create,
	.forget_multi = ops_forget_multi,
	.fallocate = ops_fallocate,
	.readdirplus = ops_readdirplus,
	.poll = ops_poll,
};
