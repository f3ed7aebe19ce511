/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The rules are client-go's (tools/leaderelection), so that a leader of ours and one of
 * anybody else respect each other:
 *
 * - another's Lease is over when lease_ms (his own, from the Lease) have passed by our
 *   clock since we last saw it change; the times in it are for people;
 * - every write is of the version that was read, so of two that take it one fails;
 * - ours is renewed each retry_ms; renew_ms after the last renewal that succeeded
 *   we are leader no more, counted from before it was asked for.
 *
 *	          seen over, written			renewed
 *	FOLLOW ------------------------> LEAD ----------------+
 *	   ^				| ^-------------------+
 *	   +----------------------------+
 *		renew_ms without, or another has it
 *
 * A request never takes longer than what is left until then, which is why `lost` is
 * told in time while a server hangs. CLOCK_BOOTTIME goes on while the machine is
 * suspended, as everybody else's does.
 */

#include "kube_lease.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "clock.h"
#include "json_field.h"
#include "kube_answer.h"
#include "kube_backoff.h"
#include "log.h"
#include "timestamp.h"

#define LEASE_MS   15000
#define RENEW_MS   10000
#define RETRY_MS   2000
#define ASK_MS	   5000 /* a request, while there is no hurry */
#define RELEASE_MS 2000

struct kube_lease {
	struct kube_http *http;
	struct kube_lease_options options;
	char *namespace;
	char *name;
	char *identity;
	char *path;
	char *list_path;
	pthread_t thread;
	bool has_thread;
	struct kube_cancel cancel;
	atomic_ullong leader_until_ns; /* lease_now_ns(); 0 = we are not */
	/* Of the thread: */
	cJSON *seen; /* the Lease as we saw it last; NULL = there was none */
	uint64_t seen_ns; /* when it was another one before */
	char *other;	  /* whom we told of last */
	bool has_warned;
};

DEFINE_CLEANUP(cJSON *, cJSON_Delete)

static uint64_t lease_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static const char *text_at(const cJSON *json, const char *path)
{
	const char *text = cJSON_GetStringValue(json_at(json, path));

	return text ? text : "";
}

static const char *holder(const struct kube_lease *lease)
{
	return text_at(lease->seen, "spec.holderIdentity");
}

static bool is_ours(const struct kube_lease *lease)
{
	return strcmp(holder(lease), lease->identity) == 0;
}

/* A number of the Lease, which anybody may have written. */
static uint32_t number_at(const cJSON *json, const char *path, uint32_t max)
{
	const cJSON *number = json_at(json, path);

	if (!cJSON_IsNumber(number) || !(number->valuedouble >= 0))
		return 0;
	return number->valuedouble > max ? max : (uint32_t)number->valuedouble;
}

/* Whether the one who has it may still be at work. */
static bool is_valid(const struct kube_lease *lease, uint64_t now_ns)
{
	uint64_t lease_s =
		number_at(lease->seen, "spec.leaseDurationSeconds", UINT32_MAX);

	return *holder(lease) && now_ns < lease->seen_ns + lease_s * NS_PER_S;
}

static void see(struct kube_lease *lease, cJSON *take_json)
{
	const char *version = text_at(lease->seen, "metadata.resourceVersion");
	const char *uid = text_at(lease->seen, "metadata.uid");

	if (!lease->seen || !take_json ||
	    strcmp(version, text_at(take_json, "metadata.resourceVersion")) !=
		    0 ||
	    strcmp(uid, text_at(take_json, "metadata.uid")) != 0)
		lease->seen_ns = lease_now_ns();
	cJSON_Delete(lease->seen);
	lease->seen = take_json;
}

static bool set_item(cJSON *spec, const char *name, cJSON *take_item)
{
	if (!take_item)
		return false;
	cJSON_DeleteItemFromObjectCaseSensitive(spec, name);
	if (cJSON_AddItemToObject(spec, name, take_item))
		return true;
	cJSON_Delete(take_item);
	return false;
}

