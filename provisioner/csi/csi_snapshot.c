/* SPDX-License-Identifier: Apache-2.0 */

/*
 * CreateSnapshot, DeleteSnapshot and GetSnapshot, by snapshots.h. A snapshot takes as long
 * as copying its volume does. CreateSnapshot answers when it is ready, or after
 * CSI_PATIENCE_NS with ready_to_use false; csi-snapshotter then asks again. If a try failed
 * for want of room it answers RESOURCE_EXHAUSTED; the copy is tried again in the background,
 * and a repeated request finds the same snapshot.
 *
 * A snapshot is a copy and does not need its volume once it is ready. size_bytes is the
 * volume's capacity, which a volume that is made from it must have at least.
 */

#include "csi_snapshot.h"

#include <string.h>

#include "clock.h"
#include "csi_calls.h"
#include "csi_capability.h"
#include "csi_find.h"
#include "csi_name.h"
#include "csi_origin.h"
#include "parse.h"

#define LOOK_NS (NS_PER_S / 2) /* how late a stop is seen, at most */

void csi_snapshot_fill(struct csi_snapshot_wire *ret,
		       const struct store_snapshot *row)
{
	csi__v1__snapshot__init(&ret->snapshot);
	csi__v1__timestamp__init(&ret->created);
	ret->created.seconds = row->created_ns / (int64_t)NS_PER_S;
	ret->created.nanos = (int32_t)(row->created_ns % (int64_t)NS_PER_S);
	ret->snapshot.size_bytes = (int64_t)row->capacity;
	ret->snapshot.snapshot_id = row->id;
	ret->snapshot.source_volume_id = row->handle;
	ret->snapshot.creation_time = &ret->created;
	ret->snapshot.ready_to_use = row->state == SNAPSHOT_READY;
}

/* --- the request ------------------------------------------------------------------------ */

static enum rpc_status read_freeze(const char *value, uint32_t *ret,
				   struct err *err)
{
	if (parse_u32(value, 1, FREEZER_MAX_S, ret) == 0)
		return RPC_OK;
	return csi_refuse(
		err, RPC_INVALID_ARGUMENT,
		"invalid parameter \"freeze\" of a snapshot: \"%s\"; allowed: 1 to %d (seconds)",
		value, FREEZER_MAX_S);
}

/* Besides, what a sidecar tells of its objects is taken. */
static enum rpc_status read_parameters(
	const Csi__V1__CreateSnapshotRequest *wire, uint32_t *ret_freeze_s,
	struct err *err)
{
	_cleanup_(labels_fini) struct labels parameters = { 0 };
	enum rpc_status status = csi_labels_read(
		(ProtobufCMessage *const *)wire->parameters, wire->n_parameters,
		"parameters", &parameters, err);

	for (size_t i = 0; status == RPC_OK && i < parameters.n; i++) {
		const struct label *item = &parameters.items[i];

		if (strcmp(item->key, "freeze") == 0)
			status = read_freeze(item->value, ret_freeze_s, err);
		else if (!csi_key_is_told(item->key))
			return csi_refuse(
				err, RPC_INVALID_ARGUMENT,
				"invalid parameter \"%s\" of a snapshot; allowed: freeze",
				item->key);
	}
	return status;
}

static enum rpc_status check_request(const Csi__V1__CreateSnapshotRequest *wire,
				     uint32_t *ret_freeze_s, struct err *err)
{
	if (!*wire->source_volume_id)
		return csi_refuse(err, RPC_INVALID_ARGUMENT,
				  "source_volume_id is missing");
	if (csi_name_check(wire->name, err) != RPC_OK)
		return RPC_INVALID_ARGUMENT;
	return read_parameters(wire, ret_freeze_s, err);
}

/* --- making ------------------------------------------------------------------------------ */

static enum rpc_status status_of(int r)
{
	switch (r) {
	case SNAPSHOTS_OTHER:
		return RPC_ALREADY_EXISTS;
	case SNAPSHOTS_NO_VOLUME:
	case SNAPSHOTS_NOT_FOUND:
		return RPC_NOT_FOUND;
	case SNAPSHOTS_IN_USE:
	case -EBUSY:
		return RPC_FAILED_PRECONDITION;
	case SNAPSHOTS_PENDING:
		return RPC_ABORTED;
	default:
		return r < 0 ? csi_status_of(r) : RPC_INTERNAL;
	}
}

/* A try that failed; there will be others. */
static enum rpc_status refuse_failed(const struct store_snapshot *row,
				     struct err *err)
{
	bool is_full = row->code == -ENOSPC || row->code == -EDQUOT;

	/* To try it again would let its writers wait again. */
	if (row->is_stopped)
		return csi_refuse(err, RPC_FAILED_PRECONDITION,
				  "snapshot \"%s\" has failed: %s", row->name,
				  row->error ? row->error : "it was stopped");
	return csi_refuse(err, is_full ? RPC_RESOURCE_EXHAUSTED : RPC_ABORTED,
			  "operation pending for snapshot \"%s\": %s",
			  row->name, row->error ? row->error : "it failed");
}

