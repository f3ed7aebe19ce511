/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The claim that a volume over CSI is: as an object, and whether one that is there is
 * what is asked for. Any thread.
 */

#include "csi_attributes.h"
#include "csi_capability.h"
#include "csi_class.h"
#include "csi_source.h"
#include "object.h"

/* What CreateVolume asks for; strings without a note borrow from the message. */
struct csi_wanted {
	const char *name;
	char claim[CSI_OBJECT_NAME_MAX];
	struct csi_range range;
	struct csi_capabilities capabilities;
	struct csi_class class;
	struct csi_attributes attributes;
	struct csi_source source;
	struct csi_source_found found; /* for a new claim only */
	struct labels parameters;      /* of the sidecar, too; owned */
};

void csi_wanted_fini(struct csi_wanted *wanted);

int csi_claim_new(struct object **ret, const struct csi_wanted *wanted,
		  const char *volume_name, struct err *err);
/* RPC_ALREADY_EXISTS: it is another one; RPC_ABORTED: it is going. */
enum rpc_status csi_claim_check(const struct object *object,
				const struct csi_wanted *wanted,
				struct err *err);

DEFINE_FINI(struct csi_wanted, csi_wanted_fini)