static cJSON *new_lease(const struct kube_lease *lease)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *metadata = cJSON_AddObjectToObject(json, "metadata");

	if (cJSON_AddStringToObject(json, "apiVersion",
				    "coordination.k8s.io/v1") &&
	    cJSON_AddStringToObject(json, "kind", "Lease") &&
	    cJSON_AddStringToObject(metadata, "name", lease->name) &&
	    cJSON_AddStringToObject(metadata, "namespace", lease->namespace) &&
	    cJSON_AddObjectToObject(json, "spec"))
		return json;
	cJSON_Delete(json);
	return NULL;
}

/* Who has it from now on; holder "" = nobody, and for a second. */
static char *lease_text(const struct kube_lease *lease, const char *holder_now)
{
	_cleanup_(cJSON_Delete) cJSON *json =
		lease->seen ? cJSON_Duplicate(lease->seen, true)
			    : new_lease(lease);
	cJSON *spec = cJSON_GetObjectItemCaseSensitive(json, "spec");
	uint32_t n = number_at(json, "spec.leaseTransitions", INT32_MAX - 1);
	unsigned int lease_s = *holder_now ? lease->options.lease_ms / 1000 : 1;
	char now[TIMESTAMP_MAX];

	if (json && !cJSON_IsObject(spec)) {
		cJSON_DeleteItemFromObjectCaseSensitive(json, "spec");
		spec = cJSON_AddObjectToObject(json, "spec");
	}
	timestamp_micro_now(now);
	if (lease->seen && !is_ours(lease))
		n++;
	if ((!is_ours(lease) || !*holder_now) &&
	    !set_item(spec, "acquireTime", cJSON_CreateString(now)))
		return NULL;
	if (!set_item(spec, "renewTime", cJSON_CreateString(now)) ||
	    !set_item(spec, "holderIdentity", cJSON_CreateString(holder_now)) ||
	    !set_item(spec, "leaseDurationSeconds",
		      cJSON_CreateNumber(lease_s)) ||
	    !set_item(spec, "leaseTransitions", cJSON_CreateNumber(n)))
		return NULL;
	return cJSON_PrintUnformatted(json);
}

/* One request, which has to be over in time; an answer is a Lease. */
static int ask(struct kube_lease *lease, struct kube_call *call,
	       unsigned int timeout_ms, struct err *err)
{
	cJSON *json = NULL;
	int r;

	call->timeout_ms = timeout_ms;
	call->n_tries = 1;
	r = kube_call_json(lease->http, call, &json, err);
	if (r == 0)
		see(lease, json);
	return r;
}

static int read_lease(struct kube_lease *lease, unsigned int timeout_ms,
		      struct err *err)
{
	struct kube_call call = { .method = "GET",
				  .path = lease->path,
				  .cancel = &lease->cancel };
	int r = ask(lease, &call, timeout_ms, err);

	if (r != CLUSTER_NOT_FOUND)
		return r;
	see(lease, NULL);
	return 0;
}

static int write_lease(struct kube_lease *lease, const char *holder_now,
		       struct kube_cancel *cancel, unsigned int timeout_ms,
		       struct err *err)
{
	_cleanup_(free) char *body = lease_text(lease, holder_now);
	struct kube_call call = {
		.method = lease->seen ? "PUT" : "POST",
		.path = lease->seen ? lease->path : lease->list_path,
		.body = body,
		.cancel = cancel,
	};

	if (!body)
		return json_no_memory(err);
	return ask(lease, &call, timeout_ms, err);
}

static void tell_of_other(struct kube_lease *lease)
{
	const char *now = holder(lease);

	if (!*now || is_ours(lease) ||
	    (lease->other && strcmp(lease->other, now) == 0))
		return;
	free(lease->other);
	lease->other = strdup(now);
	if (lease->options.other)
		lease->options.other(lease->options.userdata, now);
}

/* For a request; 0 = there is no time for one. */
static unsigned int left_ms(uint64_t until_ns)
{
	uint64_t now_ns = lease_now_ns();
	uint64_t ms = until_ns > now_ns ? (until_ns - now_ns) / NS_PER_MS : 0;

	return ms > ASK_MS ? ASK_MS : (unsigned int)ms;
}

enum turn {
	TURN_OURS = 0,
	TURN_ANOTHERS = 1,
	TURN_TOO_LATE = 2, /* it was written by somebody since we read it */
};

