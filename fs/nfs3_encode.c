/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Arguments of NFSv3 calls, RFC 1813 section 3.3, one function per procedure and
 * a table at the end.
 *
 * libnfs has encoders for these structures, but they want its own copies of
 * names, handles and (for WRITE) the payload, and its decoders trust lengths from
 * the wire and recurse on directory entries. With a bounded cursor both ways a
 * procedure is a few lines, the WRITE payload stays where it is, and there is one
 * codec to understand. libnfs's codec checks ours in the unit tests.
 *
 * Arguments come from our own code and the kernel, so they are checked only for
 * what the protocol can't carry.
 */

#include <errno.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "nfs3_xdr.h"
#include "nlm_xdr.h"

#define PROC_COMMIT 21 /* 20 is PATHCONF, which we do not use */

enum set_time {
	TIME_DONT_CHANGE = 0,
	TIME_SERVER = 1,
	TIME_CLIENT = 2,
};

enum ftype3 {
	TYPE_BLK = 3,
	TYPE_CHR = 4,
	TYPE_SOCK = 6,
	TYPE_FIFO = 7,
};

static void put_fh(struct xdr_writer *w, const struct nfs_fh *fh)
{
	xdr_put_opaque(w, fh->data, fh->len);
}

static void put_name(struct xdr_writer *w, const char *name)
{
	xdr_put_opaque(w, name, (uint32_t)strlen(name));
}

static void put_time(struct xdr_writer *w, struct timespec ts)
{
	/* nfstime3 is unsigned 32 bits: 1970 to 2106. What is outside is clamped. */
	int64_t s = ts.tv_sec < 0 ? 0 : ts.tv_sec;

	xdr_put_u32(w, s > UINT32_MAX ? UINT32_MAX : (uint32_t)s);
	xdr_put_u32(w, (uint32_t)ts.tv_nsec);
}

static void put_set_u32(struct xdr_writer *w, bool is_set, uint32_t value)
{
	xdr_put_u32(w, is_set);
	if (is_set)
		xdr_put_u32(w, value);
}

static void put_set_time(struct xdr_writer *w, bool is_set, bool is_now,
			 struct timespec ts)
{
	if (is_now) {
		xdr_put_u32(w, TIME_SERVER);
	} else if (is_set) {
		xdr_put_u32(w, TIME_CLIENT);
		put_time(w, ts);
	} else {
		xdr_put_u32(w, TIME_DONT_CHANGE);
	}
}

static void put_sattr(struct xdr_writer *w, const struct nfs_set *set)
{
	uint32_t mask = set->mask;

	put_set_u32(w, mask & NFS_SET_MODE, set->mode & 07777);
	put_set_u32(w, mask & NFS_SET_UID, set->uid);
	put_set_u32(w, mask & NFS_SET_GID, set->gid);
	xdr_put_u32(w, (mask & NFS_SET_SIZE) != 0);
	if (mask & NFS_SET_SIZE)
		xdr_put_u64(w, set->size);
	put_set_time(w, mask & NFS_SET_ATIME, mask & NFS_SET_ATIME_NOW,
		     set->atime);
	put_set_time(w, mask & NFS_SET_MTIME, mask & NFS_SET_MTIME_NOW,
		     set->mtime);
}

static void put_null(struct xdr_writer *w, const struct nfs_args *args)
{
}

static void put_object(struct xdr_writer *w, const struct nfs_args *args)
{
	put_fh(w, &args->fh);
}

static void put_dirop(struct xdr_writer *w, const struct nfs_args *args)
{
	put_fh(w, &args->fh);
	put_name(w, args->name);
}

static void put_setattr(struct xdr_writer *w, const struct nfs_args *args)
{
	put_fh(w, &args->fh);
	put_sattr(w, &args->setattr.set);
	xdr_put_u32(w, args->setattr.has_guard);
	if (args->setattr.has_guard)
		put_time(w, args->setattr.guard);
}

static void put_access(struct xdr_writer *w, const struct nfs_args *args)
{
	put_fh(w, &args->fh);
	xdr_put_u32(w, args->access.mask);
}

static void put_read(struct xdr_writer *w, const struct nfs_args *args)
{
	put_fh(w, &args->fh);
	xdr_put_u64(w, args->read.offset);
	xdr_put_u32(w, args->read.count);
}

static void put_write(struct xdr_writer *w, const struct nfs_args *args)
{
	put_fh(w, &args->fh);
	xdr_put_u64(w, args->write.offset);
	xdr_put_u32(w, args->write.count);
	xdr_put_u32(w, args->write.stable);
	xdr_put_u32(w, args->write.count); /* the payload's length */
}

static void put_create(struct xdr_writer *w, const struct nfs_args *args)
{
	put_dirop(w, args);
	xdr_put_u32(w, args->create.how);
	if (args->create.how == NFS_CREATE_EXCLUSIVE)
		xdr_put_u64(w, args->create.verf);
	else
		put_sattr(w, &args->create.set);
}

static void put_mkdir(struct xdr_writer *w, const struct nfs_args *args)
{
	put_dirop(w, args);
	put_sattr(w, &args->mkdir.set);
}

static void put_symlink(struct xdr_writer *w, const struct nfs_args *args)
{
	put_dirop(w, args);
	put_sattr(w, &args->symlink.set);
	put_name(w, args->symlink.target);
}

static void put_device(struct xdr_writer *w, enum ftype3 type,
		       const struct nfs_args *args)
{
	xdr_put_u32(w, type);
	put_sattr(w, &args->mknod.set);
	xdr_put_u32(w, args->mknod.rdev_major);
	xdr_put_u32(w, args->mknod.rdev_minor);
}

