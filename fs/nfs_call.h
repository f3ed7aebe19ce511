/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The seam between file-system operations and the wire: typed, asynchronous NFS
 * calls. One implementation speaks NFSv3 (nfs3.c over nfs_conn.c), a later one
 * NFSv4.1, and unit tests bring a fake.
 *
 * Calling sequence: embed a struct nfs_call in the object that waits for it, set
 * cred, proc, args and done, and give it to nfs_client_submit(). done() runs
 * exactly once, on the shard's thread, never inside nfs_client_submit(), with
 * status and res filled. Everything that res points to is borrowed until done()
 * returns, and so is the memory that args points to until done() begins (names,
 * targets, WRITE payload, handles): it is encoded again after a reconnect.
 *
 * Failures of the connection are not failures of a call: it is sent again with
 * the same XID until the server answers (a `hard` mount) or until timeo x retrans
 * is over (`soft`: -ETIMEDOUT). is_retransmitted then tells that the server may
 * have executed it twice. nfs_call_cancel() gives a call up.
 *
 * Threads: a client, its connections and its calls belong to one shard.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

#include "cleanup.h"
#include "fair_server.h"
#include "nfs_object.h"
#include "nlm_call.h"

#define NFS_NAME_MAX 255  /* what Linux accepts; the server may accept less */
#define NFS_PATH_MAX 4096 /* symlink targets */
#define NFS_IO_MAX   (1u << 20)

struct fair_flow;
struct nfs_client;
struct nfs_call;

enum nfs_proc {
	NFS_NULL,
	NFS_GETATTR,
	NFS_SETATTR,
	NFS_LOOKUP,
	NFS_ACCESS,
	NFS_READLINK,
	NFS_READ,
	NFS_WRITE,
	NFS_CREATE,
	NFS_MKDIR,
	NFS_SYMLINK,
	NFS_MKNOD,
	NFS_REMOVE,
	NFS_RMDIR,
	NFS_RENAME,
	NFS_LINK,
	NFS_READDIR,
	NFS_READDIRPLUS,
	NFS_FSSTAT,
	NFS_FSINFO,
	NFS_COMMIT,
	NLM_NULL, /* of the lock manager */
	NLM_TEST,
	NLM_LOCK,
	NLM_UNLOCK,
	PMAP_GETPORT, /* of the portmapper: for the lock manager's port */
	NFS_N_PROCS,
};

/* "GETATTR" and so on: the words of logs, metrics and .meta. */
const char *nfs_proc_name(enum nfs_proc proc);
/* Bytes on the wire, both ways: payload, and a little for the call itself. */
uint32_t nfs_call_cost(const struct nfs_call *call);
/* What servers remember their answers to, because a second execution is another one. */
bool nfs_call_is_change(const struct nfs_call *call);
/* File data that small calls would have to wait behind: above 32 KiB. */
bool nfs_call_is_bulk(const struct nfs_call *call);

enum nfs_create_how {
	NFS_CREATE_UNCHECKED,
	NFS_CREATE_GUARDED,
	NFS_CREATE_EXCLUSIVE, /* args.create.verf decides a replay; set is ignored */
};

enum nfs_stable {
	NFS_UNSTABLE = 0,
	NFS_DATA_SYNC = 1,
	NFS_FILE_SYNC = 2,
};

/* Bits of ACCESS, RFC 1813 3.3.4. */
enum nfs_access {
	NFS_ACCESS_READ = 0x01,
	NFS_ACCESS_LOOKUP = 0x02,
	NFS_ACCESS_MODIFY = 0x04,
	NFS_ACCESS_EXTEND = 0x08,
	NFS_ACCESS_DELETE = 0x10,
	NFS_ACCESS_EXECUTE = 0x20,
};

/* fh is the object itself, or the directory that name is in. */
struct nfs_args {
	struct nfs_fh fh;
	const char *name;
	union {
		struct {
			struct nfs_set set;
			bool has_guard; /* refuse unless ctime is still guard */
			struct timespec guard;
		} setattr;
		struct {
			uint32_t mask; /* enum nfs_access */
		} access;
		struct {
			uint64_t offset;
			uint32_t count; /* bytes, at most NFS_IO_MAX */
		} read;
		struct {
			uint64_t offset;
			uint32_t count;
			enum nfs_stable stable;
			const void *data;
		} write;
		struct {
			enum nfs_create_how how;
			struct nfs_set set;
			uint64_t verf;
		} create;
		struct {
			struct nfs_set set;
		} mkdir;
		struct {
			struct nfs_set set;
			const char *target;
		} symlink;
		struct {
			struct nfs_set set;
			uint32_t type; /* S_IFIFO, S_IFSOCK, S_IF{CHR,BLK} */
			uint32_t rdev_major;
			uint32_t rdev_minor;
		} mknod;
		struct {
			struct nfs_fh to_fh;
			const char *to_name;
		} rename;
		struct {
			struct nfs_fh to_fh; /* directory of the new name */
			const char *to_name;
		} link;
		struct {
			uint64_t cookie;
			uint64_t cookieverf;
			uint32_t count; /* bytes wanted, at most 64 KiB */
		} readdir;		/* READDIR and READDIRPLUS */
		struct {
			uint64_t offset;
			uint32_t count; /* 0 = to the end */
		} commit;
		struct nlm_args lock; /* NLM_* */
	};
};

