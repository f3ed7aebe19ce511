/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An API object: kind, identity and its JSON, immutable once made and therefore
 * free to share between threads. A change makes a new object from a copy of the
 * JSON (object_edit(), object_new()).
 *
 * Unknown fields are kept: what a user applied is what he gets back.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

struct cJSON;

enum object_kind {
	KIND_STORAGE_CLASS,
	KIND_PERSISTENT_VOLUME,
	KIND_CLAIM,
	KIND_POD,
	KIND_EVENT,
	KIND_STANDALONE_N, /* those before it are what our own API serves */
	KIND_VOLUME_ATTACHMENT = KIND_STANDALONE_N,
	KIND_ATTRIBUTES_CLASS,
	KIND_RECORD_N, /* those before it have a table in the record */
	KIND_NODE = KIND_RECORD_N,
	KIND_CSI_NODE,
	KIND_STORAGE_CAPACITY,
	KIND_VOLUME_SNAPSHOT,
	KIND_SNAPSHOT_CONTENT,
	KIND_N,
};

struct object_kind_info {
	const char *name;	 /* "PersistentVolumeClaim" */
	const char *api_version; /* "v1", "storage.k8s.io/v1" */
	const char *plural;	 /* "persistentvolumeclaims" */
	const char *singular;
	const char *short_name; /* "pvc" */
	bool is_namespaced;
};

const struct object_kind_info *object_kind_info(enum object_kind kind);
/* By Kind and apiVersion; -ENOENT. */
int object_kind_from_api(const char *api_version, const char *name,
			 enum object_kind *ret);
/* One of our own API by what people type: plural, singular, short name or Kind, any case; -ENOENT. */
int object_kind_from_word(const char *word, enum object_kind *ret);

struct object {
	enum object_kind kind;
	const char *namespace; /* "" for cluster-scoped kinds */
	const char *name;
	const char *uid;	   /* "" until stored */
	uint64_t resource_version; /* 0 until stored */
	const struct cJSON *json;
	const char *text;   /* the JSON, compact */
	atomic_uint n_refs; /* object_ref() and object_unref() only */
};

/*
 * Takes the JSON (on failure, too). Checks apiVersion, kind, metadata.name,
 * metadata.namespace and metadata.resourceVersion, and nothing else: validate.h has
 * the rest. A namespaced kind without a namespace gets "default", a cluster-scoped
 * one loses the namespace that it has; both are written back. An object with
 * metadata.generateName may have no name yet ("").
 */
int object_new(struct object **ret, struct cJSON *take_json, struct err *err);
int object_parse(struct object **ret, const char *text, size_t len,
		 struct err *err);

/* Of the text of an object, which is kept as it is instead of being made again. */
int object_parse_text(struct object **ret, const char *text, size_t len,
		      struct err *err);

/* A private copy of the JSON to change and give to object_new(). NULL = no memory. */
struct cJSON *object_edit(const struct object *object);

struct object *object_ref(struct object *object);
struct object *object_unref(struct object *object);

struct object_list {
	struct object **items; /* one reference each */
	size_t n;
	uint64_t resource_version; /* of the whole state when it was read */
};

#define OBJECT_LIST_INIT ((struct object_list){ 0 })
void object_list_fini(struct object_list *list);

DEFINE_CLEANUP(struct object *, object_unref)
DEFINE_FINI(struct object_list, object_list_fini)
