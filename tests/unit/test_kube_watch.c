/* SPDX-License-Identifier: Apache-2.0 */

#include "kube_replay.h"
#include "kube_told.h"
#include "kube_watch.h"

#define LIST "/persistentvolumeclaims?limit=500 "

/* What is told, as one line of text: "[(L claim 7)][+claim ...]". */
struct fixture {
	struct replay replay;
	struct kube_api *api;
	struct kube_watch *watch;
	struct told told;
	const char *fail_at; /* a text that a callback fails after, once */
};

static int tell(struct fixture *f, const char *text)
{
	if (!told_add(&f->told, text, f->fail_at))
		return 0;
	f->fail_at = NULL;
	return -ENOSPC;
}

static int begin_batch(void *userdata, struct err *err)
{
	return tell(userdata, "[");
}

static int end_batch(void *userdata, struct err *err)
{
	return tell(userdata, "]");
}

static void abort_batch(void *userdata)
{
	(void)tell(userdata, "!");
}

static int begin_list(void *userdata, struct err *err)
{
	return tell(userdata, "(");
}

static int end_list(void *userdata, uint64_t version, struct err *err)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu)",
		       (unsigned long long)version);
	return tell(userdata, text);
}

static int object(void *userdata, struct object *object, struct err *err)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "%s ", object->name);
	return tell(userdata, text);
}

static int event(void *userdata, enum kube_watch_event event,
		 struct object *object, struct err *err)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "%c%s ", "+~-"[event],
		       object -> name);
	return tell(userdata, text);
}

static int version(void *userdata, uint64_t version, struct err *err)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "@%llu",
		       (unsigned long long)version);
	return tell(userdata, text);
}

static const struct kube_watch_ops ops = {
	.begin_batch = begin_batch,
	.end_batch = end_batch,
	.abort_batch = abort_batch,
	.begin_list = begin_list,
	.object = object,
	.end_list = end_list,
	.event = event,
	.version = version,
};

static void fixture_start(struct fixture *f, const struct replay_step *steps,
			  size_t n, struct kube_watch_options options)
{
	struct kube_config config;

	told_init(&f->told);
	replay_start(&f->replay, steps, n);
	config = replay_config(&f->replay);
	cr_assert_eq(kube_api_new(&f->api, &config, NULL), 0);
	options.selection.kind = KIND_CLAIM;
	options.ops = &ops;
	options.userdata = f;
	options.pause_ms = 20;
	cr_assert_eq(kube_watch_start(&f->watch, f->api, &options, NULL), 0);
}

static void fixture_fini(struct fixture *f)
{
	kube_watch_free(f->watch);
	kube_api_free(f->api);
	replay_stop(&f->replay);
}

DEFINE_FINI(struct fixture, fixture_fini)

static bool has_request(struct fixture *f, size_t i, const char *text)
{
	replay_wait_requests(&f->replay, i + 1);
	return strstr(f->replay.requests[i], text) != NULL;
}

Test(kube_watch, a_kind_is_listed_and_then_followed)
{
	static const struct replay_step steps[] = {
		{ LIST, "016-pvc-list-all" },
		{ "?watch=1&", "069-watch-pvc", .end = REPLAY_HOLD },
	};
	_cleanup_(fixture_fini) struct fixture f = { 0 };
	struct kube_watch_state state;

	fixture_start(&f, steps, ARRAY_SIZE(steps),
		      (struct kube_watch_options){ 0 });
	told_wait(&f.told, "@378]");
	cr_assert_eq(strncmp(f.told.text, "[(][fx-", 7), 0, "%s", f.told.text);
	cr_assert_not_null(strstr(f.told.text, "][318)]"), "%s", f.told.text);
	cr_assert_not_null(strstr(f.told.text, "+fx-claim3 "));
	cr_assert_not_null(strstr(f.told.text, "-fx-claim3 "));
	cr_assert(has_request(
		&f, 1,
		"?watch=1&allowWatchBookmarks=true&resourceVersion=318&timeoutSeconds="));
	kube_watch_get_state(f.watch, &state);
	cr_assert(state.is_listed);
	cr_assert_gt(state.in_sync_since_ns, 0);
	/* The list's, until the callback that is told of the new one has returned. */
	cr_assert(state.resource_version == 318 ||
		  state.resource_version == 378);
}

