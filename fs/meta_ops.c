/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Virtual files are made at open: what a reader gets is one consistent text, and
 * fi->fh is the number of its handle (which may have a live trace instead, served by
 * meta_trace.c). A directory's list is taken at opendir in the same way.
 * How long they are is not known before that, so they are opened with direct_io, which
 * reads until the end instead of until the size. sendfile(2) and splice(2) do not: they
 * read pages, up to the size, and their users (busybox's cat) take a size of 0 for the
 * end, and what a page lacks for zeros. So in a view, whose texts are short, there is the
 * size that sysfs has for everything, which tools know not to believe, and pages are
 * refused (is_page_read()): then they read. In the node's tree it is 0.
 * The names of a view's tree never change, and the kernel may keep them; the node's tree
 * is looked up each time.
 *
 * The tree can't be changed: every operation that would is answered with EROFS,
 * but for opening `control` with O_TRUNC, as a shell's ">" does.
 *
 * Runs on shards, and blocks on nothing but the node's lock.
 */

#include "meta_ops.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "meta_trace.h"
#include "session.h"

#define VIEW_TIMEOUT_S 86400
#define PAGE_SIZE      4096

/* What fi->fh of an open file or directory is the number of. */
struct meta_handle {
	struct session_handle handle;
	struct meta_text text;	  /* files */
	struct meta_list list;	  /* directories */
	struct meta_trace *trace; /* `ops` */
};

static void handle_free(struct session_handle *handle)
{
	struct meta_handle *opened =
		container_of(handle, struct meta_handle, handle);

	meta_text_fini(&opened->text);
	meta_list_fini(&opened->list);
	opened->trace = meta_trace_free(opened->trace);
	free(opened);
}

/* NULL: it was opened through a process that is gone, and so is its text. */
static struct meta_handle *handle_of(fuse_req_t req,
				     const struct fuse_file_info *fi)
{
	struct session_handle *handle =
		session_find(fuse_req_userdata(req), fi->fh);

	return handle ? container_of(handle, struct meta_handle, handle) : NULL;
}

static void reply_open(fuse_req_t req, struct fuse_file_info *fi,
		       struct meta_handle *take_opened)
{
	struct session *session = fuse_req_userdata(req);
	int r;

	take_opened->handle.free_fn = handle_free;
	r = session_hold(session, &take_opened->handle);
	if (r < 0) {
		(void)fuse_reply_err(req, -r);
		return;
	}
	fi->fh = take_opened->handle.id;
	/* An open that was interrupted is never released. */
	if (fuse_reply_open(req, fi) < 0)
		session_let_go(session, &take_opened->handle);
}

static void meta_release(fuse_req_t req, fuse_ino_t id,
			 struct fuse_file_info *fi)
{
	struct meta_handle *opened = handle_of(req, fi);

	if (opened)
		session_let_go(fuse_req_userdata(req), &opened->handle);
	(void)fuse_reply_err(req, 0);
}

/*
 * A name in the kernel's cache is found without the lock of its directory, which a
 * process that makes a file in the root may hold for as long as the server is
 * silent.
 */
static double timeout_of(uint64_t id)
{
	return meta_is_node(id) ? VIEW_TIMEOUT_S : 0;
}

static struct stat attr_of(uint64_t id, mode_t mode)
{
	struct stat st = {
		.st_ino = id,
		.st_mode = mode,
		.st_nlink = S_ISDIR(mode) ? 2 : 1,
		.st_blksize = PAGE_SIZE,
	};

	if (S_ISREG(mode) && meta_is_node(id)) {
		st.st_size = PAGE_SIZE;
		st.st_blocks = PAGE_SIZE / 512; /* or cp sees a hole */
	}
	(void)clock_gettime(CLOCK_REALTIME, &st.st_mtim);
	st.st_atim = st.st_mtim;
	st.st_ctim = st.st_mtim;
	return st;
}

static void reply_attr(fuse_req_t req, uint64_t id)
{
	const struct meta_tree tree = meta_tree_of(req, id);
	struct stat st;
	mode_t mode;
	int r;

	r = meta_tree_mode(&tree, id, &mode);
	if (r < 0) {
		(void)fuse_reply_err(req, -r);
		return;
	}
	st = attr_of(id, mode);
	(void)fuse_reply_attr(req, &st, timeout_of(id));
}

static void reply_entry(fuse_req_t req, const struct meta_item *item, int r)
{
	struct fuse_entry_param entry = { 0 };

	if (r < 0) {
		(void)fuse_reply_err(req, -r);
		return;
	}
	entry.ino = item->id;
	entry.attr = attr_of(item->id, item->mode);
	entry.attr_timeout = timeout_of(item->id);
	entry.entry_timeout = timeout_of(item->id);
	(void)fuse_reply_entry(req, &entry);
}

void meta_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct meta_tree tree = meta_tree_of(req, parent);
	struct meta_item item = { 0 };
	int r;

	r = meta_tree_lookup(&tree, parent, name, &item);
	reply_entry(req, &item, r);
}

