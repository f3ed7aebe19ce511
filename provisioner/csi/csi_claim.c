/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Two requests of one name are compared by what the claim keeps of the first: its class
 * (that is parameters and mount flags), access modes, size and source. If the volume
 * satisfies the second request, too, it is the answer, even if it has grown since (the
 * specification calls such a volume "compatible"). mutable_parameters are not compared:
 * ControllerModifyVolume may have changed them in between.
 */

#include "csi_claim.h"

#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "clone_source.h"
#include "csi_calls.h"
#include "csi_origin.h"
#include "json_field.h"
#include "model_decode.h"
#include "quantity.h"

/* The size where the request names none: what csi-provisioner's requests begin at. */
#define DEFAULT_BYTES (1ull << 30)

void csi_wanted_fini(struct csi_wanted *wanted)
{
	csi_class_fini(&wanted->class);
	csi_attributes_fini(&wanted->attributes);
	csi_source_found_fini(&wanted->found);
	labels_fini(&wanted->parameters);
}

/* --- the object ---------------------------------------------------------------------- */

static uint64_t size_of(const struct csi_range *range)
{
	if (range->required > 0)
		return range->required;
	return range->limit > 0 && range->limit < DEFAULT_BYTES ? range->limit
								: DEFAULT_BYTES;
}

/* Keeps which claim of a cluster it is for, if csi-provisioner (--extra-create-metadata) tells. */
static bool add_told(cJSON *annotations, const struct labels *parameters)
{
	static const struct {
		const char *parameter;
		const char *annotation;
	} table[] = {
		{ "csi.storage.k8s.io/pvc/name", ANNOTATION_TOLD_CLAIM },
		{ "csi.storage.k8s.io/pvc/namespace",
		  ANNOTATION_TOLD_NAMESPACE },
		{ "csi.storage.k8s.io/pv/name", ANNOTATION_TOLD_VOLUME },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const char *value = labels_get(parameters, table[i].parameter);

		if (value && !cJSON_AddStringToObject(
				     annotations, table[i].annotation, value))
			return false;
	}
	return true;
}

static bool add_metadata(cJSON *json, const struct csi_wanted *wanted,
			 const char *volume_name)
{
	cJSON *metadata = cJSON_AddObjectToObject(json, "metadata");
	cJSON *annotations = cJSON_AddObjectToObject(metadata, "annotations");

	return cJSON_AddStringToObject(metadata, "namespace", CSI_NAMESPACE) &&
	       cJSON_AddStringToObject(metadata, "name", wanted->claim) &&
	       cJSON_AddStringToObject(annotations, ANNOTATION_CSI_NAME,
				       wanted->name) &&
	       cJSON_AddStringToObject(annotations, ANNOTATION_VOLUME_NAME,
				       volume_name) &&
	       (!*wanted->source.text ||
		cJSON_AddStringToObject(annotations, ANNOTATION_CSI_SOURCE,
					wanted->source.text)) &&
	       add_told(annotations, &wanted->parameters);
}

static bool add_modes(cJSON *spec, const struct csi_capabilities *capabilities)
{
	cJSON *modes = cJSON_AddArrayToObject(spec, "accessModes");

	for (size_t i = 0; modes && i < capabilities->n; i++)
		if (!cJSON_AddItemToArray(modes,
					  cJSON_CreateString(access_mode_name(
						  capabilities->order[i]))))
			return false;
	return modes;
}

static bool add_source(cJSON *spec, const struct csi_wanted *wanted)
{
	cJSON *source;

	if (!*wanted->source.text)
		return true;
	source = cJSON_AddObjectToObject(spec, "dataSourceRef");
	return cJSON_AddStringToObject(source, "apiGroup", CLONE_GROUP) &&
	       cJSON_AddStringToObject(source, "kind",
				       wanted->source.is_snapshot
					       ? CLONE_SNAPSHOT_KIND
					       : CLONE_VOLUME_KIND) &&
	       cJSON_AddStringToObject(source, "name", wanted->found.name);
}

