/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One request: what curl is told of it, where the bytes go, and what curl's verdict
 * means. The callbacks run on the thread of kube_http.
 *
 * What matters most of a failure is whether the server may have done what it was
 * asked for: up to the moment before the first byte of the request it can't have
 * (-ECONNREFUSED), from there on nobody knows. (curl itself sends a request a second
 * time when a kept connection turns out to be closed; a create may therefore meet
 * what it has made itself.)
 *
 * Nothing of the environment has a say: no proxy but the configured one, no system
 * certificates next to a cluster's own.
 */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "clock.h"
#include "cond.h"
#include "kube_http_internal.h"
#include "parse.h"
#include "version.h"

#define ROOM_FIRST	 16384
#define CONNECT_MS	 10000
#define USER_TIMEOUT_MS	 30000u
#define KEEPALIVE_IDLE_S 15
#define KEEPALIVE_STEP_S 5
#define RETRY_AFTER_MAX	 3600 /* seconds */

/* Known by their numbers for as long as they are open, so that no other is shut. */
static curl_socket_t on_socket(void *userdata, curlsocktype purpose,
			       struct curl_sockaddr *address)
{
	struct kube_http *http = userdata;
	unsigned int user_timeout_ms = USER_TIMEOUT_MS;
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
			address->protocol);

	if (fd < 0)
		return CURL_SOCKET_BAD;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms,
			 sizeof(user_timeout_ms));
	for (size_t i = 0; i < ARRAY_SIZE(http->sockets); i++) {
		if (http->sockets[i] < 0) {
			http->sockets[i] = fd;
			break;
		}
	}
	return fd;
}

static int on_socket_close(void *userdata, curl_socket_t fd)
{
	struct kube_http *http = userdata;

	for (size_t i = 0; i < ARRAY_SIZE(http->sockets); i++)
		if (http->sockets[i] == fd)
			http->sockets[i] = -1;
	(void)fd_close(fd);
	return 0;
}

static void set_retry_after(struct kube_http_answer *answer, const char *value)
{
	uint32_t seconds;

	/* The other form, a date, is not used by the API server. */
	if (parse_u32(value, 0, RETRY_AFTER_MAX, &seconds) < 0)
		return;
	answer->has_retry_after = true;
	answer->retry_after_ms = seconds * 1000;
}

/* The value of a header line, when it is this header's. */
static bool is_header(const char *line, size_t len, const char *name,
		      char *ret_value, size_t size)
{
	size_t name_len = strlen(name);

	if (len <= name_len || strncasecmp(line, name, name_len) != 0)
		return false;
	line += name_len;
	len -= name_len;
	while (len > 0 && *line == ' ') {
		line++;
		len--;
	}
	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		len--;
	(void)snprintf(ret_value, size, "%.*s", (int)len, line);
	return true;
}

static void on_headers_end(struct kube_http_transfer *transfer)
{
	long status = 0;

	(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE,
				&status);
	if (status < 200)
		return; /* 100 Continue */
	(void)pthread_mutex_lock(&transfer->http->lock);
	transfer->answer.status = (unsigned int)status;
	transfer->has_status = true;
	(void)pthread_cond_signal(&transfer->changed);
	(void)pthread_mutex_unlock(&transfer->http->lock);
}

static size_t on_header(char *line, size_t size, size_t n, void *userdata)
{
	struct kube_http_transfer *transfer = userdata;
	struct kube_http_answer *answer = &transfer->answer;
	size_t len = size * n;
	char value[128];

	transfer->heard_ns = transfer->http->heard_ns = clock_ns();
	if (is_header(line, len, "Retry-After:", value, sizeof(value)))
		set_retry_after(answer, value);
	else if (is_header(line, len, "Content-Type:", value, sizeof(value)))
		answer->is_json =
			strncasecmp(value, "application/json", 16) == 0;
	else if (len <= 2)
		on_headers_end(transfer);
	return len;
}

static int make_room(struct kube_http_transfer *transfer, size_t len)
{
	struct kube_http_answer *answer = &transfer->answer;
	size_t room = transfer->room ? transfer->room : ROOM_FIRST;
	char *grown;

	while (room <= answer->len + len)
		room *= 2;
	if (room == transfer->room)
		return 0;
	grown = realloc(answer->body, room);
	if (!grown)
		return -ENOMEM;
	answer->body = grown;
	transfer->room = room;
	return 0;
}

