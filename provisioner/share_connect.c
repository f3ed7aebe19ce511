/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libnfs's raw calls, one at a time, each waited for with a time limit. The raw
 * calls rather than the path-based ones, because those have no time limit while
 * they connect and mount.
 *
 * Invariants:
 *  1. At most one call of these is in flight, and `call` is its record. It lives
 *     in the connection, because libnfs calls back for whatever is still queued
 *     when its context is destroyed.
 *  2. After a call that failed below NFS, is_broken is set and nothing is sent any
 *     more: the answer to the lost call must not be taken for another one's.
 */

#include "share_connect.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

/* libnfs.h comes first: the others need its EXTERN. */
/* clang-format off */
#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <nfsc/libnfs-raw-mount.h>
#include <nfsc/libnfs-raw-nfs.h>
#include <nfsc/libnfs-raw-portmap.h>
/* clang-format on */

#include "clock.h"
#include "share_probe.h"
#include "share_wire.h"

#define PORTMAPPER_PORT 111

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

void call_done(struct rpc_context *rpc, int status, void *data, void *userdata)
{
	struct call *call = userdata;

	call->is_done = true;
	if (status != RPC_STATUS_SUCCESS) {
		call->r = transport_error(status);
		return;
	}
	call->r = wire_errno(data);
	if (call->r == 0 && call->take)
		call->r = call->take(data, call->out);
}

void call_answered(struct rpc_context *rpc, int status, void *data,
		   void *userdata)
{
	struct call *call = userdata;

	call->is_done = true;
	call->r = status == RPC_STATUS_SUCCESS ? 0 : transport_error(status);
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

void call_begin(struct share_nfs *nfs, int (*take)(const void *res, void *out),
		void *out)
{
	nfs->call = (struct call){ .take = take, .out = out };
}

int call_end(struct share_nfs *nfs, int queued)
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

/* Before libnfs does it: it has no other way to say that a name is unknown. */
static int check_name(const char *server)
{
	struct addrinfo *found = NULL;
	int r = getaddrinfo(server, NULL, NULL, &found);

	if (r != 0)
		return r == EAI_MEMORY ? -ENOMEM : -EADDRNOTAVAIL;
	freeaddrinfo(found);
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

int share_connect(struct share_nfs **ret, const char *server, uint32_t port)
{
	_cleanup_(share_nfs_close) struct share_nfs *nfs = NULL;
	int r;

	nfs = calloc(1, sizeof(*nfs));
	if (nfs)
		nfs->rpc = new_context();
	if (!nfs || !nfs->rpc)
		return -ENOMEM;
	if (rpc_connect_async(nfs->rpc, server, (int)port, on_connected,
			      &nfs->call) != 0)
		return -EHOSTUNREACH;
	r = wait_for(nfs->rpc, &nfs->call);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(nfs);
	return 0;
}

static int take_port(const void *data, void *out)
{
	*(uint32_t *)out = *(const uint32_t *)data;
	return 0;
}

int share_find_port(const char *server, int program, int version, uint32_t *ret)
{
	_cleanup_(share_nfs_close) struct share_nfs *nfs = NULL;
	uint32_t port = 0;
	int r = share_connect(&nfs, server, PORTMAPPER_PORT);

	if (r < 0)
		return r;
	call_begin(nfs, take_port, &port);
	r = call_end(nfs, rpc_pmap2_getport_async(nfs->rpc, program, version,
						  IPPROTO_TCP, call_answered,
						  &nfs->call));
	if (r < 0)
		return r;
	if (port == 0 || port > UINT16_MAX)
		return -EPROTONOSUPPORT;
	*ret = port;
	return 0;
}

static int connect_mount(struct share_nfs **ret,
			 const struct share_nfs_options *options,
			 enum share_step *ret_step, struct err *err)
{
	uint32_t port = options->mountport;
	int r;

	*ret_step = SHARE_STEP_PORTMAPPER;
	r = port ? 0
		 : share_find_port(options->server, MOUNT_PROGRAM, MOUNT_V3,
				   &port);
	if (r < 0)
		return err_set_errno(
			err, r,
			"ask the portmapper of server %s for its MOUNT service",
			options->server);
	*ret_step = SHARE_STEP_MOUNT_PORT;
	r = share_connect(ret, options->server, port);
	if (r < 0)
		return err_set_errno(
			err, r,
			"connect to the MOUNT service of server %s port %u",
			options->server, port);
	return 0;
}

static int ask_mount(struct share_nfs *nfs,
		     const struct share_nfs_options *options,
		     enum share_step *ret_step, struct err *err)
{
	_cleanup_(share_nfs_close) struct share_nfs *mount = NULL;
	int r = connect_mount(&mount, options, ret_step, err);

	if (r < 0)
		return r;
	*ret_step = SHARE_STEP_MOUNT;
	nfs->call = (struct call){ 0 };
	if (rpc_mount3_mnt_async(mount->rpc, on_mounted, (char *)options->share,
				 nfs) != 0)
		return err_set(err, -ENOMEM, "no memory");
	r = wait_for(mount->rpc, &nfs->call);
	if (r < 0)
		return err_set_errno(err, r, "mount share %s of server %s",
				     options->share, options->server);
	return 0;
}

static int connect_nfs(struct share_nfs **ret,
		       const struct share_nfs_options *options,
		       enum share_step *ret_step, struct err *err)
{
	uint32_t port = options->port ? options->port : SHARE_NFS_PORT;
	int r = check_name(options->server);

	*ret_step = SHARE_STEP_RESOLVE;
	if (r < 0)
		return err_set(err, r, "resolve server name %s: %s",
			       options->server,
			       r == -ENOMEM ? "no memory" : "it is unknown");
	*ret_step = SHARE_STEP_CONNECT;
	r = share_connect(ret, options->server, port);
	if (r < 0)
		return err_set_errno(err, r, "connect to server %s port %u",
				     options->server, port);
	return 0;
}

int share_try_open(struct share_nfs **ret,
		   const struct share_nfs_options *options,
		   enum share_step *ret_step, struct err *err)
{
	_cleanup_(share_nfs_close) struct share_nfs *nfs = NULL;
	int r = connect_nfs(&nfs, options, ret_step, err);

	if (r < 0)
		return r;
	r = ask_mount(nfs, options, ret_step, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(nfs);
	return 0;
}

int share_nfs_open(struct share_nfs **ret,
		   const struct share_nfs_options *options, struct err *err)
{
	enum share_step step;
	int r = share_try_open(ret, options, &step, err);

	if (r < 0)
		share_fault_explain(err, step, options->share);
	return r;
}

struct share_nfs *share_nfs_close(struct share_nfs *nfs)
{
	if (!nfs)
		return NULL;
	/* Before the slots go that its answers refer to. */
	(void)share_nfs_close(nfs->second);
	if (nfs->rpc)
		rpc_destroy_context(nfs->rpc);
	free(nfs->slots);
	free(nfs);
	return NULL;
}

bool share_nfs_is_broken(const struct share_nfs *nfs)
{
	return nfs->is_broken;
}

const struct share_fh *share_nfs_root(const struct share_nfs *nfs)
{
	return &nfs->root;
}
