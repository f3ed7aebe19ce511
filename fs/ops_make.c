/* SPDX-License-Identifier: Apache-2.0 */

/*
 * New objects: mknod, mkdir, symlink, create. The kernel has applied the umask to
 * the mode; owner and group come from the credentials of the call. What a mount
 * group may do is added to the mode (identity.c).
 *
 * create with O_EXCL is an EXCLUSIVE CREATE (RFC 1813 3.3.8): the server keeps our
 * verifier where it keeps the times, and answers a retransmission of the same
 * request with success. It can't set attributes, so a SETATTR follows, which also
 * repairs the times.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "inode.h"
#include "ops.h"

static struct nfs_set set_mode(const struct op *op, mode_t mode)
{
	mode = identity_mode(&op->view->identity, mode);
	return (struct nfs_set){ .mask = NFS_SET_MODE, .mode = mode & 07777 };
}

static struct op *begin(fuse_req_t req, enum op_kind kind, fuse_ino_t parent,
			const char *name)
{
	struct op *op = op_begin(req, kind);

	if (!op || !op_take_change(op, parent, name) || !op_target(op, parent))
		return NULL;
	return op;
}

static void made(struct op *op)
{
	ops_forgive_replay(op, -EEXIST);
	ops_entry_done(op);
}

/* Without the bit the directory is of as much use here, so a failure is none. */
static void setgid_set(struct op *op)
{
	const struct nfs_wcc *wcc = &op->call.res.wcc;

	if (op->call.status == 0 && wcc->has_after)
		op_finish_entry(op, &op->call.args.fh, &wcc->after);
	else
		op_call(op, NFS_GETATTR, ops_object_done);
}

/* mkdir(2) on servers takes no setgid bit, which a mount group wants. */
static void mkdir_done(struct op *op)
{
	const struct nfs_result *res = &op->call.res;

	if (op->call.status < 0 || !res->has_fh || !res->has_attr ||
	    !(op->create_mode & S_ISGID) || (res->attr.mode & S_ISGID)) {
		made(op);
		return;
	}
	op->call.args.fh = res->fh;
	op->call.args.setattr.has_guard = false;
	op->call.args.setattr.set = (struct nfs_set){ .mask = NFS_SET_MODE,
						      .mode = op->create_mode };
	op_call(op, NFS_SETATTR, setgid_set);
}

void ops_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct op *op = begin(req, OP_MKDIR, parent, name);

	if (!op)
		return;
	op->call.args.mkdir.set = set_mode(op, mode | S_IFDIR);
	op->create_mode = op->call.args.mkdir.set.mode;
	op_call(op, NFS_MKDIR, mkdir_done);
}

void ops_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
		 const char *name)
{
	struct op *op = begin(req, OP_SYMLINK, parent, name);

	if (!op)
		return;
	op->text = strdup(target);
	if (!op->text) {
		op_finish_err(op, -ENOMEM);
		return;
	}
	op->call.args.symlink.set = set_mode(op, 0777);
	op->call.args.symlink.target = op->text;
	op_call(op, NFS_SYMLINK, made);
}

void ops_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       dev_t rdev)
{
	struct op *op = begin(req, OP_MKNOD, parent, name);

	if (!op)
		return;
	if (S_ISREG(mode)) { /* MKNOD makes no regular files */
		op->call.args.create.how = NFS_CREATE_GUARDED;
		op->call.args.create.set = set_mode(op, mode);
		op_call(op, NFS_CREATE, made);
		return;
	}
	op->call.args.mknod.set = set_mode(op, mode);
	op->call.args.mknod.type = mode & S_IFMT;
	op->call.args.mknod.rdev_major = major(rdev);
	op->call.args.mknod.rdev_minor = minor(rdev);
	op_call(op, NFS_MKNOD, made);
}

/* --- create -------------------------------------------------------------------- */

static void create_attr_done(struct op *op)
{
	if (op_failed(op))
		return;
	op_finish_create(op, &op->call.args.fh, &op->call.res.attr);
}

static void create_set_done(struct op *op)
{
	if (op_failed(op))
		return;
	if (op->call.res.wcc.has_after)
		op_finish_create(op, &op->call.args.fh,
				 &op->call.res.wcc.after);
	else
		op_call(op, NFS_GETATTR, create_attr_done);
}

static void create_done(struct op *op)
{
	bool is_exclusive = op->fi.flags & O_EXCL;

	if (op_failed(op))
		return;
	if (!op->call.res.has_fh) {
		if (op->call.proc == NFS_LOOKUP)
			op_finish_err(op, -EIO);
		else
			op_call(op, NFS_LOOKUP, create_done);
		return;
	}
	op->call.args.fh = op->call.res.fh;
	if (is_exclusive) {
		op->call.args.setattr.has_guard = false;
		op->call.args.setattr.set = (struct nfs_set){
			.mask = NFS_SET_MODE | NFS_SET_ATIME_NOW |
				NFS_SET_MTIME_NOW,
			.mode = op->create_mode,
		};
		op_call(op, NFS_SETATTR, create_set_done);
	} else if (op->call.res.has_attr) {
		op_finish_create(op, &op->call.args.fh, &op->call.res.attr);
	} else {
		op_call(op, NFS_GETATTR, create_attr_done);
	}
}

void ops_create(fuse_req_t req, fuse_ino_t parent, const char *name,
		mode_t mode, struct fuse_file_info *fi)
{
	struct op *op = begin(req, OP_CREATE, parent, name);
	struct nfs_args *args;

	if (!op)
		return;
	op->fi = *fi;
	args = &op->call.args;
	args->create.set = set_mode(op, mode);
	op->create_mode = args->create.set.mode;
	args->create.how = NFS_CREATE_UNCHECKED;
	if (fi->flags & O_EXCL) {
		args->create.how = NFS_CREATE_EXCLUSIVE;
		/* Unique per request of this node, and spread between nodes. */
		args->create.verf = op->start_ns * 0x9e3779b97f4a7c15ull ^
				    (uint64_t)op->ctx.pid << 32 ^ (uintptr_t)op;
	} else if (fi->flags & O_TRUNC) {
		args->create.set.mask |= NFS_SET_SIZE;
	}
	op_call(op, NFS_CREATE, create_done);
}
