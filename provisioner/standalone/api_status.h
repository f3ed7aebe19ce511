/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Answers that say how a request ended: metav1.Status with the reasons and details
 * of a real API server.
 */

#include "api.h"
#include "object.h"

struct api_continue;

/* A failure without details. */
void api_status_fail(struct api_response *response, unsigned int code,
		     const char *reason, const char *message);
void api_status_bad_request(struct api_response *response,
			    const struct err *err);

/*
 * What the registry said (a positive outcome, or -errno) about the object of that
 * name. For an invalid object the causes are taken from the sentence.
 */
void api_status_outcome(struct api_response *response, int r,
			const struct err *err, enum object_kind kind,
			const char *name);

/* `"status": "Success"`, for deletions whose object is not shown. */
void api_status_success(struct api_response *response,
			const struct object *object);

/* The Status alone, compact; malloc'ed, NULL = no memory. */
char *api_status_text(unsigned int code, const char *reason,
		      const char *message);

/* A body made elsewhere (malloc'ed, NULL = no memory) with a status code. */
void api_status_body(struct api_response *response, unsigned int code,
		     char *take_body);

/* 410: the rest of a list is gone; goes on at next in what there is by then. */
void api_status_expired(struct api_response *response,
			const struct api_continue *next);
/* 504: a resourceVersion that is yet to come. */
void api_status_too_large(struct api_response *response, uint64_t version,
			  uint64_t current);