static int turn_of(int r)
{
	if (r == CLUSTER_CONFLICT || r == CLUSTER_EXISTS)
		return TURN_TOO_LATE;
	return r > 0 ? -EPERM : r;
}

/* The one that we have, as we know it: one request. */
static int renew(struct kube_lease *lease, uint64_t until_ns, struct err *err)
{
	unsigned int ms = left_ms(until_ns);

	if (ms == 0)
		return err_set(err, -ETIMEDOUT, "no time left");
	return write_lease(lease, lease->identity, &lease->cancel, ms, err);
}

/*
 * An enum turn. That the answer to a write is lost does not matter: the next turn
 * reads what became of it.
 */
static int try_to_have(struct kube_lease *lease, uint64_t until_ns,
		       struct err *err)
{
	unsigned int ms;
	int r;

	if (is_ours(lease)) {
		r = renew(lease, until_ns, err);
		if (r <= 0)
			return r;
	}
	ms = left_ms(until_ns);
	if (ms == 0)
		return err_set(err, -ETIMEDOUT, "no time left");
	r = read_lease(lease, ms, err);
	if (r != 0)
		return turn_of(r);
	tell_of_other(lease);
	if (!is_ours(lease) && is_valid(lease, lease_now_ns()))
		return TURN_ANOTHERS;
	return turn_of(renew(lease, until_ns, err));
}

static void note_trouble(struct kube_lease *lease, int r, const struct err *err)
{
	if (r < 0 && !lease->has_warned)
		log_warn("lease not written", F_STR("lease", lease->name),
			 F_ERR(err));
	lease->has_warned = r < 0;
}

/* When it ends that was written by a request begun then. */
static uint64_t end_ns(const struct kube_lease *lease, uint64_t begun_ns)
{
	return begun_ns + lease->options.renew_ms * NS_PER_MS;
}

/* Until we have it: 0; -ECANCELED. */
static int follow(struct kube_lease *lease)
{
	unsigned int retry_ms = lease->options.retry_ms;
	int r;

	do {
		_cleanup_(err_fini) struct err err = ERR_INIT;
		uint64_t begun_ns = lease_now_ns();

		r = try_to_have(lease, end_ns(lease, begun_ns), &err);
		if (r == TURN_OURS)
			lease->leader_until_ns = end_ns(lease, begun_ns);
		if (r == TURN_OURS || r == -ECANCELED)
			return r;
		note_trouble(lease, r, &err);
		/* Not all at once when it becomes free. */
		r = kube_http_pause(lease->http, &lease->cancel,
				    retry_ms + kube_jitter(retry_ms) / 5);
	} while (r == 0);
	return r;
}

static int pause_between(struct kube_lease *lease, uint64_t until_ns)
{
	unsigned int ms = left_ms(until_ns);

	if (ms > lease->options.retry_ms)
		ms = lease->options.retry_ms;
	return kube_http_pause(lease->http, &lease->cancel, ms);
}

/* Until we have it no more: 0; -ECANCELED. */
static int lead(struct kube_lease *lease)
{
	int r = 0;

	while (r != TURN_ANOTHERS && kube_lease_is_held(lease)) {
		_cleanup_(err_fini) struct err err = ERR_INIT;
		uint64_t begun_ns;

		r = pause_between(lease, lease->leader_until_ns);
		if (r < 0)
			return r;
		begun_ns = lease_now_ns();
		r = try_to_have(lease, lease->leader_until_ns, &err);
		if (r == -ECANCELED)
			return r;
		if (r == TURN_OURS)
			lease->leader_until_ns = end_ns(lease, begun_ns);
		note_trouble(lease, r, &err);
	}
	return 0;
}

/* Best effort: who waits for it need not wait for its end. */
static void release(struct kube_lease *lease)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	if (is_ours(lease) &&
	    write_lease(lease, "", NULL, RELEASE_MS, &err) != 0)
		log_debug("lease not released", F_ERR(&err));
}

