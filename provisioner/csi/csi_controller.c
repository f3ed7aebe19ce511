/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The methods, and what all of them have in common: a request is decoded, handed to its
 * handler, counted, and logged if it was refused.
 *
 * A volume over CSI is a claim in a namespace of its own (csi_origin.h). Handlers write
 * and read objects, as anybody who uses the API does, and wait until the reconciler has
 * done its part; they change nothing on a share. So all that is true of claims (plans,
 * intents, recovery, the trash, who has a volume) is true of these volumes.
 *
 * Methods that wait, or ask a server, are slow ones of the rpc_server: SLOW_THREADS of
 * them at a time, each for CSI_PATIENCE_NS at most; the work goes on after that, and who
 * asks again finds it done.
 *
 * `secrets` are not even looked at, so they can't reach a log.
 */

#include <string.h>

#include "csi_attributes.h"
#include "csi_calls.h"
#include "csi_class.h"
#include "fnv1a.h"
#include "log.h"
#include "store_history.h"

#define THREADS	     4
#define SLOW_THREADS 64

#define IDENTITY   "/csi.v1.Identity/"
#define CONTROLLER "/csi.v1.Controller/"

struct method {
	const char *path;
	const ProtobufCMessageDescriptor *type;
	csi_fn fn;
	bool is_slow;
	bool is_of_volumes; /* makes or changes them: not in a cluster */
	bool is_about_us;   /* and is answered before the work begins */
};

static const struct method table[] = {
	{ IDENTITY "GetPluginInfo",
	  &csi__v1__get_plugin_info_request__descriptor, csi_plugin_info,
	  .is_about_us = true },
	{ IDENTITY "GetPluginCapabilities",
	  &csi__v1__get_plugin_capabilities_request__descriptor,
	  csi_plugin_capabilities, .is_about_us = true },
	{ IDENTITY "Probe", &csi__v1__probe_request__descriptor, csi_probe,
	  .is_about_us = true },
	{ CONTROLLER "ControllerGetCapabilities",
	  &csi__v1__controller_get_capabilities_request__descriptor,
	  csi_controller_capabilities, .is_about_us = true },
	{ CONTROLLER "CreateVolume",
	  &csi__v1__create_volume_request__descriptor, csi_create_volume,
	  .is_slow = true, .is_of_volumes = true },
	{ CONTROLLER "DeleteVolume",
	  &csi__v1__delete_volume_request__descriptor, csi_delete_volume,
	  .is_slow = true, .is_of_volumes = true },
	{ CONTROLLER "ValidateVolumeCapabilities",
	  &csi__v1__validate_volume_capabilities_request__descriptor,
	  csi_validate_volume },
	{ CONTROLLER "ControllerPublishVolume",
	  &csi__v1__controller_publish_volume_request__descriptor,
	  csi_publish_volume, .is_slow = true, .is_of_volumes = true },
	{ CONTROLLER "ControllerUnpublishVolume",
	  &csi__v1__controller_unpublish_volume_request__descriptor,
	  csi_unpublish_volume, .is_slow = true, .is_of_volumes = true },
	{ CONTROLLER "ListVolumes", &csi__v1__list_volumes_request__descriptor,
	  csi_list_volumes },
	{ CONTROLLER "ControllerGetVolume",
	  &csi__v1__controller_get_volume_request__descriptor, csi_get_volume,
	  .is_slow = true },
	{ CONTROLLER "GetCapacity", &csi__v1__get_capacity_request__descriptor,
	  csi_get_capacity, .is_slow = true },
	{ CONTROLLER "ControllerExpandVolume",
	  &csi__v1__controller_expand_volume_request__descriptor,
	  csi_expand_volume, .is_slow = true, .is_of_volumes = true },
	{ CONTROLLER "ControllerModifyVolume",
	  &csi__v1__controller_modify_volume_request__descriptor,
	  csi_modify_volume, .is_slow = true, .is_of_volumes = true },
	{ CONTROLLER "CreateSnapshot",
	  &csi__v1__create_snapshot_request__descriptor, csi_create_snapshot,
	  .is_slow = true },
	{ CONTROLLER "DeleteSnapshot",
	  &csi__v1__delete_snapshot_request__descriptor, csi_delete_snapshot,
	  .is_slow = true },
	{ CONTROLLER "GetSnapshot", &csi__v1__get_snapshot_request__descriptor,
	  csi_get_snapshot },
	{ CONTROLLER "ListSnapshots",
	  &csi__v1__list_snapshots_request__descriptor, csi_list_snapshots },
};

_Static_assert(ARRAY_SIZE(table) <= CSI_METHODS, "counts");

