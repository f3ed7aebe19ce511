/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An object's life:
 *
 *	            registry_create()
 *	absent ------------------------> stored ---+ registry_update[_status]()
 *	  ^                                |  ^----+
 *	  | registry_delete(),             | registry_delete(),
 *	  | no finalizer                   | finalizers left
 *	  +--------------------------------+
 *	  |                                v
 *	  +-------------------------- terminating
 *	     registry_update() that
 *	     takes the last finalizer
 *
 * Invariants: 1. what is stored was valid when it was stored; 2. an object with a
 * finalizer is never removed; 3. a terminating object gets no new finalizers.
 *
 * Reading, deciding and writing are not one transaction: the write names the
 * resourceVersion that was read, and when somebody was faster the call starts
 * again (or is a conflict, if the client named a resourceVersion). Removal, where
 * the store checks no resourceVersion, is one.
 */

#include "registry.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "registry_admit.h"
#include "registry_cluster.h"
#include "registry_expand.h"
#include "registry_outcome.h"
#include "validate.h"

#define RETRIES 16

struct registry {
	struct registry_cluster cluster;
	struct registry_options options;
};

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "change an object: out of memory");
}

DEFINE_CLEANUP(struct store *, store_rollback)

int registry_get(struct registry *registry, enum object_kind kind,
		 const char *namespace, const char *name, struct object **ret,
		 struct err *err)
{
	int r = store_get(registry->options.store, kind, namespace, name, ret,
			  err);

	return r == STORE_NOT_FOUND ? outcome_not_found(kind, name, err) : r;
}

int registry_list(struct registry *registry, enum object_kind kind,
		  const char *namespace, struct object_list *ret,
		  struct err *err)
{
	return store_list(registry->options.store, kind, namespace, ret, err);
}

int registry_list_texts(struct registry *registry, enum object_kind kind,
			const char *namespace, store_text_fn fn, void *userdata,
			struct text_list **ret, struct err *err)
{
	return store_list_texts(registry->options.store, kind, namespace, fn,
				userdata, ret, err);
}

static int default_class(struct registry *registry, enum object_kind kind,
			 char **ret, struct err *err)
{
	_cleanup_(object_list_fini) struct object_list classes =
		OBJECT_LIST_INIT;
	int r;

	if (kind == KIND_CLAIM) {
		r = store_list(registry->options.store, KIND_STORAGE_CLASS,
			       NULL, &classes, err);
		if (r < 0)
			return r;
	}
	r = admit_default_class(&classes, ret);
	return r < 0 ? no_memory(err) : 0;
}

/* Changes the JSON of an object that is about to be created. */
static int complete(cJSON *json, enum object_kind kind, const char *class,
		    struct err *err)
{
	int r = admit_identity(json, kind, err);

	if (r < 0)
		return r;
	r = admit_defaults(json, kind, class);
	if (r < 0)
		return no_memory(err);
	r = admit_initial_status(json, kind);
	return r < 0 ? no_memory(err) : 0;
}

static int admit_create(struct registry *registry, const struct object *object,
			struct object **ret, struct err *err)
{
	_cleanup_(object_unref) struct object *new = NULL;
	_cleanup_(free) char *class = NULL;
	cJSON *json;
	int r;

	r = default_class(registry, object->kind, &class, err);
	if (r < 0)
		return r;
	json = object_edit(object);
	if (!json)
		return no_memory(err);
	r = complete(json, object->kind, class, err);
	if (r < 0) {
		cJSON_Delete(json);
		return outcome_invalid(object, r, err);
	}
	r = object_new(&new, json, err);
	if (r < 0)
		return outcome_invalid(object, r, err);
	r = validate_create(new, registry->options.drivers,
			    registry->options.n_drivers, err);
	if (r < 0)
		return outcome_invalid(new, r, err);
	*ret = TAKE_PTR(new);
	return 0;
}

int registry_try_create(struct registry *registry, const struct object *object,
			struct object **ret, struct err *err)
{
	_cleanup_(object_unref) struct object *new = NULL;
	_cleanup_(object_unref) struct object *old = NULL;
	int r = admit_create(registry, object, &new, err);

	if (r != 0)
		return r;
	r = store_get(registry->options.store, new->kind, new->namespace,
		      new->name, &old, err);
	if (r == 0)
		return outcome_of_store(new, STORE_EXISTS, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(new);
	return 0;
}

int registry_create(struct registry *registry, const struct object *object,
		    struct object **ret, struct err *err)
{
	_cleanup_(object_unref) struct object *new = NULL;
	int r = admit_create(registry, object, &new, err);

