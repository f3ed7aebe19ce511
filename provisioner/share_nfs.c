/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libnfs's raw calls, one at a time, each waited for with a time limit. The raw
 * calls rather than the path-based ones, because those resolve symlinks on the
 * client's side: a pod that still has a deleted directory mounted could lead a
 * removal by path out of it. And because those have no time limit while they
 * connect and mount.
 *
 * Invariants:
 *  1. At most one call is in flight, and `call` is its record. It lives in the
 *     connection, because libnfs calls back for whatever is still queued when
 *     its context is destroyed.
 *  2. After a call that failed below NFS, is_broken is set and nothing is sent any
 *     more: the answer to the lost call must not be taken for another one's.
 *  3. `take` copies out of the reply within the callback; libnfs frees it after.
 */

#include "share_nfs.h"

#include <poll.h>
#include <string.h>

/* libnfs.h comes first: the others need its EXTERN. */
/* clang-format off */
#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <nfsc/libnfs-raw-mount.h>
#include <nfsc/libnfs-raw-nfs.h>
/* clang-format on */

#include "clock.h"

#define NFS_PORT     2049
#define READDIR_SIZE 8192

struct call {
	bool is_done;
	int r;
	int (*take)(const void *res, void *out); /* NULL = status is all */
	void *out;
};

struct share_nfs {
	struct rpc_context *rpc;
	struct share_fh root;
	struct call call;
	bool is_broken;
};

/* --- one call ----------------------------------------------------------------- */

static int transport_error(int status)
{
	return status == RPC_STATUS_TIMEOUT ? -ETIMEDOUT : -ECONNRESET;
}

static void on_connected(struct rpc_context *rpc, int status, void *data,
			 void *userdata)
{
	struct call *call = userdata;

	call->is_done = true;
	call->r = status == RPC_STATUS_SUCCESS ? 0 : -ECONNREFUSED;
}

/* Every NFSv3 result starts with its status (RFC 1813, 2.5). */
static void on_reply(struct rpc_context *rpc, int status, void *data,
		     void *userdata)
{
	struct call *call = userdata;

	call->is_done = true;
	if (status != RPC_STATUS_SUCCESS) {
		call->r = transport_error(status);
		return;
	}
	call->r = nfsstat3_to_errno((int)*(const nfsstat3 *)data);
	if (call->r == 0 && call->take)
		call->r = call->take(data, call->out);
}

static int wait_for(struct rpc_context *rpc, struct call *call)
{
	uint64_t deadline =
		clock_ns() + SHARE_NFS_TIMEOUT_MS * (uint64_t)NS_PER_MS;

	while (!call->is_done) {
		struct pollfd pfd = { .fd = rpc_get_fd(rpc),
				      .events = (short)rpc_which_events(rpc) };
		uint64_t now = clock_ns();
		int r;

		if (now >= deadline)
			return -ETIMEDOUT;
		r = poll(&pfd, 1, (int)((deadline - now) / NS_PER_MS) + 1);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0 && rpc_service(rpc, pfd.revents) < 0 &&
		    !call->is_done)
			return -ECONNRESET;
	}
	return call->r;
}

static void call_begin(struct share_nfs *nfs,
		       int (*take)(const void *res, void *out), void *out)
{
	nfs->call = (struct call){ .take = take, .out = out };
}

/* queued: what rpc_nfs3_*_async() returned. */
static int call_end(struct share_nfs *nfs, int queued)
{
	int r;

	if (nfs->is_broken)
		return -ENOTCONN;
	if (queued != 0)
		return -ENOMEM;
	r = wait_for(nfs->rpc, &nfs->call);
	if (!nfs->call.is_done || r == -ECONNRESET)
		nfs->is_broken = true;
	return r;
}

/* --- connecting --------------------------------------------------------------- */