struct nfs_entry {
	uint64_t fileid;
	uint64_t cookie;
	const char *name; /* NUL-terminated */
	bool has_attr; /* READDIRPLUS only, and only if the server gave them */
	bool has_fh;
	struct nfs_attr attr;
	struct nfs_fh fh;
};

struct nfs_result {
	/* The object's attributes: of the found or made object, or of args.fh. */
	bool has_attr;
	struct nfs_attr attr;
	bool has_fh; /* LOOKUP, CREATE, MKDIR, SYMLINK, MKNOD */
	struct nfs_fh fh;
	/* Of args.fh for WRITE, SETATTR, COMMIT; of the directory for name changes. */
	struct nfs_wcc wcc;
	struct nfs_wcc to_wcc; /* RENAME, LINK: the target directory */
	union {
		struct {
			uint32_t granted; /* enum nfs_access */
		} access;
		struct {
			const char *target; /* NUL-terminated */
		} readlink;
		struct {
			const void *data;
			uint32_t count; /* never more than was asked */
			bool is_eof;
		} read;
		struct {
			uint32_t count; /* never more than was asked */
			enum nfs_stable committed;
			uint64_t verf;
		} write;
		struct {
			const struct nfs_entry *entries;
			uint32_t n_entries;
			uint64_t cookieverf;
			bool is_eof;
		} readdir;
		struct {
			uint64_t total_bytes, free_bytes, avail_bytes;
			uint64_t total_files, free_files, avail_files;
		} fsstat;
		struct {
			uint32_t read_max, read_pref, write_max, write_pref;
			uint32_t readdir_pref;
			uint64_t file_size_max;
			struct timespec time_delta;
		} fsinfo;
		struct {
			uint64_t verf;
		} commit;
		struct nlm_result lock; /* NLM_* */
	};
};

typedef void (*nfs_done_fn)(struct nfs_call *call);

struct nfs_call {
	/* Set by the caller. */
	enum nfs_proc proc;
	struct nfs_cred cred;
	struct nfs_args args;
	nfs_done_fn done;
	struct fair_flow *flow; /* whose share; NULL = nobody's */
	/*
	 * Where it is noted how the call is sent (nfs_sent.h), before it is; NULL =
	 * nowhere. And what a former process noted of a call, which is sent with the
	 * same XID if it has the same bytes; 0 = nothing.
	 */
	_Atomic uint64_t *sent_as;
	uint64_t sent_before;

	/* Valid in done(). 0, or -errno by nfs_status.c; -ECANCELED after a cancel. */
	int status;
	bool is_retransmitted; /* the server may have seen it more than once */
	struct nfs_result res;

	/* The client's own. */
	uint64_t start_ns;
	uint32_t xid;
	uint32_t cost;
	struct fair_record fair;
	void *transport; /* the connection's record of it; NULL = not under way */
	TAILQ_ENTRY(nfs_call) entry;
};

/*
 * What a client can do; the first member of every implementation's object, found
 * again with container_of().
 */
struct nfs_client_ops {
	void (*submit)(struct nfs_client *client, struct nfs_call *call);
	void (*cancel)(struct nfs_client *client, struct nfs_call *call);
	void (*flush)(struct nfs_client *client);
};

enum nfs_health {
	NFS_HEALTH_OK,
	NFS_HEALTH_DEGRADED,	/* connected, but calls are overdue */
	NFS_HEALTH_UNREACHABLE, /* no connection */
};

struct nfs_client {
	const struct nfs_client_ops *ops;
	enum nfs_health health; /* kept by the implementation */
	uint64_t health_since_ns;
	uint32_t n_in_flight; /* submitted and not done */
	uint32_t n_losses;    /* of the connection, and attempts in vain */
};

/* Takes the call; see above. Sent at the end of the loop's round at the latest. */
static inline void nfs_client_submit(struct nfs_client *client,
				     struct nfs_call *call)
{
	client->ops->submit(client, call);
}

/* done() runs (in this call) with -ECANCELED; a late reply is dropped. */
static inline void nfs_client_cancel(struct nfs_client *client,
				     struct nfs_call *call)
{
	client->ops->cancel(client, call);
}

/* Sends what is queued; the shard calls it at the end of every round. */
static inline void nfs_client_flush(struct nfs_client *client)
{
	client->ops->flush(client);
}