/* In a view the tree hangs below the volume's root. */
static void view_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct meta_item root = { .id = META_VIEW_ROOT,
					.mode = S_IFDIR | 0555 };

	if (parent == FUSE_ROOT_ID)
		reply_entry(req, &root,
			    strcmp(name, META_DIR_NAME) == 0 ? 0 : -ENOENT);
	else
		meta_lookup(req, parent, name);
}

static void meta_forget(fuse_req_t req, fuse_ino_t id, uint64_t n)
{
	fuse_reply_none(req);
}

static void meta_forget_multi(fuse_req_t req, size_t count,
			      struct fuse_forget_data *forgets)
{
	fuse_reply_none(req);
}

static void meta_getattr(fuse_req_t req, fuse_ino_t id,
			 struct fuse_file_info *fi)
{
	reply_attr(req, id);
}

static void meta_setattr(fuse_req_t req, fuse_ino_t id, struct stat *st,
			 int to_set, struct fuse_file_info *fi)
{
	if (to_set == FUSE_SET_ATTR_SIZE && st->st_size == 0)
		reply_attr(req, id);
	else
		(void)fuse_reply_err(req, EROFS);
}

static void meta_access(fuse_req_t req, fuse_ino_t id, int mask)
{
	(void)fuse_reply_err(req, mask & W_OK ? EROFS : 0);
}

static void meta_readlink(fuse_req_t req, fuse_ino_t id)
{
	(void)fuse_reply_err(req, EINVAL);
}

/* Only root gets here with the wrong direction: the kernel checks the mode. */
static int open_check(mode_t mode, int flags)
{
	const int access = flags & O_ACCMODE;

	if (S_ISDIR(mode))
		return -EISDIR;
	if (mode & 0200)
		return access == O_WRONLY ? 0 : -EACCES;
	return access == O_RDONLY ? 0 : -EACCES;
}

/* 1 = it shows a trace. */
static int open_trace(fuse_req_t req, const struct meta_tree *tree, uint64_t id,
		      struct meta_handle *opened)
{
	_cleanup_(trace_unref) struct trace *trace = NULL;
	const struct trace_viewer viewer = { .is_admin = tree->node,
					     .uid = fuse_req_ctx(req)->uid };
	int r = meta_tree_trace(tree, id, &trace);

	if (r <= 0)
		return r;
	r = meta_trace_new(&opened->trace, trace, &viewer);
	return r < 0 ? r : 1;
}

static void meta_open(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
	const struct meta_tree tree = meta_tree_of(req, id);
	_cleanup_(free) struct meta_handle *opened = calloc(1, sizeof(*opened));
	mode_t mode;
	int r;

	r = opened ? meta_tree_mode(&tree, id, &mode) : -ENOMEM;
	if (r == 0)
		r = open_check(mode, fi->flags);
	if (r == 0)
		r = open_trace(req, &tree, id, opened);
	/* A shell that could seek would read more than it needs, and go back. */
	fi->nonseekable = r > 0;
	if (r == 0 && !(mode & 0200))
		r = meta_tree_read(&tree, id, &opened->text);
	if (r < 0) {
		(void)fuse_reply_err(req, -r);
		return;
	}
	fi->direct_io = 1;
	reply_open(req, fi, TAKE_PTR(opened));
}

