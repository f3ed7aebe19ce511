/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What to say of work that goes on. Any thread. */

#include "csi_calls.h"

/* Where events about what has no namespace are. */
#define EVENTS_OF_VOLUMES "default"

/*
 * RPC_ABORTED: "operation pending for volume ..." with the last warning about the object,
 * if there is one; namespace: of its events.
 */
enum rpc_status csi_pending(struct csi_controller *self, const char *namespace,
			    const char *object, const char *volume,
			    struct err *err);

/* What the object_wait_fn of csi_await_change() says, besides 0 and -errno. */
enum {
	CSI_CHANGED = 1,
	CSI_GONE = 2,
};

/*
 * Blocks for at most CSI_PATIENCE_NS, until fn says of the object that a change of the
 * volume's claim has been carried out. RPC_ABORTED: not yet, as csi_pending();
 * RPC_NOT_FOUND: the volume was deleted meanwhile.
 */
enum rpc_status csi_await_change(struct csi_controller *self,
				 const struct persistent_volume *pv,
				 const struct object_key *key,
				 object_wait_fn fn, void *userdata,
				 struct err *err);
/*
 * RPC_OK: nothing is wrong with the copy that a PersistentVolume is to begin as;
 * RPC_RESOURCE_EXHAUSTED: there was no room for it at the last try.
 */
enum rpc_status csi_copy_check(struct csi_controller *self, const char *pv,
			       const char *volume, struct err *err);
