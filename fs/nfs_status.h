/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * A negative errno for an nfsstat3 (RFC 1813 2.6), 0 for NFS3_OK, -EIO for a
 * number that the protocol does not define. NFS3ERR_JUKEBOX ("ask again later")
 * is -EAGAIN and no other status is; the client handles it, callers never see it.
 */
int nfs_status_to_errno(uint32_t status);

/* The same for the MOUNT protocol's mountstat3 (RFC 1813 5.1.5). */
int nfs_mount_status_to_errno(uint32_t status);
