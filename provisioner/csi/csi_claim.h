/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The PersistentVolumeClaim that CreateVolume makes for a volume: builds the object, and
 * tells whether an existing one is for the same request. Any thread.
 */

#include "csi_attributes.h"
#include "csi_capability.h"
#include "csi_class.h"
#include "csi_source.h"
#include "object.h"

/* A CreateVolume request that was read; pointers borrow from the message unless noted. */
struct csi_wanted {
	const char *name;
	char claim[CSI_OBJECT_NAME_MAX]; /* the claim's name */
	struct csi_range range;
	struct csi_capabilities capabilities;
	struct csi_class class;
	struct csi_attributes attributes;
	struct csi_source source;
	struct csi_source_found found; /* filled when a new claim is made */
	struct labels parameters;      /* all, with a sidecar's own; owned */
};

void csi_wanted_fini(struct csi_wanted *wanted);

/* The object for a new claim, whose volume gets this name. 0 or -errno. */
int csi_claim_new(struct object **ret, const struct csi_wanted *wanted,
		  const char *volume_name, struct err *err);
/*
 * Whether an existing claim is what this request asks for. RPC_ALREADY_EXISTS: it was made
 * for another request; RPC_ABORTED: it is being deleted.
 */
enum rpc_status csi_claim_check(const struct object *object,
				const struct csi_wanted *wanted,
				struct err *err);

DEFINE_FINI(struct csi_wanted, csi_wanted_fini)