static int take_root(const struct mountres3 *res, struct share_fh *fh)
{
	const fhandle3 *handle = &res->mountres3_u.mountinfo.fhandle;

	if (handle->fhandle3_len == 0 ||
	    handle->fhandle3_len > sizeof(fh->data))
		return -EPROTO;
	memcpy(fh->data, handle->fhandle3_val, handle->fhandle3_len);
	fh->len = handle->fhandle3_len;
	return 0;
}

static void on_mounted(struct rpc_context *rpc, int status, void *data,
		       void *userdata)
{
	struct share_nfs *nfs = userdata;
	const struct mountres3 *res = data;

	nfs->call.is_done = true;
	if (status != RPC_STATUS_SUCCESS)
		nfs->call.r = transport_error(status);
	else if (res->fhs_status != MNT3_OK)
		nfs->call.r = mountstat3_to_errno((int)res->fhs_status);
	else
		nfs->call.r = take_root(res, &nfs->root);
}

static int connect_mount(struct share_nfs *nfs,
			 const struct share_nfs_options *options,
			 struct rpc_context *rpc)
{
	int queued;

	nfs->call = (struct call){ 0 };
	if (options->mountport)
		queued = rpc_connect_async(rpc, options->server,
					   (int)options->mountport,
					   on_connected, &nfs->call);
	else
		queued = rpc_connect_program_async(rpc, options->server,
						   MOUNT_PROGRAM, MOUNT_V3,
						   on_connected, &nfs->call);
	if (queued != 0)
		return -EHOSTUNREACH;
	return wait_for(rpc, &nfs->call);
}

static int ask_mount(struct share_nfs *nfs,
		     const struct share_nfs_options *options,
		     struct rpc_context *rpc, struct err *err)
{
	int r;

	r = connect_mount(nfs, options, rpc);
	if (r < 0)
		return err_set_errno(err, r, "reach the mount service of %s",
				     options->server);
	nfs->call = (struct call){ 0 };
	if (rpc_mount3_mnt_async(rpc, on_mounted, (char *)options->share,
				 nfs) != 0)
		return err_set(err, -ENOMEM, "no memory");
	r = wait_for(rpc, &nfs->call);
	if (r < 0)
		return err_set_errno(err, r, "mount share %s of server %s",
				     options->share, options->server);
	return 0;
}

static int connect_nfs(struct share_nfs *nfs,
		       const struct share_nfs_options *options, struct err *err)
{
	uint32_t port = options->port ? options->port : NFS_PORT;
	int r;

	nfs->call = (struct call){ 0 };
	if (rpc_connect_async(nfs->rpc, options->server, (int)port,
			      on_connected, &nfs->call) != 0)
		r = -EHOSTUNREACH;
	else
		r = wait_for(nfs->rpc, &nfs->call);
	if (r < 0)
		return err_set_errno(err, r, "connect to server %s port %u",
				     options->server, port);
	return 0;
}

static struct rpc_context *new_context(void)
{
	struct rpc_context *rpc = rpc_init_context();

	if (!rpc)
		return NULL;
	rpc_set_uid(rpc, 0);
	rpc_set_gid(rpc, 0);
	return rpc;
}

int share_nfs_open(struct share_nfs **ret,
		   const struct share_nfs_options *options, struct err *err)
{
	_cleanup_(share_nfs_close) struct share_nfs *nfs = NULL;
	struct rpc_context *mount;
	int r;

	nfs = calloc(1, sizeof(*nfs));
	if (nfs)
		nfs->rpc = new_context();
	if (!nfs || !nfs->rpc)
		return err_set(err, -ENOMEM, "no memory");
	r = connect_nfs(nfs, options, err);
	if (r < 0)
		return r;
	mount = new_context();
	if (!mount)
		return err_set(err, -ENOMEM, "no memory");
	r = ask_mount(nfs, options, mount, err);
	rpc_destroy_context(mount);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(nfs);
	return 0;
}

