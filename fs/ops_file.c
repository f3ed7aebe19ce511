/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Open files: open, flush, fsync, release, fallocate.
 *
 * open asks the server with ACCESS, whose reply has the attributes as well: one
 * call tells whether the server lets this user in (root squash and ACLs are its
 * own) and whether the kernel's pages are still good. If they are not, the kernel
 * drops them itself, because the answer does not say keep_cache. Attributes it
 * keeps: those it has to be told to drop before the answer, or it would read up to
 * the old size. (Without an offset that notification takes no page lock, and may
 * be sent from a shard.) With `nocto` the server is not asked while the kernel's
 * attributes are fresh: then its permission bits are all that open checks.
 *
 * Writes are sent UNSTABLE; close and fsync wait until commit.c has made them
 * stable.
 *
 * There is no lseek. NFSv3 knows no holes, and without one the kernel says so
 * itself: data up to its own size of the file. The server's size is smaller while
 * the kernel keeps pages back, and SEEK_DATA would deny what is in them.
 */

#include <fcntl.h>
#include <poll.h>

#include "attr_cache.h"
#include "behind.h"
#include "commit.h"
#include "file_state.h"
#include "handle.h"
#include "inode.h"
#include "meta.h"
#include "opens.h"
#include "ops.h"
#include "session.h"
#include "write_error.h"

/* <linux/fs.h> __FMODE_EXEC: open(2) for execve(2) */
#define OPEN_FOR_EXEC 040

/* --- open ------------------------------------------------------------------------ */

static void answer_open(struct op *op)
{
	/* Who can't write has nothing to flush; whose locks end, we have to know. */
	op->fi.noflush =
		(op->fi.flags & O_ACCMODE) == O_RDONLY && !op->view->locks;
	op_finish_open(op);
}

static void validate(struct op *op, const struct nfs_attr *attr)
{
	struct inode_table *inodes = op->view->inodes;

	op->fi.keep_cache = file_validate(inodes, op->node, attr);
	if (!op->view->is_write_back && !file_is_told(inodes, op->node, attr)) {
		attr_cache_seen(inodes, op->node, attr, op->call.start_ns);
		(void)fuse_lowlevel_notify_inval_inode(
			session_fuse(op->lane->session), op->node, -1, 0);
	}
	answer_open(op);
}

static void open_attr_done(struct op *op)
{
	if (op_failed(op))
		return;
	validate(op, &op->call.res.attr);
}

/* O_TRUNC is ours to do: the kernel was told so (FUSE_ATOMIC_O_TRUNC). */
static void open_truncated(struct op *op)
{
	const struct nfs_wcc *wcc = &op->call.res.wcc;

	view_own_change(op->view, op->node, &op->call);
	if (op->call.status < 0)
		commits_end_write(op);
	else
		commits_end_truncate(op, 0);
	if (op_failed(op))
		return;
	if (!wcc->has_after) {
		op_call(op, NFS_GETATTR, open_attr_done);
		return;
	}
	/* The kernel knows the new size: nothing has to be told. */
	(void)file_told(op->view->inodes, op->node, &wcc->after, clock_ns());
	attr_cache_seen(op->view->inodes, op->node, &wcc->after, clock_ns());
	validate(op, &wcc->after);
}

static void truncate_opened(struct op *op)
{
	if (op_failed(op))
		return;
	op->call.args.setattr.has_guard = false;
	op->call.args.setattr.set = (struct nfs_set){ .mask = NFS_SET_SIZE };
	op_call(op, NFS_SETATTR, open_truncated);
}

static void truncate_passed(struct op *op)
{
	if (op_failed(op))
		return;
	op->io.len = 0;
	commits_begin_write(op, truncate_opened);
}

static bool may_open(uint32_t granted, int flags)
{
	const uint32_t write = NFS_ACCESS_MODIFY | NFS_ACCESS_EXTEND;
	const uint32_t read = flags & OPEN_FOR_EXEC
				      ? NFS_ACCESS_READ | NFS_ACCESS_EXECUTE
				      : NFS_ACCESS_READ;

	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		return granted & read;
	case O_WRONLY:
		return granted & write;
	default:
		return (granted & NFS_ACCESS_READ) && (granted & write);
	}
}

/* With write-back the kernel reads pages that a writer fills only in part. */
static bool may_fill_pages(const struct op *op, uint32_t granted)
{
	return !op->view->is_write_back || (granted & NFS_ACCESS_READ) ||
	       (op->fi.flags & O_ACCMODE) == O_RDONLY;
}

