/* SPDX-License-Identifier: Apache-2.0 */

#include <fcntl.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "kube_api.h"
#include "kube_replay.h"

#define CLAIMS	   "/api/v1/namespaces/default/persistentvolumeclaims"
#define ALL_CLAIMS "/api/v1/persistentvolumeclaims"

struct fixture {
	struct replay replay;
	struct kube_api *api;
	struct err err;
};

static void fixture_init(struct fixture *f, const struct replay_step *steps,
			 size_t n)
{
	struct kube_config config;

	*f = (struct fixture){ .err = ERR_INIT };
	replay_start(&f->replay, steps, n);
	config = replay_config(&f->replay);
	cr_assert_eq(kube_api_new(&f->api, &config, NULL), 0);
}

static void fixture_fini(struct fixture *f)
{
	kube_api_free(f->api);
	replay_stop(&f->replay);
	err_fini(&f->err);
}

DEFINE_FINI(struct fixture, fixture_fini)

static int get_claim(struct fixture *f, const char *name, struct object **ret)
{
	return kube_api_get(f->api, KIND_CLAIM, "default", name, ret, &f->err);
}

static struct object *claim(void)
{
	static const char text[] =
		"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\",\"metadata\":{\"name\":\"fx-claim\",\"namespace\":\"default\",\"resourceVersion\":\"300\"}}";
	struct object *object = NULL;

	cr_assert_eq(object_parse(&object, text, strlen(text), NULL), 0);
	return object;
}

Test(kube_api, get_makes_an_object_without_managed_fields)
{
	static const struct replay_step steps[] = {
		{ "GET " CLAIMS "/fx-claim ", "021-pvc-get" },
	};
	_cleanup_(fixture_fini) struct fixture f;
	_cleanup_(object_unref) struct object *object = NULL;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(get_claim(&f, "fx-claim", &object), 0);
	cr_assert_str_eq(object->name, "fx-claim");
	cr_assert_gt(object->resource_version, 0);
	cr_assert_null(json_at(object->json, "metadata.managedFields"));
	cr_assert_not_null(strcasestr(f.replay.requests[0],
				      "user-agent: claimfs-provisioner/"));
}

/* Programs that are started must not hold the connection. */
Test(kube_api, the_connection_is_not_inherited)
{
	static const struct replay_step steps[] = {
		{ "GET ", "021-pvc-get" },
	};
	_cleanup_(fixture_fini) struct fixture f;
	unsigned int n = 0;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(get_claim(&f, "fx-claim", NULL), 0);
	for (int fd = 3; fd < 100; fd++) {
		struct sockaddr_in peer = { 0 };
		socklen_t len = sizeof(peer);
		char address[64];

		if (getpeername(fd, (void *)&peer, &len) < 0)
			continue;
		(void)snprintf(address, sizeof(address), "http://127.0.0.1:%u",
			       ntohs(peer.sin_port));
		if (strcmp(address, f.replay.server) != 0)
			continue;
		cr_expect_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
		n++;
	}
	cr_assert_eq(n, 1);
}

Test(kube_api, an_absent_object_is_not_found_in_the_servers_words)
{
	static const struct replay_step steps[] = {
		{ "/nope", "022-pvc-get-404" },
	};
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(get_claim(&f, "nope", NULL), CLUSTER_NOT_FOUND);
	cr_assert_str_eq(err_text(&f.err),
			 "persistentvolumeclaims \"nope\" not found");
}

Test(kube_api, a_name_can_not_lead_to_another_path)
{
	static const struct replay_step steps[] = {
		{ "GET " CLAIMS "/..%2F..%2Fnodes%3Fx ", "022-pvc-get-404" },
	};
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(get_claim(&f, "../../nodes?x", NULL), CLUSTER_NOT_FOUND);
}

Test(kube_api, overload_is_asked_again_after_the_time_it_says)
{
	static const struct replay_step steps[] = {
		{ "GET ", "overload-429-get" },
		{ "GET ", "021-pvc-get" },
	};
	_cleanup_(fixture_fini) struct fixture f;
	uint64_t begun_ns = clock_ns();

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(get_claim(&f, "fx-claim", NULL), 0);
	cr_assert_geq(clock_ns() - begun_ns, NS_PER_S);
	cr_assert_null(f.err.text);
}

