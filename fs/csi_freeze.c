/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Freeze and Thaw, of claimfs's own service beside CSI's (claimfs.proto): the provisioner
 * freezes a volume while it copies it for a snapshot. Fields are checked by the functions of
 * node.h.
 */

#include "claimfs.pb-c.h"
#include "csi.h"
#include "csi_message.h"
#include "freeze.h"
#include "node.h"

enum rpc_status csi_freeze(void *node, const struct rpc_request *request,
			   struct rpc_response *response, struct err *err)
{
	_cleanup_(csi_message_free) ProtobufCMessage *message =
		csi_decode(&claimfs__v1__freeze_request__descriptor,
			   request->data, request->len, err);
	const Claimfs__V1__FreezeRequest *wire =
		(const Claimfs__V1__FreezeRequest *)message;

	if (!wire)
		return RPC_INVALID_ARGUMENT;
	return csi_answered(request, wire->volume_id,
			    node_freeze(node, wire->volume_id, wire->token,
					wire->seconds ?: FREEZE_DEFAULT_S, err),
			    err);
}

enum rpc_status csi_thaw(void *node, const struct rpc_request *request,
			 struct rpc_response *response, struct err *err)
{
	_cleanup_(csi_message_free) ProtobufCMessage *message =
		csi_decode(&claimfs__v1__thaw_request__descriptor,
			   request->data, request->len, err);
	const Claimfs__V1__ThawRequest *wire =
		(const Claimfs__V1__ThawRequest *)message;
	Claimfs__V1__ThawResponse reply = CLAIMFS__V1__THAW_RESPONSE__INIT;
	enum rpc_status status;
	bool was_frozen;

	if (!wire)
		return RPC_INVALID_ARGUMENT;
	status = csi_answered(
		request, wire->volume_id,
		node_thaw(node, wire->volume_id, wire->token, &was_frozen, err),
		err);
	if (status != RPC_OK)
		return status;
	reply.was_frozen = was_frozen;
	return csi_reply(&reply.base, response, err);
}
