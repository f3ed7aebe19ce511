/* SPDX-License-Identifier: Apache-2.0 */

#include "kube_lease.h"
#include "kube_replay.h"
#include "kube_told.h"

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/default/leases"
#define LEASE  LEASES "/fx-leader "

/* Leases of a second in the place of fifteen; the recorded ones have fifteen. */
struct fixture {
	struct replay replay;
	struct kube_api *api;
	struct kube_lease *lease;
	struct told told;
	uint64_t lost_ns;
};

static void acquired(void *userdata)
{
	struct fixture *f = userdata;

	(void)told_add(&f->told, "acquired ", NULL);
}

static void lost(void *userdata)
{
	struct fixture *f = userdata;

	f->lost_ns = clock_ns();
	(void)told_add(&f->told, "lost ", NULL);
}

static void other(void *userdata, const char *identity)
{
	struct fixture *f = userdata;

	(void)told_add(&f->told, identity, NULL);
	(void)told_add(&f->told, " ", NULL);
}

static void fixture_start(struct fixture *f, const struct replay_step *steps,
			  size_t n, const char *identity)
{
	const struct kube_lease_options options = {
		.namespace = "default",
		.name = "fx-leader",
		.identity = identity,
		.acquired = acquired,
		.lost = lost,
		.other = other,
		.userdata = f,
		.lease_ms = 2000,
		.renew_ms = 1000,
		.retry_ms = 100,
	};
	struct kube_config config;

	*f = (struct fixture){ 0 };
	told_init(&f->told);
	replay_start(&f->replay, steps, n);
	config = replay_config(&f->replay);
	cr_assert_eq(kube_api_new(&f->api, &config, NULL), 0);
	cr_assert_eq(kube_lease_start(&f->lease, f->api, &options, NULL), 0);
}

static void fixture_fini(struct fixture *f)
{
	kube_lease_free(f->lease);
	kube_api_free(f->api);
	replay_stop(&f->replay);
}

DEFINE_FINI(struct fixture, fixture_fini)

static bool has(struct fixture *f, size_t request, const char *text)
{
	replay_wait_requests(&f->replay, request + 1);
	return strstr(f->replay.requests[request], text) != NULL;
}

#define LEASE_OF(holder, version, seconds, transitions)                   \
	"{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\","  \
	"\"metadata\":{\"name\":\"fx-leader\",\"namespace\":\"default\"," \
	"\"uid\":\"u\",\"resourceVersion\":\"" version "\"},"             \
	"\"spec\":{\"holderIdentity\":\"" holder                          \
	"\",\"leaseDurationSeconds\":" seconds                            \
	",\"acquireTime\":\"2026-01-02T03:04:05.123456Z\","               \
	"\"renewTime\":\"2026-01-02T03:04:05.123456Z\","                  \
	"\"leaseTransitions\":" transitions "}}"
#define OK(body) \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" body

Test(kube_lease, an_absent_lease_is_made_renewed_and_given_up)
{
	static const struct replay_step steps[] = {
		{ "GET " LEASE, "059-lease-get-404" },
		{ "POST " LEASES " ", "052-lease-create" },
		{ "PUT " LEASE, "052-lease-create", .times = 20 },
	};
	struct fixture f;
	size_t last;

	fixture_start(&f, steps, ARRAY_SIZE(steps), "a");
	told_wait(&f.told, "acquired");
	cr_assert(kube_lease_is_held(f.lease));
	cr_assert(has(&f, 1, "\"holderIdentity\":\"a\""));
	cr_assert(has(&f, 1, "\"leaseTransitions\":0"));
	cr_assert(has(&f, 1, "\"leaseDurationSeconds\":2"));
	cr_assert(has(&f, 3, "\"resourceVersion\":\"337\""));
	cr_assert(
		has(&f, 3, "\"acquireTime\":\"2026-01-02T03:04:05.123456Z\""));
	kube_api_stop(f.api, 0);
	f.lease = kube_lease_free(f.lease);
	cr_assert_str_eq(f.told.text, "acquired lost ");
	last = f.replay.n_requests - 1;
	cr_assert(has(&f, last, "\"holderIdentity\":\"\""));
	cr_assert(has(&f, last, "\"leaseDurationSeconds\":1"));
	fixture_fini(&f);
}