static void *run(void *userdata)
{
	struct kube_lease *lease = userdata;
	const struct kube_lease_options *options = &lease->options;

	(void)pthread_setname_np(pthread_self(), "kube-lease");
	while (follow(lease) == 0) {
		int r;

		log_info("leader", F_STR("lease", lease->name),
			 F_STR("identity", lease->identity));
		options->acquired(options->userdata);
		r = lead(lease);
		lease->leader_until_ns = 0;
		options->lost(options->userdata);
		log_info("not leader", F_STR("lease", lease->name));
		if (r == -ECANCELED) {
			release(lease);
			break;
		}
	}
	return NULL;
}

/* client-go's sidecars: hostname_uuid, so that a pod that restarts is another one. */
static char *make_identity(void)
{
	char host[65] = "";
	char uuid[37] = "";
	_cleanup_(fclose) FILE *file =
		fopen("/proc/sys/kernel/random/uuid", "re");
	char *identity = NULL;

	if (!file || !fgets(uuid, sizeof(uuid), file))
		return NULL;
	(void)gethostname(host, sizeof(host) - 1);
	if (asprintf(&identity, "%s_%s", host, uuid) < 0)
		return NULL;
	return identity;
}

static int make_paths(struct kube_lease *lease)
{
	_cleanup_(free) char *namespace = kube_http_escape(lease->namespace);
	_cleanup_(free) char *name = kube_http_escape(lease->name);

	if (!namespace || !name ||
	    asprintf(&lease->list_path,
		     "/apis/coordination.k8s.io/v1/namespaces/%s/leases",
		     namespace) < 0) {
		lease->list_path = NULL;
		return -ENOMEM;
	}
	if (asprintf(&lease->path, "%s/%s", lease->list_path, name) < 0) {
		lease->path = NULL;
		return -ENOMEM;
	}
	return 0;
}

static unsigned int or_usual(unsigned int ms, unsigned int usual_ms)
{
	return ms ? ms : usual_ms;
}

static int set_up(struct kube_lease *lease, struct kube_api *api,
		  const struct kube_lease_options *options, struct err *err)
{
	lease->http = kube_api_http(api);
	lease->options = *options;
	lease->options.lease_ms = or_usual(options->lease_ms, LEASE_MS);
	lease->options.renew_ms = or_usual(options->renew_ms, RENEW_MS);
	lease->options.retry_ms = or_usual(options->retry_ms, RETRY_MS);
	if (lease->options.renew_ms >= lease->options.lease_ms ||
	    lease->options.retry_ms >= lease->options.renew_ms)
		return err_set(
			err, -EINVAL,
			"a lease must be longer than its renewal, and that than a retry");
	lease->namespace = strdup(options->namespace);
	lease->name = strdup(options->name);
	lease->identity =
		options->identity ? strdup(options->identity) : make_identity();
	if (!lease->namespace || !lease->name || !lease->identity ||
	    make_paths(lease) < 0)
		return json_no_memory(err);
	return 0;
}

int kube_lease_start(struct kube_lease **ret, struct kube_api *api,
		     const struct kube_lease_options *options, struct err *err)
{
	_cleanup_(kube_lease_free) struct kube_lease *lease =
		calloc(1, sizeof(*lease));
	int r;

	if (!lease)
		return json_no_memory(err);
	r = set_up(lease, api, options, err);
	if (r < 0)
		return r;
	r = -pthread_create(&lease->thread, NULL, run, lease);
	if (r < 0)
		return err_set_errno(err, r, "start a thread");
	lease->has_thread = true;
	*ret = TAKE_PTR(lease);
	return 0;
}

struct kube_lease *kube_lease_free(struct kube_lease *lease)
{
	if (!lease)
		return NULL;
	if (lease->has_thread) {
		kube_http_cancel(lease->http, &lease->cancel);
		(void)pthread_join(lease->thread, NULL);
	}
	cJSON_Delete(lease->seen);
	free(lease->namespace);
	free(lease->name);
	free(lease->identity);
	free(lease->path);
	free(lease->list_path);
	free(lease->other);
	free(lease);
	return NULL;
}

bool kube_lease_is_held(struct kube_lease *lease)
{
	return lease_now_ns() < lease->leader_until_ns;
}
