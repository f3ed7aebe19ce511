/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The thread. It owns curl's multi handle and whatever is running on it; a caller puts
 * his request into the queue, wakes the thread and waits on the request's own
 * condition. Nothing that a caller does, be it slow or blocked, holds up another
 * one's answer: the thread only copies bytes.
 *
 * One connection serves all where the server speaks HTTP/2 (ALPN): requests wait
 * for it to tell (CURLOPT_PIPEWAIT) before another one is made. With HTTP/1.1 each
 * watch has one of its own, KUBE_HTTP_SOCKETS_MAX at most.
 *
 * A connection may be dead without anybody telling: the server's node is gone, a
 * firewall has forgotten it. Unanswered bytes end it after half a minute, an idle
 * one is probed (TCP keepalive). A peer whose kernel lives and whose program does
 * not is found by the requests' own limits; when one of those passes and nothing at
 * all has come for DISTRUST_NS, every connection is shut, so that what comes next
 * makes a new one, which a balancer may lead to another server.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "cond.h"
#include "kube_http_internal.h"

#define DISTRUST_NS  (15 * NS_PER_S)
#define ROUND_MAX_MS 60000
#define FOREVER_NS   UINT64_MAX

static void distrust_connections(struct kube_http *http)
{
	if (clock_ns() - http->heard_ns < DISTRUST_NS)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(http->sockets); i++)
		if (http->sockets[i] >= 0)
			(void)shutdown(http->sockets[i], SHUT_RDWR);
}

/* The caller has it back with the last line of this. */
static void finish(struct kube_http_transfer *transfer, int result)
{
	struct kube_http *http = transfer->http;

	TAILQ_REMOVE(&http->running, transfer, entry);
	(void)curl_multi_remove_handle(http->multi, transfer->easy);
	curl_easy_cleanup(transfer->easy);
	transfer->easy = NULL;
	if (result == -ETIMEDOUT)
		distrust_connections(http);
	(void)pthread_mutex_lock(&http->lock);
	if (transfer->result == 0)
		transfer->result = result;
	transfer->is_done = true;
	(void)pthread_cond_signal(&transfer->changed);
	(void)pthread_mutex_unlock(&http->lock);
}

/* Whether all of it has to end. */
static bool take_queued(struct kube_http *http)
{
	struct kube_http_transfer *transfer;
	bool is_stopping;

	(void)pthread_mutex_lock(&http->lock);
	while ((transfer = TAILQ_FIRST(&http->queued))) {
		TAILQ_REMOVE(&http->queued, transfer, entry);
		TAILQ_INSERT_TAIL(&http->running, transfer, entry);
		transfer->heard_ns = clock_ns();
		(void)curl_multi_add_handle(http->multi, transfer->easy);
	}
	is_stopping = http->is_stopping;
	(void)pthread_mutex_unlock(&http->lock);
	return is_stopping;
}

static uint64_t cancelled_ns(const struct kube_http_transfer *transfer)
{
	uint64_t at_ns = transfer->cancel ? transfer->cancel->at_ns : 0;

	if (transfer->is_abandoned)
		return 0;
	return at_ns ? at_ns : FOREVER_NS;
}

/* clock_ns() at which it has been silent for too long. */
static uint64_t silent_ns(const struct kube_http_transfer *transfer)
{
	if (!transfer->silence_ms)
		return FOREVER_NS;
	return transfer->heard_ns + transfer->silence_ms * NS_PER_MS;
}

static uint64_t earliest(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Ends what has to; when the next one would be. */
static uint64_t end_overdue(struct kube_http *http, bool is_stopping)
{
	struct kube_http_transfer *transfer, *next;
	uint64_t nearest_ns = FOREVER_NS;
	uint64_t now_ns = clock_ns();

	for (transfer = TAILQ_FIRST(&http->running); transfer;
	     transfer = next) {
		uint64_t cancel_ns = cancelled_ns(transfer);
		uint64_t at_ns = silent_ns(transfer);

		next = TAILQ_NEXT(transfer, entry);
		if (is_stopping || cancel_ns <= now_ns)
			finish(transfer, -ECANCELED);
		else if (at_ns <= now_ns)
			finish(transfer, -ETIMEDOUT);
		else
			nearest_ns = earliest(nearest_ns, cancel_ns, at_ns);
	}
	return nearest_ns;
}

static void take_finished(struct kube_http *http)
{
	struct kube_http_transfer *transfer;
	CURLMsg *message;
	int n_left;

	while ((message = curl_multi_info_read(http->multi, &n_left))) {
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
					(char **)&transfer);
		finish(transfer, kube_http_transfer_outcome(transfer, code));
	}
}

