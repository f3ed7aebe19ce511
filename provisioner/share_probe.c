/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Each is: arguments, a `take` function that copies out of the reply, the call, as
 * in share_nfs.c. Services other than NFS are asked on connections of their own,
 * whose results begin with no NFS status: call_answered() instead of call_done().
 */

#include "share_probe.h"

#include <limits.h>
#include <string.h>

/* libnfs.h comes first: the others need its EXTERN. */
/* clang-format off */
#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <nfsc/libnfs-raw-mount.h>
#include <nfsc/libnfs-raw-nfs.h>
#include <nfsc/libnfs-raw-nfs4.h>
#include <nfsc/libnfs-raw-nlm.h>
/* clang-format on */

#include "share_connect.h"
#include "share_wire.h"

/* --- services --------------------------------------------------------------------- */

static const struct {
	int program;
	int version;
	int (*call_null)(struct rpc_context *rpc, rpc_cb cb, void *userdata);
} services[] = {
	[SHARE_SERVICE_NFS3] = { NFS_PROGRAM, NFS_V3, rpc_nfs3_null_async },
	[SHARE_SERVICE_NFS4] = { NFS4_PROGRAM, NFS_V4, rpc_nfs4_null_async },
	[SHARE_SERVICE_MOUNT3] = { MOUNT_PROGRAM, MOUNT_V3,
				   rpc_mount3_null_async },
	[SHARE_SERVICE_NLM4] = { NLM_PROGRAM, NLM_V4, rpc_nlm4_null_async },
};

static int call_null(struct share_nfs *nfs, enum share_service service)
{
	call_begin(nfs, NULL, NULL);
	return call_end(nfs, services[service].call_null(
				     nfs->rpc, call_answered, &nfs->call));
}

int share_probe_null(struct share_nfs *nfs)
{
	return call_null(nfs, SHARE_SERVICE_NFS3);
}

int share_probe_service(struct share_nfs **ret, const char *server,
			uint32_t port, enum share_service service)
{
	_cleanup_(share_nfs_close) struct share_nfs *nfs = NULL;
	int r = share_connect(&nfs, server, port);

	if (r < 0)
		return r;
	r = call_null(nfs, service);
	/* Programs and versions that it does not have are refused so, too. */
	if (r == -ECONNRESET)
		return -EPROTONOSUPPORT;
	if (r < 0)
		return r;
	*ret = TAKE_PTR(nfs);
	return 0;
}

int share_probe_port(const char *server, enum share_service service,
		     uint32_t *ret)
{
	return share_find_port(server, services[service].program,
			       services[service].version, ret);
}

/* --- exports ---------------------------------------------------------------------- */

static int take_exports(const void *data, void *out)
{
	struct share_exports *list = out;
	const void *next;

	memcpy(&next, data, sizeof(next));
	while (next) {
		struct exportnode node;

		if (list->n == SHARE_EXPORTS_MAX) {
			list->is_cut = true;
			return 0;
		}
		/* libnfs's decoder does not align what it allocates. */
		memcpy(&node, next, sizeof(node));
		list->paths[list->n] = strdup(node.ex_dir);
		if (!list->paths[list->n])
			return -ENOMEM;
		list->n++;
		next = node.ex_next;
	}
	return 0;
}

int share_probe_exports(struct share_nfs *mount, struct share_exports *ret)
{
	call_begin(mount, take_exports, ret);
	return call_end(mount,
			rpc_mount3_export_async(mount->rpc, call_answered,
						&mount->call));
}

void share_exports_fini(struct share_exports *exports)
{
	for (size_t i = 0; i < exports->n; i++)
		free(exports->paths[i]);
	*exports = (struct share_exports){ 0 };
}

/* --- the share -------------------------------------------------------------------- */

static nfs_fh3 fh_arg(const struct share_fh *fh)
{
	return (nfs_fh3){ .data = { .data_len = fh->len,
				    .data_val = (char *)fh->data } };
}

static int take_attributes(const void *data, void *out)
{
	const fattr3 *attr = &((const GETATTR3res *)data)
				      ->GETATTR3res_u.resok.obj_attributes;

	*(struct share_attributes *)out = wire_attributes(attr);
	return 0;
}

int share_probe_getattr(struct share_nfs *nfs, const struct share_fh *fh,
			struct share_attributes *ret)
{
	GETATTR3args args = { .object = fh_arg(fh) };

	call_begin(nfs, take_attributes, ret);
	return call_end(nfs, rpc_nfs3_getattr_async(nfs->rpc, call_done, &args,
						    &nfs->call));
}

static int take_limits(const void *data, void *out)
{
	const FSINFO3resok *res =
		&((const FSINFO3res *)data)->FSINFO3res_u.resok;
	struct share_limits *limits = out;

	*limits = (struct share_limits){ .read_max = res->rtmax,
					 .read_preferred = res->rtpref,
					 .write_max = res->wtmax,
					 .write_preferred = res->wtpref };
	return 0;
}

int share_probe_limits(struct share_nfs *nfs, const struct share_fh *fh,
		       struct share_limits *ret)
{
	FSINFO3args args = { .fsroot = fh_arg(fh) };

	call_begin(nfs, take_limits, ret);
	return call_end(nfs, rpc_nfs3_fsinfo_async(nfs->rpc, call_done, &args,
						   &nfs->call));
}

static int take_space(const void *data, void *out)
{
	const FSSTAT3resok *res =
		&((const FSSTAT3res *)data)->FSSTAT3res_u.resok;
	struct share_space *space = out;

	*space = (struct share_space){ .bytes = res->tbytes,
				       .bytes_free = res->abytes,
				       .files = res->tfiles,
				       .files_free = res->afiles };
	return 0;
}

