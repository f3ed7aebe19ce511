/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A short-lived NFSv3 connection to one export, blocking, by file handle. Every
 * call ends within SHARE_NFS_TIMEOUT_MS whatever the server does; after a call
 * that did not, the connection is of no more use and says so (-ENOTCONN).
 *
 * Names are single components and symlinks are never followed, so nothing here
 * can leave the directory whose handle it was given.
 *
 * Errors: negative errno, the server's own status among them; no sentences except
 * from share_nfs_open(). One thread per connection.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "err.h"

#define SHARE_NFS_TIMEOUT_MS 5000

struct share_nfs;

struct share_fh {
	uint8_t data[64];
	uint32_t len;
};

struct share_entry {
	struct share_fh fh;
	uint64_t fileid;
	bool is_directory;
};

/* A directory, and what the server told of one that it has just made. */
struct share_made {
	struct share_entry entry;
	bool has_mode; /* with its owner; else it is not known */
	uint32_t mode; /* without S_IFMT */
	uint32_t uid;
	uint32_t gid;
};

/* All that NFS version 3 tells of a file. */
struct share_attributes {
	uint32_t mode; /* with S_IFMT */
	uint32_t n_links;
	uint32_t uid;
	uint32_t gid;
	uint32_t major, minor; /* of a device */
	uint64_t size;
	uint64_t used; /* bytes on the disk */
	uint64_t fsid;
	uint64_t fileid;
	struct timespec atime;
	struct timespec mtime;
	struct timespec ctime;
};

/* A name of a directory, with what the server told of it. */
struct share_listed {
	char *name;
	bool has_entry; /* else only a LOOKUP tells what it is */
	struct share_entry entry;
	uint64_t fsid;
	uint64_t used; /* bytes on the disk: its part, if it has other names */
	uint64_t cookie; /* of what comes after it */
};

/* Bounds what a page takes, whatever the server sends. */
#define SHARE_PAGE_NAMES 512

struct share_page {
	struct share_listed *items;
	bool wants_attributes;		     /* in */
	struct share_attributes *attributes; /* as many, if they were wanted */
	size_t n;
	size_t n_allocated;
	uint64_t cookie; /* in: where to go on; 0 = the start */
	char verifier[8];
	bool is_end;
};

void share_page_fini(struct share_page *page);

struct share_nfs_options {
	const char *server;
	const char *share;  /* the export's path */
	uint32_t port;	    /* 0 = 2049 */
	uint32_t mountport; /* 0 = ask the server's portmapper */
};

/* The sentence names server and share. */
int share_nfs_open(struct share_nfs **ret,
		   const struct share_nfs_options *options, struct err *err);
struct share_nfs *share_nfs_close(struct share_nfs *nfs);

/* It is of no more use. */
bool share_nfs_is_broken(const struct share_nfs *nfs);
const struct share_fh *share_nfs_root(const struct share_nfs *nfs);

int share_nfs_lookup(struct share_nfs *nfs, const struct share_fh *dir,
		     const char *name, struct share_entry *ret);
int share_nfs_mkdir(struct share_nfs *nfs, const struct share_fh *dir,
		    const char *name, uint32_t mode, struct share_made *ret);
/* The same of one that may be there; -ENOTDIR: something else has the name. */
int share_nfs_ensure_directory(struct share_nfs *nfs,
			       const struct share_fh *dir, const char *name,
			       uint32_t mode, struct share_made *ret);
int share_nfs_chmod(struct share_nfs *nfs, const struct share_fh *fh,
		    uint32_t mode);
int share_nfs_chown(struct share_nfs *nfs, const struct share_fh *fh,
		    uint32_t uid, uint32_t gid);
/* The whole content of a small file, replaced; stable when it returns. */
int share_nfs_write_file(struct share_nfs *nfs, const struct share_fh *dir,
			 const char *name, const char *text, size_t len);
/* At most size bytes; *ret_len is what there was. */
int share_nfs_read_file(struct share_nfs *nfs, const struct share_fh *fh,
			char *buffer, size_t size, size_t *ret_len);
/* Both directories on one file system; an existing target is replaced. */
int share_nfs_rename(struct share_nfs *nfs, const struct share_fh *from,
		     const char *from_name, const struct share_fh *to,
		     const char *to_name);
int share_nfs_remove(struct share_nfs *nfs, const struct share_fh *dir,
		     const char *name);
int share_nfs_rmdir(struct share_nfs *nfs, const struct share_fh *dir,
		    const char *name);

/* One page of a directory; the names of the page before are freed. */
int share_nfs_list(struct share_nfs *nfs, const struct share_fh *dir,
		   struct share_page *page);

DEFINE_CLEANUP(struct share_nfs *, share_nfs_close)
DEFINE_FINI(struct share_page, share_page_fini)