static int wait_ms(uint64_t until_ns)
{
	uint64_t now_ns = clock_ns();

	if (until_ns <= now_ns)
		return 0;
	if (until_ns - now_ns > ROUND_MAX_MS * NS_PER_MS)
		return ROUND_MAX_MS;
	return (int)((until_ns - now_ns) / NS_PER_MS) + 1;
}

static void *run(void *userdata)
{
	struct kube_http *http = userdata;
	int n_running;

	(void)pthread_setname_np(pthread_self(), "kube-http");
	for (;;) {
		bool is_stopping = take_queued(http);
		uint64_t next_ns = end_overdue(http, is_stopping);

		if (is_stopping)
			return NULL;
		(void)curl_multi_perform(http->multi, &n_running);
		take_finished(http);
		(void)curl_multi_poll(http->multi, NULL, 0, wait_ms(next_ns),
				      NULL);
	}
}

/*
 * The certificate's name is put into the URL, and the address that is really
 * meant is given to curl apart.
 */
static int set_tls_name(struct kube_http *http, const char *server,
			const char *name, struct err *err)
{
	char *host = NULL, *port = NULL, *url = NULL;
	_cleanup_(free) char *line = NULL;
	CURLU *parts = curl_url();
	int r = -EINVAL;

	if (parts && curl_url_set(parts, CURLUPART_URL, server, 0) == 0 &&
	    curl_url_get(parts, CURLUPART_HOST, &host, 0) == 0 &&
	    curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ==
		    0 &&
	    curl_url_set(parts, CURLUPART_HOST, name, 0) == 0 &&
	    curl_url_get(parts, CURLUPART_URL, &url, 0) == 0 &&
	    asprintf(&line, "%s:%s:%s:%s", name, port, host, port) >= 0)
		r = 0;
	if (r == 0) {
		http->connect_to = curl_slist_append(NULL, line);
		url[strlen(url) - (url[strlen(url) - 1] == '/')] = '\0';
		http->base = strdup(url);
	}
	curl_free(host);
	curl_free(port);
	curl_free(url);
	curl_url_cleanup(parts);
	if (r < 0)
		return err_set(err, r, "server \"%s\" is no URL", server);
	return 0;
}

