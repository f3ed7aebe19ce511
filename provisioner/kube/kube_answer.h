/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What an answer of the API server means, be it a metav1.Status, a Status without
 * its kind, plain text of a filter or a proxy's page. Pure.
 */

#include <stddef.h>

#include "cluster.h"
#include "err.h"

struct cJSON;
struct kube_http_answer;

/*
 * 0 for a 2xx; an enum cluster_outcome with the server's sentence in err; or
 *
 * -EAGAIN: overloaded, starting, timed out: ask again (429, 5xx);
 * -EACCES: it does not know who we are (401);
 * -ESTALE: a resourceVersion or continue token that is too old (410 Expired);
 * -EOPNOTSUPP: it does not serve this resource (404 that is no Status);
 * -EPROTO: anything else.
 */
int kube_answer_judge(const struct kube_http_answer *answer, struct err *err);

/* The same of a Status that came as JSON: a watch's ERROR. */
int kube_status_judge(const struct cJSON *status, unsigned int http_status,
		      struct err *err);