Test(kube_api, a_get_is_asked_again_after_every_kind_of_accident)
{
	static const struct replay_step steps[] = {
		{ "GET ", "etcd-frozen-get-quorum" },
		{ "GET ", .end = REPLAY_EMPTY },
		{ "GET ",
		  .answer =
			  "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"ki",
		  .end = REPLAY_CUT },
		{ "GET ", "021-pvc-get" },
	};
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(get_claim(&f, "fx-claim", NULL), 0, "%s",
		     err_text(&f.err));
	cr_assert_eq(replay_n_unused(&f.replay), 0);
}

Test(kube_api, asking_again_ends)
{
	static const struct replay_step steps[] = {
		{ "GET ", "etcd-frozen-get-quorum" },
		{ "GET ", "etcd-frozen-get-quorum" },
		{ "GET ", "etcd-frozen-get-quorum" },
		{ "GET ", "etcd-frozen-get-quorum" },
	};
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(get_claim(&f, "fx-claim", NULL), -EAGAIN);
	cr_assert_not_null(strstr(err_text(&f.err), "did not complete"));
	cr_assert_eq(replay_n_unused(&f.replay), 0);
}

Test(kube_api, a_create_of_unknown_outcome_is_not_repeated)
{
	static const struct replay_step steps[] = {
		{ "POST " CLAIMS " ", .answer = "HTTP/1.1 200 OK\r\n",
		  .end = REPLAY_CUT },
	};
	_cleanup_(fixture_fini) struct fixture f;
	_cleanup_(object_unref) struct object *object = claim();

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(kube_api_create(f.api, object, NULL, &f.err), -EAGAIN);
	cr_assert_eq(f.replay.n_requests, 1);
}

Test(kube_api, a_create_that_was_not_begun_is_repeated)
{
	static const struct replay_step steps[] = {
		{ "POST ", "overload-429-get" },
		{ "POST ", "013-pvc-create-dup-409" },
	};
	_cleanup_(fixture_fini) struct fixture f;
	_cleanup_(object_unref) struct object *object = claim();

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(kube_api_create(f.api, object, NULL, &f.err),
		     CLUSTER_EXISTS);
}

Test(kube_api, create_sends_the_object_and_returns_the_servers)
{
	static const struct replay_step steps[] = {
		{ "POST /api/v1/persistentvolumes ", "023-pv-create-201" },
	};
	static const char text[] =
		"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolume\",\"metadata\":{\"name\":\"pv\"}}";
	_cleanup_(fixture_fini) struct fixture f;
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(object_unref) struct object *made = NULL;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(object_parse(&object, text, strlen(text), NULL), 0);
	cr_assert_eq(kube_api_create(f.api, object, &made, &f.err), 0);
	cr_assert(*made->uid);
	cr_assert_not_null(strstr(f.replay.requests[0], text));
	cr_assert_not_null(strcasestr(f.replay.requests[0],
				      "content-type: application/json"));
}

Test(kube_api, a_put_is_of_one_version)
{
	static const struct replay_step steps[] = {
		{ "PUT " CLAIMS "/fx-claim ", "034-pvc-put-stale-409" },
		{ "PUT " CLAIMS "/fx-claim/status ", "035-pvc-put-ok" },
	};
	_cleanup_(fixture_fini) struct fixture f;
	_cleanup_(object_unref) struct object *object = claim();
	_cleanup_(object_unref) struct object *updated = NULL;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(kube_api_update(f.api, object, NULL, &f.err),
		     CLUSTER_CONFLICT);
	cr_assert_eq(kube_api_update_status(f.api, object, &updated, &f.err),
		     0);
	cr_assert_gt(updated->resource_version, 0);
}

Test(kube_api, a_patch_is_a_merge_patch)
{
	static const struct replay_step steps[] = {
		{ "PATCH " CLAIMS "/fx-claim2/status ",
		  "044-pvc-patch-status" },
	};
	const struct kube_patch patch = { .kind = KIND_CLAIM,
					  .namespace = "default",
					  .name = "fx-claim2",
					  .subresource = "status",
					  .merge = "{\"status\":{}}" };
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(kube_api_patch(f.api, &patch, NULL, &f.err), 0);
	cr_assert_not_null(
		strcasestr(f.replay.requests[0],
			   "content-type: application/merge-patch+json"));
}

