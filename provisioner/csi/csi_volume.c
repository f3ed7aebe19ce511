/* SPDX-License-Identifier: Apache-2.0 */

/*
 * CreateVolume writes a claim, waits until the reconciler has bound it, and answers:
 *
 *	name -> claim in the record -> (reconciler) -> Bound -> answer
 *
 * Nothing but the claim is kept of a request. Who repeats a request, after a time-out or a
 * crash, finds the claim and waits on. The claim's name is made from the volume's, so two
 * callers who want the same volume at the same time make one.
 *
 * The PersistentVolume gets the volume's name too, unless something has that name or had it
 * and is still in the trash: over CSI a name may be used again once its volume is deleted.
 */

#include <string.h>
#include <sys/random.h>

#include <cjson/cJSON.h>

#include "class_parameters.h"
#include "clock.h"
#include "csi_calls.h"
#include "csi_claim.h"
#include "csi_find.h"
#include "csi_origin.h"
#include "csi_pending.h"
#include "json_field.h"
#include "model_decode.h"
#include "store_snapshot.h"
#include "store_trash.h"

/* --- the request --------------------------------------------------------------------- */

/* Again when the class is made; a claim that is there already makes none. */
static enum rpc_status check_parameters(const struct labels *parameters,
					struct err *err)
{
	_cleanup_(class_parameters_fini) struct class_parameters parsed = { 0 };

	return csi_status_of(class_parameters_parse(parameters, &parsed, err));
}

static enum rpc_status read_class(const Csi__V1__CreateVolumeRequest *wire,
				  const char *driver, struct csi_wanted *wanted,
				  struct err *err)
{
	ProtobufCMessage *const *entries =
		(ProtobufCMessage *const *)wire->parameters;
	_cleanup_(labels_fini) struct labels parameters = { 0 };
	enum rpc_status status =
		csi_labels_read(entries, wire->n_parameters, "parameters",
				&wanted->parameters, err);

	if (status == RPC_OK)
		status = csi_labels_read(entries, wire->n_parameters,
					 "parameters", &parameters, err);
	if (status != RPC_OK)
		return status;
	csi_class_init(&wanted->class, driver, &parameters,
		       &wanted->capabilities);
	return check_parameters(&wanted->class.parameters, err);
}

static enum rpc_status read_wanted(const Csi__V1__CreateVolumeRequest *wire,
				   const char *driver,
				   struct csi_wanted *wanted, struct err *err)
{
	enum rpc_status status = csi_name_check(wire->name, err);

	if (status == RPC_OK)
		status = csi_capabilities_read(wire->volume_capabilities,
					       wire->n_volume_capabilities,
					       &wanted->capabilities, err);
	if (status == RPC_OK)
		status = csi_range_read(wire->capacity_range, &wanted->range,
					err);
	if (status == RPC_OK)
		status = csi_source_read(wire->volume_content_source,
					 &wanted->source, err);
	if (status == RPC_OK)
		status = read_class(wire, driver, wanted, err);
	if (status == RPC_OK)
		status = csi_attributes_read(
			(ProtobufCMessage *const *)wire->mutable_parameters,
			wire->n_mutable_parameters, &wanted->attributes, err);
	if (status != RPC_OK)
		return status;
	wanted->name = wire->name;
	csi_object_name(wire->name, wanted->claim);
	return RPC_OK;
}

/* --- the name of the volume -------------------------------------------------------------- */

/* A snapshot that outlived its volume is no snapshot of the next one of that name. */
static int has_snapshot(struct csi_controller *self, const char *name,
			struct err *err)
{
	_cleanup_(store_snapshot_list_fini) struct store_snapshot_list list = {
		0
	};
	int r = store_snapshot_list(
		self->options.store,
		&(struct snapshot_filter){ .handle = name, .limit = 1 }, &list,
		err);

	return r < 0 ? r : list.n > 0;
}

/* 1: something is called so, or was and may come back. */
static int is_known(struct csi_controller *self, const char *name,
		    struct err *err)
{
	struct cluster *cluster = self->options.cluster;
	_cleanup_(object_unref) struct object *volume = NULL;
	_cleanup_(store_trash_fini) struct store_trash trash = { 0 };
	int64_t intent;
	/* What is deleted is in the trash before its volume goes. */
	int r = cluster->ops->get(cluster, KIND_PERSISTENT_VOLUME, "", name,
				  &volume, err);

