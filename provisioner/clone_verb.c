/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verb "clone": a claim that begins as another one, or a snapshot, is. It only makes
 * the claim; its plan does the rest. What is not said is as the source has it.
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "admin_verbs.h"
#include "clone_source.h"
#include "json_field.h"
#include "model_decode.h"
#include "quantity.h"

struct clone {
	struct api_admin *admin;
	const char *namespace;
	const char *claim;    /* the source; "" = a snapshot */
	const char *snapshot; /* its name */
	const char *as;
	const char *class_name; /* "" = the source's */
	const char *size;
	const char *mode;
	bool is_dry_run;
};

static int read_call(const cJSON *in, struct clone *clone, struct err *err)
{
	const struct {
		const char *key;
		const char *fallback;
		const char **value;
	} fields[] = {
		{ "namespace", "default", &clone->namespace },
		{ "claim", "", &clone->claim },
		{ "snapshot", "", &clone->snapshot },
		{ "as", NULL, &clone->as },
		{ "class", "", &clone->class_name },
		{ "size", "", &clone->size },
		{ "mode", "", &clone->mode },
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(fields); i++)
		r = api_admin_string(in, fields[i].key, fields[i].fallback,
				     fields[i].value, err);
	if (r >= 0)
		r = json_bool(in, "dryRun", false, &clone->is_dry_run, err);
	if (r < 0)
		return r;
	if (!*clone->claim == !*clone->snapshot)
		return err_set(err, -EINVAL,
			       "name a claim or a snapshot to begin with");
	return 0;
}

/* --- what the source has ------------------------------------------------------------ */

/* {class, size, modes[]}, of a claim. */
static int look_at_claim(const struct clone *clone, cJSON *ret, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	struct cluster *cluster = clone->admin->cluster;
	const char *class;
	const cJSON *size;
	int r = cluster->ops->get(cluster, KIND_CLAIM, clone->namespace,
				  clone->claim, &object, err);

	if (r > 0)
		return err_set(err, -ENOENT,
			       "persistentvolumeclaims \"%s\" not found",
			       clone->claim);
	if (r < 0)
		return r;
	class = cJSON_GetStringValue(
		json_at(object->json, "spec.storageClassName"));
	size = json_at(object->json, "status.capacity.storage");
	if (!size)
		size = json_at(object->json, "spec.resources.requests.storage");
	if (class)
		(void)cJSON_AddStringToObject(ret, "class", class);
	(void)cJSON_AddItemToObject(ret, "size", cJSON_Duplicate(size, true));
	(void)cJSON_AddItemToObject(
		ret, "modes",
		cJSON_Duplicate(json_at(object->json, "spec.accessModes"),
				/* recurse= */ true));
	return 0;
}

static int look_at_snapshot(const struct clone *clone, cJSON *ret,
			    struct err *err)
{
	_cleanup_(store_snapshot_list_fini) struct store_snapshot_list list = {
		0
	};
	const struct snapshot_filter filter = { .namespace = clone->namespace,
						.name = clone->snapshot };
	char size[QUANTITY_MAX];
	const char *class;
	cJSON *place;
	int r = store_snapshot_list(clone->admin->store, &filter, &list, err);

	if (r < 0)
		return r;
	if (list.n == 0)
		return err_set(err, -ENOENT, "snapshot \"%s\" not found",
			       clone->snapshot);
	quantity_format(list.items[0].capacity, size);
	(void)cJSON_AddStringToObject(ret, "size", size);
	place = cJSON_Parse(list.items[0].detail);
	class = cJSON_GetStringValue(cJSON_GetObjectItem(place, "class"));
	if (class)
		(void)cJSON_AddStringToObject(ret, "class", class);
	cJSON_Delete(place);
	return 0;
}

/* --- what can't come to anything ------------------------------------------------------ */

/* A claim that asks for less than its source has would wait for ever. */
static int check_size(const struct clone *clone, const cJSON *found,
		      struct err *err)
{
	const char *least =
		cJSON_GetStringValue(cJSON_GetObjectItem(found, "size"));
	uint64_t said, needed;

	if (!*clone->size || !least)
		return 0;
	if (quantity_parse(clone->size, &said, err) < 0)
		return err_wrap(err, "size \"%s\"", clone->size);
	if (quantity_parse(least, &needed, NULL) < 0 || said >= needed)
		return 0;
	return err_set(err, -EINVAL,
		       "size \"%s\" must be at least %s, as its source has",
		       clone->size, least);
}

