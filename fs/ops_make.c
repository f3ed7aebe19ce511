/* SPDX-License-Identifier: Apache-2.0 */

/*
 * New objects: mknod, mkdir, symlink, create. The kernel has applied the umask to
 * the mode; owner and group come from the credentials of the call. What a mount
 * group may do is added to the mode (identity.c).
 *
 * create with O_EXCL must not take a file for somebody else's that its own request
 * made, when that is sent again and the server has forgotten it. EXCLUSIVE CREATE
 * (RFC 1813 3.3.8) was made for it: the server keeps a verifier where it keeps the
 * times, and a SETATTR follows that repairs them. One call does as much: a GUARDED
 * CREATE that sets an atime which nobody else would choose. If it is answered with
 * EEXIST after it was sent again, the file's atime tells whose it is. A server that
 * does not keep the time as it was set gets EXCLUSIVE CREATEs from then on. On a
 * volume of one node EEXIST alone tells: the kernel has just found that there is no
 * such name, and lets nobody else make it meanwhile. On others a server that is killed
 * after it has made the file, and before it has set what tells, leaves one that is
 * nobody's: EEXIST, as with Linux' client.
 *
 * A request that is asked again, because the process that had it died, is the same
 * to the server: its verifier and its atime do not change.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "inode.h"
#include "lane.h"
#include "ops.h"

#define ATIME_UNIT_NS 100
/* What is noted of a CREATE is the second of its atime, or with this the file's id. */
#define MADE_EXCLUSIVE (1ull << 63)

static struct nfs_set set_mode(const struct op *op, mode_t mode)
{
	mode = identity_mode(&op->view->identity, mode);
	return (struct nfs_set){ .mask = NFS_SET_MODE, .mode = mode & 07777 };
}

static struct op *begin(fuse_req_t req, enum op_kind kind, fuse_ino_t parent,
			const char *name)
{
	struct op *op = op_begin_change(req, kind);

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
	    !(op->create.mode & S_ISGID) || (res->attr.mode & S_ISGID)) {
		made(op);
		return;
	}
	op->call.args.fh = res->fh;
	op->call.args.setattr.has_guard = false;
	op->call.args.setattr.set = (struct nfs_set){ .mask = NFS_SET_MODE,
						      .mode = op->create.mode };
	op_call(op, NFS_SETATTR, setgid_set);
}

void ops_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct op *op = begin(req, OP_MKDIR, parent, name);

	if (!op)
		return;
	op->call.args.mkdir.set = set_mode(op, mode | S_IFDIR);
	op->create = (struct op_create){ .mode = op->call.args.mkdir.set.mode };
	op_change(op, NFS_MKDIR, mkdir_done);
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
	op_change(op, NFS_SYMLINK, made);
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
		op_change(op, NFS_CREATE, made);
		return;
	}
	op->call.args.mknod.set = set_mode(op, mode);
	op->call.args.mknod.type = mode & S_IFMT;
	op->call.args.mknod.rdev_major = major(rdev);
	op->call.args.mknod.rdev_minor = minor(rdev);
	op_change(op, NFS_MKNOD, made);
}

/* --- create -------------------------------------------------------------------- */

static bool has_verifier(const struct op *op, const struct nfs_attr *attr)
{
	const struct timespec *set = &op->call.args.create.set.atime;

	return attr->atime.tv_sec == set->tv_sec &&
	       attr->atime.tv_nsec == set->tv_nsec;
}

static void created(struct op *op, const struct nfs_attr *attr)
{
	if (op->create.has_verifier && !has_verifier(op, attr)) {
		if (op->create.is_replay) {
			op_finish_err(op, -EEXIST);
			return;
		}
		atomic_store(&op->view->loses_atime, true);
	}
	op_finish_create(op, &op->call.args.fh, attr);
}

