/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A volume's descriptor, .claimfs/volumes/<pv>.json: whose the directory is. A
 * directory without a file id here was about to be made and is removed only
 * while it is empty.
 */

#include "share.h"
#include "share_nfs.h"

struct share_descriptor {
	struct share_owner owner;
	char *path;
	char *claim_uid;
	bool has_fileid;
	uint64_t fileid;
	bool is_adopted;
	bool is_shared; /* other volumes may have the same path */
};

/* -ENOENT when there is none; -EBADMSG when it is not one of ours. */
int share_descriptor_read(struct share_nfs *nfs, const struct share_fh *dir,
			  const char *volume, struct share_descriptor *ret);
/* Atomically: a temporary file and a rename. */
int share_descriptor_write(struct share_nfs *nfs, const struct share_fh *dir,
			   const struct share_volume *volume,
			   const struct share_descriptor *descriptor);
/* The file as it is, from one directory to another: that takes no room. */
int share_descriptor_move(struct share_nfs *nfs, const struct share_fh *from,
			  const struct share_fh *to, const char *volume);
int share_descriptor_remove(struct share_nfs *nfs, const struct share_fh *dir,
			    const char *volume);
/* Another volume whose directory is this one, in it, or around it; -ENOENT. */
int share_descriptor_find(struct share_nfs *nfs, const struct share_fh *dir,
			  const struct share_volume *volume,
			  struct share_descriptor *ret);
void share_descriptor_fini(struct share_descriptor *descriptor);

DEFINE_FINI(struct share_descriptor, share_descriptor_fini)