static int copy_text(char **ret, const char *text)
{
	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int copy_config(struct kube_http *http, const struct kube_config *from)
{
	struct kube_config *to = &http->config;

	to->is_insecure = from->is_insecure;
	if (copy_text(&to->server, from->server) < 0 ||
	    copy_text(&to->ca, from->ca) < 0 ||
	    copy_text(&to->client_cert, from->client_cert) < 0 ||
	    copy_text(&to->client_key, from->client_key) < 0 ||
	    copy_text(&to->proxy, from->proxy) < 0)
		return -ENOMEM;
	return 0;
}

static int set_up(struct kube_http *http, const struct kube_config *config,
		  struct err *err)
{
	int r;

	(void)pthread_mutex_init(&http->lock, NULL);
	cond_init_monotonic(&http->paused);
	TAILQ_INIT(&http->queued);
	TAILQ_INIT(&http->running);
	for (size_t i = 0; i < ARRAY_SIZE(http->sockets); i++)
		http->sockets[i] = -1;
	http->heard_ns = clock_ns();
	if (copy_config(http, config) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	r = kube_token_new(&http->token, config, err);
	if (r < 0)
		return r;
	if (config->tls_name)
		r = set_tls_name(http, config->server, config->tls_name, err);
	else
		http->base = strdup(config->server);
	if (r < 0)
		return r;
	http->multi = curl_multi_init();
	if (!http->base || !http->multi)
		return err_set(err, -ENOMEM, "out of memory");
	(void)curl_multi_setopt(http->multi, CURLMOPT_PIPELINING,
				(long)CURLPIPE_MULTIPLEX);
	(void)curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
				(long)KUBE_HTTP_SOCKETS_MAX);
	return 0;
}

int kube_http_new(struct kube_http **ret, const struct kube_config *config,
		  struct err *err)
{
	_cleanup_(kube_http_free) struct kube_http *http =
		calloc(1, sizeof(*http));
	int r;

	if (!http || curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		return err_set(err, -ENOMEM, "out of memory");
	r = set_up(http, config, err);
	if (r < 0)
		return r;
	r = -pthread_create(&http->thread, NULL, run, http);
	if (r < 0)
		return err_set_errno(err, r, "start a thread");
	http->has_thread = true;
	*ret = TAKE_PTR(http);
	return 0;
}

void kube_http_stop(struct kube_http *http)
{
	(void)pthread_mutex_lock(&http->lock);
	http->is_stopping = true;
	(void)pthread_cond_broadcast(&http->paused);
	(void)pthread_mutex_unlock(&http->lock);
	(void)curl_multi_wakeup(http->multi);
}

struct kube_http *kube_http_free(struct kube_http *http)
{
	if (!http)
		return NULL;
	if (http->has_thread) {
		kube_http_stop(http);
		(void)pthread_join(http->thread, NULL);
	}
	(void)curl_multi_cleanup(http->multi);
	curl_slist_free_all(http->connect_to);
	kube_token_free(http->token);
	kube_config_fini(&http->config);
	free(http->base);
	(void)pthread_cond_destroy(&http->paused);
	(void)pthread_mutex_destroy(&http->lock);
	free(http);
	return NULL;
}

void kube_http_transfer_submit(struct kube_http_transfer *transfer)
{
	struct kube_http *http = transfer->http;

	(void)pthread_mutex_lock(&http->lock);
	if (http->is_stopping) {
		transfer->result = -ECANCELED;
		transfer->is_done = true;
	} else {
		TAILQ_INSERT_TAIL(&http->queued, transfer, entry);
	}
	(void)pthread_mutex_unlock(&http->lock);
	(void)curl_multi_wakeup(http->multi);
}

static int call_once(struct kube_http *http,
		     const struct kube_http_request *request,
		     struct kube_http_answer *ret, bool *ret_has_other_token,
		     struct err *err)
{
	_cleanup_(kube_http_transfer_free) struct kube_http_transfer *transfer =
		NULL;
	int r = kube_http_transfer_new(&transfer, http, request, err);

	if (r < 0)
		return r;
	kube_http_transfer_submit(transfer);
	(void)pthread_mutex_lock(&http->lock);
	while (!transfer->is_done)
		(void)pthread_cond_wait(&transfer->changed, &http->lock);
	(void)pthread_mutex_unlock(&http->lock);
	r = kube_http_transfer_result(transfer, err);
	if (r < 0)
		return r;
	*ret_has_other_token = transfer->answer.status == 401 &&
			       kube_token_refused(http->token, transfer->token);
	*ret = transfer->answer;
	transfer->answer = KUBE_HTTP_ANSWER_INIT;
	return 0;
}

/* At least one: to curl, 0 is no limit. */
static unsigned int left_ms(unsigned int ms, uint64_t begun_ns)
{
	uint64_t spent_ms = (clock_ns() - begun_ns) / NS_PER_MS;

	return spent_ms < ms ? ms - (unsigned int)spent_ms : 1;
}

int kube_http_call(struct kube_http *http,
		   const struct kube_http_request *request,
		   struct kube_http_answer *ret, struct err *err)
{
	_cleanup_(kube_http_answer_fini) struct kube_http_answer answer =
		KUBE_HTTP_ANSWER_INIT;
	struct kube_http_request again = *request;
	uint64_t begun_ns = clock_ns();
	bool has_other_token = false;
	int r = call_once(http, request, &answer, &has_other_token, err);

	if (r == 0 && has_other_token) {
		kube_http_answer_fini(&answer);
		again.timeout_ms = left_ms(request->timeout_ms, begun_ns);
		r = call_once(http, &again, &answer, &has_other_token, err);
	}
	if (r < 0)
		return r;
	*ret = answer;
	answer = KUBE_HTTP_ANSWER_INIT;
	return 0;
}

void kube_http_answer_fini(struct kube_http_answer *answer)
{
	free(answer->body);
	*answer = KUBE_HTTP_ANSWER_INIT;
}

void kube_http_cancel(struct kube_http *http, struct kube_cancel *cancel)
{
	kube_http_cancel_in(http, cancel, 0);
}

void kube_http_cancel_in(struct kube_http *http, struct kube_cancel *cancel,
			 unsigned int ms)
{
	unsigned long long at_ns = clock_ns() + ms * NS_PER_MS;
	unsigned long long known_ns = cancel->at_ns;

	while ((!known_ns || at_ns < known_ns) &&
	       !atomic_compare_exchange_weak(&cancel->at_ns, &known_ns, at_ns))
		;
	(void)pthread_mutex_lock(&http->lock);
	(void)pthread_cond_broadcast(&http->paused);
	(void)pthread_mutex_unlock(&http->lock);
	(void)curl_multi_wakeup(http->multi);
}

int kube_http_pause(struct kube_http *http, struct kube_cancel *cancel,
		    unsigned int ms)
{
	uint64_t until_ns = clock_ns() + ms * NS_PER_MS;
	bool is_over = false;
	int r = 0;

	(void)pthread_mutex_lock(&http->lock);
	while (r == 0 && !is_over) {
		if (http->is_stopping || (cancel && cancel->at_ns))
			r = -ECANCELED;
		else
			is_over = cond_wait_until(&http->paused, &http->lock,
						  until_ns) == ETIMEDOUT;
	}
	(void)pthread_mutex_unlock(&http->lock);
	return r;
}

char *kube_http_escape(const char *name)
{
	char *escaped = curl_easy_escape(NULL, name, 0);
	char *copy = escaped ? strdup(escaped) : NULL;

	curl_free(escaped);
	return copy;
}
