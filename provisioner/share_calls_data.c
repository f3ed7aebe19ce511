/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Each is: arguments, a `take` function that copies out of the reply, a slot, the call.
 *
 * What a server says of lengths is not believed: READ may answer with less than was
 * asked for, never with more, and with nothing only at the end of the file; libnfs
 * checks none of this.
 */

#include "share_calls_data.h"

#include <string.h>
#include <sys/stat.h>

#include "share_calls_slot.h"
#include "share_wire.h"

#define SYMLINK_SAFE 3000

/* --- objects -------------------------------------------------------------------------- */

static sattr3 mode_of(uint32_t mode)
{
	sattr3 attributes = { 0 };

	attributes.mode.set_it = 1;
	attributes.mode.set_mode3_u.mode = mode & 07777;
	return attributes;
}

static void take_attributes(const post_op_attr *told, bool *has,
			    struct share_attributes *ret)
{
	*has = told->attributes_follow;
	if (*has)
		*ret = wire_attributes(&told->post_op_attr_u.attributes);
}

static int take_object(const post_op_fh3 *handle,
		       const post_op_attr *attributes, struct share_object *ret)
{
	ret->fh.len = 0;
	if (handle->handle_follows &&
	    !wire_take_fh(&handle->post_op_fh3_u.handle, &ret->fh))
		return -EPROTO;
	take_attributes(attributes, &ret->has_attributes, &ret->attributes);
	return 0;
}

static int take_found(const void *data, void *out)
{
	const LOOKUP3resok *res =
		&((const LOOKUP3res *)data)->LOOKUP3res_u.resok;
	struct share_object *ret = out;

	take_attributes(&res->obj_attributes, &ret->has_attributes,
			&ret->attributes);
	return ret->has_attributes && wire_take_fh(&res->object, &ret->fh)
		       ? 0
		       : -EPROTO;
}

int share_call_find(struct share_nfs *nfs, const struct share_call *call,
		    const struct share_fh *dir, const char *name,
		    struct share_object *ret)
{
	LOOKUP3args args = { .what = wire_dirop(dir, name) };
	struct share_slot *slot = slot_begin(nfs, call, take_found, ret);

	if (!slot)
		return -ENOTCONN;
	return slot_end(slot, rpc_nfs3_lookup_async(slot->connection->rpc,
						    slot_done, &args, slot));
}

static int take_created(const void *data, void *out)
{
	const CREATE3resok *res =
		&((const CREATE3res *)data)->CREATE3res_u.resok;

	return take_object(&res->obj, &res->obj_attributes, out);
}

int share_call_create(struct share_nfs *nfs, const struct share_call *call,
		      const struct share_fh *dir, const char *name,
		      uint32_t mode, struct share_object *ret)
{
	CREATE3args args = { .where = wire_dirop(dir, name),
			     .how = { .mode = GUARDED } };
	struct share_slot *slot = slot_begin(nfs, call, take_created, ret);

	if (!slot)
		return -ENOTCONN;
	args.how.createhow3_u.g_obj_attributes = mode_of(mode);
	return slot_end(slot, rpc_nfs3_create_async(slot->connection->rpc,
						    slot_done, &args, slot));
}

static int take_directory(const void *data, void *out)
{
	const MKDIR3resok *res = &((const MKDIR3res *)data)->MKDIR3res_u.resok;

	return take_object(&res->obj, &res->obj_attributes, out);
}

int share_call_mkdir(struct share_nfs *nfs, const struct share_call *call,
		     const struct share_fh *dir, const char *name,
		     uint32_t mode, struct share_object *ret)
{
	MKDIR3args args = { .where = wire_dirop(dir, name),
			    .attributes = mode_of(mode) };
	struct share_slot *slot = slot_begin(nfs, call, take_directory, ret);

	if (!slot)
		return -ENOTCONN;
	return slot_end(slot, rpc_nfs3_mkdir_async(slot->connection->rpc,
						   slot_done, &args, slot));
}

static int take_symlink(const void *data, void *out)
{
	const SYMLINK3resok *res =
		&((const SYMLINK3res *)data)->SYMLINK3res_u.resok;

	return take_object(&res->obj, &res->obj_attributes, out);
}

