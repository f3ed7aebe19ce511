/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What lets nfs-ganesha run on its own, loaded with LD_PRELOAD:
 *
 *  - Without rpcbind. For NFSv3 it insists on registering its ports on port 111
 *    and ends when it can't. Clients that are told the ports need no rpcbind, and
 *    one that listens to the world is what a test server must not bring along. So
 *    svc_reg(), rpcb_set() and rpcb_unset() answer "registered" in place of
 *    libntirpc's functions of the same names. Their arguments are ignored, so the
 *    prototypes leave them out. Built with WITH_RPCBIND they are left alone: locks
 *    need an rpcbind, where clients ask for the lock manager's port.
 *  - Without /etc/mtab. FSAL_VFS looks for the export's file system there, and
 *    in containers and minimal roots the link to /proc/self/mounts is missing.
 */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

EXPORTED FILE *setmntent(const char *path, const char *mode);

#ifndef WITH_RPCBIND
EXPORTED bool svc_reg(void);
EXPORTED bool rpcb_set(void);
EXPORTED bool rpcb_unset(void);

bool svc_reg(void)
{
	return true;
}

bool rpcb_set(void)
{
	return true;
}

bool rpcb_unset(void)
{
	return true;
}
#endif

/* glibc's own is fopen() with "e" and no locking; getmntent(3) needs no more. */
FILE *setmntent(const char *path, const char *mode)
{
	if (strcmp(path, "/etc/mtab") == 0)
		path = "/proc/self/mounts";
	return fopen(path, mode);
}
