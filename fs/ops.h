/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The operations of a view, as libfuse calls them; grouped in ops_<noun>.c. Each
 * is two or three short functions: resolve nodes, submit a call, answer from the
 * call's done. Requests on virtual nodes go to meta_view_ops.
 */

#include "op.h"

/* The table of a view's session. */
extern const struct fuse_lowlevel_ops view_ops;

/* ops_lookup.c */
void ops_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void ops_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n);
void ops_forget_multi(fuse_req_t req, size_t count,
		      struct fuse_forget_data *forgets);
/*
 * The done of calls that find or make args.name in args.fh: asks for what the
 * server left out of its reply (RFC 1813 makes both optional), and answers.
 */
void ops_entry_done(struct op *op);
/* The same for a call whose object is args.fh itself. */
void ops_object_done(struct op *op);
/*
 * A call that was sent again may have been executed the first time: then status
 * is what the second time looks like, and the call has succeeded.
 */
void ops_forgive_replay(struct op *op, int status);

/* ops_attr.c */
void ops_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		 struct fuse_file_info *fi);
void ops_access(fuse_req_t req, fuse_ino_t ino, int mask);
void ops_statfs(fuse_req_t req, fuse_ino_t ino);

/* ops_make.c */
void ops_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       dev_t rdev);
void ops_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
	       mode_t mode);
void ops_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
		 const char *name);
void ops_create(fuse_req_t req, fuse_ino_t parent, const char *name,
		mode_t mode, struct fuse_file_info *fi);

/* ops_name.c */
void ops_readlink(fuse_req_t req, fuse_ino_t ino);
void ops_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void ops_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void ops_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
		fuse_ino_t new_parent, const char *new_name,
		unsigned int flags);
void ops_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent,
	      const char *new_name);

/* ops_silly.c */
/*
 * Sees to it that op->unlink's name in its directory may go: sets it aside when a
 * file of this node is open behind it. op->unlink.then follows when the name is
 * still there, op->unlink.aside when it was renamed away.
 */
void ops_silly_check(struct op *op);
/* At the last close: removes op->unlink.silly of its target, and answers. */
void ops_silly_remove(struct op *op);
/* What was held for it; the name stays. */
void ops_silly_let_go(struct view *view, const struct file_silly *silly);
/* Before the kernel's n lookups of a node end. */
void ops_silly_forget(struct view *view, uint64_t node, uint64_t n);

/* ops_file.c */
void ops_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
	       struct fuse_file_info *fi);
void ops_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset,
		   off_t length, struct fuse_file_info *fi);
void ops_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	      struct fuse_pollhandle *take_poll);

/* ops_lock.c */
void ops_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	       struct flock *lock);
void ops_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	       struct flock *lock, int sleep);
void ops_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	       int operation);
/*
 * At FLUSH the caller's locks of op->node end, at RELEASE those of the open file;
 * op->fi is the request's. then(op) has the call.status that it came with.
 */
void ops_lock_close(struct op *op, op_fn then);

/* ops_io.c */
void ops_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	      struct fuse_file_info *fi);
void ops_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size,
	       off_t offset, struct fuse_file_info *fi);
/* Of a payload that is taken; offset is final. */
void ops_write_begin(struct op *op);

/* ops_append.c */
/* Finds the end of the file and writes there; one append per file at a time. */
void ops_append(struct op *op);
/* Lets the next one go; before the op is answered. */
void ops_append_end(struct op *op);

/* ops_dir.c */
void ops_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		 struct fuse_file_info *fi);
void ops_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		     struct fuse_file_info *fi);
void ops_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void ops_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync,
		  struct fuse_file_info *fi);
