/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ValidateVolumeCapabilities: if the volume does not have what is asked for, that is no
 * error: the answer then has a message and no `confirmed` (csi.proto).
 */

#include "csi_calls.h"
#include "csi_capability.h"
#include "csi_find.h"

/* All that the request asked for is confirmed, in the request's own words. */
static void confirm(const Csi__V1__ValidateVolumeCapabilitiesRequest *wire,
		    Csi__V1__ValidateVolumeCapabilitiesResponse__Confirmed *ret)
{
	ret->volume_context =
		(Csi__V1__ValidateVolumeCapabilitiesResponse__Confirmed__VolumeContextEntry
			 **)wire->volume_context;
	ret->n_volume_context = wire->n_volume_context;
	ret->volume_capabilities = wire->volume_capabilities;
	ret->n_volume_capabilities = wire->n_volume_capabilities;
	ret->parameters =
		(Csi__V1__ValidateVolumeCapabilitiesResponse__Confirmed__ParametersEntry
			 **)wire->parameters;
	ret->n_parameters = wire->n_parameters;
	ret->mutable_parameters =
		(Csi__V1__ValidateVolumeCapabilitiesResponse__Confirmed__MutableParametersEntry
			 **)wire->mutable_parameters;
	ret->n_mutable_parameters = wire->n_mutable_parameters;
}

static bool is_possible(const struct csi_volume *volume,
			const Csi__V1__ValidateVolumeCapabilitiesRequest *wire,
			struct err *why)
{
	struct csi_capabilities capabilities;

	if (csi_capabilities_read(wire->volume_capabilities,
				  wire->n_volume_capabilities, &capabilities,
				  why) != RPC_OK)
		return false;
	if (csi_modes_allow_all(volume->pv.access_modes, capabilities.modes))
		return true;
	(void)err_set(why, -EINVAL,
		      "volume \"%s\" was made for other access modes: %s",
		      volume->pv.handle,
		      access_mode_name(volume->pv.first_access_mode));
	return false;
}

enum rpc_status csi_validate_volume(struct csi_controller *self,
				    const ProtobufCMessage *message,
				    struct rpc_response *response,
				    struct err *err)
{
	const Csi__V1__ValidateVolumeCapabilitiesRequest *wire =
		(const Csi__V1__ValidateVolumeCapabilitiesRequest *)message;
	Csi__V1__ValidateVolumeCapabilitiesResponse answer =
		CSI__V1__VALIDATE_VOLUME_CAPABILITIES_RESPONSE__INIT;
	Csi__V1__ValidateVolumeCapabilitiesResponse__Confirmed confirmed =
		CSI__V1__VALIDATE_VOLUME_CAPABILITIES_RESPONSE__CONFIRMED__INIT;
	_cleanup_(csi_volume_fini) struct csi_volume volume = { 0 };
	_cleanup_(err_fini) struct err why = ERR_INIT;
	enum rpc_status status =
		csi_find_volume(self, wire->volume_id, &volume, err);

	if (status != RPC_OK)
		return status;
	if (wire->n_volume_capabilities == 0)
		return csi_refuse(err, RPC_INVALID_ARGUMENT,
				  "volume_capabilities is missing");
	if (is_possible(&volume, wire, &why)) {
		confirm(wire, &confirmed);
		answer.confirmed = &confirmed;
	} else {
		answer.message = (char *)err_text(&why);
	}
	return csi_reply(&answer.base, response, err);
}