int share_call_symlink(struct share_nfs *nfs, const struct share_call *call,
		       const struct share_fh *dir, const char *name,
		       const char *target, struct share_object *ret)
{
	SYMLINK3args args = { .where = wire_dirop(dir, name),
			      .symlink = { .symlink_attributes = mode_of(0777),
					   .symlink_data = (char *)target } };
	struct share_slot *slot = slot_begin(nfs, call, take_symlink, ret);
	int queued;

	if (!slot)
		return -ENOTCONN;
	queued = rpc_nfs3_symlink_async(slot->connection->rpc, slot_done, &args,
					slot);
	/* libnfs has 4 KiB for a call that is no WRITE. */
	if (queued != 0 && strlen(target) > SYMLINK_SAFE)
		return -ENAMETOOLONG;
	return slot_end(slot, queued);
}

static int take_node(const void *data, void *out)
{
	const MKNOD3resok *res = &((const MKNOD3res *)data)->MKNOD3res_u.resok;

	return take_object(&res->obj, &res->obj_attributes, out);
}

static mknoddata3 node_of(const struct share_attributes *attributes)
{
	sattr3 mode = mode_of(attributes->mode);
	devicedata3 device = { .dev_attributes = mode,
			       .spec = { .specdata1 = attributes->major,
					 .specdata2 = attributes->minor } };
	mknoddata3 node = { 0 };

	switch (attributes->mode & S_IFMT) {
	case S_IFCHR:
		node.type = NF3CHR;
		node.mknoddata3_u.chr_device = device;
		break;
	case S_IFBLK:
		node.type = NF3BLK;
		node.mknoddata3_u.blk_device = device;
		break;
	case S_IFSOCK:
		node.type = NF3SOCK;
		node.mknoddata3_u.sock_attributes = mode;
		break;
	default:
		node.type = NF3FIFO;
		node.mknoddata3_u.pipe_attributes = mode;
	}
	return node;
}

int share_call_mknod(struct share_nfs *nfs, const struct share_call *call,
		     const struct share_fh *dir, const char *name,
		     const struct share_attributes *attributes,
		     struct share_object *ret)
{
	MKNOD3args args = { .where = wire_dirop(dir, name),
			    .what = node_of(attributes) };
	struct share_slot *slot = slot_begin(nfs, call, take_node, ret);

	if (!slot)
		return -ENOTCONN;
	return slot_end(slot, rpc_nfs3_mknod_async(slot->connection->rpc,
						   slot_done, &args, slot));
}

int share_call_link(struct share_nfs *nfs, const struct share_call *call,
		    const struct share_fh *fh, const struct share_fh *dir,
		    const char *name)
{
	LINK3args args = { .file = wire_fh(fh), .link = wire_dirop(dir, name) };
	struct share_slot *slot = slot_begin(nfs, call, NULL, NULL);

	if (!slot)
		return -ENOTCONN;
	return slot_end(slot, rpc_nfs3_link_async(slot->connection->rpc,
						  slot_done, &args, slot));
}

static int take_target(const void *data, void *out)
{
	const READLINK3resok *res =
		&((const READLINK3res *)data)->READLINK3res_u.resok;
	char *target = strdup(res->data);

	if (!target)
		return -ENOMEM;
	*(char **)out = target;
	return 0;
}

int share_call_readlink(struct share_nfs *nfs, const struct share_call *call,
			const struct share_fh *fh, char **ret)
{
	READLINK3args args = { .symlink = wire_fh(fh) };
	struct share_slot *slot = slot_begin(nfs, call, take_target, ret);

	if (!slot)
		return -ENOTCONN;
	return slot_end(slot, rpc_nfs3_readlink_async(slot->connection->rpc,
						      slot_done, &args, slot));
}

/* --- attributes ----------------------------------------------------------------------- */

static nfstime3 wire_time(const struct timespec *at)
{
	return (nfstime3){ .seconds = (u_int)at->tv_sec,
			   .nseconds = (u_int)at->tv_nsec };
}

