/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whether to ask again is decided by two questions: may it be better next time, and
 * could the first time have done something. Kubernetes' writes are made for the second
 * one to be harmless: a PUT is of one version, a DELETE of one uid, a merge patch says
 * how it is to be. A create alone makes another thing, or finds its own.
 *
 * All tries together end within BUDGET_NS: whoever calls has a queue of other work,
 * and a back-off of his own.
 */

#include "kube_call.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "clock.h"
#include "json_field.h"
#include "kube_answer.h"
#include "kube_backoff.h"

#define TRY_MS	  35000 /* the server gives up a write after 34 s */
#define BUDGET_NS (30 * NS_PER_S)
#define FIRST_MS  200
#define MAX_MS	  5000

enum again {
	AGAIN_NOT,
	AGAIN_NOTHING_DONE, /* for sure */
	AGAIN_UNKNOWN,
};

static enum again judge(int asked, int r, const struct kube_http_answer *answer)
{
	switch (asked) {
	case 0:
		break;
	case -ECONNREFUSED:
		return AGAIN_NOTHING_DONE;
	case -ETIMEDOUT:
	case -EIO:
		return AGAIN_UNKNOWN;
	default:
		return AGAIN_NOT;
	}
	if (r != -EAGAIN)
		return AGAIN_NOT;
	/* As client-go: who says when to come again has not begun. */
	if (answer->status == 429 || answer->has_retry_after)
		return AGAIN_NOTHING_DONE;
	return AGAIN_UNKNOWN;
}

static int try_once(struct kube_http *http, const struct kube_call *call,
		    struct kube_http_answer *ret, enum again *ret_again,
		    struct err *err)
{
	struct kube_http_request request = {
		.method = call->method,
		.path = call->path,
		.body = call->body,
		.content_type = call->content_type,
		.timeout_ms = call->timeout_ms ? call->timeout_ms : TRY_MS,
		.max_len = KUBE_CALL_MAX_LEN,
		.cancel = call->cancel,
	};
	int asked = kube_http_call(http, &request, ret, err);
	int r = asked;

	if (asked == 0)
		r = kube_answer_judge(ret, err);
	*ret_again = judge(asked, r, ret);
	return *ret_again == AGAIN_NOT ? r : -EAGAIN;
}

/* Whether there is time for it; then the pause is over when this returns. */
static bool pause_before_next(struct kube_http *http,
			      const struct kube_call *call,
			      struct kube_backoff *backoff,
			      const struct kube_http_answer *answer,
			      uint64_t end_ns)
{
	unsigned int ms = kube_backoff_next(backoff);

	/* Not earlier than it says, and not all at that moment. */
	if (answer->has_retry_after)
		ms += answer->retry_after_ms;
	if (clock_ns() + ms * NS_PER_MS > end_ns)
		return false;
	return kube_http_pause(http, call->cancel, ms) == 0;
}

static bool may_repeat(const struct kube_call *call, enum again again)
{
	return again == AGAIN_NOTHING_DONE ||
	       (again == AGAIN_UNKNOWN && strcmp(call->method, "POST") != 0);
}

/* *ret is what was answered last, whatever it is. */
static int try_often(struct kube_http *http, const struct kube_call *call,
		     struct kube_http_answer *ret, struct err *err)
{
	struct kube_backoff backoff = { .first_ms = FIRST_MS,
					.max_ms = MAX_MS };
	unsigned int n = call->n_tries ? call->n_tries : KUBE_CALL_TRIES;
	uint64_t end_ns = clock_ns() + BUDGET_NS;
	enum again again;
	int r;

	while ((r = try_once(http, call, ret, &again, err)) == -EAGAIN) {
		if (--n == 0 || !may_repeat(call, again) ||
		    !pause_before_next(http, call, &backoff, ret, end_ns))
			break;
		kube_http_answer_fini(ret);
	}
	return r;
}

int kube_call(struct kube_http *http, const struct kube_call *call, char **ret,
	      size_t *ret_len, struct kube_http_answer *ret_refusal,
	      struct err *err)
{
	_cleanup_(kube_http_answer_fini) struct kube_http_answer answer =
		KUBE_HTTP_ANSWER_INIT;
	/* Tries before the one that succeeds leave no sentence behind. */
	_cleanup_(err_fini) struct err last = ERR_INIT;
	int r = try_often(http, call, &answer, &last);

	if (r != 0) {
		(void)err_set(err, last.code, "%s", err_text(&last));
		if (ret_refusal) {
			*ret_refusal = answer;
			answer = KUBE_HTTP_ANSWER_INIT;
		}
		return r;
	}
	if (!ret)
		return 0;
	*ret = answer.body ? TAKE_PTR(answer.body) : strdup("");
	*ret_len = answer.len;
	return *ret ? 0 : err_set(err, -ENOMEM, "out of memory");
}

int kube_call_json(struct kube_http *http, const struct kube_call *call,
		   struct cJSON **ret, struct err *err)
{
	_cleanup_(free) char *text = NULL;
	size_t len;
	int r = kube_call(http, call, &text, &len, NULL, err);

	if (r != 0)
		return r;
	r = json_parse(text, len, ret, err);
	return r < 0 ? err_wrap(err, "%s %s", call->method, call->path) : 0;
}