	if (r != 0)
		return r;
	r = store_create(registry->options.store, new, ret, err);
	return outcome_of_store(new, r, err);
}

/* The stored object that an update is about; optimistic locking is checked here. */
static int read_for_update(struct registry *registry,
			   const struct object *object, struct object **ret,
			   struct err *err)
{
	_cleanup_(object_unref) struct object *old = NULL;
	int r;

	r = registry_get(registry, object->kind, object->namespace,
			 object->name, &old, err);
	if (r != 0)
		return r;
	if (object->resource_version &&
	    object->resource_version != old->resource_version)
		return outcome_modified(object, err);
	if (*object->uid && strcmp(object->uid, old->uid) != 0) {
		char why[160];

		(void)snprintf(
			why, sizeof(why),
			"Precondition failed: UID in precondition: %.40s, UID in object meta: %.40s",
			object->uid, old->uid);
		return outcome_conflict(object, why, err);
	}
	*ret = TAKE_PTR(old);
	return 0;
}

static bool has_string(const cJSON *array, const char *text)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, array) {
		if (cJSON_IsString(item) &&
		    strcmp(item->valuestring, text) == 0)
			return true;
	}
	return false;
}

static int check_finalizers(const struct object *old, const struct object *new,
			    struct err *err)
{
	const cJSON *before = json_at(old->json, "metadata.finalizers");
	const cJSON *item;

	cJSON_ArrayForEach (item, json_at(new->json, "metadata.finalizers")) {
		if (cJSON_IsString(item) &&
		    !has_string(before, item->valuestring))
			return err_set(
				err, -EINVAL,
				"metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{\"%s\"}",
				item->valuestring);
	}
	return 0;
}

static bool is_terminating(const struct object *object)
{
	return json_at(object->json, "metadata.deletionTimestamp");
}

static bool has_finalizers(const struct object *object)
{
	return cJSON_GetArraySize(
		       json_at(object->json, "metadata.finalizers")) > 0;
}

static int admit_against(struct registry *registry, const struct object *object,
			 const struct object *old, struct object **ret,
			 struct err *err)
{
	_cleanup_(object_unref) struct object *new = NULL;
	cJSON *json = object_edit(object);
	int r;

	if (!json)
		return no_memory(err);
	if (admit_update(json, old) < 0 ||
	    admit_defaults(json, old->kind, "") < 0) {
		cJSON_Delete(json);
		return no_memory(err);
	}
	r = object_new(&new, json, err);
	if (r < 0)
		return outcome_invalid(object, r, err);
	if (is_terminating(old)) {
		r = check_finalizers(old, new, err);
		if (r < 0)
			return outcome_invalid(new, r, err);
	}
	r = validate_update(old, new, registry->options.drivers,
			    registry->options.n_drivers, err);
	if (r < 0)
		return outcome_invalid(new, r, err);
	r = admit_expansion(registry->options.store, old, new, err);
	if (r == 0)
		*ret = TAKE_PTR(new);
	return r;
}

int registry_try_update(struct registry *registry, const struct object *object,
			struct object **ret, struct err *err)
{
	_cleanup_(object_unref) struct object *old = NULL;
	int r = read_for_update(registry, object, &old, err);

	if (r != 0)
		return r;
	return admit_against(registry, object, old, ret, err);
}

/* Removes exactly this version of an object. */
static int remove_version(struct registry *registry,
			  const struct object *object, struct err *err)
{
	_cleanup_(store_rollback) struct store *store = NULL;
	_cleanup_(object_unref) struct object *now = NULL;
	int r;

	r = store_begin(registry->options.store, err);
	if (r < 0)
		return r;
	store = registry->options.store;
	r = store_get(store, object->kind, object->namespace, object->name,
		      &now, err);
	if (r != 0)
		return outcome_of_store(object, r, err);
	if (now->resource_version != object->resource_version)
		return outcome_modified(object, err);
	r = store_remove(store, object->kind, object->namespace, object->name,
			 object->uid, err);
	if (r != 0)
		return outcome_of_store(object, r, err);
	return store_commit(store, err);
}

static void give(struct object **ret, struct object *object)
{
	if (ret)
		*ret = object_ref(object);
}

static int update_once(struct registry *registry, const struct object *object,
		       struct object **ret, struct err *err)
{
	_cleanup_(object_unref) struct object *old = NULL;
	_cleanup_(object_unref) struct object *new = NULL;
	int r;

	r = read_for_update(registry, object, &old, err);
	if (r != 0)
		return r;
	r = admit_against(registry, object, old, &new, err);
	if (r != 0)
		return r;
	if (!is_terminating(new) || has_finalizers(new)) {
		r = store_update(registry->options.store, new,
				 old->resource_version, ret, err);
		return outcome_of_store(object, r, err);
	}
	r = remove_version(registry, old, err);
	if (r == 0)
		give(ret, new);
	return r;
}