	if (r == CLUSTER_NOT_FOUND)
		r = store_trash_get(self->options.store, name, &trash, err);
	if (r == STORE_NOT_FOUND)
		r = store_intent_find(self->options.store, name, NULL, NULL,
				      &intent, err);
	if (r != STORE_NOT_FOUND)
		return r < 0 ? r : r == 0;
	err_fini(err);
	return has_snapshot(self, name, err);
}

#define SUFFIX_LEN 9 /* "-" and eight digits */

static int choose_volume_name(struct csi_controller *self, const char *claim,
			      char ret[CSI_OBJECT_NAME_MAX], struct err *err)
{
	int len = CSI_OBJECT_NAME_MAX - 1 - SUFFIX_LEN;
	int r = is_known(self, claim, err);
	uint32_t random;

	(void)snprintf(ret, CSI_OBJECT_NAME_MAX, "%s", claim);
	if (r <= 0)
		return r;
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_set_errno(err, -errno, "choose a volume's name");
	(void)snprintf(ret, CSI_OBJECT_NAME_MAX, "%.*s-%08x", len, claim,
		       random);
	return 0;
}

/* --- the claim ----------------------------------------------------------------------------- */

static enum rpc_status create_claim(struct csi_controller *self,
				    const struct csi_wanted *wanted,
				    const char *volume_name, struct err *err)
{
	struct cluster *cluster = self->options.cluster;
	_cleanup_(object_unref) struct object *claim = NULL;
	enum rpc_status status;
	int r = csi_claim_new(&claim, wanted, volume_name, err);

	if (r < 0)
		return RPC_INTERNAL;
	(void)pthread_rwlock_rdlock(&self->classes);
	status = csi_class_ensure(self, &wanted->class, err);
	if (status == RPC_OK)
		status = csi_attributes_ensure(self, &wanted->attributes, err);
	if (status == RPC_OK)
		status = csi_status_of(
			cluster->ops->create(cluster, claim, NULL, err));
	(void)pthread_rwlock_unlock(&self->classes);
	return status;
}

static enum rpc_status find_source(struct csi_controller *self,
				   struct csi_wanted *wanted, struct err *err)
{
	enum rpc_status status;

	if (!*wanted->source.text)
		return RPC_OK;
	status = csi_source_find(self, &wanted->source, &wanted->found, err);
	if (status != RPC_OK)
		return status;
	return csi_source_fit(&wanted->found, &wanted->range, err);
}

static enum rpc_status ensure_claim(struct csi_controller *self,
				    struct csi_wanted *wanted, struct err *err)
{
	struct cluster *cluster = self->options.cluster;
	_cleanup_(object_unref) struct object *found = NULL;
	char volume_name[CSI_OBJECT_NAME_MAX];
	enum rpc_status status;
	int r = cluster->ops->get(cluster, KIND_CLAIM, CSI_NAMESPACE,
				  wanted->claim, &found, err);

	if (r == 0)
		return csi_claim_check(found, wanted, err);
	if (r != CLUSTER_NOT_FOUND)
		return csi_status_of(r);
	err_fini(err);
	status = find_source(self, wanted, err);
	if (status != RPC_OK)
		return status;
	r = choose_volume_name(self, wanted->claim, volume_name, err);
	if (r < 0)
		return csi_status_of(r);
	return create_claim(self, wanted, volume_name, err);
}

/* --- the volume ------------------------------------------------------------------------------ */

enum {
	WAIT_BOUND = 1,
	WAIT_GONE = 2,
};

/* An object_wait_fn; userdata gets the name of the volume. */
static int is_bound(void *userdata, const struct object *claim, struct err *err)
{
	const cJSON *json = claim ? claim->json : NULL;
	const char *phase = "", *name = "";
	char **ret_name = userdata;

	(void)err;
	if (!claim || json_at(json, "metadata.deletionTimestamp"))
		return WAIT_GONE;
	(void)json_string(json, "status.phase", "", &phase, NULL);
	(void)json_string(json, "spec.volumeName", "", &name, NULL);
	if (strcmp(phase, claim_phase_names[CLAIM_BOUND]) != 0)
		return 0;
	*ret_name = strdup(name);
	return *ret_name ? WAIT_BOUND : -ENOMEM;
}

/*
 * RPC_RESOURCE_EXHAUSTED, and no claim any more: a sidecar takes that for the end, and
 * would not delete what came of it later.
 */
