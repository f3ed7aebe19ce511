/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Waiting for the reconciler, and what a call answers when its work is not done in time.
 * Any thread.
 */

#include "csi_calls.h"

/* The namespace of events about PersistentVolumes, which have none themselves. */
#define EVENTS_OF_VOLUMES "default"

/*
 * Refuses with RPC_ABORTED and "operation pending for volume <volume>", followed by the
 * message of the last Warning event about the object of this name, if there is one. The
 * namespace is that of the events.
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
 * Looks at the copy that the PersistentVolume pv is to begin as. RPC_RESOURCE_EXHAUSTED:
 * the last try found no room for it; volume is the name for the sentence. RPC_OK: else.
 */
enum rpc_status csi_copy_check(struct csi_controller *self, const char *pv,
			       const char *volume, struct err *err);
