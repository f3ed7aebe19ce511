/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The connection below share_nfs.h: mounting, and one call at a time with a time
 * limit. Only share_nfs.c, share_calls.c and share_probe.c use it.
 *
 * Calling sequence: call_begin(), rpc_nfs3_*_async(nfs->rpc, call_done, &args,
 * &nfs->call), call_end() with what that returned.
 */

#include "share_nfs.h"

#define SHARE_NFS_PORT 2049

struct rpc_context;
struct share_slot;

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
	struct share_nfs
		*second; /* share_calls.c's, and what is below; NULL = none */
	struct share_slot *slots; /* NULL until it has some */
	size_t n_in_flight;
	uint64_t n_answered;
	size_t n_on_wire; /* of them, on this connection */
};

/* take copies what is wanted out of the reply, which does not outlive the call. */
void call_begin(struct share_nfs *nfs, int (*take)(const void *res, void *out),
		void *out);
/* An rpc_cb; userdata is the struct call. */
void call_done(struct rpc_context *rpc, int status, void *data, void *userdata);
/* queued: what rpc_nfs3_*_async() returned. 0, the server's status, or -errno. */
int call_end(struct share_nfs *nfs, int queued);

/* As call_done(), for programs whose results have no status of NFS. */
void call_answered(struct rpc_context *rpc, int status, void *data,
		   void *userdata);

/* A connection to any service of a server: it has no root. */
int share_connect(struct share_nfs **ret, const char *server, uint32_t port);
/*
 * The TCP port of a version of a program, from the server's portmapper.
 * -EPROTONOSUPPORT: it knows none.
 */
int share_find_port(const char *server, int program, int version,
		    uint32_t *ret);
