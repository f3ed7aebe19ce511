/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Attributes of files and of the file system.
 *
 * stat of a view's root and statfs are what health checks, df and the kubelet
 * call: they never wait for a server longer than SLOW_NS, but answer what was
 * known last. When others wait as well and none of them gets an answer, it is
 * SILENT_NS: whoever opens a file in `.meta` asks for the root first.
 */

#include "attr_cache.h"
#include "behind.h"
#include "commit.h"
#include "file_state.h"
#include "inode.h"
#include "meta.h"
#include "ops.h"

#define SLOW_NS	  NS_PER_S
#define SILENT_NS (250 * NS_PER_MS)

static void on_slow(struct timer *timer)
{
	struct op *op = container_of(timer, struct op, timer);

	op_give_up(op, -ETIMEDOUT);
}

static void set_timer(struct op *op, timer_fn fn, uint64_t after_ns)
{
	op->timer = TIMER_INIT(fn);
	/* Without a timer it takes as long as any other call. */
	(void)timer_set(&op->timer, shard_loop(op->lane->shard),
			op->start_ns + after_ns);
}

static void on_maybe_silent(struct timer *timer)
{
	struct op *op = container_of(timer, struct op, timer);

	if (op->n_ended == op->lane->n_ended && lane_has_older(op->lane, op))
		op_give_up(op, -ETIMEDOUT);
	else
		set_timer(op, on_slow, SLOW_NS);
}

static void call_bounded(struct op *op, enum nfs_proc proc, op_fn done)
{
	op->n_ended = op->lane->n_ended;
	set_timer(op, on_maybe_silent, SILENT_NS);
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

/*
 * close(2) does not wait for its RELEASE, and another shard may have it. Who removes
 * a name right behind a close asks for the directory first: an answer at once would
 * let the UNLINK find the file open still.
 */
static bool may_be_closing(struct view *view)
{
	return atomic_load(&view->n_opens) > 0 ||
	       atomic_load(&view->n_silly) > 0;
}

static bool is_answered_from_cache(struct op *op)
{
	struct attr_cached cached;

	if (!attr_cache_get(op->view->inodes, op->node, &op->view->timeouts,
			    clock_ns(), &cached))
		return false;
	if (S_ISDIR(cached.attr.mode) && may_be_closing(op->view))
		return false;
	op_finish_cached_attr(op, &cached);
	return true;
}

static void getattr_drained(struct op *op)
{
	if (!op_failed(op) && !is_answered_from_cache(op))
		op_call(op, NFS_GETATTR, getattr_done);
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
	if (ino != INODE_ROOT)
		behind_drain(op, getattr_drained);
	else if (!is_answered_from_cache(op))
		call_bounded(op, NFS_GETATTR, getattr_done);
}

/* --- setattr ------------------------------------------------------------------- */

/*
 * With write-back the kernel sends its own clock's time where it otherwise says
 * "now", and after writes. But only a file's owner may set a time.
 */
static bool is_refused_time(const struct op *op)
{
	const uint32_t times =
		NFS_SET_MTIME | NFS_SET_ATIME | NFS_SET_ATIME_NOW;
	uint32_t mask = op->call.args.setattr.set.mask;

	return op->view->is_write_back && (mask & NFS_SET_MTIME) &&
	       (mask & ~times) == 0 &&
	       (op->call.status == -EPERM || op->call.status == -EACCES);
}

static void setattr_done(struct op *op);

static void use_servers_time(struct op *op)
{
	struct nfs_set *set = &op->call.args.setattr.set;

	if (op->has_handle) { /* the one that it gave the write */
		op_call(op, NFS_GETATTR, getattr_done);
		return;
	}
	set->mask = (set->mask & ~(uint32_t)NFS_SET_MTIME) | NFS_SET_MTIME_NOW;
	op_call(op, NFS_SETATTR, setattr_done);
}

static void setattr_done(struct op *op)
{
	const struct nfs_wcc *wcc = &op->call.res.wcc;

	view_own_change(op->view, op->node, &op->call);
	if (is_refused_time(op)) {
		use_servers_time(op);
		return;
	}
	if (op_failed(op))
		return;
	if (wcc->has_after)
		op_finish_attr(op, &wcc->after);
	else
		op_call(op, NFS_GETATTR, getattr_done);
}

static void truncated(struct op *op)
{
	if (op->call.status < 0)
		commits_end_write(op);
	else
		commits_end_truncate(op, op->call.args.setattr.set.size);
	setattr_done(op);
}

static void truncate_begun(struct op *op)
{
	if (!op_failed(op))
		op_call(op, NFS_SETATTR, truncated);
}

/*
 * With write-back the kernel sends a file's times whenever its ctime has changed, as
 * when a name of it was removed: mostly to say what the server has, and often of a
 * file that is not there any more.
 */
static bool is_time_of_server(const struct op *op, struct attr_cached *ret)
{
	const struct nfs_set *set = &op->call.args.setattr.set;

	return op->view->is_write_back && set->mask == NFS_SET_MTIME &&
	       attr_cache_has_mtime(op->view->inodes, op->node, &set->mtime,
				    ret);
}

/* tar gives each new file to him to whom it belongs already. */
static bool is_owner_of_server(const struct op *op, struct attr_cached *ret)
{
	const struct nfs_set *set = &op->call.args.setattr.set;

	return set->mask != 0 &&
	       (set->mask & ~(uint32_t)(NFS_SET_UID | NFS_SET_GID)) == 0 &&
	       attr_cache_has_owner(op->view->inodes, op->node, set,
				    &op->view->timeouts, clock_ns(), ret);
}

static void change(struct op *op)
{
	if (op_failed(op))
		return;
	if (op->call.args.setattr.set.mask & NFS_SET_SIZE)
		commits_begin_write(op, truncate_begun);
	else
		op_call(op, NFS_SETATTR, setattr_done);
}

/* What is executed twice would undo what others have done meanwhile. */
static void setattr_drained(struct op *op)
{
	uint32_t mask = op->call.args.setattr.set.mask;
	struct attr_cached same;

	if (op_failed(op))
		return;
	if (is_owner_of_server(op, &same))
		op_finish_cached_attr(op, &same);
	else if (is_time_of_server(op, &same))
		op_finish_same_attr(op, &same.attr);
	else if (mask == 0)
		op_call(op, NFS_GETATTR, getattr_done);
	else if (op_intend(op))
		gate_pass(op, change);
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
	if (fi) /* ftruncate, or the kernel's own with write-back */
		op_use_opener(op, fi);
	op->has_handle = fi;
	op->io.len = 0; /* a truncation needs no room */
	args = &op->call.args;
	args->setattr.has_guard = false;
	attr_from_setattr(attr, to_set, &args->setattr.set);
	behind_drain(op, setattr_drained);
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