/* A refusal of a stream is an answer like any other. */
static bool has_lines(const struct kube_http_transfer *transfer)
{
	return transfer->is_stream && transfer->answer.status / 100 == 2;
}

static int check_length(const struct kube_http_transfer *transfer, size_t len)
{
	const struct kube_http_answer *answer = &transfer->answer;
	size_t max = transfer->max_len;

	if (has_lines(transfer) && max < KUBE_HTTP_WAITING_MAX)
		max = KUBE_HTTP_WAITING_MAX;
	if (len <= max - answer->len)
		return 0;
	if (has_lines(transfer) && memchr(answer->body, '\n', answer->len))
		return -ENOBUFS;
	return -EMSGSIZE;
}

static int append_locked(struct kube_http_transfer *transfer, const char *data,
			 size_t len)
{
	struct kube_http_answer *answer = &transfer->answer;
	int r = check_length(transfer, len);

	if (r == 0)
		r = make_room(transfer, len);
	if (r < 0)
		return r;
	memcpy(answer->body + answer->len, data, len);
	answer->len += len;
	answer->body[answer->len] = '\0';
	if (transfer->is_stream && memchr(data, '\n', len))
		(void)pthread_cond_signal(&transfer->changed);
	return 0;
}

static size_t on_data(char *data, size_t size, size_t n, void *userdata)
{
	struct kube_http_transfer *transfer = userdata;
	size_t len = size * n;
	int r;

	transfer->heard_ns = transfer->http->heard_ns = clock_ns();
	(void)pthread_mutex_lock(&transfer->http->lock);
	r = append_locked(transfer, data, len);
	if (r < 0)
		transfer->result = r;
	(void)pthread_mutex_unlock(&transfer->http->lock);
	return r < 0 ? 0 : len;
}

static int add_header(struct kube_http_transfer *transfer, const char *name,
		      const char *value)
{
	_cleanup_(free) char *line = NULL;
	struct curl_slist *grown;

	if (asprintf(&line, "%s: %s", name, value) < 0) {
		line = NULL;
		return -ENOMEM;
	}
	grown = curl_slist_append(transfer->headers, line);
	explicit_bzero(line, strlen(line));
	if (!grown)
		return -ENOMEM;
	transfer->headers = grown;
	return 0;
}

static int add_token(struct kube_http_transfer *transfer)
{
	static const char scheme[] = "Bearer ";
	_cleanup_(free) char *value =
		malloc(sizeof(scheme) - 1 + KUBE_TOKEN_MAX);
	int r = 0;

	if (!value)
		return -ENOMEM;
	memcpy(value, scheme, sizeof(scheme) - 1);
	kube_token_get(transfer->http->token, value + sizeof(scheme) - 1);
	transfer->token = strdup(value + sizeof(scheme) - 1);
	if (!transfer->token)
		r = -ENOMEM;
	else if (*transfer->token)
		r = add_header(transfer, "Authorization", value);
	explicit_bzero(value, strlen(value));
	return r;
}

static int add_headers(struct kube_http_transfer *transfer,
		       const struct kube_http_request *request)
{
	int r = add_header(transfer, "Accept", "application/json");

	if (r == 0)
		r = add_token(transfer);
	if (r == 0 && request->body)
		r = add_header(transfer, "Content-Type",
			       request->content_type ? request->content_type
						     : "application/json");
	/* Else curl waits a second for a "100 Continue" before a long body. */
	if (r == 0)
		r = add_header(transfer, "Expect", "");
	return r;
}

static void set_blob(CURL *easy, CURLoption option, char *pem)
{
	struct curl_blob blob = { .data = pem,
				  .len = pem ? strlen(pem) : 0,
				  .flags = CURL_BLOB_NOCOPY };

	if (pem)
		(void)curl_easy_setopt(easy, option, &blob);
}

