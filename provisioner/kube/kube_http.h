/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Requests to the API server. One thread has all connections (one, where the server
 * speaks HTTP/2); callers on any thread hand their requests to it and wait. It knows
 * HTTP and TLS, and nothing of Kubernetes but its tokens.
 *
 * Negative results: -ECANCELED by kube_http_cancel() or because all of it ends;
 * -ETIMEDOUT; -ECONNREFUSED = no connection came to be, so nothing was asked; -EIO =
 * cut or empty, so it is not known what was done; -EMSGSIZE = longer than allowed;
 * -EACCES = the server's certificate is not to be trusted; -ENOBUFS = the reader of a
 * stream was too slow.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct kube_config;
struct kube_http;
struct kube_http_stream;

/* Ends whatever was started with it; { 0 } is one that was not used. */
struct kube_cancel {
	atomic_ullong at_ns; /* clock_ns(); 0 = it was not told */
};

struct kube_http_request {
	const char *method;
	const char *path;	  /* "/api/v1/nodes?limit=1" */
	const char *body;	  /* NULL = none */
	const char *content_type; /* of body; NULL = application/json */
	unsigned int timeout_ms;  /* of all of it */
	/* With no byte for so long a stream is over; 0 = no such limit. */
	unsigned int silence_ms;
	size_t max_len;		    /* of the answer; of a stream: one line */
	struct kube_cancel *cancel; /* borrowed; may be NULL */
};

struct kube_http_answer {
	unsigned int status;
	char *body; /* ends with a NUL */
	size_t len;
	bool is_json; /* by its Content-Type */
	bool has_retry_after;
	unsigned int retry_after_ms;
};

#define KUBE_HTTP_ANSWER_INIT ((struct kube_http_answer){ 0 })

/* Copies what it needs of the configuration and starts the thread. */
int kube_http_new(struct kube_http **ret, const struct kube_config *config,
		  struct err *err);
/* Nothing begins any more and all that waits ends with -ECANCELED. Any thread. */
void kube_http_stop(struct kube_http *http);
/* Stops, and joins the thread. Nobody may be in a call any more. */
struct kube_http *kube_http_free(struct kube_http *http);

/* 0 = the server has answered, with whatever status. */
int kube_http_call(struct kube_http *http,
		   const struct kube_http_request *request,
		   struct kube_http_answer *ret, struct err *err);
void kube_http_answer_fini(struct kube_http_answer *answer);

/*
 * Waits for the status. 0 = a 2xx, and *ret is what reads its lines. Any other
 * status: KUBE_HTTP_REFUSED with the whole answer in *ret_refusal.
 */
#define KUBE_HTTP_REFUSED 1
int kube_http_stream_open(struct kube_http_stream **ret, struct kube_http *http,
			  const struct kube_http_request *request,
			  struct kube_http_answer *ret_refusal,
			  struct err *err);
/*
 * Waits for lines: all whole ones that have come, each with its newline, are
 * [*ret, *ret + *ret_len), which may be written to and are good until the next
 * call. 0 with *ret_len 0 = the server has ended it properly. What came before a
 * cut is read before the cut is told.
 */
int kube_http_stream_read(struct kube_http_stream *stream, char **ret,
			  size_t *ret_len, struct err *err);
struct kube_http_stream *kube_http_stream_close(
	struct kube_http_stream *stream);

void kube_http_cancel(struct kube_http *http, struct kube_cancel *cancel);
/*
 * Requests have so much time left, also those that are made from now on; pauses have
 * none. Told twice, the earlier end counts.
 */
void kube_http_cancel_in(struct kube_http *http, struct kube_cancel *cancel,
			 unsigned int ms);
/* A wait that can be cancelled: 0 or -ECANCELED. */
int kube_http_pause(struct kube_http *http, struct kube_cancel *cancel,
		    unsigned int ms);

/* The whole of name as a part of a path or query; malloc'ed, NULL = no memory. */
char *kube_http_escape(const char *name);

DEFINE_CLEANUP(struct kube_http *, kube_http_free)
DEFINE_FINI(struct kube_http_answer, kube_http_answer_fini)
DEFINE_CLEANUP(struct kube_http_stream *, kube_http_stream_close)