struct share_nfs *share_nfs_close(struct share_nfs *nfs)
{
	if (!nfs)
		return NULL;
	if (nfs->rpc)
		rpc_destroy_context(nfs->rpc);
	free(nfs);
	return NULL;
}

const struct share_fh *share_nfs_root(const struct share_nfs *nfs)
{
	return &nfs->root;
}

/* --- arguments and results ------------------------------------------------------ */

static nfs_fh3 fh_arg(const struct share_fh *fh)
{
	return (nfs_fh3){ .data = { .data_len = fh->len,
				    .data_val = (char *)fh->data } };
}

static diropargs3 dirop_arg(const struct share_fh *dir, const char *name)
{
	return (diropargs3){ .dir = fh_arg(dir), .name = (char *)name };
}

static int take_fh(const nfs_fh3 *from, struct share_fh *fh)
{
	if (from->data.data_len == 0 || from->data.data_len > sizeof(fh->data))
		return -EPROTO;
	memcpy(fh->data, from->data.data_val, from->data.data_len);
	fh->len = from->data.data_len;
	return 0;
}

static int take_attributes(const post_op_attr *from, struct share_entry *entry)
{
	const fattr3 *attr = &from->post_op_attr_u.attributes;

	/* RFC 1813 lets a server leave them out; none that we know does. */
	if (!from->attributes_follow)
		return -EPROTO;
	entry->fileid = attr->fileid;
	entry->is_directory = attr->type == NF3DIR;
	return 0;
}

static int take_lookup(const void *data, void *out)
{
	const LOOKUP3res *res = data;
	struct share_entry *entry = out;
	int r = take_fh(&res->LOOKUP3res_u.resok.object, &entry->fh);

	if (r < 0)
		return r;
	return take_attributes(&res->LOOKUP3res_u.resok.obj_attributes, entry);
}

int share_nfs_lookup(struct share_nfs *nfs, const struct share_fh *dir,
		     const char *name, struct share_entry *ret)
{
	LOOKUP3args args = { .what = dirop_arg(dir, name) };

	call_begin(nfs, take_lookup, ret);
	return call_end(nfs, rpc_nfs3_lookup_async(nfs->rpc, on_reply, &args,
						   &nfs->call));
}

int share_nfs_mkdir(struct share_nfs *nfs, const struct share_fh *dir,
		    const char *name, uint32_t mode)
{
	MKDIR3args args = { .where = dirop_arg(dir, name) };

	args.attributes.mode.set_it = 1;
	args.attributes.mode.set_mode3_u.mode = mode;
	call_begin(nfs, NULL, NULL);
	return call_end(nfs, rpc_nfs3_mkdir_async(nfs->rpc, on_reply, &args,
						  &nfs->call));
}

int share_nfs_chmod(struct share_nfs *nfs, const struct share_fh *fh,
		    uint32_t mode)
{
	SETATTR3args args = { .object = fh_arg(fh) };

	args.new_attributes.mode.set_it = 1;
	args.new_attributes.mode.set_mode3_u.mode = mode;
	call_begin(nfs, NULL, NULL);
	return call_end(nfs, rpc_nfs3_setattr_async(nfs->rpc, on_reply, &args,
						    &nfs->call));
}

/* --- small files ------------------------------------------------------------------ */

