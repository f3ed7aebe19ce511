/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GetCapacity: the free bytes of the share that the parameters name, as its server says
 * now. Without parameters it is the largest number of all shares that our StorageClasses
 * name, and 0 if there is no such class. For capabilities that we can't provide, such as a
 * block device, it is 0, too (csi.proto: capacity "available to provision" such volumes).
 */

#include <string.h>

#include "csi_calls.h"
#include "csi_capability.h"
#include "csi_class.h"
#include "model_decode.h"
#include "plan.h"
#include "share_room.h"

/* What is asked for, as a class of nobody's. */
static enum rpc_status room_of_parameters(
	struct csi_controller *self, struct labels *take_parameters,
	const struct csi_capabilities *capabilities, uint64_t *ret,
	struct err *err)
{
	_cleanup_(csi_class_fini) struct csi_class class = { 0 };
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	struct storage_class as_class;
	int r;

	csi_class_init(&class, self->options.drivers[0], take_parameters,
		       capabilities);
	as_class = (struct storage_class){
		.parameters = class.parameters,
		.mount_options = (char **)class.mount_flags,
		.n_mount_options = class.n_mount_flags,
	};
	r = volume_place_of_class(&as_class, &place, err);
	if (r == 0)
		r = share_room(&place, &self->health, ret, err);
	return csi_status_of(r);
}

/* --- all of them ------------------------------------------------------------------------ */

#define SHARES_MAX 64 /* asked for one answer */

struct shares {
	struct volume_place items[SHARES_MAX];
	size_t n;
};

static void shares_fini(struct shares *shares)
{
	for (size_t i = 0; i < shares->n; i++)
		volume_place_fini(&shares->items[i]);
}

DEFINE_FINI(struct shares, shares_fini)

static bool is_same(const struct volume_place *a, const struct volume_place *b)
{
	return strcmp(a->server, b->server) == 0 &&
	       strcmp(a->share, b->share) == 0 && a->port == b->port;
}

static bool is_ours(const struct csi_controller *self, const char *driver)
{
	const struct plan_world world = {
		.drivers = self->options.drivers,
		.n_drivers = self->options.n_drivers,
	};

	return world_has_driver(&world, driver);
}

static void add_class(const struct csi_controller *self,
		      const struct object *object, struct shares *shares)
{
	_cleanup_(storage_class_fini) struct storage_class class = { 0 };
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };

	if (shares->n == SHARES_MAX ||
	    storage_class_decode(object, &class, NULL) < 0 ||
	    !is_ours(self, class.provisioner) ||
	    volume_place_of_class(&class, &place, NULL) < 0)
		return;
	for (size_t i = 0; i < shares->n; i++)
		if (is_same(&shares->items[i], &place))
			return;
	shares->items[shares->n++] = place;
	place = (struct volume_place){ 0 };
}

/* A server that does not answer has no room; the others are asked all the same. */
static enum rpc_status room_of_classes(struct csi_controller *self,
				       uint64_t *ret, struct err *err)
{
	struct cluster *cluster = self->options.cluster;
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	_cleanup_(shares_fini) struct shares shares = { 0 };
	int r = cluster->ops->list(cluster, KIND_STORAGE_CLASS, NULL, &list,
				   err);

	*ret = 0;
	for (size_t i = 0; r == 0 && i < list.n; i++)
		add_class(self, list.items[i], &shares);
	for (size_t i = 0; i < shares.n; i++) {
		uint64_t room;

		if (share_room(&shares.items[i], &self->health, &room, NULL) ==
			    0 &&
		    room > *ret)
			*ret = room;
	}
	return csi_status_of(r);
}

/* --- the answer -------------------------------------------------------------------------- */

static enum rpc_status measure(struct csi_controller *self,
			       const Csi__V1__GetCapacityRequest *wire,
			       const struct csi_capabilities *capabilities,
			       uint64_t *ret, struct err *err)
{
	_cleanup_(labels_fini) struct labels parameters = { 0 };
	enum rpc_status status = csi_labels_read(
		(ProtobufCMessage *const *)wire->parameters, wire->n_parameters,
		"parameters", &parameters, err);

	if (status != RPC_OK)
		return status;
	return parameters.n > 0 ? room_of_parameters(self, &parameters,
						     capabilities, ret, err)
				: room_of_classes(self, ret, err);
}

enum rpc_status csi_get_capacity(struct csi_controller *self,
				 const ProtobufCMessage *message,
				 struct rpc_response *response, struct err *err)
{
	const Csi__V1__GetCapacityRequest *wire =
		(const Csi__V1__GetCapacityRequest *)message;
	Csi__V1__GetCapacityResponse answer =
		CSI__V1__GET_CAPACITY_RESPONSE__INIT;
	struct csi_capabilities capabilities = { 0 };
	_cleanup_(err_fini) struct err why = ERR_INIT;
	uint64_t room = 0;
	enum rpc_status status = RPC_OK;

	if (wire->n_volume_capabilities == 0 ||
	    csi_capabilities_read(wire->volume_capabilities,
				  wire->n_volume_capabilities, &capabilities,
				  &why) == RPC_OK)
		status = measure(self, wire, &capabilities, &room, err);
	if (status != RPC_OK)
		return status;
	answer.available_capacity =
		room > INT64_MAX ? INT64_MAX : (int64_t)room;
	return csi_reply(&answer.base, response, err);
}
