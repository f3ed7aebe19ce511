/* SPDX-License-Identifier: Apache-2.0 */

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include <criterion/criterion.h>

#include "http_server.h"
#include "listen.h"
#include "log.h"

#define LARGE	   (3u << 20)
#define ROUNDS_MAX 10000

/* The server, its loop and its port; the test's thread is that of both sides. */
struct fixture {
	struct loop *loop;
	struct http_server *server;
	char listen[32];
	uint16_t port;
};

static unsigned int say_ok(void *userdata, FILE *body)
{
	(void)fputs("ok\n", body);
	return 200;
}

static unsigned int say_no(void *userdata, FILE *body)
{
	(void)fputs("not now\n", body);
	return 503;
}

static unsigned int say_much(void *userdata, FILE *body)
{
	char chunk[4096];

	memset(chunk, 'x', sizeof(chunk));
	for (unsigned int i = 0; i < LARGE / sizeof(chunk); i++)
		(void)fwrite(chunk, sizeof(chunk), 1, body);
	return 200;
}

static unsigned int say_nothing(void *userdata, FILE *body)
{
	return 200;
}

static const struct http_route routes[] = {
	{ "/ok", "text/plain", say_ok },
	{ "/no", "text/plain", say_no },
	{ "/much", "text/x", say_much },
	{ "/nothing", "text/plain", say_nothing },
};

static void start(struct fixture *f)
{
	const struct http_server_options options = {
		.listen = f->listen,
		.routes = routes,
		.n_routes = ARRAY_SIZE(routes),
	};

	log_set_level(LOG_ERROR);
	cr_assert_eq(loop_new(&f->loop), 0);
	cr_assert_eq(http_server_new(&f->server, f->loop, &options, NULL), 0);
}

/* A port that is free a moment later. */
static void fixture_init(struct fixture *f)
{
	int fd;

	*f = (struct fixture){ 0 };
	cr_assert_eq(listen_tcp("127.0.0.1:0", &fd, &f->port, NULL), 0);
	fd_close(fd);
	(void)snprintf(f->listen, sizeof(f->listen), "127.0.0.1:%u", f->port);
	start(f);
}

static void fixture_fini(struct fixture *f)
{
	f->server = http_server_free(f->server);
	f->loop = loop_free(f->loop);
}

DEFINE_FINI(struct fixture, fixture_fini)

static int dial(const struct fixture *f)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(f->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void put(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
		     (ssize_t)strlen(text));
}

/* All that comes until the server closes; for free(). */
static char *get_rest(struct fixture *f, int fd)
{
	size_t size = LARGE + 4096, len = 0;
	char *text = calloc(1, size);

	cr_assert_not_null(text);
	for (int i = 0; i < ROUNDS_MAX; i++) {
		ssize_t n = recv(fd, text + len, size - 1 - len, MSG_DONTWAIT);

		if (n == 0)
			return text;
		if (n > 0)
			len += (size_t)n;
		else
			cr_assert_eq(errno, EAGAIN);
		cr_assert_eq(loop_run_once(f->loop, 1), 0);
	}
	cr_assert_fail("the server does not close");
	return text;
}

static char *ask(struct fixture *f, const char *request)
{
	_cleanup_(fd_close) int fd = dial(f);

	put(fd, request);
	return get_rest(f, fd);
}

Test(http_server, a_path_is_answered_and_the_connection_closed)
{
	_cleanup_(fixture_fini) struct fixture f;
	_cleanup_(free) char *text = NULL;

	fixture_init(&f);
	text = ask(&f, "GET /ok?verbose HTTP/1.1\r\nHost: x\r\n\r\n");
	cr_assert_str_eq(text,
			 "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
			 "Content-Length: 3\r\nConnection: close\r\n\r\nok\n");
}

Test(http_server, what_is_not_served_is_refused)
{
	static const struct {
		const char *request;
		const char *status;
	} cases[] = {
		{ "GET /no HTTP/1.1\r\n\r\n", "503 Service Unavailable" },
		{ "GET /nothing HTTP/1.0\r\n\r\n", "200 OK" },
		{ "GET / HTTP/1.1\r\n\r\n", "404 Not Found" },
		{ "GET /ok/ HTTP/1.1\r\n\r\n", "404 Not Found" },
		{ "GET http://x/ok HTTP/1.1\r\n\r\n", "404 Not Found" },
		{ "POST /ok HTTP/1.1\r\n\r\n", "405 Method Not Allowed" },
		{ "HEAD /ok HTTP/1.1\r\n\r\n", "405 Method Not Allowed" },
		{ "GET /ok\r\n\r\n", "400 Bad Request" },
		{ "GET /ok HTTP/2.0\r\n\r\n", "400 Bad Request" },
		{ "\r\n\r\n", "400 Bad Request" },
		{ "\x16\x03\x01\r\n\r\n", "400 Bad Request" },
	};
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(free) char *text = ask(&f, cases[i].request);

		cr_expect_eq(strncmp(text, "HTTP/1.1 ", 9), 0);
		cr_expect_eq(strncmp(text + 9, cases[i].status,
				     strlen(cases[i].status)),
			     0, "%s: %s", cases[i].request, text);
	}
}