pthread_mutex_t *csi_lock(struct csi_controller *self, const char *name)
{
	uint64_t hash = fnv1a(FNV1A_START, name, strlen(name));

	return &self->locks[hash % CSI_LOCKS];
}

/* --- a call ------------------------------------------------------------------------ */

static size_t method_index(const char *path)
{
	size_t i = 0;

	while (strcmp(table[i].path, path) != 0)
		i++;
	return i;
}

static enum rpc_status call(struct csi_controller *self,
			    const struct method *method,
			    const struct rpc_request *request,
			    struct rpc_response *response, struct err *err)
{
	_cleanup_(csi_message_free) ProtobufCMessage *message =
		csi_decode(method->type, request->data, request->len, err);

	if (!message)
		return RPC_INVALID_ARGUMENT;
	if (!method->is_about_us && !atomic_load(&self->is_ready))
		return csi_refuse(
			err, RPC_UNAVAILABLE,
			"not ready: the record is being read, or another controller leads");
	if (method->is_of_volumes && self->options.is_cluster)
		return csi_refuse(
			err, RPC_UNIMPLEMENTED,
			"the volumes of a cluster are made from its claims, without CSI");
	return method->fn(self, message, response, err);
}

static enum rpc_status handle(void *userdata, const struct rpc_request *request,
			      struct rpc_response *response, struct err *err)
{
	struct csi_controller *self = userdata;
	size_t i = method_index(request->method);
	enum rpc_status status;

	store_act_as(self->options.store, "csi");
	status = call(self, &table[i], request, response, err);
	atomic_fetch_add(&self->counts[i][status], 1);
	if (status != RPC_OK)
		log_warn("request refused", F_STR("method", request->method),
			 F_STR("status", rpc_status_name(status)), F_ERR(err));
	return status;
}

void csi_controller_each_count(struct csi_controller *self, csi_count_fn fn,
			       void *userdata)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		for (int code = 0; code < CSI_CODES; code++) {
			uint64_t n = atomic_load(&self->counts[i][code]);

			if (n > 0)
				fn(userdata, strrchr(table[i].path, '/') + 1,
				   rpc_status_name((enum rpc_status)code), n);
		}
	}
}

/* --- its life ---------------------------------------------------------------------- */

int csi_controller_new(struct csi_controller **ret,
		       const struct csi_controller_options *options,
		       struct err *err)
{
	_cleanup_(csi_controller_free) struct csi_controller *self =
		calloc(1, sizeof(*self));
	int r;

	if (!self)
		return err_set(err, -ENOMEM, "no memory");
	self->options = *options;
	self->health = SERVER_HEALTH_INIT;
	(void)pthread_rwlock_init(&self->classes, NULL);
	for (size_t i = 0; i < CSI_LOCKS; i++)
		(void)pthread_mutex_init(&self->locks[i], NULL);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		self->methods[i] = (struct rpc_method){
			.path = table[i].path,
			.fn = handle,
			.is_slow = table[i].is_slow,
		};
	r = object_wait_new(&self->wait, options->hub, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(self);
	return 0;
}

int csi_controller_serve(struct csi_controller *self, struct err *err)
{
	const struct rpc_server_options options = {
		.socket_path = self->options.socket_path,
		.methods = self->methods,
		.n_methods = ARRAY_SIZE(table),
		.userdata = self,
		.n_threads = THREADS,
		.n_slow_threads = SLOW_THREADS,
	};
	int r = rpc_server_new(&self->server, &options, err);

	if (r >= 0)
		log_info("serving CSI",
			 F_STR("socket", self->options.socket_path));
	return r;
}

int csi_controller_begin(struct csi_controller *self, struct err *err)
{
	int r = csi_class_sweep(self, err);

	if (r >= 0)
		r = csi_attributes_sweep(self, err);
	if (r < 0)
		return r;
	atomic_store(&self->is_ready, true);
	return self->server ? 0 : csi_controller_serve(self, err);
}

void csi_controller_stop(struct csi_controller *self)
{
	object_wait_close(self->wait);
	self->server = rpc_server_free(self->server);
}

struct csi_controller *csi_controller_free(struct csi_controller *self)
{
	if (!self)
		return NULL;
	if (self->wait)
		csi_controller_stop(self);
	self->wait = object_wait_free(self->wait);
	server_health_fini(&self->health);
	(void)pthread_rwlock_destroy(&self->classes);
	for (size_t i = 0; i < CSI_LOCKS; i++)
		(void)pthread_mutex_destroy(&self->locks[i]);
	free(self);
	return NULL;
}