static enum rpc_status end_without_room(struct csi_controller *self,
					const struct csi_wanted *wanted,
					struct err *err)
{
	struct cluster *cluster = self->options.cluster;
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(claim_fini) struct claim claim = { 0 };
	enum rpc_status status = RPC_OK;
	const char *volume = NULL;
	int r = cluster->ops->get(cluster, KIND_CLAIM, CSI_NAMESPACE,
				  wanted->claim, &object, NULL);

	if (r == 0 && claim_decode(object, &claim, NULL) == 0 &&
	    claim.phase != CLAIM_BOUND)
		volume = claim_csi_volume_name(&claim);
	if (volume)
		status = csi_copy_check(self, volume, wanted->name, err);
	if (status != RPC_RESOURCE_EXHAUSTED)
		return status;
	r = cluster->ops->delete (cluster, KIND_CLAIM, CSI_NAMESPACE,
				  wanted->claim, claim.meta.uid, NULL);
	return r < 0 ? RPC_ABORTED : status;
}

static enum rpc_status refuse_pending(struct csi_controller *self,
				      const struct csi_wanted *wanted,
				      struct err *err)
{
	enum rpc_status status = RPC_OK;

	if (*wanted->source.text) {
		(void)pthread_mutex_lock(csi_lock(self, wanted->claim));
		status = end_without_room(self, wanted, err);
		(void)pthread_mutex_unlock(csi_lock(self, wanted->claim));
	}
	if (status == RPC_OK)
		return csi_pending(self, CSI_NAMESPACE, wanted->claim,
				   wanted->name, err);
	csi_class_release(self, wanted->class.name);
	csi_attributes_release(self, wanted->attributes.name);
	return status;
}

static enum rpc_status await_volume(struct csi_controller *self,
				    const struct csi_wanted *wanted,
				    uint64_t deadline_ns, char **ret,
				    struct err *err)
{
	const struct object_key key = { .kind = KIND_CLAIM,
					.namespace = CSI_NAMESPACE,
					.name = wanted->claim };
	int r = object_wait_until(self->wait, self->options.cluster, &key,
				  deadline_ns, is_bound, ret, err);

	switch (r) {
	case 0:
		return refuse_pending(self, wanted, err);
	case WAIT_BOUND:
		return RPC_OK;
	case WAIT_GONE:
		return csi_refuse(err, RPC_ABORTED,
				  "volume \"%s\" was deleted meanwhile",
				  wanted->name);
	default:
		return csi_status_of(r);
	}
}

static enum rpc_status reply(struct csi_controller *self, const char *name,
			     Csi__V1__VolumeContentSource *source,
			     struct rpc_response *response, struct err *err)
{
	Csi__V1__CreateVolumeResponse wire =
		CSI__V1__CREATE_VOLUME_RESPONSE__INIT;
	_cleanup_(csi_volume_wire_fini) struct csi_volume_wire answer = { 0 };
	_cleanup_(csi_volume_fini) struct csi_volume volume = { 0 };
	int r = csi_volume_read(self, name, &volume, err);

	if (r != 0)
		return r == CLUSTER_NOT_FOUND ? RPC_ABORTED : csi_status_of(r);
	if (csi_volume_wire_init(&answer, &volume) < 0)
		return csi_refuse(err, RPC_INTERNAL, "no memory");
	answer.volume.content_source = source;
	wire.volume = &answer.volume;
	return csi_reply(&wire.base, response, err);
}

enum rpc_status csi_create_volume(struct csi_controller *self,
				  const ProtobufCMessage *message,
				  struct rpc_response *response,
				  struct err *err)
{
	const Csi__V1__CreateVolumeRequest *wire =
		(const Csi__V1__CreateVolumeRequest *)message;
	_cleanup_(csi_wanted_fini) struct csi_wanted wanted = { 0 };
	uint64_t deadline_ns = clock_ns() + CSI_PATIENCE_NS;
	_cleanup_(free) char *volume = NULL;
	enum rpc_status status =
		read_wanted(wire, self->options.drivers[0], &wanted, err);

	if (status != RPC_OK)
		return status;
	/* Nobody is answered before the volume's own writes, which come after it. */
	store_skip_sync(self->options.store, true);
	(void)pthread_mutex_lock(csi_lock(self, wanted.claim));
	status = ensure_claim(self, &wanted, err);
	(void)pthread_mutex_unlock(csi_lock(self, wanted.claim));
	store_skip_sync(self->options.store, false);
	if (status == RPC_OK)
		status = await_volume(self, &wanted, deadline_ns, &volume, err);
	return status == RPC_OK
		       ? reply(self, volume, wire->volume_content_source,
			       response, err)
		       : status;
}
