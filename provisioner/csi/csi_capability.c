/* SPDX-License-Identifier: Apache-2.0 */

/*
 * CSI has seven access modes and Kubernetes four. Each becomes the one that promises as
 * much, so that the plans, the record and the nodes' caches treat it as any claim's:
 *
 *	SINGLE_NODE_WRITER, _MULTI_WRITER, _READER_ONLY	ReadWriteOnce
 *	SINGLE_NODE_SINGLE_WRITER			ReadWriteOncePod
 *	MULTI_NODE_READER_ONLY				ReadOnlyMany
 *	MULTI_NODE_SINGLE_WRITER, _MULTI_WRITER		ReadWriteMany
 */

#include "csi_capability.h"

#include <inttypes.h>
#include <string.h>

#include "csi_calls.h"
#include "csi_name.h"

enum rpc_status csi_capability_check(const Csi__V1__VolumeCapability *wire,
				     struct err *err)
{
	if (!wire)
		return csi_refuse(err, RPC_INVALID_ARGUMENT,
				  "volume_capability is missing");
	if (wire->access_type_case ==
	    CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_BLOCK)
		return csi_refuse(
			err, RPC_INVALID_ARGUMENT,
			"volume_capability is block, a share has only mount");
	if (wire->access_type_case !=
	    CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_MOUNT)
		return csi_refuse(err, RPC_INVALID_ARGUMENT,
				  "volume_capability.mount is missing");
	if (!wire->access_mode || wire->access_mode->mode < 1 ||
	    wire->access_mode->mode > 7)
		return csi_refuse(
			err, RPC_INVALID_ARGUMENT,
			"volume_capability.access_mode is missing, or not one of 1 to 7");
	return RPC_OK;
}

enum access_mode csi_access_mode(
	Csi__V1__VolumeCapability__AccessMode__Mode mode)
{
	static const enum access_mode modes[] = {
		ACCESS_RWX, ACCESS_RWO, ACCESS_RWO,  ACCESS_ROX,
		ACCESS_RWX, ACCESS_RWX, ACCESS_RWOP, ACCESS_RWO,
	};

	return modes[mode];
}

bool csi_modes_allow(uint32_t have, enum access_mode wanted)
{
	return (have & wanted) || (have & ACCESS_RWX) ||
	       (wanted == ACCESS_RWOP && (have & ACCESS_RWO));
}

bool csi_modes_allow_all(uint32_t have, uint32_t wanted)
{
	for (uint32_t mode = ACCESS_RWO; mode <= ACCESS_RWOP; mode <<= 1)
		if ((wanted & mode) &&
		    !csi_modes_allow(have, (enum access_mode)mode))
			return false;
	return true;
}

static void add_mode(struct csi_capabilities *self, enum access_mode mode)
{
	if (self->modes & mode)
		return;
	self->modes |= mode;
	self->order[self->n++] = mode;
}

/* Kubernetes has ReadWriteOncePod alone or not at all: beside others it says nothing. */
static void drop_lone_mode(struct csi_capabilities *self)
{
	size_t n = 0;

	if (self->n < 2 || !(self->modes & ACCESS_RWOP))
		return;
	for (size_t i = 0; i < self->n; i++)
		if (self->order[i] != ACCESS_RWOP)
			self->order[n++] = self->order[i];
	self->modes &= ~(uint32_t)ACCESS_RWOP;
	self->n = n;
}

static bool has_flags(const struct csi_capabilities *self,
		      const Csi__V1__VolumeCapability__MountVolume *mount)
{
	if (self->n_mount_flags != mount->n_mount_flags)
		return false;
	for (size_t i = 0; i < mount->n_mount_flags; i++)
		if (strcmp(self->mount_flags[i], mount->mount_flags[i]) != 0)
			return false;
	return true;
}

enum rpc_status csi_capabilities_read(Csi__V1__VolumeCapability *const *wire,
				      size_t n, struct csi_capabilities *ret,
				      struct err *err)
{
	struct csi_capabilities self = { 0 };

