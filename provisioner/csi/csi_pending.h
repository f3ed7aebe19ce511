/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What to say of work that goes on. Any thread. */

#include "csi_calls.h"

/*
 * RPC_ABORTED: "operation pending for volume ..." with the last warning that the claim
 * has got, if it has.
 */
enum rpc_status csi_pending(struct csi_controller *self, const char *claim,
			    const char *volume, struct err *err);
/*
 * RPC_OK: nothing is wrong with the copy that a PersistentVolume is to begin as;
 * RPC_RESOURCE_EXHAUSTED: there was no room for it at the last try.
 */
enum rpc_status csi_copy_check(struct csi_controller *self, const char *pv,
			       const char *volume, struct err *err);
