/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Handles, names and pages as libnfs has them: what the blocking calls of share_nfs.c
 * and those in flight of share_calls.c have in common. Nobody else includes this.
 */

/* libnfs.h comes first: the others need its EXTERN. */
/* clang-format off */
#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <nfsc/libnfs-raw-nfs.h>
/* clang-format on */

#include "share_nfs.h"

/* Arguments borrow what they are made of. */
nfs_fh3 wire_fh(const struct share_fh *fh);
diropargs3 wire_dirop(const struct share_fh *dir, const char *name);
/* The page's next; its names are freed. */
READDIRPLUS3args wire_list(const struct share_fh *dir, struct share_page *page);

struct share_attributes wire_attributes(const fattr3 *attr);
/* false: it is missing, or larger than handles of version 3. */
bool wire_take_fh(const nfs_fh3 *handle, struct share_fh *ret);

/* Of the result of an NFSv3 call: 0 or -errno. */
int wire_errno(const void *result);

/* What `take` functions are (share_connect.h): 0 or -errno. */
int wire_take_lookup(const void *data, void *out); /* a struct share_listed */
int wire_take_page(const void *data, void *out);   /* a struct share_page */
