/* SPDX-License-Identifier: Apache-2.0 */

/*
 * nfs-ganesha without rpcbind. For NFSv3 it insists on registering its ports
 * with an rpcbind on port 111 and ends when it can't. Clients that are told the
 * ports need no rpcbind, and one that listens to the world is what a test server
 * must not bring along. Loaded with LD_PRELOAD, these three answer "registered"
 * in place of libntirpc's functions of the same names.
 *
 * The arguments are ignored, so the prototypes leave them out.
 */

#include <stdbool.h>

__attribute__((visibility("default"))) bool svc_reg(void);
__attribute__((visibility("default"))) bool rpcb_set(void);
__attribute__((visibility("default"))) bool rpcb_unset(void);

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