static int update_status_once(struct registry *registry,
			      const struct object *object, struct object **ret,
			      struct err *err)
{
	_cleanup_(object_unref) struct object *old = NULL;
	_cleanup_(object_unref) struct object *new = NULL;
	cJSON *json;
	int r;

	r = read_for_update(registry, object, &old, err);
	if (r != 0)
		return r;
	json = admit_status(old, object);
	if (!json)
		return no_memory(err);
	r = object_new(&new, json, err);
	if (r < 0)
		return outcome_invalid(object, r, err);
	r = validate_update(old, new, registry->options.drivers,
			    registry->options.n_drivers, err);
	if (r < 0)
		return outcome_invalid(new, r, err);
	r = store_update(registry->options.store, new, old->resource_version,
			 ret, err);
	return outcome_of_store(object, r, err);
}

typedef int (*update_fn)(struct registry *registry, const struct object *object,
			 struct object **ret, struct err *err);

/* A client that names no resourceVersion does not mind who wrote in between. */
static int update(struct registry *registry, const struct object *object,
		  update_fn once, struct object **ret, struct err *err)
{
	int r = CLUSTER_CONFLICT;

	for (int i = 0; i < RETRIES && r == CLUSTER_CONFLICT; i++) {
		r = once(registry, object, ret, err);
		if (object->resource_version)
			break;
	}
	return r;
}

int registry_update(struct registry *registry, const struct object *object,
		    struct object **ret, struct err *err)
{
	return update(registry, object, update_once, ret, err);
}

int registry_update_status(struct registry *registry,
			   const struct object *object, struct object **ret,
			   struct err *err)
{
	return update(registry, object, update_status_once, ret, err);
}

static int check_uid(const struct object *object, const char *uid,
		     struct err *err)
{
	const char *kind = object_kind_info(object->kind)->name;

	if (!uid || strcmp(uid, object->uid) == 0)
		return 0;
	(void)err_set(
		err, -ESTALE,
		"Operation cannot be fulfilled on %s \"%s\": the UID in the precondition (%s) does not match the UID in record (%s). The object might have been deleted and then recreated",
		kind, object->name, uid, object->uid);
	return CLUSTER_CONFLICT;
}

static int mark_deleted(struct registry *registry, const struct object *object,
			struct object **ret, struct err *err)
{
	_cleanup_(object_unref) struct object *new = NULL;
	cJSON *json = admit_deletion(object);
	int r;

	if (!json)
		return no_memory(err);
	r = object_new(&new, json, err);
	if (r < 0)
		return r;
	r = store_update(registry->options.store, new, object->resource_version,
			 ret, err);
	return outcome_of_store(object, r, err);
}

/* CLUSTER_CONFLICT: it changed since it was read. */
static int delete_version(struct registry *registry, struct object *object,
			  struct object **ret, struct err *err)
{
	int r;

	if (is_terminating(object)) {
		give(ret, object);
		return 0;
	}
	if (has_finalizers(object))
		return mark_deleted(registry, object, ret, err);
	r = remove_version(registry, object, err);
	if (r == 0)
		give(ret, object);
	return r;
}

int registry_delete(struct registry *registry, enum object_kind kind,
		    const char *namespace, const char *name, const char *uid,
		    struct object **ret, struct err *err)
{
	int r = CLUSTER_CONFLICT;

	for (int i = 0; i < RETRIES && r == CLUSTER_CONFLICT; i++) {
		_cleanup_(object_unref) struct object *object = NULL;

		r = registry_get(registry, kind, namespace, name, &object, err);
		if (r != 0)
			return r;
		r = check_uid(object, uid, err);
		if (r != 0)
			return r;
		r = delete_version(registry, object, ret, err);
	}
	return r;
}

int registry_delete_version(struct registry *registry, struct object *object,
			    const char *uid, struct object **ret,
			    struct err *err)
{
	int r = check_uid(object, uid, err);

	return r == 0 ? delete_version(registry, object, ret, err) : r;
}

int registry_new(struct registry **ret, const struct registry_options *options,
		 struct err *err)
{
	struct registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return err_set(err, -ENOMEM, "make registry: out of memory");
	registry->options = *options;
	registry_cluster_init(&registry->cluster, registry, options->store);
	*ret = registry;
	return 0;
}

struct registry *registry_free(struct registry *registry)
{
	free(registry);
	return NULL;
}

struct cluster *registry_cluster(struct registry *registry)
{
	return &registry->cluster.cluster;
}
