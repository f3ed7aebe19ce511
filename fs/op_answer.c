/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Answers. What the kernel is told goes into the node table first: lookups and
 * opens are counted before the reply is written, and taken back if the kernel did
 * not take it. Each answer ends its op.
 */

#include "attr_cache.h"
#include "behind.h"
#include "file_state.h"
#include "inode.h"
#include "op.h"
#include "opens.h"

void op_finish_err(struct op *op, int status)
{
	if (op->counted) {
		opens_end(op, status); /* comes back */
		return;
	}
	op_settle(op, status);
	(void)fuse_reply_err(op->req, -status);
	op_end(op, status);
}

/* A foreign change in place, seen on the way: the old pages have to go. */
static void observe(struct op *op, uint64_t node, const struct nfs_attr *attr)
{
	if (!S_ISREG(attr->mode) || op->view->is_write_back)
		return;
	if (file_is_changed(op->view->inodes, node, attr)) {
		op->node = node;
		op->has_seen = true;
		op->seen = *attr;
	}
}

double op_tell(struct op *op, uint64_t node, const struct nfs_attr *attr)
{
	uint64_t age_ns = file_told(op->view->inodes, node, attr, clock_ns());

	if (op->view->is_write_back && S_ISREG(attr->mode))
		attr_cache_told(op->view->inodes, node, attr,
				op->call.start_ns);
	return attr_timeout(&op->view->timeouts, attr->mode, age_ns);
}

/* Names are as old as the state of their directory. */
static double name_timeout(const struct op *op,
			   const struct attr_lifetime *lifetime)
{
	struct file_told dir = file_get_told(op->view->inodes, op->node);

	return attr_lifetime_of_age(lifetime, dir.age_ns);
}

/*
 * The kernel believes a smaller size than its own, and cuts its pages off: a reply
 * may have been overtaken by a write, or the write may not have been sent yet.
 */
static off_t entry_size(const struct op *op, uint64_t node,
			const struct nfs_attr *attr)
{
	uint64_t size = behind_size(op->view->commits, node, attr->size);

	if (S_ISREG(attr->mode))
		size = attr_cache_size(op->view->inodes, node, size,
				       op->call.start_ns);
	return (off_t)size;
}

int op_make_entry(struct op *op, const struct nfs_fh *fh,
		  const struct nfs_attr *attr, struct fuse_entry_param *ret)
{
	struct view *view = op->view;
	uint64_t node;
	int r = inode_lookup(view->inodes, fh, attr->fileid, &node);

	if (r < 0)
		return r;
	*ret = (struct fuse_entry_param){
		.ino = node,
		.entry_timeout = name_timeout(op, &view->timeouts.entry),
	};
	attr_to_stat(attr, &ret->attr);
	ret->attr.st_size = entry_size(op, node, attr);
	return 0;
}

void op_finish_entry(struct op *op, const struct nfs_fh *fh,
		     const struct nfs_attr *attr)
{
	struct fuse_entry_param entry;
	int r = op_make_entry(op, fh, attr, &entry);

	if (r < 0) {
		op_finish_err(op, r);
		return;
	}
	op->found = attr->fileid;
	observe(op, entry.ino, attr);
	entry.attr_timeout = op_tell(op, entry.ino, attr);
	op_settle(op, 0);
	if (fuse_reply_entry(op->req, &entry) < 0)
		inode_forget(op->view->inodes, entry.ino, 1);
	op_end(op, 0);
}

void op_finish_absent(struct op *op)
{
	const struct attr_lifetime *lifetime = &op->view->timeouts.negative;
	const struct fuse_entry_param nothing = { .entry_timeout = name_timeout(
							  op, lifetime) };

	if (lifetime->max > 0)
		(void)fuse_reply_entry(op->req, &nothing);
	else
		(void)fuse_reply_err(op->req, ENOENT);
	op_end(op, -ENOENT);
}

void op_finish_create(struct op *op, const struct nfs_fh *fh,
		      const struct nfs_attr *attr)
{
	struct fuse_entry_param entry;
	int r = op_make_entry(op, fh, attr, &entry);

	if (r < 0) {
		op_finish_err(op, r);
		return;
	}
	r = opens_count(op, entry.ino);
	if (r < 0) {
		inode_forget(op->view->inodes, entry.ino, 1);
		op_finish_err(op, r);
		return;
	}
	op->found = attr->fileid;
	op->fi.keep_cache = file_validate(op->view->inodes, entry.ino, attr);
	entry.attr_timeout = op_tell(op, entry.ino, attr);
	op_settle(op, 0);
	if (fuse_reply_create(op->req, &entry, &op->fi) < 0) {
		opens_take_back(op, entry.ino);
		inode_forget(op->view->inodes, entry.ino, 1);
	}
	op_end(op, 0);
}

void op_finish_open(struct op *op)
{
	uint64_t counted = op->counted;

	op->counted = 0; /* as the kernel's from now on */
	op_settle(op, 0);
	if (fuse_reply_open(op->req, &op->fi) < 0 && counted)
		opens_take_back(op, counted);
	op_end(op, 0);
}

static void finish_attr(struct op *op, const struct nfs_attr *attr,
			double timeout)
{
	struct stat st;

	if (op->node == INODE_ROOT)
		view_set_root(op->view, attr);
	attr_to_stat(attr, &st);
	(void)fuse_reply_attr(op->req, &st, timeout);
	op_end(op, 0);
}

void op_finish_attr(struct op *op, const struct nfs_attr *attr)
{
	observe(op, op->node, attr);
	finish_attr(op, attr, op_tell(op, op->node, attr));
}

void op_finish_same_attr(struct op *op, const struct nfs_attr *attr)
{
	finish_attr(op, attr, 0);
}

void op_finish_cached_attr(struct op *op, const struct attr_cached *cached)
{
	observe(op, op->node, &cached->attr);
	(void)file_told(op->view->inodes, op->node, &cached->attr,
			cached->at_ns);
	finish_attr(op, &cached->attr, cached->left_s);
}

void op_finish_data(struct op *op, const void *data, size_t len)
{
	(void)fuse_reply_buf(op->req, data, len);
	op_end(op, (int64_t)len);
}

void op_finish_written(struct op *op, size_t count)
{
	(void)fuse_reply_write(op->req, count);
	op_end(op, (int64_t)count);
}

void op_finish_readlink(struct op *op, const char *target)
{
	(void)fuse_reply_readlink(op->req, target);
	op_end(op, 0);
}

void op_finish_statfs(struct op *op, const struct statvfs *st)
{
	(void)fuse_reply_statfs(op->req, st);
	op_end(op, 0);
}

void op_finish_lock(struct op *op, const struct flock *lock)
{
	(void)fuse_reply_lock(op->req, lock);
	op_end(op, 0);
}
