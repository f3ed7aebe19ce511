/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a doctor asks a server besides share_nfs.h: its services and exports, the
 * limits of a share, and calls that volumes are made of on the node's side. The
 * same connection, the same time limit and the same errors.
 */

#include <time.h>

#include "share_fault.h"
#include "share_nfs.h"

enum share_service {
	SHARE_SERVICE_NFS3,
	SHARE_SERVICE_NFS4,
	SHARE_SERVICE_MOUNT3,
	SHARE_SERVICE_NLM4,
};

/* share_nfs_open() without a remedy in its sentence: *ret_step says where it ended. */
int share_try_open(struct share_nfs **ret,
		   const struct share_nfs_options *options,
		   enum share_step *ret_step, struct err *err);

/*
 * Connects and calls the service's NULL procedure. -EPROTONOSUPPORT: somebody else
 * is there. The connection is the caller's, and has no root.
 */
int share_probe_service(struct share_nfs **ret, const char *server,
			uint32_t port, enum share_service service);
/* The TCP port that the server's portmapper knows for a service. */
int share_probe_port(const char *server, enum share_service service,
		     uint32_t *ret);
/* NULL of NFS version 3 once more, on an open connection. */
int share_probe_null(struct share_nfs *nfs);

#define SHARE_EXPORTS_MAX 64

struct share_exports {
	char *paths[SHARE_EXPORTS_MAX];
	size_t n;
	bool is_cut; /* there are more */
};

/* mount: a connection to a MOUNT service. */
int share_probe_exports(struct share_nfs *mount, struct share_exports *ret);
void share_exports_fini(struct share_exports *exports);

int share_probe_getattr(struct share_nfs *nfs, const struct share_fh *fh,
			struct share_attributes *ret);

struct share_limits {
	uint32_t read_max;
	uint32_t read_preferred;
	uint32_t write_max;
	uint32_t write_preferred;
};

int share_probe_limits(struct share_nfs *nfs, const struct share_fh *fh,
		       struct share_limits *ret);

struct share_space {
	uint64_t bytes, bytes_free; /* for other users than root */
	uint64_t files, files_free; /* 0 and 0 = not counted */
};

int share_probe_space(struct share_nfs *nfs, const struct share_fh *fh,
		      struct share_space *ret);

/* Calls that follow are this user's. */
void share_probe_become(struct share_nfs *nfs, uint32_t uid, uint32_t gid);

struct share_verifier {
	char data[8];
};

/* Makes an empty file of mode 0644; -EEXIST if it is there. */
int share_probe_create(struct share_nfs *nfs, const struct share_fh *dir,
		       const char *name, struct share_fh *ret);
/* One unstable WRITE at the start; *ret_len is what the server took. */
int share_probe_write(struct share_nfs *nfs, const struct share_fh *fh,
		      const char *data, size_t len, size_t *ret_len,
		      struct share_verifier *ret);
int share_probe_commit(struct share_nfs *nfs, const struct share_fh *fh,
		       struct share_verifier *ret);

/*
 * Locks a file as a whole and unlocks it again. nlm: a connection to a lock
 * manager. -EAGAIN: it has just started, and gives locks to former holders only.
 */
int share_probe_lock(struct share_nfs *nlm, const struct share_fh *fh);

DEFINE_FINI(struct share_exports, share_exports_fini)
