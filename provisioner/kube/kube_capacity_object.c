/* SPDX-License-Identifier: Apache-2.0 */

/*
 * maximumVolumeSize is left out: a directory of a share has no size, so that the
 * scheduler compares a claim with the capacity.
 */

#include "kube_capacity_object.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "fnv1a.h"
#include "json_field.h"

#define LABEL_DRIVER "csi.storage.k8s.io/drivername"
#define LABEL_KEEPER "csi.storage.k8s.io/managed-by"

static uint64_t hash(uint64_t seed, const char *text)
{
	return fnv1a(seed, text, strlen(text));
}

void kube_capacity_name(const char *driver, const char *class,
			char ret[KUBE_CAPACITY_NAME_MAX])
{
	uint64_t sum = hash(FNV1A_START, driver);

	sum = hash(hash(sum, "/"), class);
	(void)snprintf(ret, KUBE_CAPACITY_NAME_MAX, "csisc-%016" PRIx64, sum);
}

char *kube_capacity_selector(const char *driver)
{
	char *selector;

	if (asprintf(&selector,
		     LABEL_DRIVER "=%s," LABEL_KEEPER "=" KUBE_CAPACITY_KEEPER,
		     driver) < 0)
		return NULL;
	return selector;
}

static bool add_metadata(cJSON *json, const struct kube_capacity_facts *facts)
{
	cJSON *metadata = cJSON_AddObjectToObject(json, "metadata");
	cJSON *labels =
		metadata ? cJSON_AddObjectToObject(metadata, "labels") : NULL;
	char name[KUBE_CAPACITY_NAME_MAX];

	kube_capacity_name(facts->driver, facts->class, name);
	return labels && cJSON_AddStringToObject(metadata, "name", name) &&
	       cJSON_AddStringToObject(metadata, "namespace",
				       facts->namespace) &&
	       cJSON_AddStringToObject(labels, LABEL_DRIVER, facts->driver) &&
	       cJSON_AddStringToObject(labels, LABEL_KEEPER,
				       KUBE_CAPACITY_KEEPER);
}

static bool set_bytes(cJSON *json, uint64_t bytes)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, bytes);
	cJSON_DeleteItemFromObjectCaseSensitive(json, "capacity");
	return cJSON_AddStringToObject(json, "capacity", text);
}

int kube_capacity_object_new(struct object **ret,
			     const struct kube_capacity_facts *facts,
			     struct err *err)
{
	cJSON *json = cJSON_CreateObject();

	if (!cJSON_AddStringToObject(json, "apiVersion", "storage.k8s.io/v1") ||
	    !cJSON_AddStringToObject(json, "kind", "CSIStorageCapacity") ||
	    !add_metadata(json, facts) ||
	    !cJSON_AddStringToObject(json, "storageClassName", facts->class) ||
	    !cJSON_AddObjectToObject(json, "nodeTopology") ||
	    !set_bytes(json, facts->bytes)) {
		cJSON_Delete(json);
		return err_set(err, -ENOMEM, "no memory");
	}
	return object_new(ret, json, err);
}

int kube_capacity_object_change(struct object **ret, const struct object *old,
				uint64_t bytes, struct err *err)
{
	cJSON *json = object_edit(old);

	if (!json || !set_bytes(json, bytes)) {
		cJSON_Delete(json);
		return err_set(err, -ENOMEM, "no memory");
	}
	return object_new(ret, json, err);
}

uint64_t kube_capacity_object_bytes(const struct object *object)
{
	uint64_t bytes = 0;

	(void)json_quantity(object->json, "capacity", 0, &bytes, NULL);
	return bytes;
}

bool kube_capacity_matters(uint64_t before, uint64_t now)
{
	uint64_t difference = before > now ? before - now : now - before;

	return difference > (before > now ? before : now) / 100;
}
