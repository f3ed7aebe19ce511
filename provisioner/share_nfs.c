/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The NFSv3 procedures that volumes need, by handle. libnfs's path-based calls
 * resolve symlinks on the client's side: a pod that still has a deleted directory
 * mounted could lead a removal by path out of it. These can't be led anywhere.
 *
 * Each is: arguments, a `take` function that copies out of the reply, the call.
 */

#include "share_nfs.h"

#include <string.h>

#include "share_connect.h"
#include "share_wire.h"

int share_nfs_lookup(struct share_nfs *nfs, const struct share_fh *dir,
		     const char *name, struct share_entry *ret)
{
	LOOKUP3args args = { .what = wire_dirop(dir, name) };
	struct share_listed listed = { 0 };
	int r;

	call_begin(nfs, wire_take_lookup, &listed);
	r = call_end(nfs, rpc_nfs3_lookup_async(nfs->rpc, call_done, &args,
						&nfs->call));
	if (r == 0)
		*ret = listed.entry;
	return r;
}

/* Both are optional (RFC 1813, 3.3.9): without a handle a LOOKUP tells it. */
static int take_made(const void *data, void *out)
{
	const MKDIR3resok *res = &((const MKDIR3res *)data)->MKDIR3res_u.resok;
	const fattr3 *attr = &res->obj_attributes.post_op_attr_u.attributes;
	struct share_made *made = out;

	if (!res->obj.handle_follows ||
	    !res->obj_attributes.attributes_follow ||
	    !wire_take_fh(&res->obj.post_op_fh3_u.handle, &made->entry.fh))
		return 0;
	made->entry.fileid = attr->fileid;
	made->entry.is_directory = true;
	made->has_mode = true;
	made->mode = attr->mode & 07777;
	made->uid = attr->uid;
	made->gid = attr->gid;
	return 0;
}

int share_nfs_mkdir(struct share_nfs *nfs, const struct share_fh *dir,
		    const char *name, uint32_t mode, struct share_made *ret)
{
	MKDIR3args args = { .where = wire_dirop(dir, name) };
	int r;

	*ret = (struct share_made){ 0 };
	args.attributes.mode.set_it = 1;
	args.attributes.mode.set_mode3_u.mode = mode;
	call_begin(nfs, take_made, ret);
	r = call_end(nfs, rpc_nfs3_mkdir_async(nfs->rpc, call_done, &args,
					       &nfs->call));
	if (r == 0 && !ret->has_mode)
		r = share_nfs_lookup(nfs, dir, name, &ret->entry);
	return r;
}

int share_nfs_ensure_directory(struct share_nfs *nfs,
			       const struct share_fh *dir, const char *name,
			       uint32_t mode, struct share_made *ret)
{
	int r = share_nfs_mkdir(nfs, dir, name, mode, ret);

	if (r == -EEXIST)
		r = share_nfs_lookup(nfs, dir, name, &ret->entry);
	if (r < 0)
		return r;
	return ret->entry.is_directory ? 0 : -ENOTDIR;
}

int share_nfs_chmod(struct share_nfs *nfs, const struct share_fh *fh,
		    uint32_t mode)
{
	SETATTR3args args = { .object = wire_fh(fh) };

	args.new_attributes.mode.set_it = 1;
	args.new_attributes.mode.set_mode3_u.mode = mode;
	call_begin(nfs, NULL, NULL);
	return call_end(nfs, rpc_nfs3_setattr_async(nfs->rpc, call_done, &args,
						    &nfs->call));
}

int share_nfs_chown(struct share_nfs *nfs, const struct share_fh *fh,
		    uint32_t uid, uint32_t gid)
{
	SETATTR3args args = { .object = wire_fh(fh) };

	args.new_attributes.uid.set_it = 1;
	args.new_attributes.uid.set_uid3_u.uid = uid;
	args.new_attributes.gid.set_it = 1;
	args.new_attributes.gid.set_gid3_u.gid = gid;
	call_begin(nfs, NULL, NULL);
	return call_end(nfs, rpc_nfs3_setattr_async(nfs->rpc, call_done, &args,
						    &nfs->call));
}

/* --- small files ------------------------------------------------------------------ */

/* The handle is optional (RFC 1813, 3.3.8): without one a LOOKUP tells it. */
static int take_created(const void *data, void *out)
{
	const post_op_fh3 *told =
		&((const CREATE3res *)data)->CREATE3res_u.resok.obj;
	const nfs_fh3 *handle = &told->post_op_fh3_u.handle;
	struct share_fh *fh = out;

	if (!told->handle_follows)
		return 0;
	if (handle->data.data_len > sizeof(fh->data))
		return -EPROTO;
	memcpy(fh->data, handle->data.data_val, handle->data.data_len);
	fh->len = handle->data.data_len;
	return 0;
}

