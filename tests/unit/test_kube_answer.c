/* SPDX-License-Identifier: Apache-2.0 */

#include "kube_answer.h"
#include "kube_http.h"
#include "kube_replay.h"

/* What each recorded refusal means. */
static const struct {
	const char *fixture;
	unsigned int status;
	int result;
	const char *sentence;
} refusals[] = {
	{ "013-pvc-create-dup-409", 409, CLUSTER_EXISTS, "already exists" },
	{ "014-pvc-create-invalid-422", 422, CLUSTER_INVALID, "is invalid" },
	{ "020-pvc-list-bad-continue-400", 400, CLUSTER_INVALID, "continue" },
	{ "022-pvc-get-404", 404, CLUSTER_NOT_FOUND,
	  "persistentvolumeclaims \"nope\" not found" },
	{ "034-pvc-put-stale-409", 409, CLUSTER_CONFLICT,
	  "the object has been modified" },
	{ "046-pv-notfound-group-404", 404, -EOPNOTSUPP,
	  "could not find the requested resource" },
	{ "050-event-v1-invalid-422", 422, CLUSTER_INVALID, "eventTime" },
	{ "056-lease-update-stale-409", 409, CLUSTER_CONFLICT, "modified" },
	{ "059-lease-get-404", 404, CLUSTER_NOT_FOUND, "not found" },
	{ "060-auth-badtoken-401", 401, -EACCES, "Unauthorized" },
	{ "061-auth-anonymous-403", 403, CLUSTER_FORBIDDEN, "cannot list" },
	{ "075-pvc-list-future-rv-504", 504, -EAGAIN,
	  "Too large resource version" },
	{ "076-pv-delete-precondition-409", 409, CLUSTER_CONFLICT, "UID" },
	{ "096-list-continue-expired-410", 410, -ESTALE, "too old" },
	{ "098-list-exact-old-rv-410", 410, -ESTALE, "too old" },
	{ "etcd-frozen-get-quorum", 504, -EAGAIN, "did not complete" },
};

Test(kube_answer, recorded_refusals_are_understood)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		_cleanup_(err_fini) struct err err = ERR_INIT;
		struct kube_http_answer answer = { .status = refusals[i].status,
						   .is_json = true };

		answer.body =
			replay_file(refusals[i].fixture, ".body", &answer.len);
		cr_assert_not_null(answer.body);
		cr_expect_eq(kube_answer_judge(&answer, &err),
			     refusals[i].result, "%s", refusals[i].fixture);
		cr_expect_not_null(strstr(err_text(&err), refusals[i].sentence),
				   "%s: %s", refusals[i].fixture,
				   err_text(&err));
		kube_http_answer_fini(&answer);
	}
}

static const struct {
	unsigned int status;
	bool is_json;
	const char *body;
	int result;
	const char *sentence;
} odd[] = {
	{ 429, false, "Too many requests, please try again later.\n", -EAGAIN,
	  "the server answers 429: Too many requests, please try again later." },
	{ 502, false, "<html><body>Bad Gateway</body></html>", -EAGAIN,
	  "the server answers 502" },
	{ 404, false, "404 page not found\n", -EOPNOTSUPP,
	  "the server answers 404: 404 page not found" },
	{ 503, true, "{\"kind\":\"Sta", -EAGAIN,
	  "the server answers 503: {\"kind\":\"Sta" },
	{ 500, true, "", -EAGAIN, "the server answers 500" },
	{ 403, true, "[]", CLUSTER_FORBIDDEN, "the server answers 403: []" },
	{ 302, false, NULL, -EPROTO, "the server answers 302" },
	{ 409, true, "{\"message\":7}", CLUSTER_CONFLICT,
	  "the server answers 409: {\"message\":7}" },
	{ 405, false, "", -EPROTO, "the server answers 405" },
};

Test(kube_answer, what_is_no_status_is_judged_by_its_code)
{
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		_cleanup_(err_fini) struct err err = ERR_INIT;
		struct kube_http_answer answer = {
			.status = odd[i].status,
			.is_json = odd[i].is_json,
			.body = (char *)odd[i].body,
			.len = odd[i].body ? strlen(odd[i].body) : 0,
		};

		cr_expect_eq(kube_answer_judge(&answer, &err), odd[i].result,
			     "%u", odd[i].status);
		cr_expect_str_eq(err_text(&err), odd[i].sentence);
	}
}

Test(kube_answer, success_leaves_the_sentence_alone)
{
	struct kube_http_answer answer = { .status = 201 };
	struct err err = ERR_INIT;

	cr_assert_eq(kube_answer_judge(&answer, &err), 0);
	cr_assert_null(err.text);
}