Test(kube_api, a_delete_is_of_one_uid)
{
	static const struct replay_step steps[] = {
		{ "DELETE /api/v1/persistentvolumes/pv ",
		  "076-pv-delete-precondition-409" },
		{ "DELETE " CLAIMS "/fx-claim ", "077-pvc-delete-200" },
	};
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(kube_api_delete(f.api, KIND_PERSISTENT_VOLUME, NULL, "pv",
				     "uid-1", &f.err),
		     CLUSTER_CONFLICT);
	cr_assert_not_null(strstr(f.replay.requests[0],
				  "\"preconditions\":{\"uid\":\"uid-1\"}"));
	cr_assert_eq(kube_api_delete(f.api, KIND_CLAIM, "default", "fx-claim",
				     NULL, &f.err),
		     0);
	cr_assert_null(strstr(f.replay.requests[1], "preconditions"));
}

static int count_object(void *userdata, struct object *object, struct err *err)
{
	size_t *n = userdata;

	cr_expect_eq(object->kind, KIND_CLAIM);
	cr_expect(*object->uid);
	(*n)++;
	return 0;
}

static int list_claims(struct fixture *f, size_t *ret_n, uint64_t *ret_version)
{
	static const struct kube_selection all = { .kind = KIND_CLAIM };

	*ret_n = 0;
	return kube_api_list(f->api, &all, count_object, ret_n, ret_version,
			     &f->err);
}

/* The pages that the server gave by one object each: 018, 019, then the rest. */
Test(kube_api, a_list_is_read_page_by_page)
{
	static const struct replay_step steps[] = {
		{ "GET " ALL_CLAIMS "?limit=500 ", "018-pvc-list-limit1" },
		{ "?limit=500&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MzE4LCJzdGFydCI6Ii9kZWZhdWx0L2Z4LWNsYWltXHUwMDAwIn0 ",
		  "019-pvc-list-continue" },
		{ "&continue=eyJ2", "016-pvc-list-all" },
	};
	_cleanup_(fixture_fini) struct fixture f;
	uint64_t version;
	size_t n;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(list_claims(&f, &n, &version), 0, "%s", err_text(&f.err));
	cr_assert_gt(n, 3);
	cr_assert_eq(version, 318);
}

Test(kube_api, the_recorded_list_is_read_byte_for_byte)
{
	static const struct replay_step steps[] = {
		{ "GET ", "100-raw-http11-list", .end = REPLAY_CLOSE },
		{ "GET ", "016-pvc-list-all" },
	};
	_cleanup_(fixture_fini) struct fixture f;
	uint64_t version;
	size_t n;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(list_claims(&f, &n, &version), 0, "%s", err_text(&f.err));
	cr_assert_eq(f.replay.n_requests, 2);
}

Test(kube_api, a_list_that_expires_goes_on_and_says_so)
{
	static const struct replay_step steps[] = {
		{ "?limit=500 ", "092-list-limit1-before-compaction" },
		{ "&continue=", "096-list-continue-expired-410" },
		{ "&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiZGVmYXVsdC9meC1nZW4tZ2dieHZcdTAwMDAifQ ",
		  "097-list-continue-inconsistent-resume" },
		{ "&continue=", "016-pvc-list-all" },
	};
	_cleanup_(fixture_fini) struct fixture f;
	uint64_t version;
	size_t n;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(list_claims(&f, &n, &version), KUBE_LIST_INCONSISTENT,
		     "%s", err_text(&f.err));
	cr_assert_gt(n, 1);
}

Test(kube_api, selectors_are_escaped)
{
	static const struct replay_step steps[] = {
		{ "GET " CLAIMS
		  "?limit=500&labelSelector=a%3Db%2Cc&fieldSelector=metadata.name%3Dx ",
		  "016-pvc-list-all" },
	};
	const struct kube_selection some = { .kind = KIND_CLAIM,
					     .namespace = "default",
					     .labels = "a=b,c",
					     .fields = "metadata.name=x" };
	_cleanup_(fixture_fini) struct fixture f;
	uint64_t version;
	size_t n = 0;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(
		kube_api_list(f.api, &some, count_object, &n, &version, &f.err),
		0);
}

Test(kube_api, a_server_that_is_not_there_is_no_outcome)
{
	struct kube_config config = { .server = (char *)"http://127.0.0.1:1" };
	_cleanup_(kube_api_free) struct kube_api *api = NULL;
	_cleanup_(err_fini) struct err err = ERR_INIT;

	cr_assert_eq(kube_api_new(&api, &config, NULL), 0);
	cr_assert_eq(kube_api_get(api, KIND_CLAIM, "default", "x", NULL, &err),
		     -EAGAIN);
	cr_assert_not_null(strstr(err_text(&err), "127.0.0.1:1"), "%s",
			   err_text(&err));
}

