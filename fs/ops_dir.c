/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Directories. The offset of an entry is the server's cookie, so nothing is kept
 * between requests but the cookie verifier (in the node): a listing goes on where
 * it was, whatever has been added or removed since, as far as the server's cookies
 * are stable. What does not fit into the kernel's buffer is asked for again.
 *
 * A cookie that the server does not accept any more (RFC 1813 3.3.16: the
 * verifier has changed) is tried once more without verifier, which servers take
 * whose cookies are stable; then it is -ESTALE, because starting again would
 * list entries twice.
 *
 * Entries of readdirplus enter the node table, and each counts as a lookup; those
 * without handle or attributes are listed by name only.
 */

#include <string.h>

#include "buffer.h"
#include "file_state.h"
#include "freeze.h"
#include "inode.h"
#include "meta.h"
#include "ops.h"

/* Room for an entry with the longest name and handle, several times. */
#define REPLY_MIN 8192u
#define REPLY_MAX 65536u

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Of `..` only the name is told: above a view's root there is nothing. */
static void entry_stat(const struct nfs_entry *entry, struct stat *ret)
{
	if (entry->has_attr)
		attr_to_stat(&entry->attr, ret);
	else
		*ret = (struct stat){ .st_ino = entry->fileid };
	if (is_dots(entry->name))
		ret->st_mode = S_IFDIR;
}

static size_t add_plus(struct op *op, const struct nfs_entry *entry, char *buf,
		       size_t size)
{
	struct fuse_entry_param param = { 0 };
	bool is_node =
		entry->has_fh && entry->has_attr && !is_dots(entry->name);
	size_t len;

	if (is_node && op_make_entry(op, &entry->fh, &entry->attr, &param) < 0)
		is_node = false;
	/* Somebody else changed it: let a lookup see to the cached pages. */
	if (is_node && S_ISREG(entry->attr.mode) &&
	    file_is_changed(op->view->inodes, param.ino, &entry->attr)) {
		inode_forget(op->view->inodes, param.ino, 1);
		param = (struct fuse_entry_param){ 0 };
		is_node = false;
	}
	if (is_node)
		param.attr_timeout = op_tell(op, param.ino, &entry->attr);
	else
		entry_stat(entry, &param.attr);
	len = fuse_add_direntry_plus(op->req, buf, size, entry->name, &param,
				     (off_t)entry->cookie);
	if (len > size && is_node)
		inode_forget(op->view->inodes, param.ino, 1);
	return len;
}

static size_t add_entry(struct op *op, const struct nfs_entry *entry, char *buf,
			size_t size)
{
	struct stat st;

	if (op->readdir.is_plus)
		return add_plus(op, entry, buf, size);
	entry_stat(entry, &st);
	return fuse_add_direntry(op->req, buf, size, entry->name, &st,
				 (off_t)entry->cookie);
}

/* Bytes of the FUSE reply that the entries fill. */
static size_t fill(struct op *op, char *buf)
{
	const struct nfs_result *res = &op->call.res;
	size_t used = 0;

	for (uint32_t i = 0; i < res->readdir.n_entries; i++) {
		const struct nfs_entry *entry = &res->readdir.entries[i];
		size_t left = op->readdir.size - used;
		size_t len;

		op->readdir.cookie = entry->cookie;
		if (view_is_hidden(op->view, op->node, entry->name) ||
		    strchr(entry->name, '/'))
			continue;
		len = add_entry(op, entry, buf + used, left);
		if (len > left)
			break;
		used += len;
	}
	return used;
}

static void list(struct op *op);

static bool is_refused_cookie(const struct op *op)
{
	return op->readdir.cookie != 0 && !op->readdir.is_retry &&
	       (op->call.status == -ESTALE || op->call.status == -EINVAL);
}

static void list_failed(struct op *op)
{
	if (op->call.status == -EOPNOTSUPP &&
	    op->call.proc == NFS_READDIRPLUS) {
		atomic_store(&op->view->has_no_readdirplus, true);
		list(op);
	} else if (is_refused_cookie(op)) {
		op->readdir.is_retry = true;
		list(op);
	} else {
		op_finish_err(op, op->call.status);
	}
}