static void put_mknod(struct xdr_writer *w, const struct nfs_args *args)
{
	put_dirop(w, args);
	switch (args->mknod.type) {
	case S_IFBLK:
		put_device(w, TYPE_BLK, args);
		break;
	case S_IFCHR:
		put_device(w, TYPE_CHR, args);
		break;
	default:
		xdr_put_u32(w, args->mknod.type == S_IFSOCK ? TYPE_SOCK
							    : TYPE_FIFO);
		put_sattr(w, &args->mknod.set);
		break;
	}
}

static void put_rename(struct xdr_writer *w, const struct nfs_args *args)
{
	put_dirop(w, args);
	put_fh(w, &args->rename.to_fh);
	put_name(w, args->rename.to_name);
}

static void put_link(struct xdr_writer *w, const struct nfs_args *args)
{
	put_fh(w, &args->fh);
	put_fh(w, &args->link.to_fh);
	put_name(w, args->link.to_name);
}

static void put_readdir(struct xdr_writer *w, const struct nfs_args *args)
{
	put_fh(w, &args->fh);
	xdr_put_u64(w, args->readdir.cookie);
	xdr_put_u64(w, args->readdir.cookieverf);
	xdr_put_u32(w, args->readdir.count);
}

static void put_readdirplus(struct xdr_writer *w, const struct nfs_args *args)
{
	/* dircount bounds names and cookies alone: no reason to be below maxcount. */
	put_readdir(w, args);
	xdr_put_u32(w, args->readdir.count);
}

static void put_commit(struct xdr_writer *w, const struct nfs_args *args)
{
	put_fh(w, &args->fh);
	xdr_put_u64(w, args->commit.offset);
	xdr_put_u32(w, args->commit.count);
}

typedef void (*put_fn)(struct xdr_writer *w, const struct nfs_args *args);

static const put_fn put_args[NFS_N_PROCS] = {
	[NFS_NULL] = put_null,	       [NFS_GETATTR] = put_object,
	[NFS_SETATTR] = put_setattr,   [NFS_LOOKUP] = put_dirop,
	[NFS_ACCESS] = put_access,     [NFS_READLINK] = put_object,
	[NFS_READ] = put_read,	       [NFS_WRITE] = put_write,
	[NFS_CREATE] = put_create,     [NFS_MKDIR] = put_mkdir,
	[NFS_SYMLINK] = put_symlink,   [NFS_MKNOD] = put_mknod,
	[NFS_REMOVE] = put_dirop,      [NFS_RMDIR] = put_dirop,
	[NFS_RENAME] = put_rename,     [NFS_LINK] = put_link,
	[NFS_READDIR] = put_readdir,   [NFS_READDIRPLUS] = put_readdirplus,
	[NFS_FSSTAT] = put_object,     [NFS_FSINFO] = put_object,
	[NFS_COMMIT] = put_commit,     [NLM_NULL] = put_null,
	[NLM_TEST] = nlm_put_test,     [NLM_LOCK] = nlm_put_lock,
	[NLM_UNLOCK] = nlm_put_unlock, [PMAP_GETPORT] = nlm_put_getport,
};

static int check_name(const char *name)
{
	return strlen(name) > NFS_NAME_MAX ? -ENAMETOOLONG : 0;
}

static int check_fh(const struct nfs_fh *fh)
{
	return fh->len == 0 || fh->len > NFS_FH_MAX ? -ESTALE : 0;
}

static int check_second(const struct nfs_fh *fh, const char *name)
{
	int r = check_fh(fh);

	return r < 0 ? r : check_name(name);
}

static int check_args(const struct nfs_call *call)
{
	const struct nfs_args *args = &call->args;
	int r;

	if (call->proc == NFS_NULL || call->proc == NLM_NULL ||
	    call->proc == PMAP_GETPORT)
		return 0;
	r = check_fh(&args->fh);
	if (r < 0)
		return r;
	if (args->name && check_name(args->name) < 0)
		return -ENAMETOOLONG;
	switch (call->proc) {
	case NFS_READ:
		return args->read.count > NFS_IO_MAX ? -EINVAL : 0;
	case NFS_WRITE:
		return args->write.count > NFS_IO_MAX ? -EINVAL : 0;
	case NFS_SYMLINK:
		return strlen(args->symlink.target) >= NFS_PATH_MAX
			       ? -ENAMETOOLONG
			       : 0;
	case NFS_RENAME:
		return check_second(&args->rename.to_fh, args->rename.to_name);
	case NFS_LINK:
		return check_second(&args->link.to_fh, args->link.to_name);
	default:
		return 0;
	}
}

static struct nfs_rpc_procedure procedure_of(enum nfs_proc proc)
{
	if (nlm_has_proc(proc))
		return nlm_procedure(proc);
	return (struct nfs_rpc_procedure){
		.program = NFS3_PROGRAM,
		.version = NFS3_VERSION,
		.number = proc == NFS_COMMIT ? PROC_COMMIT : proc,
	};
}

int nfs3_encode_call(struct xdr_writer *w, uint32_t xid,
		     const struct nfs_call *call)
{
	int r = check_args(call);

	if (r < 0)
		return r;
	nfs_rpc_put_call(w, xid, procedure_of(call->proc), &call->cred);
	put_args[call->proc](w, &call->args);
	return w->is_bad ? -EINVAL : 0;
}