static void *stop_soon(void *userdata)
{
	struct fixture *f = userdata;

	replay_wait_requests(&f->replay, 1);
	kube_api_stop(f->api, 100);
	return NULL;
}

Test(kube_api, stop_ends_what_waits_for_an_answer)
{
	static const struct replay_step steps[] = {
		{ "GET ", .end = REPLAY_HOLD },
	};
	_cleanup_(fixture_fini) struct fixture f;
	pthread_t stopper;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(pthread_create(&stopper, NULL, stop_soon, &f), 0);
	cr_assert_eq(get_claim(&f, "fx-claim", NULL), -ECANCELED);
	(void)pthread_join(stopper, NULL);
	cr_assert_eq(get_claim(&f, "fx-claim", NULL), -ECANCELED);
}

Test(kube_api, what_is_under_way_at_the_stop_may_come_to_its_end)
{
	static const struct replay_step steps[] = {
		{ "GET ", "021-pvc-get" },
		{ "GET ", "overload-429-get" },
	};
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	kube_api_stop(f.api, 60000);
	cr_assert_eq(get_claim(&f, "fx-claim", NULL), 0);
	/* Once. */
	cr_assert_eq(get_claim(&f, "fx-claim", NULL), -EAGAIN);
	kube_api_stop(f.api, 0);
	cr_assert_eq(get_claim(&f, "fx-claim", NULL), -ECANCELED);
}

/* In place, so that nothing but the text tells of it. */
static void write_token(const char *path, const char *token)
{
	static const struct timespec times[2] = { { .tv_sec = 1000 },
						  { .tv_sec = 1000 } };
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	cr_assert_eq(write(fd, token, strlen(token)), strlen(token));
	cr_assert_eq(futimens(fd, times), 0);
	(void)close(fd);
}

Test(kube_api, a_refused_token_is_read_again_at_once)
{
	static const struct replay_step steps[] = {
		{ "GET ", "060-auth-badtoken-401" },
		{ "GET ", "021-pvc-get" },
		{ "GET ", "060-auth-badtoken-401" },
	};
	char path[] = "/tmp/test_kube_token.XXXXXX";
	struct fixture f = { .err = ERR_INIT };
	struct kube_config config;

	(void)close(mkstemp(path));
	write_token(path, "first!\n");
	replay_start(&f.replay, steps, ARRAY_SIZE(steps));
	config = replay_config(&f.replay);
	config.token_path = path;
	cr_assert_eq(kube_api_new(&f.api, &config, NULL), 0);
	write_token(path, "second\n");
	cr_assert_eq(get_claim(&f, "fx-claim", NULL), 0);
	cr_assert_not_null(strcasestr(f.replay.requests[0],
				      "authorization: bearer first!\r\n"));
	cr_assert_not_null(strcasestr(f.replay.requests[1],
				      "authorization: bearer second\r\n"));
	/* Nothing else to try: the refusal is told. */
	cr_assert_eq(get_claim(&f, "fx-claim", NULL), -EACCES);
	cr_assert_str_eq(err_text(&f.err), "Unauthorized");
	cr_assert_eq(f.replay.n_requests, 3);
	(void)unlink(path);
	fixture_fini(&f);
}

Test(kube_api, a_token_is_replaced_as_the_kubelet_does_it)
{
	static const struct replay_step steps[] = {
		{ "GET ", "021-pvc-get" },
		{ "GET ", "021-pvc-get" },
	};
	char path[] = "/tmp/test_kube_token.XXXXXX";
	char next[] = "/tmp/test_kube_token.XXXXXX";
	struct fixture f = { .err = ERR_INIT };
	struct kube_config config;

	(void)close(mkstemp(path));
	(void)close(mkstemp(next));
	write_token(path, "first!\n");
	write_token(next, "second\n");
	replay_start(&f.replay, steps, ARRAY_SIZE(steps));
	config = replay_config(&f.replay);
	config.token_path = path;
	cr_assert_eq(kube_api_new(&f.api, &config, NULL), 0);
	cr_assert_eq(get_claim(&f, "fx-claim", NULL), 0);
	cr_assert_eq(rename(next, path), 0);
	cr_assert_eq(get_claim(&f, "fx-claim", NULL), 0);
	cr_assert_not_null(strcasestr(f.replay.requests[1],
				      "authorization: bearer second\r\n"));
	/* It is gone: the one that was read stays. */
	(void)unlink(path);
	cr_assert_eq(f.replay.n_connections, 1);
	fixture_fini(&f);
}
