/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An answer that never ends, read line by line by another thread. What has come and was
 * not read is bounded (KUBE_HTTP_WAITING_MAX): a reader that falls behind by more is
 * told and begins again where he was, which costs a request. The tempting
 * alternative, to make curl pause the stream, stops in HTTP/2 what else is on the
 * connection (curl 7.88), and so could have the reader wait for itself.
 */

#include <string.h>

#include "kube_http_internal.h"

struct kube_http_stream {
	struct kube_http_transfer *transfer;
	char *lines; /* what was read last */
};

static void wait_for_status_or_refusal(struct kube_http_transfer *transfer)
{
	struct kube_http *http = transfer->http;

	(void)pthread_mutex_lock(&http->lock);
	while (!transfer->is_done &&
	       (!transfer->has_status || transfer->answer.status / 100 != 2))
		(void)pthread_cond_wait(&transfer->changed, &http->lock);
	(void)pthread_mutex_unlock(&http->lock);
}

/* An answer without lines may also be a 2xx: nothing happened. */
static bool is_open(struct kube_http_transfer *transfer)
{
	bool is_open;

	(void)pthread_mutex_lock(&transfer->http->lock);
	is_open = transfer->has_status && transfer->answer.status / 100 == 2;
	(void)pthread_mutex_unlock(&transfer->http->lock);
	return is_open;
}

static int open_once(struct kube_http_stream **ret, struct kube_http *http,
		     const struct kube_http_request *request,
		     struct kube_http_answer *ret_refusal, struct err *err)
{
	_cleanup_(kube_http_stream_close) struct kube_http_stream *stream =
		calloc(1, sizeof(*stream));
	struct kube_http_transfer *transfer;
	int r;

	if (!stream)
		return err_set(err, -ENOMEM, "out of memory");
	r = kube_http_transfer_new(&stream->transfer, http, request, err);
	if (r < 0)
		return r;
	transfer = stream->transfer;
	transfer->is_stream = true;
	kube_http_transfer_submit(transfer);
	wait_for_status_or_refusal(transfer);
	if (is_open(transfer)) {
		*ret = TAKE_PTR(stream);
		return 0;
	}
	r = kube_http_transfer_result(transfer, err);
	if (r < 0)
		return r;
	*ret_refusal = transfer->answer;
	transfer->answer = KUBE_HTTP_ANSWER_INIT;
	if (ret_refusal->status == 401 &&
	    kube_token_refused(http->token, transfer->token))
		return -EACCES; /* there is another one to try */
	return KUBE_HTTP_REFUSED;
}

int kube_http_stream_open(struct kube_http_stream **ret, struct kube_http *http,
			  const struct kube_http_request *request,
			  struct kube_http_answer *ret_refusal, struct err *err)
{
	struct kube_http_answer refusal = KUBE_HTTP_ANSWER_INIT;
	int r = open_once(ret, http, request, &refusal, err);

	if (r == -EACCES && refusal.status == 401) {
		kube_http_answer_fini(&refusal);
		r = open_once(ret, http, request, &refusal, err);
		if (r == -EACCES && refusal.status == 401)
			r = KUBE_HTTP_REFUSED;
	}
	if (r == KUBE_HTTP_REFUSED)
		*ret_refusal = refusal;
	else
		kube_http_answer_fini(&refusal);
	return r;
}

/* Up to the last newline; what is behind it begins the next buffer. */
static int take_lines_locked(struct kube_http_stream *stream, size_t len,
			     char **ret, size_t *ret_len)
{
	struct kube_http_transfer *transfer = stream->transfer;
	struct kube_http_answer *answer = &transfer->answer;
	size_t rest = answer->len - len;
	char *next = NULL;

	if (rest > 0) {
		next = malloc(rest + 1);
		if (!next)
			return -ENOMEM;
		memcpy(next, answer->body + len, rest);
		next[rest] = '\0';
	}
	stream->lines = answer->body;
	answer->body = next;
	answer->len = rest;
	transfer->room = rest > 0 ? rest + 1 : 0;
	*ret = stream->lines;
	*ret_len = len;
	return 0;
}

/* Of the whole lines that have come; 0 = none. */
static size_t lines_len_locked(const struct kube_http_transfer *transfer)
{
	const struct kube_http_answer *answer = &transfer->answer;
	const char *last =
		answer->len ? memrchr(answer->body, '\n', answer->len) : NULL;

	return last ? (size_t)(last - answer->body) + 1 : 0;
}

int kube_http_stream_read(struct kube_http_stream *stream, char **ret,
			  size_t *ret_len, struct err *err)
{
	struct kube_http_transfer *transfer = stream->transfer;
	pthread_mutex_t *lock = &transfer->http->lock;
	size_t len;
	int r = 0;

	free(stream->lines);
	stream->lines = NULL;
	(void)pthread_mutex_lock(lock);
	while (!(len = lines_len_locked(transfer)) && !transfer->is_done)
		(void)pthread_cond_wait(&transfer->changed, lock);
	if (len > 0)
		r = take_lines_locked(stream, len, ret, ret_len);
	(void)pthread_mutex_unlock(lock);
	if (r < 0)
		return err_set(err, r, "out of memory");
	if (len > 0)
		return 0;
	*ret_len = 0;
	return kube_http_transfer_result(transfer, err);
}

struct kube_http_stream *kube_http_stream_close(struct kube_http_stream *stream)
{
	struct kube_http_transfer *transfer;

	if (!stream)
		return NULL;
	transfer = stream->transfer;
	if (transfer) {
		struct kube_http *http = transfer->http;

		transfer->is_abandoned = true;
		(void)curl_multi_wakeup(http->multi);
		(void)pthread_mutex_lock(&http->lock);
		while (!transfer->is_done)
			(void)pthread_cond_wait(&transfer->changed,
						&http->lock);
		(void)pthread_mutex_unlock(&http->lock);
		kube_http_transfer_free(transfer);
	}
	free(stream->lines);
	free(stream);
	return NULL;
}
