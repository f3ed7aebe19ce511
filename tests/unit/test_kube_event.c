/* SPDX-License-Identifier: Apache-2.0 */

#include "kube_event.h"
#include "kube_replay.h"

#define EVENTS "/apis/events.k8s.io/v1/namespaces/default/events"

static struct replay replay;
static struct kube_api *api;
static struct kube_events *events;

static void start(const struct replay_step *steps, size_t n)
{
	struct kube_config config;

	replay_start(&replay, steps, n);
	config = replay_config(&replay);
	cr_assert_eq(kube_api_new(&api, &config, NULL), 0);
	cr_assert_eq(kube_events_new(&events, api, "controller-0", NULL), 0);
}

static void stop(void)
{
	kube_events_free(events);
	kube_api_free(api);
	replay_stop(&replay);
}

static struct object *object(const char *text)
{
	struct object *made = NULL;

	cr_assert_eq(object_parse(&made, text, strlen(text), NULL), 0);
	return made;
}

static struct object *claim(void)
{
	return object(
		"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\",\"metadata\":{\"name\":\"data\",\"namespace\":\"default\",\"uid\":\"u-1\",\"resourceVersion\":\"7\"}}");
}

static void tell(const struct object *about, const char *message)
{
	const struct cluster_event event = {
		.about = about,
		.type = CLUSTER_EVENT_WARNING,
		.reason = "ProvisioningFailed",
		.message = message,
		.component = "nfs.claimfs.io",
	};

	kube_events_add(events, &event);
}

static bool has(size_t request, const char *text)
{
	replay_wait_requests(&replay, request + 1);
	return strstr(replay.requests[request], text) != NULL;
}

Test(kube_event, repeats_become_a_series)
{
	static const struct replay_step steps[] = {
		{ "POST " EVENTS " ", "049-event-v1-create" },
		{ "PATCH " EVENTS "/data.", "049-event-v1-create" },
	};
	_cleanup_(object_unref) struct object *about = claim();

	start(steps, ARRAY_SIZE(steps));
	tell(about, "no space");
	tell(about, "no space");
	tell(about, "no space");
	cr_assert(has(
		0,
		"\"reportingController\":\"nfs.claimfs.io\",\"reportingInstance\":\"controller-0\",\"action\":\"ProvisioningFailed\",\"reason\":\"ProvisioningFailed\",\"note\":\"no space\",\"type\":\"Warning\""));
	cr_assert(has(
		0,
		"\"regarding\":{\"kind\":\"PersistentVolumeClaim\",\"apiVersion\":\"v1\",\"namespace\":\"default\",\"name\":\"data\",\"uid\":\"u-1\",\"resourceVersion\":\"7\"}"));
	cr_assert(has(1, "{\"series\":{\"count\":2,\"lastObservedTime\":\"2"));
	cr_assert(has(1, "application/merge-patch+json"));
	stop();
	cr_assert_eq(replay_n_unused(&replay), 0);
}

Test(kube_event, a_cluster_wide_object_has_its_events_in_default)
{
	static const struct replay_step steps[] = {
		{ "POST " EVENTS " ", "049-event-v1-create" },
	};
	_cleanup_(object_unref) struct object *about = object(
		"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolume\",\"metadata\":{\"name\":\"pv\",\"uid\":\"u-2\"}}");

	start(steps, ARRAY_SIZE(steps));
	tell(about, "x");
	cr_assert(has(0, "\"metadata\":{\"name\":\"pv."));
	cr_assert_null(strstr(strstr(replay.requests[0], "\"regarding\""),
			      "namespace"));
	stop();
}

Test(kube_event, a_note_is_cut_between_characters)
{
	static const struct replay_step steps[] = {
		{ "POST " EVENTS " ", "049-event-v1-create" },
	};
	_cleanup_(object_unref) struct object *about = claim();
	char note[1100];

	memset(note, 'x', sizeof(note));
	memcpy(note + 1022, "\xe2\x82\xac", 4); /* bytes 1022 to 1024 */
	start(steps, ARRAY_SIZE(steps));
	tell(about, note);
	cr_assert(has(0, "xx\",\"type\""));
	cr_assert_null(strchr(replay.requests[0], '\xe2'));
	stop();
}

Test(kube_event, what_the_server_refuses_is_dropped_and_counted)
{
	static const struct replay_step steps[] = {
		{ "POST ", "050-event-v1-invalid-422" },
		{ "POST ", "049-event-v1-create" },
	};
	_cleanup_(object_unref) struct object *about = claim();
	struct kube_events_state state;

	start(steps, ARRAY_SIZE(steps));
	tell(about, "x");
	replay_wait_requests(&replay, 1);
	tell(about, "x"); /* not a repeat: there is no Event yet */
	replay_wait_requests(&replay, 2);
	kube_events_get_state(events, &state);
	cr_assert_eq(state.n_dropped, 1);
	stop();
}

Test(kube_event, an_event_that_has_expired_is_made_again)
{
	static const struct replay_step steps[] = {
		{ "POST ", "049-event-v1-create" },
		{ "PATCH ", "059-lease-get-404" },
		{ "POST ", "049-event-v1-create" },
	};
	_cleanup_(object_unref) struct object *about = claim();

	start(steps, ARRAY_SIZE(steps));
	tell(about, "x");
	tell(about, "x");
	replay_wait_requests(&replay, 2);
	tell(about, "x");
	replay_wait_requests(&replay, 3);
	stop();
}

Test(kube_event, a_full_queue_drops_and_never_waits)
{
	static const struct replay_step steps[] = {
		{ "POST ", .end = REPLAY_HOLD },
	};
	_cleanup_(object_unref) struct object *about = claim();
	struct kube_events_state state;
	uint64_t begun_ns = clock_ns();

	start(steps, ARRAY_SIZE(steps));
	tell(about, "x");
	replay_wait_requests(&replay, 1);
	for (unsigned int i = 0; i < 600; i++)
		tell(about, "x");
	kube_events_get_state(events, &state);
	cr_assert_eq(state.n_dropped, 600 - 512);
	stop();
	cr_assert_lt(clock_ns() - begun_ns, 10 * NS_PER_S);
}
