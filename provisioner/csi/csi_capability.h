/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Parts that several requests have: volume capabilities, capacity ranges, and maps. What is
 * read borrows from the message, but for maps. Pure; any thread.
 */

#include "csi.pb-c.h"
#include "csi_message.h"
#include "model.h"
#include "rpc_status.h"

struct csi_capabilities {
	uint32_t modes;		   /* mask of enum access_mode */
	enum access_mode order[4]; /* the same as they were asked for */
	size_t n;
	char *const *mount_flags; /* borrowed from the message */
	size_t n_mount_flags;
};

/*
 * RPC_INVALID_ARGUMENT: it is NULL, is a block device's, or lacks its access type or access
 * mode.
 */
enum rpc_status csi_capability_check(const Csi__V1__VolumeCapability *wire,
				     struct err *err);
/*
 * Reads all capabilities of a request. RPC_INVALID_ARGUMENT: there are none, one of them is
 * wrong, or they differ in their mount flags.
 */
enum rpc_status csi_capabilities_read(Csi__V1__VolumeCapability *const *wire,
				      size_t n, struct csi_capabilities *ret,
				      struct err *err);

/* Kubernetes' mode for CSI's (see the table in csi_capability.c); mode is 1 to 7. */
enum access_mode csi_access_mode(
	Csi__V1__VolumeCapability__AccessMode__Mode mode);
/* Whether a volume with this mask of modes may be used in the wanted mode. */
bool csi_modes_allow(uint32_t have, enum access_mode wanted);
/* Whether it may be used in each mode of the wanted mask. */
bool csi_modes_allow_all(uint32_t have, uint32_t wanted);

struct csi_range {
	uint64_t required; /* bytes, at least; 0 = any */
	uint64_t limit;	   /* bytes, at most; 0 = any */
};

/*
 * NULL = any size. RPC_INVALID_ARGUMENT: a number is negative; RPC_OUT_OF_RANGE: more is
 * required than the limit allows.
 */
enum rpc_status csi_range_read(const Csi__V1__CapacityRange *wire,
			       struct csi_range *ret, struct err *err);
/* Whether a volume of this many bytes is within the range. */
bool csi_range_has(const struct csi_range *range, uint64_t capacity);

/*
 * Copies a map of a message into *ret, for labels_fini(). Of a key that is there twice the
 * last value counts, as protobuf has it. `what` is the field's name, for sentences.
 * RPC_INVALID_ARGUMENT: a key or value is no clean text (csi_text_is_clean()), or all of
 * them have more than CSI_MAP_MAX bytes.
 */
enum rpc_status csi_labels_read(ProtobufCMessage *const *entries, size_t n,
				const char *what, struct labels *ret,
				struct err *err);