static int check_class(const struct clone *clone, struct err *err)
{
	struct cluster *cluster = clone->admin->cluster;
	_cleanup_(object_unref) struct object *class = NULL;
	int r;

	if (!*clone->class_name)
		return 0;
	r = cluster->ops->get(cluster, KIND_STORAGE_CLASS, "",
			      clone->class_name, &class, err);
	return r <= 0 ? r
		      : err_set(err, -ENOENT,
				"storageclasses.storage.k8s.io \"%s\" not found",
				clone->class_name);
}

/* --- the claim ----------------------------------------------------------------------- */

static void add_source(cJSON *spec, const struct clone *clone)
{
	cJSON *source;

	if (*clone->claim) {
		source = cJSON_AddObjectToObject(spec, "dataSource");
		(void)cJSON_AddStringToObject(source, "kind",
					      "PersistentVolumeClaim");
		(void)cJSON_AddStringToObject(source, "name", clone->claim);
		return;
	}
	source = cJSON_AddObjectToObject(spec, "dataSourceRef");
	(void)cJSON_AddStringToObject(source, "apiGroup", CLONE_GROUP);
	(void)cJSON_AddStringToObject(source, "kind", CLONE_SNAPSHOT_KIND);
	(void)cJSON_AddStringToObject(source, "name", clone->snapshot);
}

/* found: what the source has. */
static void add_modes(cJSON *spec, const struct clone *clone, cJSON *found)
{
	cJSON *modes = cJSON_DetachItemFromObject(found, "modes");

	if (*clone->mode || !modes) {
		cJSON_Delete(modes);
		modes = cJSON_CreateArray();
		(void)cJSON_AddItemToArray(
			modes,
			cJSON_CreateString(*clone->mode ? clone->mode
							: "ReadWriteMany"));
	}
	(void)cJSON_AddItemToObject(spec, "accessModes", modes);
}

static void add_text(cJSON *json, const char *key, const char *said,
		     const cJSON *found)
{
	const char *text = *said ? said : cJSON_GetStringValue(found);

	if (text)
		(void)cJSON_AddStringToObject(json, key, text);
}

static int make_claim(const struct clone *clone, cJSON *found,
		      struct object **ret, struct err *err)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *metadata = cJSON_AddObjectToObject(json, "metadata");
	cJSON *spec = cJSON_AddObjectToObject(json, "spec");
	cJSON *requests = cJSON_AddObjectToObject(
		cJSON_AddObjectToObject(spec, "resources"), "requests");

	(void)cJSON_AddStringToObject(json, "apiVersion", "v1");
	(void)cJSON_AddStringToObject(json, "kind", "PersistentVolumeClaim");
	(void)cJSON_AddStringToObject(metadata, "namespace", clone->namespace);
	(void)cJSON_AddStringToObject(metadata, "name", clone->as);
	add_text(requests, "storage", clone->size,
		 cJSON_GetObjectItem(found, "size"));
	add_text(spec, "storageClassName", clone->class_name,
		 cJSON_GetObjectItem(found, "class"));
	add_modes(spec, clone, found);
	add_source(spec, clone);
	return object_new(ret, json, err);
}

static int store_claim(const struct clone *clone, const struct object *claim,
		       cJSON **ret, struct err *err)
{
	_cleanup_(object_unref) struct object *stored = NULL;
	struct cluster *cluster = clone->admin->cluster;
	int r;

	if (clone->is_dry_run) {
		*ret = object_edit(claim);
		return 0;
	}
	r = cluster->ops->create(cluster, claim, &stored, err);
	if (r == CLUSTER_EXISTS)
		return err_set(err, -EEXIST,
			       "persistentvolumeclaims \"%s\" already exists",
			       clone->as);
	if (r != 0)
		return r < 0 ? r : -EINVAL;
	*ret = object_edit(stored);
	return 0;
}

int admin_clone(struct api_admin_call *call, const cJSON *in, cJSON **ret,
		struct err *err)
{
	struct clone clone = { .admin = call->admin };
	_cleanup_(object_unref) struct object *claim = NULL;
	cJSON *found;
	int r = read_call(in, &clone, err);

	if (r < 0)
		return r;
	found = cJSON_CreateObject();
	r = *clone.claim ? look_at_claim(&clone, found, err)
			 : look_at_snapshot(&clone, found, err);
	if (r >= 0)
		r = check_size(&clone, found, err);
	if (r >= 0)
		r = check_class(&clone, err);
	if (r >= 0)
		r = make_claim(&clone, found, &claim, err);
	cJSON_Delete(found);
	return r < 0 ? r : store_claim(&clone, claim, ret, err);
}