/* By the kernel for itself: who reads by read(2) and the like is named (fuse_direct_io()). */
static bool is_page_read(const struct fuse_file_info *fi)
{
	return fi->lock_owner == 0;
}

/*
 * From a copy: who reads may have closed the file, and another shard have freed its
 * text, before write(2) of the reply returns here.
 */
static void meta_read(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset,
		      struct fuse_file_info *fi)
{
	const struct meta_handle *opened = handle_of(req, fi);
	const struct meta_text *text;
	_cleanup_(free) char *copy = NULL;
	size_t start;

	if (!opened) {
		(void)fuse_reply_err(req, ESTALE);
		return;
	}
	if (is_page_read(fi)) {
		(void)fuse_reply_err(req, EINVAL);
		return;
	}
	if (opened->trace) {
		meta_trace_read(opened->trace, req, size, fi);
		return;
	}
	text = &opened->text;
	start = (uint64_t)offset < text->len ? (size_t)offset : text->len;
	if (size > text->len - start)
		size = text->len - start;
	copy = malloc(size + 1);
	if (!copy) {
		(void)fuse_reply_err(req, ENOMEM);
		return;
	}
	if (size > 0)
		memcpy(copy, text->data + start, size);
	(void)fuse_reply_buf(req, copy, size);
}

static void meta_write(fuse_req_t req, fuse_ino_t id, const char *buf,
		       size_t size, off_t offset, struct fuse_file_info *fi)
{
	if (meta_is_node(id))
		(void)fuse_reply_err(req, EROFS);
	else
		meta_control_write(session_owner(fuse_req_userdata(req)), req,
				   buf, size);
}

static void meta_poll(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi,
		      struct fuse_pollhandle *take_poll)
{
	const struct meta_handle *opened = handle_of(req, fi);

	if (opened && opened->trace) {
		meta_trace_poll(opened->trace, req, take_poll);
		return;
	}
	fuse_pollhandle_destroy(take_poll);
	if (opened)
		(void)fuse_reply_poll(req, POLLIN | POLLRDNORM | POLLOUT |
						   POLLWRNORM);
	else
		(void)fuse_reply_err(req, ESTALE);
}

static void meta_flush(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
	(void)fuse_reply_err(req, 0);
}

static void meta_fsync(fuse_req_t req, fuse_ino_t id, int datasync,
		       struct fuse_file_info *fi)
{
	(void)fuse_reply_err(req, 0);
}

static void meta_opendir(fuse_req_t req, fuse_ino_t id,
			 struct fuse_file_info *fi)
{
	const struct meta_tree tree = meta_tree_of(req, id);
	_cleanup_(free) struct meta_handle *opened = calloc(1, sizeof(*opened));
	int r;

	r = opened ? meta_tree_list(&tree, id, &opened->list) : -ENOMEM;
	if (r < 0) {
		(void)fuse_reply_err(req, -r);
		return;
	}
	reply_open(req, fi, TAKE_PTR(opened));
}

/* Position 0 is ".", 1 is "..", then the list; `..` may say the same inode. */
static size_t add_entry(fuse_req_t req, char *buf, size_t size, bool is_plus,
			uint64_t dir, const struct meta_list *list, off_t at)
{
	const struct meta_item dot = { .name = at == 0 ? (char *)"."
						       : (char *)"..",
				       .id = dir,
				       .mode = S_IFDIR | 0555 };
	const struct meta_item *item = at < 2 ? &dot : &list->items[at - 2];
	struct fuse_entry_param entry = {
		/* 0: the kernel must not count a reference to the dots. */
		.ino = at < 2 ? 0 : item->id,
		.attr = attr_of(item->id, item->mode),
		.attr_timeout = timeout_of(item->id),
		.entry_timeout = timeout_of(item->id),
	};

	if (is_plus)
		return fuse_add_direntry_plus(req, buf, size, item->name,
					      &entry, at + 1);
	return fuse_add_direntry(req, buf, size, item->name, &entry.attr,
				 at + 1);
}