Test(kube_watch, the_recorded_watch_is_read_byte_for_byte)
{
	static const struct replay_step steps[] = {
		{ LIST, "016-pvc-list-all" },
		{ "resourceVersion=318&", "102-raw-http11-watch",
		  .end = REPLAY_CLOSE },
		{ "?watch=1&", .end = REPLAY_HOLD },
	};
	_cleanup_(fixture_fini) struct fixture f = { 0 };

	fixture_start(&f, steps, ARRAY_SIZE(steps),
		      (struct kube_watch_options){ 0 });
	replay_wait_requests(&f.replay, 3);
	cr_assert_not_null(strstr(f.told.text, "+fx-gen-ggbxv "), "%s",
			   f.told.text);
	cr_assert_eq(replay_n_unused(&f.replay), 0);
}

/* The API server killed: the body ends in the middle, without a last chunk. */
Test(kube_watch, a_cut_stream_is_resumed_at_the_last_version)
{
	static const struct replay_step steps[] = {
		{ LIST, "016-pvc-list-all" },
		{ "?watch=1&", "apiserver-sigkill-watch", .end = REPLAY_CUT },
		{ "resourceVersion=263&", "apiserver-sigterm-watch",
		  .end = REPLAY_KEEP },
		{ "resourceVersion=263&", .end = REPLAY_HOLD },
	};
	_cleanup_(fixture_fini) struct fixture f = { 0 };

	fixture_start(&f, steps, ARRAY_SIZE(steps),
		      (struct kube_watch_options){ 0 });
	replay_wait_requests(&f.replay, 4);
	cr_assert_not_null(strstr(f.told.text, "+fx-p1 @263]"), "%s",
			   f.told.text);
	cr_assert_eq(replay_n_unused(&f.replay), 0);
}

#define ADDED(name, version)                                                  \
	"{\"type\":\"ADDED\",\"object\":{\"kind\":\"PersistentVolumeClaim\"," \
	"\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" name                \
	"\",\"namespace\":\"default\",\"resourceVersion\":\"" version         \
	"\"}}}\n"

Test(kube_watch, half_a_line_is_not_told)
{
	static const struct replay_step steps[] = {
		{ LIST, "016-pvc-list-all" },
		{ "resourceVersion=318&",
		  .answer =
			  "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n" ADDED(
				  "a",
				  "401") "{\"type\":\"ADDED\",\"object\":{\"ki",
		  .end = REPLAY_CUT },
		{ "resourceVersion=401&", .end = REPLAY_HOLD },
	};
	_cleanup_(fixture_fini) struct fixture f = { 0 };

	fixture_start(&f, steps, ARRAY_SIZE(steps),
		      (struct kube_watch_options){ 0 });
	replay_wait_requests(&f.replay, 3);
	cr_assert_not_null(strstr(f.told.text, "][+a @401]"), "%s",
			   f.told.text);
}

Test(kube_watch, a_version_that_is_too_old_is_listed_again)
{
	static const struct replay_step steps[] = {
		{ LIST, "016-pvc-list-all" },
		{ "?watch=1&", "093-watch-pvc-too-old-410",
		  .end = REPLAY_KEEP },
		{ LIST, "016-pvc-list-all" },
		{ "?watch=1&", "098-list-exact-old-rv-410" },
		{ LIST, "016-pvc-list-all" },
		{ "?watch=1&", .end = REPLAY_HOLD },
	};
	_cleanup_(fixture_fini) struct fixture f = { 0 };

	fixture_start(&f, steps, ARRAY_SIZE(steps),
		      (struct kube_watch_options){ 0 });
	replay_wait_requests(&f.replay, 6);
	cr_assert_eq(replay_n_unused(&f.replay), 0);
}

Test(kube_watch, a_known_version_needs_no_list)
{
	static const struct replay_step steps[] = {
		{ "resourceVersion=338&", "069-watch-pvc", .end = REPLAY_HOLD },
	};
	_cleanup_(fixture_fini) struct fixture f = { 0 };

	fixture_start(&f, steps, ARRAY_SIZE(steps),
		      (struct kube_watch_options){ .resource_version = 338 });
	told_wait(&f.told, "@378]");
	cr_assert_null(strchr(f.told.text, '('));
}

Test(kube_watch, a_silent_connection_is_given_up)
{
	static const struct replay_step steps[] = {
		{ LIST, "016-pvc-list-all" },
		{ "?watch=1&", "apiserver-sigkill-watch", .end = REPLAY_HOLD },
		{ "?watch=1&", .end = REPLAY_HOLD },
		{ "?watch=1&", "069-watch-pvc", .end = REPLAY_HOLD },
	};
	_cleanup_(fixture_fini) struct fixture f = { 0 };

	fixture_start(&f, steps, ARRAY_SIZE(steps),
		      (struct kube_watch_options){ .silence_ms = 200 });
	told_wait(&f.told, "@378]");
}

