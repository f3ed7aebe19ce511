/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Clients, and people, know these sentences: kubectl prints them and scripts grep
 * for them. They are those of k8s.io/apimachinery's errors package.
 */

#include "registry_outcome.h"

#include <string.h>

#include "store.h"

/* "storageclasses.storage.k8s.io": how sentences name a kind's objects. */
static void resource_name(enum object_kind kind, const char *word, char *ret,
			  size_t size)
{
	const char *version = object_kind_info(kind)->api_version;
	const char *slash = strchr(version, '/');

	if (slash)
		(void)snprintf(ret, size, "%s.%.*s", word,
			       (int)(slash - version), version);
	else
		(void)snprintf(ret, size, "%s", word);
}

int outcome_not_found(enum object_kind kind, const char *name, struct err *err)
{
	char resource[64];

	resource_name(kind, object_kind_info(kind)->plural, resource,
		      sizeof(resource));
	(void)err_set(err, -ENOENT, "%s \"%s\" not found", resource, name);
	return CLUSTER_NOT_FOUND;
}

static int outcome_exists(const struct object *object, struct err *err)
{
	char resource[64];

	resource_name(object->kind, object_kind_info(object->kind)->plural,
		      resource, sizeof(resource));
	(void)err_set(err, -EEXIST, "%s \"%s\" already exists", resource,
		      object->name);
	return CLUSTER_EXISTS;
}

int outcome_conflict(const struct object *object, const char *why,
		     struct err *err)
{
	char resource[64];

	resource_name(object->kind, object_kind_info(object->kind)->plural,
		      resource, sizeof(resource));
	(void)err_set(err, -ESTALE,
		      "Operation cannot be fulfilled on %s \"%s\": %s",
		      resource, object->name, why);
	return CLUSTER_CONFLICT;
}

int outcome_modified(const struct object *object, struct err *err)
{
	return outcome_conflict(
		object,
		"the object has been modified; please apply your changes to the latest version and try again",
		err);
}

int outcome_forbidden(const struct object *object, const char *why,
		      struct err *err)
{
	char resource[64];

	resource_name(object->kind, object_kind_info(object->kind)->plural,
		      resource, sizeof(resource));
	(void)err_set(err, -EPERM, "%s \"%s\" is forbidden: %s", resource,
		      object->name, why);
	return CLUSTER_FORBIDDEN;
}

/* Takes over the sentence of a validation that failed; others are forwarded. */
int outcome_invalid(const struct object *object, int r, struct err *err)
{
	char kind[64];

	if (r != -EINVAL && r != -ERANGE)
		return r;
	resource_name(object->kind, object_kind_info(object->kind)->name, kind,
		      sizeof(kind));
	if (err) {
		_cleanup_(free) char *why = strdup(err_text(err));

		(void)err_set(err, -EINVAL, "%s \"%s\" is invalid: %s", kind,
			      object->name, why ? why : "");
	}
	return CLUSTER_INVALID;
}

/* An outcome of the store, as an outcome of ours. */
int outcome_of_store(const struct object *object, int r, struct err *err)
{
	switch (r) {
	case STORE_NOT_FOUND:
		return outcome_not_found(object->kind, object->name, err);
	case STORE_EXISTS:
		return outcome_exists(object, err);
	case STORE_CONFLICT:
		return outcome_modified(object, err);
	default:
		return r;
	}
}
