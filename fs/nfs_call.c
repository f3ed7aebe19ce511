/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What can be said of a call whoever sends it.
 */

#include "nfs_call.h"

#define COST_MIN 512 /* of a call without payload */
#define BULK_MIN (32u << 10)

const char *nfs_proc_name(enum nfs_proc proc)
{
	static const char *const names[NFS_N_PROCS] = {
		[NFS_NULL] = "NULL",	     [NFS_GETATTR] = "GETATTR",
		[NFS_SETATTR] = "SETATTR",   [NFS_LOOKUP] = "LOOKUP",
		[NFS_ACCESS] = "ACCESS",     [NFS_READLINK] = "READLINK",
		[NFS_READ] = "READ",	     [NFS_WRITE] = "WRITE",
		[NFS_CREATE] = "CREATE",     [NFS_MKDIR] = "MKDIR",
		[NFS_SYMLINK] = "SYMLINK",   [NFS_MKNOD] = "MKNOD",
		[NFS_REMOVE] = "REMOVE",     [NFS_RMDIR] = "RMDIR",
		[NFS_RENAME] = "RENAME",     [NFS_LINK] = "LINK",
		[NFS_READDIR] = "READDIR",   [NFS_READDIRPLUS] = "READDIRPLUS",
		[NFS_FSSTAT] = "FSSTAT",     [NFS_FSINFO] = "FSINFO",
		[NFS_COMMIT] = "COMMIT",     [NLM_NULL] = "NLM_NULL",
		[NLM_TEST] = "NLM_TEST",     [NLM_LOCK] = "NLM_LOCK",
		[NLM_UNLOCK] = "NLM_UNLOCK", [PMAP_GETPORT] = "PMAP_GETPORT",
	};

	return proc < NFS_N_PROCS ? names[proc] : "unknown";
}

static uint32_t payload_of(const struct nfs_call *call)
{
	switch (call->proc) {
	case NFS_READ:
		return call->args.read.count;
	case NFS_WRITE:
		return call->args.write.count;
	case NFS_READDIR:
	case NFS_READDIRPLUS:
		return call->args.readdir.count;
	default:
		return 0;
	}
}

uint32_t nfs_call_cost(const struct nfs_call *call)
{
	return payload_of(call) + COST_MIN;
}

bool nfs_call_is_bulk(const struct nfs_call *call)
{
	bool is_data = call->proc == NFS_READ || call->proc == NFS_WRITE;

	return is_data && payload_of(call) > BULK_MIN;
}

bool nfs_call_is_change(const struct nfs_call *call)
{
	switch (call->proc) {
	case NFS_SETATTR:
	case NFS_CREATE:
	case NFS_MKDIR:
	case NFS_SYMLINK:
	case NFS_MKNOD:
	case NFS_REMOVE:
	case NFS_RMDIR:
	case NFS_RENAME:
	case NFS_LINK:
		return true;
	default:
		return false;
	}
}
