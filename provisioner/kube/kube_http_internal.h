/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One request on its way: made by a caller, run by the thread of kube_http, and the
 * caller's again once is_done. Shared by the files of kube_http.
 */

#include <pthread.h>
#include <sys/queue.h>

#include <curl/curl.h>

#include "kube_config.h"
#include "kube_http.h"
#include "kube_token.h"

#define KUBE_HTTP_SOCKETS_MAX 16
#define KUBE_HTTP_WAITING_MAX (4u << 20) /* bytes that a stream's reader owes */

struct kube_http_transfer {
	struct kube_http *http;
	TAILQ_ENTRY(kube_http_transfer) entry; /* queued or running */
	CURL *easy;
	struct curl_slist *headers;
	char *token; /* as it was sent */
	char *what;  /* "GET /api/v1/nodes" */
	struct kube_cancel *cancel;
	atomic_bool is_abandoned;
	bool is_stream;
	size_t max_len;
	unsigned int silence_ms;
	uint64_t heard_ns; /* of the HTTP thread: when a byte came last */
	char error[CURL_ERROR_SIZE];
	pthread_cond_t changed;
	/* Under the lock of http, until it is done: */
	struct kube_http_answer answer; /* of a stream: what was not read */
	size_t room;			/* of answer.body */
	bool has_status;
	bool is_done;
	int result; /* 0 = the answer is complete; -errno */
};

struct kube_http {
	struct kube_config config;
	struct kube_token *token;
	char *base; /* config.server, by the certificate's name */
	struct curl_slist *connect_to;
	CURLM *multi;
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;
	pthread_cond_t paused; /* who waits in kube_http_pause() */
	/* Under the lock: */
	TAILQ_HEAD(, kube_http_transfer) queued;
	bool is_stopping;
	/* Of the HTTP thread: */
	TAILQ_HEAD(, kube_http_transfer) running;
	uint64_t heard_ns; /* when anything came last */
	curl_socket_t sockets[KUBE_HTTP_SOCKETS_MAX];
};

/* With the token as it is now. */
int kube_http_transfer_new(struct kube_http_transfer **ret,
			   struct kube_http *http,
			   const struct kube_http_request *request,
			   struct err *err);
/* Only when it is done, or was never submitted. */
struct kube_http_transfer *kube_http_transfer_free(
	struct kube_http_transfer *transfer);
/* Gives it to the thread. */
void kube_http_transfer_submit(struct kube_http_transfer *transfer);
/* What curl's code means, while the handle is still there. */
int kube_http_transfer_outcome(struct kube_http_transfer *transfer,
			       CURLcode code);
/* The result, with its sentence. */
int kube_http_transfer_result(const struct kube_http_transfer *transfer,
			      struct err *err);

DEFINE_CLEANUP(struct kube_http_transfer *, kube_http_transfer_free)