int share_probe_space(struct share_nfs *nfs, const struct share_fh *fh,
		      struct share_space *ret)
{
	FSSTAT3args args = { .fsroot = fh_arg(fh) };

	call_begin(nfs, take_space, ret);
	return call_end(nfs, rpc_nfs3_fsstat_async(nfs->rpc, call_done, &args,
						   &nfs->call));
}

void share_probe_become(struct share_nfs *nfs, uint32_t uid, uint32_t gid)
{
	rpc_set_uid(nfs->rpc, (int)uid);
	rpc_set_gid(nfs->rpc, (int)gid);
}

/* --- files ------------------------------------------------------------------------ */

static int take_created(const void *data, void *out)
{
	const post_op_fh3 *obj =
		&((const CREATE3res *)data)->CREATE3res_u.resok.obj;
	const nfs_fh3 *handle = &obj->post_op_fh3_u.handle;
	struct share_fh *fh = out;

	if (!obj->handle_follows || handle->data.data_len == 0 ||
	    handle->data.data_len > sizeof(fh->data))
		return -EPROTO;
	memcpy(fh->data, handle->data.data_val, handle->data.data_len);
	fh->len = handle->data.data_len;
	return 0;
}

int share_probe_create(struct share_nfs *nfs, const struct share_fh *dir,
		       const char *name, struct share_fh *ret)
{
	CREATE3args args = { .where = { .dir = fh_arg(dir),
					.name = (char *)name } };
	sattr3 *attributes = &args.how.createhow3_u.g_obj_attributes;

	args.how.mode = GUARDED;
	attributes->mode.set_it = 1;
	attributes->mode.set_mode3_u.mode = 0644;
	call_begin(nfs, take_created, ret);
	return call_end(nfs, rpc_nfs3_create_async(nfs->rpc, call_done, &args,
						   &nfs->call));
}

struct written {
	size_t len;
	struct share_verifier verifier;
};

static int take_written(const void *data, void *out)
{
	const WRITE3resok *res = &((const WRITE3res *)data)->WRITE3res_u.resok;
	struct written *written = out;

	written->len = res->count;
	memcpy(written->verifier.data, res->verf,
	       sizeof(written->verifier.data));
	return 0;
}

int share_probe_write(struct share_nfs *nfs, const struct share_fh *fh,
		      const char *data, size_t len, size_t *ret_len,
		      struct share_verifier *ret)
{
	WRITE3args args = { .file = fh_arg(fh),
			    .count = (count3)len,
			    .stable = UNSTABLE,
			    .data = { .data_len = (u_int)len,
				      .data_val = (char *)data } };
	struct written written = { 0 };
	int r;

	call_begin(nfs, take_written, &written);
	r = call_end(nfs, rpc_nfs3_write_async(nfs->rpc, call_done, &args,
					       &nfs->call));
	if (r < 0)
		return r;
	*ret_len = written.len;
	*ret = written.verifier;
	return 0;
}

static int take_committed(const void *data, void *out)
{
	const COMMIT3resok *res =
		&((const COMMIT3res *)data)->COMMIT3res_u.resok;
	struct share_verifier *verifier = out;

	memcpy(verifier->data, res->verf, sizeof(verifier->data));
	return 0;
}

int share_probe_commit(struct share_nfs *nfs, const struct share_fh *fh,
		       struct share_verifier *ret)
{
	COMMIT3args args = { .file = fh_arg(fh) };

	call_begin(nfs, take_committed, ret);
	return call_end(nfs, rpc_nfs3_commit_async(nfs->rpc, call_done, &args,
						   &nfs->call));
}

/* --- locks ------------------------------------------------------------------------ */

static int lock_errno(nlmstat4 status)
{
	switch (status) {
	case NLM4_GRANTED:
		return 0;
	case NLM4_DENIED_GRACE_PERIOD:
		return -EAGAIN;
	case NLM4_DENIED_NOLOCKS:
		return -ENOLCK;
	case NLM4_STALE_FH:
		return -ESTALE;
	case NLM4_ROFS:
		return -EROFS;
	default:
		return -EIO;
	}
}

static int take_locked(const void *data, void *out)
{
	return lock_errno(((const NLM4_LOCKres *)data)->status);
}

static int take_unlocked(const void *data, void *out)
{
	return lock_errno(((const NLM4_UNLOCKres *)data)->status);
}

int share_probe_lock(struct share_nfs *nlm, const struct share_fh *fh)
{
	static char cookie[] = "doctor";
	/* Its statd has to find whom to tell of a reboot. */
	char caller[HOST_NAME_MAX + 1] = "localhost";
	struct nlm4_lock lock = {
		.caller_name = caller,
		.fh = { .data = { .data_len = fh->len,
				  .data_val = (char *)fh->data } },
		.oh = caller,
		.svid = (u_int)getpid(),
		.l_len = 0, /* to the end, wherever that is */
	};
	NLM4_LOCKargs args = { .cookie = { .data = { sizeof(cookie), cookie } },
			       .exclusive = 1,
			       .lock = lock };
	NLM4_UNLOCKargs unlock = { .cookie = args.cookie, .lock = lock };
	int r;

	(void)gethostname(caller, sizeof(caller) - 1);
	call_begin(nlm, take_locked, NULL);
	r = call_end(nlm, rpc_nlm4_lock_async(nlm->rpc, call_answered, &args,
					      &nlm->call));
	if (r < 0)
		return r;
	call_begin(nlm, take_unlocked, NULL);
	return call_end(nlm, rpc_nlm4_unlock_async(nlm->rpc, call_answered,
						   &unlock, &nlm->call));
}
