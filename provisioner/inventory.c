/* SPDX-License-Identifier: Apache-2.0 */

/* Lists of objects, decoded into arrays; one function per kind. */

#include "inventory.h"

#include <string.h>

#include "csi_origin.h"
#include "log.h"
#include "model_decode.h"

static void skip(const struct object *object, struct err *why)
{
	log_debug("object skipped", F_STR("name", object->name), F_ERR(why));
}

static int decode_classes(const struct object_list *list,
			  struct inventory *inventory)
{
	inventory->classes = calloc(list->n + 1, sizeof(*inventory->classes));
	if (!inventory->classes)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		_cleanup_(err_fini) struct err why = ERR_INIT;

		if (storage_class_decode(
			    list->items[i],
			    &inventory->classes[inventory->n_classes],
			    &why) < 0)
			skip(list->items[i], &why);
		else
			inventory->n_classes++;
	}
	return 0;
}

static int decode_attributes(const struct object_list *list,
			     struct inventory *inventory)
{
	inventory->attributes_classes =
		calloc(list->n + 1, sizeof(*inventory->attributes_classes));
	if (!inventory->attributes_classes)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		_cleanup_(err_fini) struct err why = ERR_INIT;

		if (attributes_class_decode(
			    list->items[i],
			    &inventory->attributes_classes
				     [inventory->n_attributes_classes],
			    &why) < 0)
			skip(list->items[i], &why);
		else
			inventory->n_attributes_classes++;
	}
	return 0;
}

static int decode_volumes(const struct object_list *list,
			  struct inventory *inventory)
{
	inventory->volumes = calloc(list->n + 1, sizeof(*inventory->volumes));
	if (!inventory->volumes)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		_cleanup_(err_fini) struct err why = ERR_INIT;

		if (persistent_volume_decode(
			    list->items[i],
			    &inventory->volumes[inventory->n_volumes],
			    &why) < 0)
			skip(list->items[i], &why);
		else
			inventory->n_volumes++;
	}
	return 0;
}

static int decode_pods(const struct object_list *list,
		       struct inventory *inventory)
{
	inventory->pods = calloc(list->n + 1, sizeof(*inventory->pods));
	if (!inventory->pods)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		_cleanup_(err_fini) struct err why = ERR_INIT;

		if (pod_decode(list->items[i],
			       &inventory->pods[inventory->n_pods], &why) < 0)
			skip(list->items[i], &why);
		else
			inventory->n_pods++;
	}
	return 0;
}

typedef int (*decode_fn)(const struct object_list *list,
			 struct inventory *inventory);

static int load_kind(struct cluster *cluster, enum object_kind kind,
		     const char *namespace, decode_fn decode,
		     struct inventory *inventory, struct err *err)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	int r = cluster->ops->list(cluster, kind, namespace, &list, err);

	if (r != 0)
		return r < 0 ? r : -EIO;
	r = decode(&list, inventory);
	return r < 0 ? err_set(err, r, "no memory") : 0;
}

static int load_volumes(struct cluster *cluster, const struct claim *claim,
			struct inventory *inventory, struct err *err)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	int r = cluster->ops->list_volumes_for(cluster, claim->meta.namespace,
					       claim->meta.name,
					       claim->volume_name, &list, err);

	if (r != 0)
		return r < 0 ? r : -EIO;
	r = decode_volumes(&list, inventory);
	return r < 0 ? err_set(err, r, "no memory") : 0;
}

/* The one that it names, or that is made for it and not bound yet. */
static int load_own_volume(struct cluster *cluster, const struct claim *claim,
			   struct inventory *inventory, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(free) char *made = claim_volume_name(claim);
	int r;

	if (!made)
		return err_set(err, -ENOMEM, "no memory");
	r = cluster->ops->get(cluster, KIND_PERSISTENT_VOLUME, "",
			      *claim->volume_name ? claim->volume_name : made,
			      &object, err);
	if (r == CLUSTER_NOT_FOUND) {
		err_fini(err);
		return 0;
	}
	if (r != 0)
		return r < 0 ? r : -EIO;
	r = decode_volumes(&(struct object_list){ .items = &object, .n = 1 },
			   inventory);
	return r < 0 ? err_set(err, r, "no memory") : 0;
}