Test(kube_lease,
     anothers_lease_is_taken_only_when_it_has_not_changed_for_its_time)
{
	static const struct replay_step steps[] = {
		{ "GET ", .answer = OK(LEASE_OF("b", "1", "1", "4")),
		  .end = REPLAY_CLOSE },
		{ "GET ", .answer = OK(LEASE_OF("b", "2", "1", "4")),
		  .end = REPLAY_CLOSE, .times = 20 },
		{ "PUT ", .answer = OK(LEASE_OF("a", "3", "2", "5")),
		  .end = REPLAY_CLOSE },
		{ "PUT ", .end = REPLAY_HOLD },
		{ "PUT ", .end = REPLAY_HOLD },
	};
	struct fixture f;
	uint64_t begun_ns = clock_ns();
	size_t put = 0;

	fixture_start(&f, steps, ARRAY_SIZE(steps), "a");
	told_wait(&f.told, "b ");
	cr_assert_not(kube_lease_is_held(f.lease));
	told_wait(&f.told, "acquired");
	cr_assert_geq(clock_ns() - begun_ns, NS_PER_S);
	while (strncmp(f.replay.requests[put], "PUT", 3) != 0)
		put++;
	cr_assert(has(&f, put, "\"resourceVersion\":\"2\""));
	cr_assert(has(&f, put, "\"leaseTransitions\":5"));
	cr_assert(has(&f, put, "\"holderIdentity\":\"a\""));
	fixture_fini(&f);
}

Test(kube_lease, a_released_lease_is_taken_at_once)
{
	static const struct replay_step steps[] = {
		{ "GET ", .answer = OK(LEASE_OF("", "1", "1", "4")),
		  .end = REPLAY_CLOSE },
		{ "PUT ", .answer = OK(LEASE_OF("a", "2", "2", "5")),
		  .end = REPLAY_CLOSE },
		{ "PUT ", .end = REPLAY_HOLD },
		{ "PUT ", .end = REPLAY_HOLD },
	};
	struct fixture f;

	fixture_start(&f, steps, ARRAY_SIZE(steps), "a");
	told_wait(&f.told, "acquired");
	cr_assert(has(&f, 1, "\"leaseTransitions\":5"));
	fixture_fini(&f);
}

Test(kube_lease, a_server_that_hangs_ends_it_before_anybody_else_may_have_it)
{
	static const struct replay_step steps[] = {
		{ "GET ", "059-lease-get-404" },
		{ "POST ", "052-lease-create" },
		{ "PUT ", .end = REPLAY_HOLD },
		{ "PUT ", .end = REPLAY_HOLD },
		{ "PUT ", .end = REPLAY_HOLD },
	};
	struct fixture f;
	uint64_t acquired_ns;

	fixture_start(&f, steps, ARRAY_SIZE(steps), "a");
	told_wait(&f.told, "acquired");
	acquired_ns = clock_ns();
	told_wait(&f.told, "lost");
	cr_assert_lt(f.lost_ns - acquired_ns, 1500 * NS_PER_MS);
	cr_assert_not(kube_lease_is_held(f.lease));
	fixture_fini(&f);
}

Test(kube_lease, a_leader_that_was_replaced_stops_at_once)
{
	static const struct replay_step steps[] = {
		{ "GET ", "059-lease-get-404" },
		{ "POST ", "052-lease-create" },
		{ "PUT ", "056-lease-update-stale-409" },
		{ "GET ", .answer = OK(LEASE_OF("b", "9", "15", "1")),
		  .end = REPLAY_CLOSE },
		{ "GET ", .end = REPLAY_HOLD },
	};
	struct fixture f;

	fixture_start(&f, steps, ARRAY_SIZE(steps), "a");
	told_wait(&f.told, "lost");
	cr_assert_str_eq(f.told.text, "acquired b lost ");
	fixture_fini(&f);
}

Test(kube_lease, somebody_elses_annotation_does_not_end_it)
{
	static const struct replay_step steps[] = {
		{ "GET ", "059-lease-get-404" },
		{ "POST ", "052-lease-create" },
		{ "PUT ", "056-lease-update-stale-409" },
		{ "GET ", .answer = OK(LEASE_OF("a", "9", "2", "0")),
		  .end = REPLAY_CLOSE },
		{ "PUT ", .answer = OK(LEASE_OF("a", "10", "2", "0")),
		  .end = REPLAY_CLOSE },
		{ "PUT ", .end = REPLAY_HOLD },
		{ "PUT ", .end = REPLAY_HOLD },
	};
	struct fixture f;

	fixture_start(&f, steps, ARRAY_SIZE(steps), "a");
	replay_wait_requests(&f.replay, 6);
	cr_assert_str_eq(f.told.text, "acquired ");
	cr_assert(has(&f, 5, "\"resourceVersion\":\"10\""));
	fixture_fini(&f);
}

Test(kube_lease, of_two_that_make_it_one_waits)
{
	static const struct replay_step steps[] = {
		{ "GET ", "059-lease-get-404" },
		{ "POST ", "053-lease-create-dup-409" },
		{ "GET ", "054-lease-get" },
		{ "GET ", .end = REPLAY_HOLD },
	};
	struct fixture f;

	fixture_start(&f, steps, ARRAY_SIZE(steps), "z");
	replay_wait_requests(&f.replay, 4);
	cr_assert_str_eq(f.told.text, "a ");
	fixture_fini(&f);
}