/* ret->len 0: the server did not say. */
static int create_file(struct share_nfs *nfs, const struct share_fh *dir,
		       const char *name, struct share_fh *ret)
{
	CREATE3args args = { .where = wire_dirop(dir, name) };
	sattr3 *attributes = &args.how.createhow3_u.obj_attributes;

	args.how.mode = UNCHECKED;
	attributes->mode.set_it = 1;
	attributes->mode.set_mode3_u.mode = 0600;
	attributes->size.set_it = 1;
	ret->len = 0;
	call_begin(nfs, take_created, ret);
	return call_end(nfs, rpc_nfs3_create_async(nfs->rpc, call_done, &args,
						   &nfs->call));
}

static int take_written(const void *data, void *out)
{
	const WRITE3res *res = data;

	*(size_t *)out = res->WRITE3res_u.resok.count;
	return 0;
}

static int write_once(struct share_nfs *nfs, const struct share_fh *fh,
		      uint64_t offset, const char *text, size_t *len)
{
	WRITE3args args = { .file = wire_fh(fh),
			    .offset = offset,
			    .count = (count3)*len,
			    .stable = FILE_SYNC,
			    .data = { .data_len = (u_int)*len,
				      .data_val = (char *)text } };

	call_begin(nfs, take_written, len);
	return call_end(nfs, rpc_nfs3_write_async(nfs->rpc, call_done, &args,
						  &nfs->call));
}

int share_nfs_write_file(struct share_nfs *nfs, const struct share_fh *dir,
			 const char *name, const char *text, size_t len)
{
	struct share_entry entry;
	size_t done = 0;
	int r;

	r = create_file(nfs, dir, name, &entry.fh);
	if (r == 0 && entry.fh.len == 0)
		r = share_nfs_lookup(nfs, dir, name, &entry);
	if (r < 0)
		return r;
	while (done < len) {
		size_t n = len - done;

		r = write_once(nfs, &entry.fh, done, text + done, &n);
		if (r < 0)
			return r;
		if (n == 0 || n > len - done)
			return -EPROTO;
		done += n;
	}
	return 0;
}

struct read_out {
	char *buffer;
	size_t size;
	size_t len;
};

static int take_read(const void *data, void *userdata)
{
	const READ3resok *res = &((const READ3res *)data)->READ3res_u.resok;
	struct read_out *out = userdata;

	if (res->data.data_len > out->size)
		return -EPROTO;
	memcpy(out->buffer, res->data.data_val, res->data.data_len);
	out->len = res->data.data_len;
	return 0;
}

int share_nfs_read_file(struct share_nfs *nfs, const struct share_fh *fh,
			char *buffer, size_t size, size_t *ret_len)
{
	struct read_out out;
	size_t len = 0;

	do {
		READ3args args = { .file = wire_fh(fh),
				   .offset = len,
				   .count = (count3)(size - len) };
		int r;

		out = (struct read_out){ .buffer = buffer + len,
					 .size = size - len };
		call_begin(nfs, take_read, &out);
		r = call_end(nfs, rpc_nfs3_read_async(nfs->rpc, call_done,
						      &args, &nfs->call));
		if (r < 0)
			return r;
		len += out.len;
	} while (out.len > 0 && len < size);
	*ret_len = len;
	return 0;
}

/* --- names ------------------------------------------------------------------------ */

int share_nfs_rename(struct share_nfs *nfs, const struct share_fh *from,
		     const char *from_name, const struct share_fh *to,
		     const char *to_name)
{
	RENAME3args args = { .from = wire_dirop(from, from_name),
			     .to = wire_dirop(to, to_name) };

	call_begin(nfs, NULL, NULL);
	return call_end(nfs, rpc_nfs3_rename_async(nfs->rpc, call_done, &args,
						   &nfs->call));
}

int share_nfs_remove(struct share_nfs *nfs, const struct share_fh *dir,
		     const char *name)
{
	REMOVE3args args = { .object = wire_dirop(dir, name) };

	call_begin(nfs, NULL, NULL);
	return call_end(nfs, rpc_nfs3_remove_async(nfs->rpc, call_done, &args,
						   &nfs->call));
}

int share_nfs_rmdir(struct share_nfs *nfs, const struct share_fh *dir,
		    const char *name)
{
	RMDIR3args args = { .object = wire_dirop(dir, name) };

	call_begin(nfs, NULL, NULL);
	return call_end(nfs, rpc_nfs3_rmdir_async(nfs->rpc, call_done, &args,
						  &nfs->call));
}

int share_nfs_list(struct share_nfs *nfs, const struct share_fh *dir,
		   struct share_page *page)
{
	READDIRPLUS3args args = wire_list(dir, page);

	call_begin(nfs, wire_take_page, page);
	return call_end(nfs, rpc_nfs3_readdirplus_async(nfs->rpc, call_done,
							&args, &nfs->call));
}
