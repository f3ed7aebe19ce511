/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An event's name is made from what makes it the same event: the object, its uid,
 * reason, type, message and component. So a repeat is found by name, without a
 * search and without memory of our own: the stored event gets a higher count and
 * a new lastTimestamp.
 *
 * The store forgets events that were silent for an hour, and the longest silent ones
 * where there are too many.
 *
 * Events of cluster-scoped objects are in namespace "default", as Kubernetes has
 * them.
 */

#include "registry_event.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "fnv1a.h"
#include "json_field.h"
#include "log.h"
#include "timestamp.h"

#define RETRIES		8
#define OBJECT_NAME_MAX 230 /* leaves room for "." and 16 digits in 253 */

static const char *type_name(enum cluster_event_type type)
{
	return type == CLUSTER_EVENT_WARNING ? "Warning" : "Normal";
}

/* It only has to tell the events of one object apart. */
static uint64_t event_hash(const struct cluster_event *event)
{
	uint64_t hash = FNV1A_START;

	hash = fnv1a_text(hash, object_kind_info(event->about->kind)->name);
	hash = fnv1a_text(hash, event->about->uid);
	hash = fnv1a_text(hash, type_name(event->type));
	hash = fnv1a_text(hash, event->reason);
	hash = fnv1a_text(hash, event->message);
	return fnv1a_text(hash, event->component);
}

static const char *event_namespace(const struct cluster_event *event)
{
	return *event->about->namespace ? event->about->namespace : "default";
}

struct event_field {
	const char *name;
	const char *value;
};

static cJSON *add_object(cJSON *parent, const char *name,
			 const struct event_field *fields, size_t n)
{
	cJSON *object = cJSON_AddObjectToObject(parent, name);

	for (size_t i = 0; object && i < n; i++) {
		if (!*fields[i].value)
			continue;
		if (!cJSON_AddStringToObject(object, fields[i].name,
					     fields[i].value))
			return NULL;
	}
	return object;
}

static bool add_about(cJSON *json, const struct object *about)
{
	const struct object_kind_info *kind = object_kind_info(about->kind);
	char version[24];
	const struct event_field fields[] = {
		{ "kind", kind->name },
		{ "namespace", about->namespace },
		{ "name", about->name },
		{ "uid", about->uid },
		{ "apiVersion", kind->api_version },
		{ "resourceVersion", version },
	};

	(void)snprintf(version, sizeof(version), "%llu",
		       (unsigned long long)about->resource_version);
	return add_object(json, "involvedObject", fields, ARRAY_SIZE(fields));
}

/* The uid of an event is nobody's business: its name is as good, and unique. */
static bool add_metadata(cJSON *json, const struct cluster_event *event,
			 const char *name, const char *now)
{
	const struct event_field fields[] = {
		{ "name", name },
		{ "namespace", event_namespace(event) },
		{ "uid", name },
		{ "creationTimestamp", now },
	};

	return add_object(json, "metadata", fields, ARRAY_SIZE(fields));
}

static bool add_strings(cJSON *json, const struct event_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!cJSON_AddStringToObject(json, fields[i].name,
					     fields[i].value))
			return false;
	}
	return true;
}

static bool fill(cJSON *json, const struct cluster_event *event,
		 const char *name)
{
	char now[TIMESTAMP_MAX];
	const struct event_field head[] = {
		{ "kind", "Event" },
		{ "apiVersion", "v1" },
	};
	const struct event_field tail[] = {
		{ "reason", event->reason },
		{ "message", event->message },
		{ "firstTimestamp", now },
		{ "lastTimestamp", now },
		{ "type", type_name(event->type) },
		{ "reportingComponent", event->component },
		{ "reportingInstance", "" },
	};
	const struct event_field source[] = {
		{ "component", event->component },
	};

	timestamp_now(now);
	return add_strings(json, head, ARRAY_SIZE(head)) &&
	       add_metadata(json, event, name, now) &&
	       add_about(json, event->about) &&
	       add_strings(json, tail, ARRAY_SIZE(tail)) &&
	       add_object(json, "source", source, ARRAY_SIZE(source)) &&
	       cJSON_AddNumberToObject(json, "count", 1);
}

static int event_make(const struct cluster_event *event, const char *name,
		      struct object **ret, struct err *err)
{
	cJSON *json = cJSON_CreateObject();

	if (!json || !fill(json, event, name)) {
		cJSON_Delete(json);
		return err_set(err, -ENOMEM, "make an event: out of memory");
	}
	return object_new(ret, json, err);
}

static int event_repeat(const struct object *old, struct object **ret,
			struct err *err)
{
	cJSON *json = object_edit(old);
	cJSON *count = cJSON_GetObjectItemCaseSensitive(json, "count");
	char now[TIMESTAMP_MAX];
	cJSON *last;

	timestamp_now(now);
	last = cJSON_CreateString(now);
	if (!json || !count || !last ||
	    !cJSON_ReplaceItemInObjectCaseSensitive(json, "lastTimestamp",
						    last)) {
		cJSON_Delete(json);
		return err_set(err, -ENOMEM, "repeat an event: out of memory");
	}
	cJSON_SetNumberValue(count, count->valuedouble + 1);
	return object_new(ret, json, err);
}

/* 0, -errno, or an outcome that says somebody else was faster: again. */
static int record_once(struct store *store, const struct cluster_event *event,
		       const char *name, struct err *err)
{
	_cleanup_(object_unref) struct object *old = NULL;
	_cleanup_(object_unref) struct object *new = NULL;
	int r;

	r = store_get(store, KIND_EVENT, event_namespace(event), name, &old,
		      err);
	if (r < 0)
		return r;
	if (r == STORE_NOT_FOUND) {
		r = event_make(event, name, &new, err);
		return r < 0 ? r : store_create(store, new, NULL, err);
	}
	r = event_repeat(old, &new, err);
	return r < 0 ? r
		     : store_update(store, new, old->resource_version, NULL,
				    err);
}

void registry_event_record(struct store *store,
			   const struct cluster_event *event)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	uint64_t hash = event_hash(event);
	char name[OBJECT_NAME_MAX + 24];
	int r = 1;

	(void)snprintf(name, sizeof(name), "%.*s.%016llx", OBJECT_NAME_MAX,
		       event->about->name, (unsigned long long)hash);
	for (int i = 0; i < RETRIES && r > 0; i++)
		r = record_once(store, event, name, &err);
	if (r < 0)
		log_warn("event not recorded", F_STR("reason", event->reason),
			 F_STR("object", event->about->name), F_ERR(&err));
}
