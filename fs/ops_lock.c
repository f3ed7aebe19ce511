/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Locks as the kernel asks for them; locks.c has them. Only volumes with `lock` are
 * asked (session.c). flock(2) locks are locks of the whole file, as with Linux's
 * NFS client, and so conflict with fcntl(2)'s.
 *
 * Locks order what nodes write and read:
 *
 *  - Before a lock is given back, what was written under it is committed. Else a
 *    server that reboots would get it from us a second time, when the next holder
 *    has long written over it.
 *  - After a lock is taken, the file is looked at as at open, and pages of another
 *    state are dropped before the answer. When the server can't be asked they go,
 *    too: the lock is there, so an error would be the wrong answer.
 *
 * Pages of a shared mapping that were written to are in the kernel until msync(2)
 * or munmap(2): unlocking does not wait for them.
 */

#include <fcntl.h>
#include <sys/file.h>

#include "commit.h"
#include "file_state.h"
#include "locks.h"
#include "meta.h"
#include "ops.h"
#include "session.h"

static struct lock_range range_of(const struct flock *lock)
{
	struct lock_range range = { .first = (uint64_t)lock->l_start,
				    .last = LOCK_TO_END,
				    .kind = LOCK_NONE };

	if (lock->l_len > 0)
		range.last = range.first + (uint64_t)lock->l_len - 1;
	if (lock->l_type == F_RDLCK)
		range.kind = LOCK_SHARED;
	else if (lock->l_type == F_WRLCK)
		range.kind = LOCK_EXCLUSIVE;
	return range;
}

static struct op *begin(fuse_req_t req, enum op_kind kind, fuse_ino_t ino,
			const struct fuse_file_info *fi)
{
	struct op *op;

	if (meta_is_node(ino)) {
		(void)fuse_reply_err(req, ENOLCK);
		return NULL;
	}
	op = op_begin(req, kind);
	if (!op || !op_target(op, ino))
		return NULL;
	op->lock =
		(struct op_lock){ .owner = fi->lock_owner, .handle = fi->fh };
	return op;
}

/* --- F_GETLK ---------------------------------------------------------------------- */

static void tested(struct op *op)
{
	const struct lock_range *range = &op->lock.range;
	struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	if (op_failed(op))
		return;
	if (range->kind != LOCK_NONE) {
		lock.l_type = range->kind == LOCK_SHARED ? F_RDLCK : F_WRLCK;
		lock.l_start = (off_t)range->first;
		lock.l_pid = (pid_t)op->lock.pid;
		if (range->last < INT64_MAX)
			lock.l_len = (off_t)(range->last - range->first + 1);
	}
	op_finish_lock(op, &lock);
}

void ops_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	       struct flock *lock)
{
	struct op *op = begin(req, OP_GETLK, ino, fi);

	if (!op)
		return;
	op->lock.verb = LOCK_TEST;
	op->lock.range = range_of(lock);
	locks_request(op, tested);
}

/* --- taking ----------------------------------------------------------------------- */

static void taken_and_coherent(struct op *op)
{
	op_finish_err(op, 0);
}

static void looked_at(struct op *op)
{
	struct inode_table *inodes = op->view->inodes;
	const struct nfs_attr *attr = &op->call.res.attr;

	if (op->call.status < 0 || !file_validate(inodes, op->node, attr)) {
		op_drop_pages(op, taken_and_coherent);
		return;
	}
	if (!file_is_told(inodes, op->node, attr))
		(void)fuse_lowlevel_notify_inval_inode(
			session_fuse(op->lane->session), op->node, -1, 0);
	taken_and_coherent(op);
}

static void taken(struct op *op)
{
	if (!op_failed(op))
		op_call(op, NFS_GETATTR, looked_at);
}

/* --- giving back ------------------------------------------------------------------ */

static void given(struct op *op)
{
	op_finish_err(op, op->lock.status ?: op->call.status);
}

static void give(struct op *op)
{
	op->lock.status = op->call.status;
	locks_request(op, given);
}

static void closed(struct op *op)
{
	op->call.status = op->lock.status;
	op->synced(op);
}

void ops_lock_close(struct op *op, op_fn then)
{
	struct locks *locks = op->view->locks;
	bool is_flush = op->kind == OP_FLUSH;

	if (!locks || !locks_has_owners(locks)) {
		then(op);
		return;
	}
	op->synced = then;
	op->lock = (struct op_lock){ .verb = LOCK_CLOSE,
				     .owner = is_flush ? op->fi.lock_owner : 0,
				     .handle = op->fi.fh,
				     .status = op->call.status };
	locks_request(op, closed);
}

/* --- both ------------------------------------------------------------------------- */

static void set_lock(struct op *op, const struct lock_range *range)
{
	op->lock.range = *range;
	op->lock.waits = op->kind == OP_SETLKW;
	op->lock.verb = range->kind == LOCK_NONE ? LOCK_GIVE : LOCK_TAKE;
	if (range->kind == LOCK_NONE)
		commits_sync(op, give);
	else
		locks_request(op, taken);
}

void ops_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	       struct flock *lock, int sleep)
{
	const struct lock_range range = range_of(lock);
	bool waits = sleep && range.kind != LOCK_NONE;
	struct op *op = begin(req, waits ? OP_SETLKW : OP_SETLK, ino, fi);

	if (!op)
		return;
	op->lock.pid = (uint32_t)lock->l_pid;
	set_lock(op, &range);
}

void ops_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	       int operation)
{
	struct lock_range range = { .last = LOCK_TO_END };
	bool waits = !(operation & LOCK_NB) && !(operation & LOCK_UN);
	struct op *op = begin(req, waits ? OP_SETLKW : OP_SETLK, ino, fi);

	if (!op)
		return;
	if (operation & LOCK_SH)
		range.kind = LOCK_SHARED;
	else if (operation & LOCK_EX)
		range.kind = LOCK_EXCLUSIVE;
	op->lock.pid = (uint32_t)op->ctx.pid;
	set_lock(op, &range);
}