static void open_done(struct op *op)
{
	const struct nfs_result *res = &op->call.res;

	if (op_failed(op))
		return;
	op->fi.direct_io = !may_fill_pages(op, res->access.granted);
	if (!may_open(res->access.granted, op->fi.flags)) {
		op_finish_err(op, -EACCES);
	} else if (op->fi.flags & O_TRUNC) {
		gate_pass(op, truncate_passed);
	} else if (res->has_attr) {
		validate(op, &res->attr);
	} else {
		op_call(op, NFS_GETATTR, open_attr_done);
	}
}

/* The kernel still believes its attributes, and its pages belong to them. */
static bool is_fresh(const struct op *op)
{
	struct file_told told = file_get_told(op->view->inodes, op->node);
	double timeout =
		attr_lifetime_of_age(&op->view->timeouts.reg, told.age_ns);

	return told.is_known &&
	       (double)(op->start_ns - told.at_ns) < timeout * NS_PER_S;
}

static void open_begun(struct op *op)
{
	if (op->view->is_nocto && !(op->fi.flags & O_TRUNC) && is_fresh(op)) {
		op->fi.keep_cache = 1;
		answer_open(op);
		return;
	}
	op->call.args.access.mask = NFS_ACCESS_READ | NFS_ACCESS_MODIFY |
				    NFS_ACCESS_EXTEND | NFS_ACCESS_EXECUTE;
	op_call(op, NFS_ACCESS, open_done);
}

void ops_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct op *op;

	if (meta_is_node(ino)) {
		meta_view_ops.open(req, ino, fi);
		return;
	}
	op = op_begin_change(req, OP_OPEN);
	if (!op || !op_target(op, ino))
		return;
	op->fi = *fi;
	opens_begin(op, open_begun);
}

/* --- commit ------------------------------------------------------------------------ */

static int tell(struct op *op)
{
	struct inode_table *inodes = op->view->inodes;
	int status = write_error_get(inodes, op->node, op->fi.fh,
				     WRITE_ERROR_NOT_TOLD);

	if (status == 0)
		return 0;
	/* A process that dies behind this has told it, whatever the next one finds. */
	op_settle(op, status);
	return write_error_get(inodes, op->node, op->fi.fh,
			       op->kind == OP_FLUSH
				       ? WRITE_ERROR_TOLD_BY_CLOSE
				       : WRITE_ERROR_TOLD_BY_FSYNC);
}

static void synced(struct op *op)
{
	bool is_told = op->kind != OP_FLUSH || !handle_reads_only(op->fi.fh);

	op_finish_err(op, op->call.status == 0 && is_told ? tell(op)
							  : op->call.status);
}

static void flushed(struct op *op)
{
	ops_lock_close(op, synced);
}

static void flush(fuse_req_t req, enum op_kind kind, fuse_ino_t ino,
		  const struct fuse_file_info *fi)
{
	struct op *op = op_begin_change(req, kind);

	if (!op || !op_target(op, ino))
		return;
	op_use_opener(op, fi);
	op->fi = *fi;
	commits_sync(op, kind == OP_FLUSH ? flushed : synced);
}

void ops_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (meta_is_node(ino))
		meta_view_ops.flush(req, ino, fi);
	else
		flush(req, OP_FLUSH, ino, fi);
}

void ops_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
	       struct fuse_file_info *fi)
{
	if (meta_is_node(ino))
		meta_view_ops.fsync(req, ino, datasync, fi);
	else
		flush(req, OP_FSYNC, ino, fi);
}

/* --- release ------------------------------------------------------------------------ */

static void close_file(struct op *op)
{
	write_error_end(op->view->inodes, op->node, op->fi.fh);
	op_finish_err(op, 0);
}

static void released(struct op *op)
{
	ops_lock_close(op, close_file);
}

void ops_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct op *op;

	if (meta_is_node(ino)) {
		meta_view_ops.release(req, ino, fi);
		return;
	}
	op = op_begin_change(req, OP_RELEASE);
	if (!op || !op_target(op, ino))
		return;
	op_use_opener(op, fi);
	opens_close(op, fi);
	/*
	 * Pages of a mapping may have been written after the last flush. Nobody is
	 * left who could be told how it went.
	 */
	commits_sync(op, released);
}

/* --- fallocate, poll ------------------------------------------------------------------- */

void ops_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset,
		   off_t length, struct fuse_file_info *fi)
{
	struct op *op = op_begin(req, OP_FALLOCATE);

	/* NFSv3 can't; posix_fallocate(3) falls back to writing. */
	if (op)
		op_finish_err(op, -EOPNOTSUPP);
}

/* What the kernel would say itself of a file that it may always read and write. */
void ops_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	      struct fuse_pollhandle *take_poll)
{
	if (meta_is_node(ino)) {
		meta_view_ops.poll(req, ino, fi, take_poll);
		return;
	}
	fuse_pollhandle_destroy(take_poll);
	(void)fuse_reply_poll(req, POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
}