static int create_file(struct share_nfs *nfs, const struct share_fh *dir,
		       const char *name)
{
	CREATE3args args = { .where = dirop_arg(dir, name) };
	sattr3 *attributes = &args.how.createhow3_u.obj_attributes;

	args.how.mode = UNCHECKED;
	attributes->mode.set_it = 1;
	attributes->mode.set_mode3_u.mode = 0600;
	attributes->size.set_it = 1;
	call_begin(nfs, NULL, NULL);
	return call_end(nfs, rpc_nfs3_create_async(nfs->rpc, on_reply, &args,
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
	WRITE3args args = { .file = fh_arg(fh),
			    .offset = offset,
			    .count = (count3)*len,
			    .stable = FILE_SYNC,
			    .data = { .data_len = (u_int)*len,
				      .data_val = (char *)text } };

	call_begin(nfs, take_written, len);
	return call_end(nfs, rpc_nfs3_write_async(nfs->rpc, on_reply, &args,
						  &nfs->call));
}

int share_nfs_write_file(struct share_nfs *nfs, const struct share_fh *dir,
			 const char *name, const char *text, size_t len)
{
	struct share_entry entry;
	size_t done = 0;
	int r;

	r = create_file(nfs, dir, name);
	if (r < 0)
		return r;
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
		READ3args args = { .file = fh_arg(fh),
				   .offset = len,
				   .count = (count3)(size - len) };
		int r;

		out = (struct read_out){ .buffer = buffer + len,
					 .size = size - len };
		call_begin(nfs, take_read, &out);
		r = call_end(nfs, rpc_nfs3_read_async(nfs->rpc, on_reply, &args,
						      &nfs->call));
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
	RENAME3args args = { .from = dirop_arg(from, from_name),
			     .to = dirop_arg(to, to_name) };

	call_begin(nfs, NULL, NULL);
	return call_end(nfs, rpc_nfs3_rename_async(nfs->rpc, on_reply, &args,
						   &nfs->call));
}

int share_nfs_remove(struct share_nfs *nfs, const struct share_fh *dir,
		     const char *name)
{
	REMOVE3args args = { .object = dirop_arg(dir, name) };

	call_begin(nfs, NULL, NULL);
	return call_end(nfs, rpc_nfs3_remove_async(nfs->rpc, on_reply, &args,
						   &nfs->call));
}

int share_nfs_rmdir(struct share_nfs *nfs, const struct share_fh *dir,
		    const char *name)
{
	RMDIR3args args = { .object = dirop_arg(dir, name) };

	call_begin(nfs, NULL, NULL);
	return call_end(nfs, rpc_nfs3_rmdir_async(nfs->rpc, on_reply, &args,
						  &nfs->call));
}

static int take_name(const entry3 *entry, struct share_names *page)
{
	page->cookie = entry->cookie;
	if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
		return 0;
	/* A name with a slash would be a path to whoever uses it as one. */
	if (!*entry->name || strchr(entry->name, '/'))
		return -EPROTO;
	page->names[page->n] = strdup(entry->name);
	if (!page->names[page->n])
		return -ENOMEM;
	page->n++;
	return 0;
}

static int take_names(const void *data, void *out)
{
	const READDIR3resok *res =
		&((const READDIR3res *)data)->READDIR3res_u.resok;
	struct share_names *page = out;
	const void *next = res->reply.entries;

	memcpy(page->verifier, res->cookieverf, sizeof(page->verifier));
	while (next && page->n < SHARE_NFS_MAX_NAMES) {
		entry3 entry;
		int r;

		/* libnfs's decoder does not align what it allocates. */
		memcpy(&entry, next, sizeof(entry));
		r = take_name(&entry, page);
		if (r < 0)
			return r;
		next = entry.nextentry;
	}
	page->is_end = !next && res->reply.eof;
	return 0;
}

static void free_names(struct share_names *page)
{
	for (size_t i = 0; i < page->n; i++)
		free(page->names[i]);
	page->n = 0;
}

int share_nfs_readdir(struct share_nfs *nfs, const struct share_fh *dir,
		      struct share_names *page)
{
	READDIR3args args = { .dir = fh_arg(dir),
			      .cookie = page->cookie,
			      .count = READDIR_SIZE };

	free_names(page);
	memcpy(args.cookieverf, page->verifier, sizeof(args.cookieverf));
	call_begin(nfs, take_names, page);
	return call_end(nfs, rpc_nfs3_readdir_async(nfs->rpc, on_reply, &args,
						    &nfs->call));
}

void share_names_fini(struct share_names *page)
{
	free_names(page);
	*page = (struct share_names){ 0 };
}
