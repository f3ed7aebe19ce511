/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A server that says again what a real API server has said (kube_fixtures, recorded
 * from Kubernetes 1.36.2), and breaks off where that one did. It understands nothing:
 * each request is answered by the first step that was not used up and whose `match`
 * is in its first line. A request without a step fails the test.
 *
 * NAME.raw is sent byte for byte. NAME.headers and NAME.body are put together; a
 * body whose length the headers do not have goes in chunks, a line each.
 */

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "cleanup.h"
#include "clock.h"
#include "kube_config.h"

#define REPLAY_MAX 64

enum replay_end {
	REPLAY_KEEP,  /* as HTTP/1.1 does */
	REPLAY_CUT,   /* no last chunk; the connection ends */
	REPLAY_HOLD,  /* no last chunk; nothing more comes */
	REPLAY_CLOSE, /* a proper end, and of the connection */
	REPLAY_EMPTY, /* no answer at all */
};

struct replay_step {
	const char *match;   /* "GET /api/v1/nodes?" */
	const char *fixture; /* NULL = answer */
	const char
		*answer; /* what is sent; NULL with REPLAY_EMPTY, REPLAY_HOLD */
	enum replay_end end;
	unsigned int times; /* that it is used; 0 = once */
};

struct replay {
	const struct replay_step *steps;
	size_t n_steps;
	unsigned int n_used[REPLAY_MAX];
	char *requests[REPLAY_MAX]; /* with their bodies, in order */
	size_t n_requests;
	size_t n_connections;
	size_t n_unexpected;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int listen_fd;
	int fds[REPLAY_MAX];
	pthread_t acceptor;
	pthread_t threads[REPLAY_MAX];
	char server[64];
};

struct replay_peer {
	struct replay *replay;
	int fd;
};

static inline char *replay_file(const char *name, const char *ending,
				size_t *ret_len)
{
	char path[512];
	FILE *file;
	char *text = NULL;
	size_t room = 0;

	(void)snprintf(path, sizeof(path), "%s/%s%s", KUBE_FIXTURES, name,
		       ending);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	*ret_len = (size_t)getdelim(&text, &room, EOF, file);
	if (*ret_len == (size_t)-1)
		*ret_len = 0;
	(void)fclose(file);
	return text;
}

