/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a volume is to be able to, and maps and sizes of requests. Any thread. */

#include "csi.pb-c.h"
#include "csi_message.h"
#include "model.h"
#include "rpc_status.h"

struct csi_capabilities {
	uint32_t modes;		   /* mask of enum access_mode */
	enum access_mode order[4]; /* the same as they were asked for */
	size_t n;
	char *const *mount_flags; /* of the message */
	size_t n_mount_flags;
};

/* RPC_INVALID_ARGUMENT: there is none, it is block, or it says half of what it must. */
enum rpc_status csi_capability_check(const Csi__V1__VolumeCapability *wire,
				     struct err *err);
/* All of them together; they must have the same mount flags. */
enum rpc_status csi_capabilities_read(Csi__V1__VolumeCapability *const *wire,
				      size_t n, struct csi_capabilities *ret,
				      struct err *err);

enum access_mode csi_access_mode(
	Csi__V1__VolumeCapability__AccessMode__Mode mode);
/* Whether a volume of these modes will do for who wants that one. */
bool csi_modes_allow(uint32_t have, enum access_mode wanted);
/* The same for all of a mask. */
bool csi_modes_allow_all(uint32_t have, uint32_t wanted);

struct csi_range {
	uint64_t required; /* bytes; 0 = any */
	uint64_t limit;	   /* the same */
};

/* NULL = any. RPC_INVALID_ARGUMENT, RPC_OUT_OF_RANGE. */
enum rpc_status csi_range_read(const Csi__V1__CapacityRange *wire,
			       struct csi_range *ret, struct err *err);
bool csi_range_has(const struct csi_range *range, uint64_t capacity);

/* A copy of a map, for labels_fini(), without entries that were there twice. */
enum rpc_status csi_labels_read(ProtobufCMessage *const *entries, size_t n,
				const char *what, struct labels *ret,
				struct err *err);