	if (n == 0)
		return csi_refuse(err, RPC_INVALID_ARGUMENT,
				  "volume_capabilities is missing");
	for (size_t i = 0; i < n; i++) {
		enum rpc_status status = csi_capability_check(wire[i], err);

		if (status != RPC_OK)
			return status;
		if (i == 0) {
			self.mount_flags = wire[i]->mount->mount_flags;
			self.n_mount_flags = wire[i]->mount->n_mount_flags;
		}
		if (!has_flags(&self, wire[i]->mount))
			return csi_refuse(
				err, RPC_INVALID_ARGUMENT,
				"volume_capabilities have different mount_flags: a volume has one connection to its server");
		add_mode(&self, csi_access_mode(wire[i]->access_mode->mode));
	}
	drop_lone_mode(&self);
	*ret = self;
	return RPC_OK;
}

enum rpc_status csi_range_read(const Csi__V1__CapacityRange *wire,
			       struct csi_range *ret, struct err *err)
{
	*ret = (struct csi_range){ 0 };
	if (!wire)
		return RPC_OK;
	if (wire->required_bytes < 0 || wire->limit_bytes < 0)
		return csi_refuse(err, RPC_INVALID_ARGUMENT,
				  "capacity_range: %" PRId64 " to %" PRId64
				  " bytes: must not be negative",
				  wire->required_bytes, wire->limit_bytes);
	if (wire->limit_bytes > 0 && wire->required_bytes > wire->limit_bytes)
		return csi_refuse(err, RPC_OUT_OF_RANGE,
				  "capacity_range: required_bytes %" PRId64
				  " are more than limit_bytes %" PRId64,
				  wire->required_bytes, wire->limit_bytes);
	ret->required = (uint64_t)wire->required_bytes;
	ret->limit = (uint64_t)wire->limit_bytes;
	return RPC_OK;
}

bool csi_range_has(const struct csi_range *range, uint64_t capacity)
{
	return capacity >= range->required &&
	       (range->limit == 0 || capacity <= range->limit);
}

/* --- maps ---------------------------------------------------------------------------- */

static enum rpc_status check_map(ProtobufCMessage *const *entries, size_t n,
				 const char *what, struct err *err)
{
	size_t size = 0;

	for (size_t i = 0; i < n; i++) {
		struct csi_pair pair = csi_map_get(entries[i]);

		if (!csi_text_is_clean(pair.key) ||
		    !csi_text_is_clean(pair.value))
			return csi_refuse(
				err, RPC_INVALID_ARGUMENT,
				"%s: entry %zu has control characters or is not UTF-8",
				what, i + 1);
		size += strlen(pair.key) + strlen(pair.value);
	}
	if (size > CSI_MAP_MAX)
		return csi_refuse(err, RPC_INVALID_ARGUMENT,
				  "%s has %zu bytes: at most %d are allowed",
				  what, size, CSI_MAP_MAX);
	return RPC_OK;
}

static bool has_key(const struct labels *labels, const char *key)
{
	return labels_get(labels, key);
}

/* A map that has a key twice has its last value: hence backwards. */
static int copy_map(ProtobufCMessage *const *entries, size_t n,
		    struct labels *ret)
{
	ret->items = calloc(n + 1, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	for (size_t i = n; i > 0; i--) {
		struct csi_pair pair = csi_map_get(entries[i - 1]);
		struct label *label = &ret->items[ret->n];

		if (has_key(ret, pair.key))
			continue;
		*label = (struct label){ strdup(pair.key), strdup(pair.value) };
		ret->n++;
		if (!label->key || !label->value)
			return -ENOMEM;
	}
	return 0;
}

enum rpc_status csi_labels_read(ProtobufCMessage *const *entries, size_t n,
				const char *what, struct labels *ret,
				struct err *err)
{
	_cleanup_(labels_fini) struct labels labels = { 0 };
	enum rpc_status status = check_map(entries, n, what, err);

	if (status != RPC_OK)
		return status;
	if (copy_map(entries, n, &labels) < 0)
		return csi_refuse(err, RPC_INTERNAL, "no memory");
	*ret = labels;
	labels = (struct labels){ 0 };
	return RPC_OK;
}