static sattr3 change_of(unsigned int flags,
			const struct share_attributes *attributes)
{
	sattr3 change = { 0 };

	if (flags & SHARE_CHANGE_MODE)
		change = mode_of(attributes->mode);
	if (flags & SHARE_CHANGE_OWNER) {
		change.uid.set_it = 1;
		change.uid.set_uid3_u.uid = attributes->uid;
		change.gid.set_it = 1;
		change.gid.set_gid3_u.gid = attributes->gid;
	}
	if (flags & SHARE_CHANGE_SIZE) {
		change.size.set_it = 1;
		change.size.set_size3_u.size = attributes->size;
	}
	if (flags & SHARE_CHANGE_ATIME) {
		change.atime.set_it = SET_TO_CLIENT_TIME;
		change.atime.set_atime_u.atime = wire_time(&attributes->atime);
	}
	if (flags & SHARE_CHANGE_MTIME) {
		change.mtime.set_it = SET_TO_CLIENT_TIME;
		change.mtime.set_mtime_u.mtime = wire_time(&attributes->mtime);
	}
	return change;
}

int share_call_setattr(struct share_nfs *nfs, const struct share_call *call,
		       const struct share_fh *fh, unsigned int flags,
		       const struct share_attributes *attributes)
{
	SETATTR3args args = { .object = wire_fh(fh),
			      .new_attributes = change_of(flags, attributes) };
	struct share_slot *slot = slot_begin(nfs, call, NULL, NULL);

	if (!slot)
		return -ENOTCONN;
	return slot_end(slot, rpc_nfs3_setattr_async(slot->connection->rpc,
						     slot_done, &args, slot));
}

/* --- data ----------------------------------------------------------------------------- */

static int take_read(const void *data, void *out)
{
	const READ3resok *res = &((const READ3res *)data)->READ3res_u.resok;
	struct share_read *ret = out;

	if (res->data.data_len > ret->asked ||
	    res->count != res->data.data_len ||
	    (res->data.data_len == 0 && !res->eof))
		return -EPROTO;
	ret->data = res->data.data_val;
	ret->len = res->data.data_len;
	ret->is_end = res->eof;
	take_attributes(&res->file_attributes, &ret->has_attributes,
			&ret->attributes);
	return 0;
}

int share_call_read(struct share_nfs *nfs, const struct share_call *call,
		    const struct share_fh *fh, uint64_t offset, uint32_t len,
		    struct share_read *ret)
{
	READ3args args = { .file = wire_fh(fh),
			   .offset = offset,
			   .count = len };
	struct share_slot *slot = slot_begin(nfs, call, take_read, ret);

	if (!slot)
		return -ENOTCONN;
	ret->asked = len;
	return slot_end(slot, rpc_nfs3_read_async(slot->connection->rpc,
						  slot_done, &args, slot));
}

static int take_written(const void *data, void *out)
{
	const WRITE3resok *res = &((const WRITE3res *)data)->WRITE3res_u.resok;
	struct share_stable *ret = out;

	if (res->count == 0 || res->count > ret->asked)
		return -EPROTO;
	ret->len = res->count;
	ret->is_stable = res->committed != UNSTABLE;
	memcpy(ret->verifier, res->verf, sizeof(ret->verifier));
	return 0;
}

int share_call_write(struct share_nfs *nfs, const struct share_call *call,
		     const struct share_fh *fh, const struct share_write *write,
		     struct share_stable *ret)
{
	WRITE3args args = {
		.file = wire_fh(fh),
		.offset = write->offset,
		.count = write->len,
		.stable = write->must_be_stable ? FILE_SYNC : UNSTABLE,
		.data = { .data_len = write->len,
			  .data_val = (char *)write->data },
	};
	struct share_slot *slot = slot_begin(nfs, call, take_written, ret);

	if (!slot)
		return -ENOTCONN;
	ret->asked = write->len;
	return slot_end(slot, rpc_nfs3_write_async(slot->connection->rpc,
						   slot_done, &args, slot));
}

static int take_committed(const void *data, void *out)
{
	const COMMIT3resok *res =
		&((const COMMIT3res *)data)->COMMIT3res_u.resok;
	struct share_stable *ret = out;

	memcpy(ret->verifier, res->verf, sizeof(ret->verifier));
	return 0;
}

int share_call_commit(struct share_nfs *nfs, const struct share_call *call,
		      const struct share_fh *fh, uint64_t offset, uint32_t len,
		      struct share_stable *ret)
{
	COMMIT3args args = { .file = wire_fh(fh),
			     .offset = offset,
			     .count = len };
	struct share_slot *slot = slot_begin(nfs, call, take_committed, ret);

	if (!slot)
		return -ENOTCONN;
	return slot_end(slot, rpc_nfs3_commit_async(slot->connection->rpc,
						    slot_done, &args, slot));
}
