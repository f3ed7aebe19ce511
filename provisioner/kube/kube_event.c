/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A queue and a thread that writes. The reconciler tells what it likes, as often as
 * it likes; kube_event_series decides what becomes of it, and only this thread
 * waits for the server. An Event that can't be written is dropped and counted: it
 * is a courtesy, and the next attempt of whatever failed will bring it again.
 *
 * The name of an Event is the object's and the time, as client-go has it, so that
 * those of one object stand together in a list. It has to be in the object's
 * namespace, and in "default" for objects that have none.
 */

#include "kube_event.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "clock.h"
#include "cond.h"
#include "fnv1a.h"
#include "json_field.h"
#include "kube_event_series.h"
#include "log.h"
#include "timestamp.h"

#define WAITING_MAX	512
#define NOTE_MAX	1024 /* bytes: the API server refuses more */
#define WORD_MAX	128  /* the same for reason, action and instance */
#define OBJECT_NAME_MAX 230  /* leaves room for "." and 16 digits in 253 */
#define END_MS		1000
#define COMBINED	"(combined from similar events): "
#define MERGE_PATCH	"application/merge-patch+json"

struct told {
	STAILQ_ENTRY(told) entry;
	struct object *about;
	enum cluster_event_type type;
	char *reason;
	char *note;
	char *component;
};

struct kube_events {
	struct kube_http *http;
	char *instance;
	pthread_t thread;
	bool has_thread;
	struct kube_cancel cancel;
	struct kube_series_table series; /* of the thread */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock: */
	STAILQ_HEAD(, told) waiting;
	size_t n_waiting;
	bool is_busy;
	bool is_ending;
	bool has_warned;
	struct kube_events_state state;
};

DEFINE_CLEANUP(cJSON *, cJSON_Delete)

static struct told *told_free(struct told *told)
{
	if (!told)
		return NULL;
	object_unref(told->about);
	free(told->reason);
	free(told->note);
	free(told->component);
	free(told);
	return NULL;
}

DEFINE_CLEANUP(struct told *, told_free)

/* Cut between characters. */
static char *cut(const char *text, size_t max)
{
	size_t len = strnlen(text, max + 1);

	if (len > max)
		for (len = max; len > 0 && (text[len] & 0xc0) == 0x80;)
			len--;
	return strndup(text, len);
}

static struct told *told_new(const struct cluster_event *event)
{
	_cleanup_(told_free) struct told *told = calloc(1, sizeof(*told));

	if (!told)
		return NULL;
	told->about = object_ref((struct object *)event->about);
	told->type = event->type;
	told->reason = cut(event->reason, WORD_MAX);
	told->note = cut(event->message, NOTE_MAX);
	told->component = strdup(event->component);
	if (!told->reason || !told->note || !told->component)
		return NULL;
	return TAKE_PTR(told);
}

static struct kube_series_sight sight_of(const struct told *told)
{
	const struct object *about = told->about;
	struct kube_series_sight sight;
	uint64_t hash = FNV1A_START;

	hash = fnv1a_text(hash, object_kind_info(about->kind)->name);
	hash = fnv1a_text(hash, about->namespace);
	hash = fnv1a_text(hash, about->name);
	hash = fnv1a_text(hash, about->uid);
	sight.object = hash;
	hash = fnv1a_text(hash,
			  told->type == CLUSTER_EVENT_WARNING ? "w" : "n");
	hash = fnv1a_text(hash, told->reason);
	hash = fnv1a_text(hash, told->component);
	sight.group = hash;
	sight.key = fnv1a_text(hash, told->note);
	return sight;
}

static void count_dropped(struct kube_events *events, const char *why)
{
	bool is_first;

	(void)pthread_mutex_lock(&events->lock);
	events->state.n_dropped++;
	is_first = !events->has_warned;
	events->has_warned = true;
	(void)pthread_mutex_unlock(&events->lock);
	if (is_first)
		log_warn("events are dropped", F_STR("error", why));
}

struct field {
	const char *name;
	const char *value;
};

static bool add_fields(cJSON *json, const struct field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (*fields[i].value &&
		    !cJSON_AddStringToObject(json, fields[i].name,
					     fields[i].value))
			return false;
	return json != NULL;
}

static bool add_regarding(cJSON *json, const struct object *about)
{
	const struct object_kind_info *info = object_kind_info(about->kind);
	char version[32] = "";
	const struct field fields[] = {
		{ "kind", info->name },
		{ "apiVersion", info->api_version },
		{ "namespace", about->namespace },
		{ "name", about->name },
		{ "uid", about->uid },
		{ "resourceVersion", version },
	};

	if (about->resource_version)
		(void)snprintf(version, sizeof(version), "%llu",
			       (unsigned long long)about->resource_version);
	return add_fields(cJSON_AddObjectToObject(json, "regarding"), fields,
			  ARRAY_SIZE(fields));
}

