/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Results of NFSv3 calls, RFC 1813 section 3.3. A server, or whoever sits on the
 * wire, may send anything, so:
 *
 *  1. Every field is read through the bounded cursor; nothing is allocated.
 *  2. Counts are held against what was asked: READ never gives more bytes than
 *     requested, WRITE never claims more than was sent, and a handle fits.
 *  3. Directory entries are read in a loop into an array of the caller's; a reply
 *     with more is malformed (each takes at least 28 bytes, so an honest one
 *     can't have more than its count / 28).
 *  4. Names are 1 to 255 bytes without NUL and '/': "." and ".." are for the
 *     caller. Types are known, nanoseconds are below a second, sizes fit off_t.
 *  5. What follows the results in the record is ignored, as every NFS client
 *     does: some servers pad.
 *
 * A failed call has results, too: mostly the attributes that the caller's cache
 * wants, so they are read the same way.
 */

#include <errno.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "nfs3_xdr.h"
#include "nfs_status.h"
#include "nlm_xdr.h"

struct decoder {
	struct xdr_reader *r;
	struct nfs_call *call;
	struct nfs_result *res; /* of call */
	struct nfs3_entries entries;
};

static void set_bad(struct decoder *d)
{
	d->r->is_bad = true;
}

static struct timespec get_time(struct xdr_reader *r)
{
	struct timespec ts = { .tv_sec = xdr_get_u32(r) };

	ts.tv_nsec = xdr_get_u32(r);
	if (ts.tv_nsec >= 1000000000)
		r->is_bad = true;
	return ts;
}

static void get_fh(struct xdr_reader *r, struct nfs_fh *fh)
{
	const uint8_t *data = xdr_get_opaque(r, NFS_FH_MAX, &fh->len);

	if (data && fh->len > 0)
		memcpy(fh->data, data, fh->len);
	else
		r->is_bad = true;
}

static void get_attr(struct xdr_reader *r, struct nfs_attr *attr)
{
	static const uint32_t types[] = { 0,	   S_IFREG, S_IFDIR,  S_IFBLK,
					  S_IFCHR, S_IFLNK, S_IFSOCK, S_IFIFO };
	uint32_t type = xdr_get_u32(r);

	if (type == 0 || type >= ARRAY_SIZE(types)) {
		r->is_bad = true;
		return;
	}
	attr->mode = types[type] | (xdr_get_u32(r) & 07777);
	attr->nlink = xdr_get_u32(r);
	attr->uid = xdr_get_u32(r);
	attr->gid = xdr_get_u32(r);
	attr->size = xdr_get_u64(r);
	attr->used = xdr_get_u64(r);
	attr->rdev_major = xdr_get_u32(r);
	attr->rdev_minor = xdr_get_u32(r);
	attr->fsid = xdr_get_u64(r);
	attr->fileid = xdr_get_u64(r);
	attr->atime = get_time(r);
	attr->mtime = get_time(r);
	attr->ctime = get_time(r);
	if (attr->size > INT64_MAX)
		r->is_bad = true;
}

static void get_post_attr(struct xdr_reader *r, bool *has,
			  struct nfs_attr *attr)
{
	*has = xdr_get_bool(r);
	if (*has)
		get_attr(r, attr);
}

static void get_wcc(struct xdr_reader *r, struct nfs_wcc *wcc)
{
	wcc->has_before = xdr_get_bool(r);
	if (wcc->has_before) {
		wcc->size_before = xdr_get_u64(r);
		wcc->mtime_before = get_time(r);
		wcc->ctime_before = get_time(r);
	}
	get_post_attr(r, &wcc->has_after, &wcc->after);
}

/* --- what several procedures share --------------------------------------- */

static void get_object_attr(struct decoder *d)
{
	get_post_attr(d->r, &d->res->has_attr, &d->res->attr);
}

static void get_object_wcc(struct decoder *d)
{
	get_wcc(d->r, &d->res->wcc);
	d->res->has_attr = d->res->wcc.has_after;
	d->res->attr = d->res->wcc.after;
}

static void get_dir_wcc(struct decoder *d)
{
	get_wcc(d->r, &d->res->wcc);
}

static void get_dir_attr(struct decoder *d)
{
	get_post_attr(d->r, &d->res->wcc.has_after, &d->res->wcc.after);
}

static void get_nothing(struct decoder *d)
{
}

/* --- procedures: what follows NFS3_OK ------------------------------------ */

static void get_getattr(struct decoder *d)
{
	get_attr(d->r, &d->res->attr);
	d->res->has_attr = true;
}

static void get_lookup(struct decoder *d)
{
	get_fh(d->r, &d->res->fh);
	d->res->has_fh = true;
	get_object_attr(d);
	get_dir_attr(d);
}

static void get_access(struct decoder *d)
{
	get_object_attr(d);
	d->res->access.granted = xdr_get_u32(d->r);
}

static void get_readlink(struct decoder *d)
{
	get_object_attr(d);
	d->res->readlink.target = xdr_get_string(d->r, NFS_PATH_MAX - 1);
}

static void get_read(struct decoder *d)
{
	uint32_t count, len;

	get_object_attr(d);
	count = xdr_get_u32(d->r);
	d->res->read.is_eof = xdr_get_bool(d->r);
	d->res->read.data =
		xdr_get_opaque(d->r, d->call->args.read.count, &len);
	d->res->read.count = len;
	if (count != len)
		set_bad(d);
}

static void get_write(struct decoder *d)
{
	uint32_t asked = d->call->args.write.count;
	uint32_t count, committed;

	get_object_wcc(d);
	count = xdr_get_u32(d->r);
	committed = xdr_get_u32(d->r);
	d->res->write.verf = xdr_get_u64(d->r);
	/* A server that writes nothing and succeeds would be asked for ever. */
	if (count > asked || (count == 0 && asked > 0) ||
	    committed > NFS_FILE_SYNC)
		set_bad(d);
	d->res->write.count = count;
	d->res->write.committed = (enum nfs_stable)committed;
}

/* CREATE, MKDIR, SYMLINK, MKNOD */
static void get_made(struct decoder *d)
{
	d->res->has_fh = xdr_get_bool(d->r);
	if (d->res->has_fh)
		get_fh(d->r, &d->res->fh);
	get_object_attr(d);
	get_dir_wcc(d);
}

static void get_rename(struct decoder *d)
{
	get_wcc(d->r, &d->res->wcc);
	get_wcc(d->r, &d->res->to_wcc);
}

static void get_link(struct decoder *d)
{
	get_object_attr(d);
	get_wcc(d->r, &d->res->to_wcc);
}

static const char *get_entry_name(struct decoder *d)
{
	const char *name = xdr_get_string(d->r, NFS_NAME_MAX);

	if (!name || !*name || strchr(name, '/')) {
		set_bad(d);
		return NULL;
	}
	return name;
}

static void get_entry(struct decoder *d, struct nfs_entry *entry)
{
	*entry = (struct nfs_entry){ .fileid = xdr_get_u64(d->r) };
	entry->name = get_entry_name(d);
	entry->cookie = xdr_get_u64(d->r);
	if (d->call->proc != NFS_READDIRPLUS)
		return;
	get_post_attr(d->r, &entry->has_attr, &entry->attr);
	entry->has_fh = xdr_get_bool(d->r);
	if (entry->has_fh)
		get_fh(d->r, &entry->fh);
}

/* READDIR and READDIRPLUS */
static void get_entries(struct decoder *d)
{
	uint32_t n = 0;

	get_object_attr(d);
	d->res->readdir.cookieverf = xdr_get_u64(d->r);
	while (xdr_get_bool(d->r) && !d->r->is_bad) {
		if (n == d->entries.max) {
			set_bad(d);
			return;
		}
		get_entry(d, &d->entries.data[n++]);
	}
	d->res->readdir.is_eof = xdr_get_bool(d->r);
	d->res->readdir.entries = d->entries.data;
	d->res->readdir.n_entries = n;
}

static void get_fsstat(struct decoder *d)
{
	get_object_attr(d);
	d->res->fsstat.total_bytes = xdr_get_u64(d->r);
	d->res->fsstat.free_bytes = xdr_get_u64(d->r);
	d->res->fsstat.avail_bytes = xdr_get_u64(d->r);
	d->res->fsstat.total_files = xdr_get_u64(d->r);
	d->res->fsstat.free_files = xdr_get_u64(d->r);
	d->res->fsstat.avail_files = xdr_get_u64(d->r);
	(void)xdr_get_u32(d->r); /* invarsec */
}

static void get_fsinfo(struct decoder *d)
{
	get_object_attr(d);
	d->res->fsinfo.read_max = xdr_get_u32(d->r);
	d->res->fsinfo.read_pref = xdr_get_u32(d->r);
	(void)xdr_get_u32(d->r); /* rtmult */
	d->res->fsinfo.write_max = xdr_get_u32(d->r);
	d->res->fsinfo.write_pref = xdr_get_u32(d->r);
	(void)xdr_get_u32(d->r); /* wtmult */
	d->res->fsinfo.readdir_pref = xdr_get_u32(d->r);
	d->res->fsinfo.file_size_max = xdr_get_u64(d->r);
	d->res->fsinfo.time_delta = get_time(d->r);
	(void)xdr_get_u32(d->r); /* properties */
}

static void get_commit(struct decoder *d)
{
	get_object_wcc(d);
	d->res->commit.verf = xdr_get_u64(d->r);
}

/* --- the table ------------------------------------------------------------ */

typedef void (*get_fn)(struct decoder *d);

struct procedure {
	get_fn ok;
	get_fn failed;
};

static const struct procedure procedures[NFS_N_PROCS] = {
	[NFS_NULL] = { get_nothing, get_nothing },
	[NFS_GETATTR] = { get_getattr, get_nothing },
	[NFS_SETATTR] = { get_object_wcc, get_object_wcc },
	[NFS_LOOKUP] = { get_lookup, get_dir_attr },
	[NFS_ACCESS] = { get_access, get_object_attr },
	[NFS_READLINK] = { get_readlink, get_object_attr },
	[NFS_READ] = { get_read, get_object_attr },
	[NFS_WRITE] = { get_write, get_object_wcc },
	[NFS_CREATE] = { get_made, get_dir_wcc },
	[NFS_MKDIR] = { get_made, get_dir_wcc },
	[NFS_SYMLINK] = { get_made, get_dir_wcc },
	[NFS_MKNOD] = { get_made, get_dir_wcc },
	[NFS_REMOVE] = { get_dir_wcc, get_dir_wcc },
	[NFS_RMDIR] = { get_dir_wcc, get_dir_wcc },
	[NFS_RENAME] = { get_rename, get_rename },
	[NFS_LINK] = { get_link, get_link },
	[NFS_READDIR] = { get_entries, get_object_attr },
	[NFS_READDIRPLUS] = { get_entries, get_object_attr },
	[NFS_FSSTAT] = { get_fsstat, get_object_attr },
	[NFS_FSINFO] = { get_fsinfo, get_object_attr },
	[NFS_COMMIT] = { get_commit, get_object_wcc },
};

int nfs3_decode_results(struct xdr_reader *r, struct nfs_call *call,
			struct nfs3_entries entries)
{
	struct decoder d = {
		.r = r, .call = call, .res = &call->res, .entries = entries
	};
	uint32_t status = 0;

	if (nlm_has_proc(call->proc))
		return nlm_decode_results(r, call);
	call->res = (struct nfs_result){ 0 };
	if (call->proc != NFS_NULL)
		status = xdr_get_u32(r);
	if (status == 0)
		procedures[call->proc].ok(&d);
	else
		procedures[call->proc].failed(&d);
	if (r->is_bad)
		return -EBADMSG;
	return nfs_status_to_errno(status);
}

int nfs3_decode_reply(struct xdr_reader *r, struct nfs_call *call,
		      struct nfs3_entries entries)
{
	uint32_t xid;
	int status = nfs_rpc_get_reply(r, &xid);

	if (status == 0)
		return nfs3_decode_results(r, call, entries);
	call->res = (struct nfs_result){ 0 };
	return status;
}