/* As snapshots_wait(), and ends when the program does. One that is stopped is looked at once. */
static int await_copy(struct csi_controller *self, uint64_t deadline_ns,
		      struct store_snapshot *row, struct err *err)
{
	int r = SNAPSHOTS_PENDING;

	do {
		uint64_t until_ns = clock_ns() + LOOK_NS;
		struct store_snapshot now = { 0 };

		r = snapshots_wait(self->options.snapshots, row->id,
				   until_ns < deadline_ns ? until_ns
							  : deadline_ns,
				   &now, err);
		if (r < 0 || r == SNAPSHOTS_NOT_FOUND) {
			store_snapshot_fini(&now);
			continue;
		}
		store_snapshot_fini(row);
		*row = now;
	} while (r == SNAPSHOTS_PENDING && !row->is_stopped &&
		 clock_ns() < deadline_ns &&
		 !object_wait_is_closed(self->wait));
	return r;
}

static enum rpc_status make(struct csi_controller *self,
			    const struct persistent_volume *pv,
			    const char *name, uint32_t freeze_s,
			    struct store_snapshot *ret, struct err *err)
{
	const struct snapshots_request request = {
		.namespace = CSI_NAMESPACE,
		.name = name,
		.volume = pv->meta.name,
		.freeze_s = freeze_s,
	};
	uint64_t deadline_ns = clock_ns() + CSI_PATIENCE_NS;
	int r = snapshots_create(self->options.snapshots, &request, ret, err);

	if (r != 0)
		return status_of(r);
	if (ret->state != SNAPSHOT_READY)
		r = await_copy(self, deadline_ns, ret, err);
	if (r == SNAPSHOTS_FAILED)
		return refuse_failed(ret, err);
	return r == 0 || r == SNAPSHOTS_PENDING ? RPC_OK : status_of(r);
}

enum rpc_status csi_create_snapshot(struct csi_controller *self,
				    const ProtobufCMessage *message,
				    struct rpc_response *response,
				    struct err *err)
{
	const Csi__V1__CreateSnapshotRequest *wire =
		(const Csi__V1__CreateSnapshotRequest *)message;
	Csi__V1__CreateSnapshotResponse answer =
		CSI__V1__CREATE_SNAPSHOT_RESPONSE__INIT;
	_cleanup_(csi_volume_fini) struct csi_volume volume = { 0 };
	_cleanup_(store_snapshot_fini) struct store_snapshot row = { 0 };
	struct csi_snapshot_wire snapshot;
	uint32_t freeze_s = 0;
	enum rpc_status status = check_request(wire, &freeze_s, err);

	if (status == RPC_OK)
		status = csi_find_volume(self, wire->source_volume_id, &volume,
					 err);
	if (status == RPC_OK)
		status =
			make(self, &volume.pv, wire->name, freeze_s, &row, err);
	if (status != RPC_OK)
		return status;
	csi_snapshot_fill(&snapshot, &row);
	answer.snapshot = &snapshot.snapshot;
	return csi_reply(&answer.base, response, err);
}

/* --- one that is there ---------------------------------------------------------------------- */

enum rpc_status csi_delete_snapshot(struct csi_controller *self,
				    const ProtobufCMessage *message,
				    struct rpc_response *response,
				    struct err *err)
{
	const Csi__V1__DeleteSnapshotRequest *wire =
		(const Csi__V1__DeleteSnapshotRequest *)message;
	int r;

	(void)response;
	if (!*wire->snapshot_id)
		return csi_refuse(err, RPC_INVALID_ARGUMENT,
				  "snapshot_id is missing");
	r = snapshots_delete(self->options.snapshots, wire->snapshot_id,
			     clock_ns() + CSI_PATIENCE_NS, err);
	return r == 0 ? RPC_OK : status_of(r);
}

enum rpc_status csi_get_snapshot(struct csi_controller *self,
				 const ProtobufCMessage *message,
				 struct rpc_response *response, struct err *err)
{
	const Csi__V1__GetSnapshotRequest *wire =
		(const Csi__V1__GetSnapshotRequest *)message;
	Csi__V1__GetSnapshotResponse answer =
		CSI__V1__GET_SNAPSHOT_RESPONSE__INIT;
	_cleanup_(store_snapshot_fini) struct store_snapshot row = { 0 };
	struct csi_snapshot_wire snapshot;
	int r;

	if (!*wire->snapshot_id)
		return csi_refuse(err, RPC_INVALID_ARGUMENT,
				  "snapshot_id is missing");
	r = snapshots_get(self->options.snapshots, wire->snapshot_id, &row,
			  err);
	if (r != 0)
		return status_of(r);
	csi_snapshot_fill(&snapshot, &row);
	answer.snapshot = &snapshot.snapshot;
	return csi_reply(&answer.base, response, err);
}