static char *event_text(const struct kube_events *events,
			const struct told *told, const char *note,
			const struct kube_series *series)
{
	_cleanup_(cJSON_Delete) cJSON *json = cJSON_CreateObject();
	char now[TIMESTAMP_MAX];
	const struct field names[] = {
		{ "name", series->name },
		{ "namespace", series->namespace },
	};
	const struct field fields[] = {
		{ "apiVersion", "events.k8s.io/v1" },
		{ "kind", "Event" },
		{ "eventTime", now },
		{ "reportingController", told->component },
		{ "reportingInstance", events->instance },
		/* What was done is named by the reason, here as everywhere. */
		{ "action", told->reason },
		{ "reason", told->reason },
		{ "note", note },
		{ "type",
		  told->type == CLUSTER_EVENT_WARNING ? "Warning" : "Normal" },
	};

	timestamp_micro_now(now);
	if (!add_fields(json, fields, ARRAY_SIZE(fields)) ||
	    !add_fields(cJSON_AddObjectToObject(json, "metadata"), names,
			ARRAY_SIZE(names)) ||
	    !add_regarding(json, told->about))
		return NULL;
	return cJSON_PrintUnformatted(json);
}

static char *event_path(const struct kube_series *series, bool has_name)
{
	_cleanup_(free) char *namespace = kube_http_escape(series->namespace);
	_cleanup_(free) char *name = kube_http_escape(series->name);
	char *path = NULL;

	if (!namespace || !name ||
	    asprintf(&path, "/apis/events.k8s.io/v1/namespaces/%s/events%s%s",
		     namespace, has_name ? "/" : "", has_name ? name : "") < 0)
		return NULL;
	return path;
}

static int send_call(struct kube_events *events, struct kube_call *call,
		     const struct kube_series *series, struct err *err)
{
	bool has_name = strcmp(call->method, "POST") != 0;
	_cleanup_(free) char *path = event_path(series, has_name);

	if (!path || !call->body)
		return json_no_memory(err);
	call->path = path;
	call->cancel = &events->cancel;
	return kube_call(events->http, call, NULL, NULL, NULL, err);
}

static bool name_event(struct kube_series *series, const struct object *about)
{
	struct timespec now;
	uint64_t ns;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
	series->namespace =
		strdup(*about->namespace ? about->namespace : "default");
	if (asprintf(&series->name, "%.*s.%llx", OBJECT_NAME_MAX, about->name,
		     (unsigned long long)ns) < 0)
		series->name = NULL;
	return series->namespace && series->name;
}

static void count_sent(struct kube_events *events, int r, const struct err *err)
{
	if (r != 0) {
		count_dropped(events, err_text(err));
		return;
	}
	(void)pthread_mutex_lock(&events->lock);
	events->state.n_sent++;
	(void)pthread_mutex_unlock(&events->lock);
}

static void create(struct kube_events *events, const struct told *told,
		   struct kube_series *series, const char *before)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	_cleanup_(free) char *whole = NULL;
	_cleanup_(free) char *note = NULL;
	_cleanup_(free) char *body = NULL;
	struct kube_call call = { .method = "POST" };
	int r = -ENOMEM;

	if (asprintf(&whole, "%s%s", before, told->note) < 0)
		whole = NULL;
	note = whole ? cut(whole, NOTE_MAX) : NULL;
	if (note && name_event(series, told->about)) {
		body = event_text(events, told, note, series);
		call.body = body;
		r = send_call(events, &call, series, &err);
	}
	count_sent(events, r, &err);
	if (r != 0)
		kube_series_forget(&events->series, series);
	else
		kube_series_written(series, clock_ns());
}

/* The Event may be gone by now; the next repeat makes another one. */
static void write_count(struct kube_events *events, struct kube_series *series)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	_cleanup_(free) char *body = NULL;
	struct kube_call call = { .method = "PATCH",
				  .content_type = MERGE_PATCH };
	char now[TIMESTAMP_MAX];
	int r = -ENOMEM;

	timestamp_micro_now(now);
	if (asprintf(
		    &body,
		    "{\"series\":{\"count\":%llu,\"lastObservedTime\":\"%s\"}}",
		    (unsigned long long)series->count, now) < 0)
		body = NULL;
	call.body = body;
	r = send_call(events, &call, series, &err);
	if (r == CLUSTER_NOT_FOUND) {
		kube_series_forget(&events->series, series);
		return;
	}
	count_sent(events, r, &err);
	kube_series_written(series, clock_ns());
}