static void create_attr_done(struct op *op)
{
	if (!op_failed(op))
		created(op, &op->call.res.attr);
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

/* The call was sent again, or is a second process's of ours. */
static bool is_replay(const struct op *op)
{
	return op->call.proc == NFS_CREATE && op->call.status == -EEXIST &&
	       (op->call.is_retransmitted || op->is_replay) &&
	       op->create.has_verifier;
}

static void note_made(struct op *op)
{
	const struct nfs_result *res = &op->call.res;

	op_note(op, MADE_EXCLUSIVE | (res->has_attr ? res->attr.fileid : 0));
}

/* The name is there, and what a former process has made under it is another file. */
static bool is_another(const struct op *op)
{
	const struct nfs_result *res = &op->call.res;

	return op->create.is_exclusive && op->has_before && res->has_attr &&
	       op->before != MADE_EXCLUSIVE &&
	       (res->attr.fileid | MADE_EXCLUSIVE) != op->before;
}

static void create_done(struct op *op)
{
	if (is_replay(op)) {
		op->create.is_replay = true;
		op_call(op, NFS_LOOKUP, create_done);
		return;
	}
	if (op->create.is_alone && op->call.proc == NFS_CREATE)
		ops_forgive_replay(op, -EEXIST);
	if (op_failed(op))
		return;
	if (!op->call.res.has_fh) {
		if (op->call.proc == NFS_LOOKUP)
			op_finish_err(op, -EIO);
		else
			op_call(op, NFS_LOOKUP, create_done);
		return;
	}
	if (is_another(op)) {
		op_finish_err(op, -EEXIST);
		return;
	}
	op->call.args.fh = op->call.res.fh;
	if (op->create.is_exclusive) {
		note_made(op);
		op->call.args.setattr.has_guard = false;
		op->call.args.setattr.set = (struct nfs_set){
			.mask = NFS_SET_MODE | NFS_SET_ATIME_NOW |
				NFS_SET_MTIME_NOW,
			.mode = op->create.mode,
		};
		op_call(op, NFS_SETATTR, create_set_done);
	} else if (op->call.res.has_attr) {
		created(op, &op->call.res.attr);
	} else {
		op_call(op, NFS_GETATTR, create_attr_done);
	}
}

/*
 * Unique per request of this mount, and spread between mounts: the same when
 * another process of ours executes the request again.
 */
static uint64_t verifier(const struct op *op)
{
	return inode_table_epoch(op->view->inodes) ^
	       op->lane->unique << 1 /* without bit 63 */;
}

/*
 * Of a request that is asked again, what was noted tells how it was executed. A
 * process that noted nothing has sent nothing, or an EXCLUSIVE CREATE.
 */
static bool needs_exclusive(const struct op *op)
{
	if (op->is_replay)
		return !op->has_before || (op->before & MADE_EXCLUSIVE);
	return atomic_load(&op->view->loses_atime);
}

static void set_atime(struct op *op)
{
	struct nfs_set *set = &op->call.args.create.set;

	set->mask |= NFS_SET_ATIME;
	(void)clock_gettime(CLOCK_REALTIME, &set->atime);
	if (op->has_before)
		set->atime.tv_sec = (time_t)op->before;
	/* File systems that keep no nanoseconds have at least these. */
	set->atime.tv_nsec = (long)(verifier(op) % (NS_PER_S / ATIME_UNIT_NS) *
				    ATIME_UNIT_NS);
	op_note(op, (uint64_t)set->atime.tv_sec);
	op->create.has_verifier = true;
}

static void set_exclusive(struct op *op)
{
	struct nfs_args *args = &op->call.args;

	args->create.how = NFS_CREATE_GUARDED;
	if (op->view->has_one_node) {
		op->create.is_alone = true;
	} else if (needs_exclusive(op)) {
		args->create.how = NFS_CREATE_EXCLUSIVE;
		args->create.verf = verifier(op);
		op->create.is_exclusive = true;
		/* The verifier may have gone with the SETATTR. */
		op->create.is_alone = op->has_before;
	} else {
		set_atime(op);
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
	op->create = (struct op_create){ .mode = args->create.set.mode };
	args->create.how = NFS_CREATE_UNCHECKED;
	if (fi->flags & O_EXCL)
		set_exclusive(op);
	else if (fi->flags & O_TRUNC)
		args->create.set.mask |= NFS_SET_SIZE;
	op_change(op, NFS_CREATE, create_done);
}
