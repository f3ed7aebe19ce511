/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One request with its answer understood, asked again where that is safe: what
 * kube_api, kube_event and kube_lease are made of, for resources that are no enum
 * object_kind.
 *
 * Asked again (at most KUBE_CALL_TRIES times in all, the Retry-After obeyed, else
 * 0.2 s and twice as much each time, with jitter): everything, when nothing was
 * done (no connection; 429, or a 5xx with a Retry-After) or the token was another
 * one meanwhile (401, once); and, when it is not known what was done, all but
 * creates. So a PUT that was done may end in CLUSTER_CONFLICT and a DELETE in
 * CLUSTER_NOT_FOUND. A create of which it is not known is -EAGAIN: who creates the
 * same name again and gets CLUSTER_EXISTS has to look whose it is.
 */

#include "kube_http.h"

#define KUBE_CALL_TRIES	  4
#define KUBE_CALL_MAX_LEN (32u << 20)

struct cJSON;

struct kube_call {
	const char *method;
	const char *path; /* with its query */
	const char *body;
	const char *content_type; /* NULL = application/json */
	unsigned int timeout_ms;  /* of a try; 0 = 35 s */
	unsigned int n_tries;	  /* 0 = KUBE_CALL_TRIES */
	struct kube_cancel *cancel;
};

/*
 * As kube_answer_judge(): negative when the server could not be asked, with -EAGAIN
 * for all that may be better next time. *ret, on success, is the answer's text,
 * malloc'ed; ret may be NULL. ret_refusal (may be NULL): what it said otherwise, if
 * it did.
 */
int kube_call(struct kube_http *http, const struct kube_call *call, char **ret,
	      size_t *ret_len, struct kube_http_answer *ret_refusal,
	      struct err *err);
/* The same, for an answer that is JSON; to be deleted by the caller. */
int kube_call_json(struct kube_http *http, const struct kube_call *call,
		   struct cJSON **ret, struct err *err);