static void treat(struct kube_events *events, const struct told *told)
{
	struct kube_series_sight sight = sight_of(told);
	struct kube_series *series;

	switch (kube_series_see(&events->series, &sight, clock_ns(), &series)) {
	case KUBE_SERIES_DROP:
		count_dropped(events, "too many about one object");
		break;
	case KUBE_SERIES_CREATE:
		create(events, told, series, "");
		break;
	case KUBE_SERIES_CREATE_COMBINED:
		create(events, told, series, COMBINED);
		break;
	case KUBE_SERIES_WRITE:
		write_count(events, series);
		break;
	case KUBE_SERIES_LATER:
		break;
	}
}

/* Until something is told or a count is due; NULL = that, or the end. */
static struct told *next(struct kube_events *events, uint64_t due_ns,
			 bool *ret_is_over)
{
	struct told *told;
	int r = 0;

	(void)pthread_mutex_lock(&events->lock);
	events->is_busy = false;
	(void)pthread_cond_broadcast(&events->changed);
	while (STAILQ_EMPTY(&events->waiting) && !events->is_ending && r == 0)
		r = cond_wait_until(&events->changed, &events->lock, due_ns);
	told = STAILQ_FIRST(&events->waiting);
	if (told) {
		STAILQ_REMOVE_HEAD(&events->waiting, entry);
		events->n_waiting--;
	}
	*ret_is_over = events->is_ending && !told;
	events->is_busy = !*ret_is_over;
	(void)pthread_mutex_unlock(&events->lock);
	return told;
}

static void *run(void *userdata)
{
	struct kube_events *events = userdata;
	bool is_over = false;

	(void)pthread_setname_np(pthread_self(), "kube-event");
	while (!is_over) {
		uint64_t due_ns;
		struct kube_series *due =
			kube_series_due(&events->series, &due_ns);
		_cleanup_(told_free) struct told *told =
			next(events, due_ns, &is_over);

		if (told)
			treat(events, told);
		else if (due && !is_over)
			write_count(events, due);
	}
	return NULL;
}

int kube_events_new(struct kube_events **ret, struct kube_api *api,
		    const char *instance, struct err *err)
{
	_cleanup_(kube_events_free) struct kube_events *events =
		calloc(1, sizeof(*events));
	int r;

	if (!events)
		return json_no_memory(err);
	events->http = kube_api_http(api);
	kube_series_init(&events->series);
	STAILQ_INIT(&events->waiting);
	(void)pthread_mutex_init(&events->lock, NULL);
	cond_init_monotonic(&events->changed);
	events->instance = cut(instance, WORD_MAX);
	if (!events->instance)
		return json_no_memory(err);
	r = -pthread_create(&events->thread, NULL, run, events);
	if (r < 0)
		return err_set_errno(err, r, "start a thread");
	events->has_thread = true;
	*ret = TAKE_PTR(events);
	return 0;
}

static void end_thread(struct kube_events *events)
{
	uint64_t until_ns = clock_ns() + END_MS * NS_PER_MS;
	int r = 0;

	(void)pthread_mutex_lock(&events->lock);
	events->is_ending = true;
	(void)pthread_cond_broadcast(&events->changed);
	while (r == 0 && (events->is_busy || events->n_waiting > 0))
		r = cond_wait_until(&events->changed, &events->lock, until_ns);
	(void)pthread_mutex_unlock(&events->lock);
	kube_http_cancel(events->http, &events->cancel);
	(void)pthread_join(events->thread, NULL);
}

struct kube_events *kube_events_free(struct kube_events *events)
{
	struct told *told;

	if (!events)
		return NULL;
	if (events->has_thread)
		end_thread(events);
	while ((told = STAILQ_FIRST(&events->waiting))) {
		STAILQ_REMOVE_HEAD(&events->waiting, entry);
		told_free(told);
	}
	kube_series_fini(&events->series);
	free(events->instance);
	(void)pthread_cond_destroy(&events->changed);
	(void)pthread_mutex_destroy(&events->lock);
	free(events);
	return NULL;
}

void kube_events_add(struct kube_events *events,
		     const struct cluster_event *event)
{
	struct told *told = told_new(event);
	bool is_taken = false;

	if (!told) {
		count_dropped(events, "out of memory");
		return;
	}
	(void)pthread_mutex_lock(&events->lock);
	if (events->n_waiting < WAITING_MAX && !events->is_ending) {
		STAILQ_INSERT_TAIL(&events->waiting, told, entry);
		events->n_waiting++;
		is_taken = true;
		(void)pthread_cond_broadcast(&events->changed);
	}
	(void)pthread_mutex_unlock(&events->lock);
	if (is_taken)
		return;
	told_free(told);
	count_dropped(events, "too many wait for the API server");
}

void kube_events_get_state(struct kube_events *events,
			   struct kube_events_state *ret)
{
	(void)pthread_mutex_lock(&events->lock);
	*ret = events->state;
	(void)pthread_mutex_unlock(&events->lock);
}
