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