/* Attributes of a claim that is as it wants to be are of no interest. */
static enum inventory_parts attributes_for(const struct claim *claim)
{
	return claim->modify_phase != MODIFY_NONE ||
			       strcmp(claim->attributes_class,
				      claim->current_attributes_class) != 0
		       ? INVENTORY_ATTRIBUTES
		       : 0;
}

static enum inventory_parts parts_in_cluster(const struct claim *claim)
{
	enum inventory_parts parts =
		INVENTORY_OWN_VOLUME | attributes_for(claim);

	if (!*claim->volume_name)
		parts |= INVENTORY_CLASSES;
	return parts;
}

enum inventory_parts inventory_parts_for(const struct claim *claim,
					 bool is_binder)
{
	if (!is_binder)
		return parts_in_cluster(claim);
	if (claim->meta.is_deleting)
		return INVENTORY_PODS;
	if (claim->is_bind_completed)
		return attributes_for(claim) | INVENTORY_VOLUMES;
	/* It gets none but its own (claim_match.c), though many may be free. */
	if (claim_is_csi(claim))
		return attributes_for(claim) | INVENTORY_OWN_VOLUME |
		       INVENTORY_CLASSES | INVENTORY_PODS;
	return INVENTORY_ALL;
}

int inventory_load(struct cluster *cluster, enum inventory_parts parts,
		   const char *namespace, const struct claim *claim,
		   struct inventory *ret, struct err *err)
{
	_cleanup_(inventory_fini) struct inventory inventory = { 0 };
	int r = 0;

	if (parts & INVENTORY_CLASSES)
		r = load_kind(cluster, KIND_STORAGE_CLASS, NULL, decode_classes,
			      &inventory, err);
	if (r >= 0 && (parts & INVENTORY_ATTRIBUTES))
		r = load_kind(cluster, KIND_ATTRIBUTES_CLASS, NULL,
			      decode_attributes, &inventory, err);
	if (r >= 0 && (parts & INVENTORY_ALL_VOLUMES))
		r = load_kind(cluster, KIND_PERSISTENT_VOLUME, NULL,
			      decode_volumes, &inventory, err);
	else if (r >= 0 && claim && (parts & INVENTORY_VOLUMES))
		r = load_volumes(cluster, claim, &inventory, err);
	else if (r >= 0 && claim && (parts & INVENTORY_OWN_VOLUME))
		r = load_own_volume(cluster, claim, &inventory, err);
	if (r >= 0 && (parts & INVENTORY_PODS))
		r = load_kind(cluster, KIND_POD, namespace, decode_pods,
			      &inventory, err);
	if (r < 0)
		return r;
	*ret = inventory;
	inventory = (struct inventory){ 0 };
	return 0;
}

void inventory_fini(struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->n_classes; i++)
		storage_class_fini(&inventory->classes[i]);
	for (size_t i = 0; i < inventory->n_attributes_classes; i++)
		attributes_class_fini(&inventory->attributes_classes[i]);
	for (size_t i = 0; i < inventory->n_volumes; i++)
		persistent_volume_fini(&inventory->volumes[i]);
	for (size_t i = 0; i < inventory->n_pods; i++)
		pod_fini(&inventory->pods[i]);
	free(inventory->classes);
	free(inventory->attributes_classes);
	free(inventory->volumes);
	free(inventory->pods);
	*inventory = (struct inventory){ 0 };
}

struct plan_world inventory_world(const struct inventory *inventory)
{
	return (struct plan_world){
		.classes = inventory->classes,
		.n_classes = inventory->n_classes,
		.attributes_classes = inventory->attributes_classes,
		.n_attributes_classes = inventory->n_attributes_classes,
		.volumes = inventory->volumes,
		.n_volumes = inventory->n_volumes,
		.pods = inventory->pods,
		.n_pods = inventory->n_pods,
	};
}