/* Not even a bookmark: versions up to ours are kept from us. */
Test(kube_watch, a_version_that_the_server_does_not_come_to_is_listed_again)
{
	static const struct replay_step steps[] = {
		{ LIST, "016-pvc-list-all" },
		{ "?watch=1&",
		  .answer =
			  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		  .end = REPLAY_HOLD },
		{ LIST, "016-pvc-list-all" },
		{ "?watch=1&", "069-watch-pvc", .end = REPLAY_HOLD },
	};
	_cleanup_(fixture_fini) struct fixture f = { 0 };

	fixture_start(&f, steps, ARRAY_SIZE(steps),
		      (struct kube_watch_options){ .silence_ms = 200 });
	told_wait(&f.told, "@378]");
	cr_assert_eq(replay_n_unused(&f.replay), 0);
}

/* What is answered from then on may be younger than the list. */
Test(kube_watch, a_list_begins_before_it_is_asked_for)
{
	static const struct replay_step steps[] = {
		{ LIST, .end = REPLAY_HOLD },
	};
	_cleanup_(fixture_fini) struct fixture f = { 0 };

	fixture_start(&f, steps, ARRAY_SIZE(steps),
		      (struct kube_watch_options){ 0 });
	replay_wait_requests(&f.replay, 1);
	cr_assert_str_eq(f.told.text, "[(]");
}

Test(kube_watch, every_refusal_is_asked_again)
{
	static const struct replay_step steps[] = {
		{ LIST, "065-auth-nobody-watch-403" },
		{ LIST, "016-pvc-list-all" },
		{ "?watch=1&", "overload-429-get" },
		{ "?watch=1&", "etcd-frozen-get-quorum" },
		{ "?watch=1&", "060-auth-badtoken-401" },
		{ "?watch=1&", .end = REPLAY_EMPTY },
		{ "?watch=1&", "069-watch-pvc", .end = REPLAY_HOLD },
	};
	_cleanup_(fixture_fini) struct fixture f = { 0 };

	fixture_start(&f, steps, ARRAY_SIZE(steps),
		      (struct kube_watch_options){ 0 });
	told_wait(&f.told, "@378]");
	cr_assert_eq(replay_n_unused(&f.replay), 0);
}

Test(kube_watch, a_list_that_expires_is_done_again_in_one_piece)
{
	static const struct replay_step steps[] = {
		{ LIST, "092-list-limit1-before-compaction" },
		{ "&continue=", "096-list-continue-expired-410" },
		{ "&continue=", "097-list-continue-inconsistent-resume" },
		{ "&continue=", "016-pvc-list-all" },
		{ "?limit=0 ", "016-pvc-list-all" },
		{ "?watch=1&", .end = REPLAY_HOLD },
	};
	_cleanup_(fixture_fini) struct fixture f = { 0 };

	fixture_start(&f, steps, ARRAY_SIZE(steps),
		      (struct kube_watch_options){ 0 });
	told_wait(&f.told, "318)]");
	cr_assert_not_null(strstr(strchr(f.told.text, '(') + 1, "("));
	replay_wait_requests(&f.replay, 6);
	cr_assert_eq(replay_n_unused(&f.replay), 0);
}

Test(kube_watch, what_a_callback_could_not_take_is_told_again)
{
	static const struct replay_step steps[] = {
		{ LIST, "016-pvc-list-all" },
		{ "?watch=1&", "069-watch-pvc", .end = REPLAY_HOLD },
		{ LIST, "016-pvc-list-all" },
		{ "?watch=1&", "069-watch-pvc", .end = REPLAY_HOLD },
	};
	_cleanup_(fixture_fini) struct fixture f = { .fail_at = "+fx-claim3 " };

	fixture_start(&f, steps, ARRAY_SIZE(steps),
		      (struct kube_watch_options){ 0 });
	told_wait(&f.told, "@378]");
	cr_assert_not_null(strstr(f.told.text, "+fx-claim3 ![(]["), "%s",
			   f.told.text);
}

Test(kube_watch, a_kind_that_is_not_served_may_be_an_empty_list)
{
	static const struct replay_step steps[] = {
		{ LIST, "046-pv-notfound-group-404" },
	};
	_cleanup_(fixture_fini) struct fixture f = { 0 };

	fixture_start(&f, steps, ARRAY_SIZE(steps),
		      (struct kube_watch_options){ .is_optional = true });
	told_wait(&f.told, "[(][0)]");
}

Test(kube_watch, free_ends_a_list_that_waits)
{
	static const struct replay_step steps[] = {
		{ LIST, .end = REPLAY_HOLD },
	};
	_cleanup_(fixture_fini) struct fixture f = { 0 };

	fixture_start(&f, steps, ARRAY_SIZE(steps),
		      (struct kube_watch_options){ 0 });
	replay_wait_requests(&f.replay, 1);
}
