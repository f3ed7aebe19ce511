/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * More calls in flight (share_calls.h): what makes files and what is in them. What a
 * call is given is copied before it returns, unless it says otherwise; what it answers
 * goes where the last argument points, which has to live as long as the call.
 */

#include "share_calls.h"

struct share_object {
	struct share_fh fh; /* len 0: the server did not say */
	bool has_attributes;
	struct share_attributes attributes;
};

enum share_change_flags {
	SHARE_CHANGE_MODE = 1u << 0,
	SHARE_CHANGE_OWNER = 1u << 1,
	SHARE_CHANGE_SIZE = 1u << 2,
	SHARE_CHANGE_ATIME = 1u << 3,
	SHARE_CHANGE_MTIME = 1u << 4,
};

/* What a call has read: data is there within the call's done function only. */
struct share_read {
	const char *data;
	uint32_t len; /* at most what was asked for; 0 only at the end */
	bool is_end;
	bool has_attributes;
	struct share_attributes attributes;
	uint32_t asked; /* the call's own */
};

struct share_stable {
	char verifier[8];
	uint32_t len; /* that was written */
	bool is_stable;
	uint32_t asked; /* the call's own */
};

/* As share_call_lookup(), with all attributes: it has both, or is an error. */
int share_call_find(struct share_nfs *nfs, const struct share_call *call,
		    const struct share_fh *dir, const char *name,
		    struct share_object *ret);
/* -EEXIST when there is one of that name, as in those that follow. */
int share_call_create(struct share_nfs *nfs, const struct share_call *call,
		      const struct share_fh *dir, const char *name,
		      uint32_t mode, struct share_object *ret);
int share_call_mkdir(struct share_nfs *nfs, const struct share_call *call,
		     const struct share_fh *dir, const char *name,
		     uint32_t mode, struct share_object *ret);
int share_call_symlink(struct share_nfs *nfs, const struct share_call *call,
		       const struct share_fh *dir, const char *name,
		       const char *target, struct share_object *ret);
/* A pipe, a socket or a device: mode with S_IFMT, major and minor count. */
int share_call_mknod(struct share_nfs *nfs, const struct share_call *call,
		     const struct share_fh *dir, const char *name,
		     const struct share_attributes *attributes,
		     struct share_object *ret);
int share_call_link(struct share_nfs *nfs, const struct share_call *call,
		    const struct share_fh *fh, const struct share_fh *dir,
		    const char *name);
/* *ret is malloc'ed. */
int share_call_readlink(struct share_nfs *nfs, const struct share_call *call,
			const struct share_fh *fh, char **ret);
/* flags say which attributes. */
int share_call_setattr(struct share_nfs *nfs, const struct share_call *call,
		       const struct share_fh *fh, unsigned int flags,
		       const struct share_attributes *attributes);
int share_call_read(struct share_nfs *nfs, const struct share_call *call,
		    const struct share_fh *fh, uint64_t offset, uint32_t len,
		    struct share_read *ret);

struct share_write {
	uint64_t offset;
	const char *data;
	uint32_t len;
	bool must_be_stable; /* when it is answered */
};

/* May be called in the done function of another connection's call. */
int share_call_write(struct share_nfs *nfs, const struct share_call *call,
		     const struct share_fh *fh, const struct share_write *write,
		     struct share_stable *ret);
int share_call_commit(struct share_nfs *nfs, const struct share_call *call,
		      const struct share_fh *fh, uint64_t offset, uint32_t len,
		      struct share_stable *ret);