static void set_tls(CURL *easy, const struct kube_config *config)
{
	(void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER,
			       config->is_insecure ? 0L : 1L);
	(void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST,
			       config->is_insecure ? 0L : 2L);
	(void)curl_easy_setopt(easy, CURLOPT_SSLVERSION,
			       (long)CURL_SSLVERSION_TLSv1_2);
	set_blob(easy, CURLOPT_CAINFO_BLOB, config->ca);
	/* The distribution's folder would be believed, too. */
	if (config->ca)
		(void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	set_blob(easy, CURLOPT_SSLCERT_BLOB, config->client_cert);
	set_blob(easy, CURLOPT_SSLKEY_BLOB, config->client_key);
}

static void set_connection(CURL *easy, struct kube_http *http)
{
	(void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
			       (long)CURL_HTTP_VERSION_2TLS);
	(void)curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(easy, CURLOPT_PROXY,
			       http->config.proxy ? http->config.proxy : "");
	(void)curl_easy_setopt(easy, CURLOPT_CONNECT_TO, http->connect_to);
	(void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
			       (long)CONNECT_MS);
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE,
			       (long)KEEPALIVE_IDLE_S);
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL,
			       (long)KEEPALIVE_STEP_S);
	(void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	(void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, http);
	(void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION,
			       on_socket_close);
	(void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, http);
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* A name service that hangs must not hold up the end. */
	(void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	set_tls(easy, &http->config);
}

static void set_request(struct kube_http_transfer *transfer,
			const struct kube_http_request *request)
{
	CURL *easy = transfer->easy;

	(void)curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	(void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	(void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	(void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
			       (long)request->timeout_ms);
	(void)curl_easy_setopt(easy, CURLOPT_USERAGENT,
			       "claimfs-provisioner/" CLAIMFS_VERSION);
	(void)curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	if (request->body)
		(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
}

static int set_url(struct kube_http_transfer *transfer, const char *path)
{
	_cleanup_(free) char *url = NULL;

	if (asprintf(&url, "%s%s", transfer->http->base, path) < 0) {
		url = NULL;
		return -ENOMEM;
	}
	return curl_easy_setopt(transfer->easy, CURLOPT_URL, url) == CURLE_OK
		       ? 0
		       : -ENOMEM;
}

static int set_up(struct kube_http_transfer *transfer,
		  const struct kube_http_request *request)
{
	transfer->cancel = request->cancel;
	transfer->max_len = request->max_len;
	transfer->silence_ms = request->silence_ms;
	transfer->easy = curl_easy_init();
	/* The path alone: a query may have a token in it, and is long. */
	if (!transfer->easy ||
	    asprintf(&transfer->what, "%s %.*s", request->method,
		     (int)strcspn(request->path, "?"), request->path) < 0)
		return -ENOMEM;
	if (add_headers(transfer, request) < 0)
		return -ENOMEM;
	set_connection(transfer->easy, transfer->http);
	set_request(transfer, request);
	return set_url(transfer, request->path);
}

int kube_http_transfer_new(struct kube_http_transfer **ret,
			   struct kube_http *http,
			   const struct kube_http_request *request,
			   struct err *err)
{
	_cleanup_(kube_http_transfer_free) struct kube_http_transfer *transfer =
		calloc(1, sizeof(*transfer));

	if (!transfer)
		return err_set(err, -ENOMEM, "out of memory");
	transfer->http = http;
	cond_init_monotonic(&transfer->changed);
	if (set_up(transfer, request) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	*ret = TAKE_PTR(transfer);
	return 0;
}

struct kube_http_transfer *kube_http_transfer_free(
	struct kube_http_transfer *transfer)
{
	if (!transfer)
		return NULL;
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	kube_http_answer_fini(&transfer->answer);
	if (transfer->token)
		explicit_bzero(transfer->token, strlen(transfer->token));
	free(transfer->token);
	free(transfer->what);
	(void)pthread_cond_destroy(&transfer->changed);
	free(transfer);
	return NULL;
}

int kube_http_transfer_outcome(struct kube_http_transfer *transfer,
			       CURLcode code)
{
	curl_off_t asked_us = 0;

	(void)curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T,
				&asked_us);
	switch (code) {
	case CURLE_OK:
		/* curl takes a cut in the middle of the headers for their end. */
		return transfer->has_status ? 0 : -EIO;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return -EINVAL;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return -EACCES;
	default:
		break;
	}
	if (asked_us == 0)
		return -ECONNREFUSED;
	return code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO;
}

static const char *reason(const struct kube_http_transfer *transfer)
{
	switch (transfer->result) {
	case -ECANCELED:
		return "stopped";
	case -EMSGSIZE:
		return "the answer is too long";
	case -ENOBUFS:
		return "it sends faster than is read";
	case -ETIMEDOUT:
		return "no answer in time";
	default:
		return *transfer->error ? transfer->error
					: strerror(-transfer->result);
	}
}

int kube_http_transfer_result(const struct kube_http_transfer *transfer,
			      struct err *err)
{
	if (transfer->result == 0)
		return 0;
	return err_set(err, transfer->result, "%s at %s: %s", transfer->what,
		       transfer->http->config.server, reason(transfer));
}