Test(http_server, headers_may_come_in_pieces)
{
	static const char *const pieces[] = { "GE",	  "T /ok HT",
					      "TP/1.1\r", "\nHost: x\r\n",
					      "\r",	  "\n" };
	_cleanup_(fixture_fini) struct fixture f;
	_cleanup_(fd_close) int fd = -1;
	_cleanup_(free) char *text = NULL;

	fixture_init(&f);
	fd = dial(&f);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		put(fd, pieces[i]);
		for (int round = 0; round < 3; round++)
			cr_assert_eq(loop_run_once(f.loop, 1), 0);
	}
	text = get_rest(&f, fd);
	cr_assert_not_null(strstr(text, "200 OK"));
}

Test(http_server, headers_have_a_limit)
{
	_cleanup_(fixture_fini) struct fixture f;
	_cleanup_(free) char *text = NULL;
	char request[4096] = "GET /ok HTTP/1.1\r\nX: ";
	size_t len = strlen(request);

	fixture_init(&f);
	memset(request + len, 'x', sizeof(request) - 1 - len);
	request[sizeof(request) - 1] = '\0';
	text = ask(&f, request);
	cr_assert_not_null(strstr(text, " 431 "));
}

Test(http_server, an_answer_that_is_read_slowly_comes_whole)
{
	_cleanup_(fixture_fini) struct fixture f;
	_cleanup_(free) char *text = NULL;
	const char *body;

	fixture_init(&f);
	text = ask(&f, "GET /much HTTP/1.1\r\n\r\n");
	cr_assert_not_null(strstr(text, "Content-Length: 3145728\r\n"));
	body = strstr(text, "\r\n\r\n") + 4;
	cr_assert_eq(strlen(body), LARGE);
	cr_assert_eq(strspn(body, "x"), LARGE);
}

Test(http_server, silent_connections_keep_nobody_out)
{
	_cleanup_(fixture_fini) struct fixture f;
	int silent[40];

	fixture_init(&f);
	for (size_t i = 0; i < ARRAY_SIZE(silent); i++) {
		silent[i] = dial(&f);
		cr_assert_eq(loop_run_once(f.loop, 1), 0);
	}
	for (int i = 0; i < 3; i++) {
		_cleanup_(free) char *text =
			ask(&f, "GET /ok HTTP/1.1\r\n\r\n");

		cr_assert_not_null(strstr(text, "200 OK"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
		fd_close(silent[i]);
}

/* More than have a place, before the loop's next round and a probe among them. */
static void expect_served_in_flood(const char *text, size_t n)
{
	_cleanup_(fixture_fini) struct fixture f;
	_cleanup_(free) char *answer = NULL;
	_cleanup_(fd_close) int probe = -1;
	int flood[200];

	fixture_init(&f);
	for (size_t i = 0; i < n; i++) {
		flood[i] = dial(&f);
		put(flood[i], text);
		if (i != n / 2)
			continue;
		probe = dial(&f);
		put(probe, "GET /ok HTTP/1.1\r\n\r\n");
	}
	answer = get_rest(&f, probe);
	cr_assert_not_null(strstr(answer, "200 OK"));
	while (n > 0)
		fd_close(flood[--n]);
}

Test(http_server, a_flood_of_halves_keeps_no_probe_out)
{
	expect_served_in_flood("GET /o", 200);
}

Test(http_server, a_flood_of_slow_readers_keeps_no_probe_out)
{
	expect_served_in_flood("GET /much HTTP/1.1\r\n\r\n", 34);
}

Test(http_server, peers_that_go_away_leave_nothing)
{
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f);
	for (int i = 0; i < 20; i++) {
		int fd = dial(&f);

		if (i % 2)
			put(fd, "GET /much HTTP/1.1\r\n\r\n");
		cr_assert_eq(loop_run_once(f.loop, 1), 0);
		fd_close(fd);
		cr_assert_eq(loop_run_once(f.loop, 1), 0);
	}
}

Test(http_server, a_port_in_use_is_waited_for, .timeout = 30)
{
	_cleanup_(fixture_fini) struct fixture f = { 0 };
	_cleanup_(free) char *text = NULL;
	int other;

	cr_assert_eq(listen_tcp("127.0.0.1:0", &other, &f.port, NULL), 0);
	(void)snprintf(f.listen, sizeof(f.listen), "127.0.0.1:%u", f.port);
	start(&f);
	fd_close(other);
	cr_assert_eq(loop_run_once(f.loop, -1), 0);
	text = ask(&f, "GET /ok HTTP/1.1\r\n\r\n");
	cr_assert_not_null(strstr(text, "200 OK"));
}