/*
 * A listing that comes back to where it began has no end: nfs-ganesha 4.3 has such
 * ones of tmpfs, whose offsets fall while entries are removed. Linux' client says
 * ELOOP as well (fs/nfs/dir.c).
 */
static bool has_loop(const struct nfs_call *call)
{
	const struct nfs_entry *entries = call->res.readdir.entries;
	uint64_t asked = call->args.readdir.cookie;

	for (uint32_t i = 0; i < call->res.readdir.n_entries; i++)
		if ((asked && entries[i].cookie == asked) ||
		    (i > 0 && entries[i].cookie == entries[0].cookie))
			return true;
	return false;
}

static void listed(struct op *op)
{
	const struct nfs_result *res = &op->call.res;
	size_t used;

	if (op->call.status == 0 && has_loop(&op->call))
		op->call.status = -ELOOP;
	if (op->call.status < 0) {
		list_failed(op);
		return;
	}
	file_set_cookieverf(op->view->inodes, op->node,
			    res->readdir.cookieverf);
	used = fill(op, (char *)op->buffer->data);
	if (used > 0 || res->readdir.is_eof)
		op_finish_data(op, op->buffer->data, used);
	else if (res->readdir.n_entries == 0)
		op_finish_err(op, -EIO); /* neither an entry nor the end */
	else
		list(op); /* all hidden: an empty answer would be the end */
}

static void list(struct op *op)
{
	bool is_plus = op->readdir.is_plus &&
		       !atomic_load(&op->view->has_no_readdirplus);
	size_t count = op->readdir.size;

	if (count < REPLY_MIN)
		count = REPLY_MIN;
	if (count > REPLY_MAX)
		count = REPLY_MAX;
	op->call.args.readdir.cookie = op->readdir.cookie;
	op->call.args.readdir.cookieverf = 0;
	if (op->readdir.cookie != 0 && !op->readdir.is_retry)
		op->call.args.readdir.cookieverf =
			file_cookieverf(op->view->inodes, op->node);
	op->call.args.readdir.count = (uint32_t)count;
	op_call(op, is_plus ? NFS_READDIRPLUS : NFS_READDIR, listed);
}

static void readdir_begin(struct op *op, fuse_ino_t ino, size_t size,
			  off_t offset)
{
	if (!op || !op_target(op, ino))
		return;
	op->readdir = (struct op_readdir){
		.size = size < NFS_IO_MAX ? size : NFS_IO_MAX,
		.cookie = (uint64_t)offset,
		.is_plus = op->kind == OP_READDIRPLUS,
	};
	op->buffer = buffer_get(shard_pool(op->lane->shard),
				(uint32_t)op->readdir.size);
	if (!op->buffer) {
		op_finish_err(op, -ENOMEM);
		return;
	}
	lane_charge(op->lane, op, op->buffer->size);
	list(op);
}

void ops_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		 struct fuse_file_info *fi)
{
	if (meta_is_node(ino))
		meta_view_ops.readdir(req, ino, size, offset, fi);
	else
		readdir_begin(op_begin(req, OP_READDIR), ino, size, offset);
}

void ops_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		     struct fuse_file_info *fi)
{
	if (meta_is_node(ino))
		meta_view_ops.readdirplus(req, ino, size, offset, fi);
	else
		readdir_begin(op_begin(req, OP_READDIRPLUS), ino, size, offset);
}

void ops_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct op *op;

	if (meta_is_node(ino)) {
		meta_view_ops.opendir(req, ino, fi);
		return;
	}
	op = op_begin(req, OP_OPENDIR);
	if (!op || !op_target(op, ino))
		return;
	op->fi = *fi;
	op->fi.fh = freeze_number_dir(op->view->freeze);
	op_finish_open(op);
}

void ops_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct op *op;

	if (meta_is_node(ino)) {
		meta_view_ops.releasedir(req, ino, fi);
		return;
	}
	op = op_begin(req, OP_RELEASEDIR);
	if (!op)
		return;
	freeze_dir_closed(op->view->freeze, fi->fh);
	op_finish_err(op, 0);
}

void ops_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync,
		  struct fuse_file_info *fi)
{
	struct op *op = op_begin(req, OP_FSYNCDIR);

	/* Changes of directories are stable when NFSv3 answers them. */
	if (op)
		op_finish_err(op, 0);
}