static inline void replay_send(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

static inline void replay_send_text(int fd, const char *text)
{
	replay_send(fd, text, strlen(text));
}

static inline void replay_send_chunks(int fd, const char *body, size_t len,
				      enum replay_end end)
{
	while (len > 0) {
		const char *newline = memchr(body, '\n', len);
		size_t n = newline ? (size_t)(newline - body) + 1 : len;
		char size[32];

		(void)snprintf(size, sizeof(size), "%zx\r\n", n);
		replay_send_text(fd, size);
		replay_send(fd, body, n);
		replay_send_text(fd, "\r\n");
		body += n;
		len -= n;
	}
	if (end == REPLAY_KEEP || end == REPLAY_CLOSE)
		replay_send_text(fd, "0\r\n\r\n");
}

/* The status line of HTTP/2 has no reason, and no version that 1.1 would take. */
static inline void replay_send_headers(int fd, const char *headers)
{
	const char *status = strchr(headers, ' ');
	const char *line_end = strchr(headers, '\n');
	char line[64];

	(void)snprintf(line, sizeof(line), "HTTP/1.1 %.3s x\r\n", status + 1);
	replay_send_text(fd, line);
	replay_send_text(fd, line_end + 1);
}

static inline void replay_send_fixture(int fd, const char *name,
				       enum replay_end end)
{
	size_t headers_len = 0, body_len = 0;
	_cleanup_(free) char *raw = replay_file(name, ".raw", &body_len);
	_cleanup_(free) char *headers = NULL;
	_cleanup_(free) char *body = NULL;
	size_t keep;

	if (raw) {
		replay_send(fd, raw, body_len);
		return;
	}
	headers = replay_file(name, ".headers", &headers_len);
	body = replay_file(name, ".body", &body_len);
	cr_assert(headers && body, "there is no fixture %s", name);
	if (strcasestr(headers, "content-length:")) {
		replay_send_headers(fd, headers);
		replay_send(fd, body, body_len);
		return;
	}
	keep = strlen(headers);
	while (keep > 0 && strchr("\r\n", headers[keep - 1]))
		keep--;
	headers[keep] = '\0';
	replay_send_headers(fd, headers);
	if (!strcasestr(headers, "transfer-encoding:"))
		replay_send_text(fd, "\r\ntransfer-encoding: chunked");
	replay_send_text(fd, "\r\n\r\n");
	replay_send_chunks(fd, body, body_len, end);
}

static inline const struct replay_step *replay_take(struct replay *replay,
						    char *take_request)
{
	_cleanup_(free) char *line =
		strndup(take_request, strcspn(take_request, "\r\n"));
	const struct replay_step *found = NULL;

	(void)pthread_mutex_lock(&replay->lock);
	if (replay->n_requests < REPLAY_MAX)
		replay->requests[replay->n_requests++] = take_request;
	else
		free(take_request);
	for (size_t i = 0; !found && i < replay->n_steps; i++) {
		const struct replay_step *step = &replay->steps[i];

		if (replay->n_used[i] > 0 && replay->n_used[i] >= step->times)
			continue;
		if (!strstr(line, step->match))
			continue;
		replay->n_used[i]++;
		found = step;
	}
	if (!found) {
		replay->n_unexpected++;
		(void)fprintf(stderr, "no step for: %s\n", line);
	}
	(void)pthread_cond_broadcast(&replay->changed);
	(void)pthread_mutex_unlock(&replay->lock);
	return found;
}

static inline size_t replay_length(const char *digits)
{
	size_t n = 0;

	for (; *digits >= '0' && *digits <= '9'; digits++)
		n = n * 10 + (size_t)(*digits - '0');
	return n;
}

/* A request with its body; NULL = the client has gone. */
static inline char *replay_receive(int fd)
{
	char *text = calloc(1, 1 << 20);
	size_t len = 0;

	for (;;) {
		const char *body = strstr(text, "\r\n\r\n");
		const char *length = strcasestr(text, "content-length: ");
		size_t n = replay_length(length ? length + 16 : "");
		ssize_t got;

		if (body && len >= (size_t)(body + 4 - text) + n)
			return text;
		got = recv(fd, text + len, (1 << 20) - 1 - len, 0);
		if (got <= 0) {
			free(text);
			return NULL;
		}
		len += (size_t)got;
	}
}

static inline void *replay_serve(void *userdata)
{
	struct replay_peer *peer = userdata;
	struct replay *replay = peer->replay;
	int fd = peer->fd;
	char *request;
	char byte;

	free(peer);
	while ((request = replay_receive(fd))) {
		const struct replay_step *step = replay_take(replay, request);

		if (!step || step->end == REPLAY_EMPTY)
			break;
		if (step->fixture)
			replay_send_fixture(fd, step->fixture, step->end);
		else if (step->answer)
			replay_send_text(fd, step->answer);
		if (step->end == REPLAY_HOLD)
			(void)recv(fd, &byte, 1, 0);
		if (step->end == REPLAY_CUT || step->end == REPLAY_CLOSE)
			break;
	}
	(void)shutdown(fd, SHUT_RDWR);
	return NULL;
}

static inline void *replay_accept(void *userdata)
{
	struct replay *replay = userdata;
	int fd;

	while ((fd = accept(replay->listen_fd, NULL, NULL)) >= 0) {
		struct replay_peer *peer = calloc(1, sizeof(*peer));
		size_t i = replay->n_connections++;

		cr_assert_lt(i, REPLAY_MAX);
		*peer = (struct replay_peer){ replay, fd };
		replay->fds[i] = fd;
		(void)pthread_create(&replay->threads[i], NULL, replay_serve,
				     peer);
	}
	return NULL;
}

static inline void replay_start(struct replay *replay,
				const struct replay_step *steps, size_t n)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	*replay = (struct replay){ .steps = steps, .n_steps = n };
	cr_assert_leq(n, REPLAY_MAX);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)pthread_mutex_init(&replay->lock, NULL);
	(void)pthread_cond_init(&replay->changed, NULL);
	replay->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(replay->listen_fd, (void *)&address, len), 0);
	cr_assert_eq(listen(replay->listen_fd, 16), 0);
	(void)getsockname(replay->listen_fd, (void *)&address, &len);
	(void)snprintf(replay->server, sizeof(replay->server),
		       "http://127.0.0.1:%u", ntohs(address.sin_port));
	(void)pthread_create(&replay->acceptor, NULL, replay_accept, replay);
}

/* After the client is gone, or is not expected to be told of it. */
static inline void replay_stop(struct replay *replay)
{
	(void)shutdown(replay->listen_fd, SHUT_RDWR);
	(void)pthread_join(replay->acceptor, NULL);
	for (size_t i = 0; i < replay->n_connections; i++) {
		(void)shutdown(replay->fds[i], SHUT_RDWR);
		(void)pthread_join(replay->threads[i], NULL);
		(void)close(replay->fds[i]);
	}
	(void)close(replay->listen_fd);
	for (size_t i = 0; i < replay->n_requests; i++)
		free(replay->requests[i]);
	cr_expect_eq(replay->n_unexpected, 0);
}

static inline size_t replay_n_unused(struct replay *replay)
{
	size_t n = 0;

	(void)pthread_mutex_lock(&replay->lock);
	for (size_t i = 0; i < replay->n_steps; i++)
		n += replay->n_used[i] == 0;
	(void)pthread_mutex_unlock(&replay->lock);
	return n;
}

/* Until that many requests have come. */
static inline void replay_wait_requests(struct replay *replay, size_t n)
{
	struct timespec until = { .tv_sec = time(NULL) + 20 };

	(void)pthread_mutex_lock(&replay->lock);
	while (replay->n_requests < n)
		cr_assert_eq(pthread_cond_timedwait(&replay->changed,
						    &replay->lock, &until),
			     0, "%zu requests instead of %zu",
			     replay->n_requests, n);
	(void)pthread_mutex_unlock(&replay->lock);
}

static inline struct kube_config replay_config(struct replay *replay)
{
	return (struct kube_config){ .server = replay->server,
				     .namespace = (char *)"default" };
}

DEFINE_FINI(struct replay, replay_stop)
