/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An event's name is made from what makes it the same event: the object, its uid,
 * reason, type, message and component. So a repeat is found by name, without a
 * search and without memory of our own: the stored event gets a higher count and
 * a new lastTimestamp.
 *
 * Limit: as in Kubernetes, an event lives for an hour after its last repeat; and
 * there are at most EVENTS_MAX, the longest silent ones go first. Both hold after
 * registry_event_prune().
 *
 * Events of cluster-scoped objects are in namespace "default", as Kubernetes has
 * them.
 */

#include "registry_event.h"

#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "log.h"
#include "timestamp.h"

#define EVENT_LIFE_S	((int64_t)3600)
#define EVENTS_MAX	2000u
#define RETRIES		8
#define OBJECT_NAME_MAX 230 /* leaves room for "." and 16 digits in 253 */

static const char *type_name(enum cluster_event_type type)
{
	return type == CLUSTER_EVENT_WARNING ? "Warning" : "Normal";
}

/* FNV-1a, 64 bits: it only has to tell the events of one object apart. */
static uint64_t hash_add(uint64_t hash, const char *text)
{
	for (const char *p = text;; p++) {
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3ull;
		if (!*p)
			return hash;
	}
}

static uint64_t event_hash(const struct cluster_event *event)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	hash = hash_add(hash, object_kind_info(event->about->kind)->name);
	hash = hash_add(hash, event->about->uid);
	hash = hash_add(hash, type_name(event->type));
	hash = hash_add(hash, event->reason);
	hash = hash_add(hash, event->message);
	return hash_add(hash, event->component);
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

static int64_t last_seen(const struct object *event)
{
	const char *text;
	int64_t when;

	if (json_string(event->json, "lastTimestamp", "", &text, NULL) < 0 ||
	    timestamp_parse(text, &when) < 0)
		return 0;
	return when;
}

struct aged {
	const struct object *event;
	int64_t seen_s;
};

static int by_age(const void *a, const void *b)
{
	const struct aged *x = a, *y = b;

	return (x->seen_s > y->seen_s) - (x->seen_s < y->seen_s);
}

static int prune(struct store *store, struct err *err)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	_cleanup_(free) struct aged *aged = NULL;
	int64_t limit = (int64_t)time(NULL) - EVENT_LIFE_S;
	int r;

	r = store_list(store, KIND_EVENT, NULL, &list, err);
	if (r < 0)
		return r;
	aged = calloc(list.n + 1, sizeof(*aged));
	if (!aged)
		return err_set(err, -ENOMEM, "prune events: out of memory");
	for (size_t i = 0; i < list.n; i++)
		aged[i] = (struct aged){ list.items[i],
					 last_seen(list.items[i]) };
	qsort(aged, list.n, sizeof(*aged), by_age);
	for (size_t i = 0; i < list.n; i++) {
		const struct object *event = aged[i].event;

		if (aged[i].seen_s >= limit && list.n - i <= EVENTS_MAX)
			break;
		r = store_remove(store, KIND_EVENT, event->namespace,
				 event->name, event->uid, err);
		if (r < 0)
			return r;
	}
	return 0;
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

void registry_event_prune(struct store *store)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	if (prune(store, &err) < 0)
		log_warn("old events not removed", F_ERR(&err));
}