static void reply_list(fuse_req_t req, uint64_t dir, size_t size, off_t offset,
		       const struct fuse_file_info *fi, bool is_plus)
{
	const struct meta_handle *opened = handle_of(req, fi);
	_cleanup_(free) char *buf = malloc(size);
	size_t used = 0;

	if (!opened || !buf) {
		(void)fuse_reply_err(req, opened ? ENOMEM : ESTALE);
		return;
	}
	for (off_t at = offset; at >= 0 && (size_t)at < opened->list.n + 2;
	     at++) {
		size_t len = add_entry(req, buf + used, size - used, is_plus,
				       dir, &opened->list, at);

		if (len > size - used)
			break;
		used += len;
	}
	(void)fuse_reply_buf(req, buf, used);
}

static void meta_readdir(fuse_req_t req, fuse_ino_t id, size_t size,
			 off_t offset, struct fuse_file_info *fi)
{
	reply_list(req, id, size, offset, fi, false);
}

static void meta_readdirplus(fuse_req_t req, fuse_ino_t id, size_t size,
			     off_t offset, struct fuse_file_info *fi)
{
	reply_list(req, id, size, offset, fi, true);
}

static void meta_statfs(fuse_req_t req, fuse_ino_t id)
{
	const struct statvfs st = { .f_bsize = 4096,
				    .f_frsize = 4096,
				    .f_namemax = 255 };

	(void)fuse_reply_statfs(req, &st);
}

/* --- what a read-only tree refuses ------------------------------------------ */

static void meta_mknod(fuse_req_t req, fuse_ino_t parent, const char *name,
		       mode_t mode, dev_t rdev)
{
	(void)fuse_reply_err(req, EROFS);
}

static void meta_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
		       mode_t mode)
{
	(void)fuse_reply_err(req, EROFS);
}

static void meta_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
			 const char *name)
{
	(void)fuse_reply_err(req, EROFS);
}

static void meta_remove(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)fuse_reply_err(req, EROFS);
}

static void meta_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
			fuse_ino_t to_parent, const char *to_name,
			unsigned int flags)
{
	(void)fuse_reply_err(req, EROFS);
}

static void meta_link(fuse_req_t req, fuse_ino_t id, fuse_ino_t parent,
		      const char *name)
{
	(void)fuse_reply_err(req, EROFS);
}

static void meta_create(fuse_req_t req, fuse_ino_t parent, const char *name,
			mode_t mode, struct fuse_file_info *fi)
{
	(void)fuse_reply_err(req, EROFS);
}

static void meta_fallocate(fuse_req_t req, fuse_ino_t id, int mode,
			   off_t offset, off_t len, struct fuse_file_info *fi)
{
	(void)fuse_reply_err(req, EROFS);
}

const struct fuse_lowlevel_ops meta_view_ops = {
	.lookup = view_lookup,
	.forget = meta_forget,
	.forget_multi = meta_forget_multi,
	.getattr = meta_getattr,
	.setattr = meta_setattr,
	.access = meta_access,
	.readlink = meta_readlink,
	.open = meta_open,
	.read = meta_read,
	.write = meta_write,
	.release = meta_release,
	.flush = meta_flush,
	.fsync = meta_fsync,
	.opendir = meta_opendir,
	.readdir = meta_readdir,
	.readdirplus = meta_readdirplus,
	.releasedir = meta_release,
	.fsyncdir = meta_fsync,
	.statfs = meta_statfs,
	.mknod = meta_mknod,
	.mkdir = meta_mkdir,
	.symlink = meta_symlink,
	.unlink = meta_remove,
	.rmdir = meta_remove,
	.rename = meta_rename,
	.link = meta_link,
	.create = meta_create,
	.fallocate = meta_fallocate,
	.poll = meta_poll,
};