static bool add_spec(cJSON *json, const struct csi_wanted *wanted)
{
	cJSON *spec = cJSON_AddObjectToObject(json, "spec");
	cJSON *resources = cJSON_AddObjectToObject(spec, "resources");
	cJSON *requests = cJSON_AddObjectToObject(resources, "requests");
	char size[QUANTITY_MAX];

	quantity_format(size_of(&wanted->range), size);
	return add_modes(spec, &wanted->capabilities) &&
	       cJSON_AddStringToObject(requests, "storage", size) &&
	       cJSON_AddStringToObject(spec, "storageClassName",
				       wanted->class.name) &&
	       (!*wanted->attributes.name ||
		cJSON_AddStringToObject(spec, "volumeAttributesClassName",
					wanted->attributes.name)) &&
	       cJSON_AddStringToObject(spec, "volumeMode", "Filesystem") &&
	       add_source(spec, wanted);
}

int csi_claim_new(struct object **ret, const struct csi_wanted *wanted,
		  const char *volume_name, struct err *err)
{
	cJSON *json = cJSON_CreateObject();

	if (!cJSON_AddStringToObject(json, "apiVersion", "v1") ||
	    !cJSON_AddStringToObject(json, "kind", "PersistentVolumeClaim") ||
	    !add_metadata(json, wanted, volume_name) ||
	    !add_spec(json, wanted)) {
		cJSON_Delete(json);
		return err_set(err, -ENOMEM, "no memory");
	}
	return object_new(ret, json, err);
}

/* --- one that is there ----------------------------------------------------------------- */

static enum rpc_status refuse_other(const struct csi_wanted *wanted,
				    const char *what, struct err *err)
{
	return csi_refuse(err, RPC_ALREADY_EXISTS,
			  "volume \"%s\" is there with %s", wanted->name, what);
}

static uint64_t claim_size(const struct claim *claim)
{
	return claim->capacity > claim->request ? claim->capacity
						: claim->request;
}

static enum rpc_status check(const struct claim *claim,
			     const struct csi_wanted *wanted, struct err *err)
{
	const char *name =
		labels_get(&claim->meta.annotations, ANNOTATION_CSI_NAME);
	const char *source =
		labels_get(&claim->meta.annotations, ANNOTATION_CSI_SOURCE);

	if (!name || strcmp(name, wanted->name) != 0)
		return csi_refuse(
			err, RPC_ALREADY_EXISTS,
			"volume \"%s\" would be claim %s/%s, which is there for something else",
			wanted->name, claim->meta.namespace, claim->meta.name);
	if (claim->meta.is_deleting)
		return csi_refuse(err, RPC_ABORTED,
				  "volume \"%s\" is being deleted",
				  wanted->name);
	if (strcmp(claim->class_name, wanted->class.name) != 0)
		return refuse_other(wanted, "other parameters or mount_flags",
				    err);
	if (!csi_modes_allow_all(claim->access_modes,
				 wanted->capabilities.modes))
		return refuse_other(wanted, "other access modes", err);
	if (strcmp(source ? source : "", wanted->source.text) != 0)
		return refuse_other(wanted, "another volume_content_source",
				    err);
	if (csi_range_has(&wanted->range, claim_size(claim)))
		return RPC_OK;
	return csi_refuse(err, RPC_ALREADY_EXISTS,
			  "volume \"%s\" is there with %" PRIu64 " bytes",
			  wanted->name, claim_size(claim));
}

enum rpc_status csi_claim_check(const struct object *object,
				const struct csi_wanted *wanted,
				struct err *err)
{
	_cleanup_(claim_fini) struct claim claim = { 0 };

	if (claim_decode(object, &claim, err) < 0)
		return RPC_INTERNAL;
	return check(&claim, wanted, err);
}
