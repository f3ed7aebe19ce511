/* SPDX-License-Identifier: Apache-2.0 */

#include "kube_http.h"
#include "kube_replay.h"

#define OK "HTTP/1.1 200 OK\r\nConnection: close\r\n"

struct fixture {
	struct replay replay;
	struct kube_http *http;
	struct kube_http_answer answer;
	struct err err;
};

static void fixture_init(struct fixture *f, const struct replay_step *steps,
			 size_t n)
{
	struct kube_config config;

	*f = (struct fixture){ .err = ERR_INIT };
	replay_start(&f->replay, steps, n);
	config = replay_config(&f->replay);
	cr_assert_eq(kube_http_new(&f->http, &config, NULL), 0);
}

static void fixture_fini(struct fixture *f)
{
	kube_http_free(f->http);
	replay_stop(&f->replay);
	kube_http_answer_fini(&f->answer);
	err_fini(&f->err);
}

DEFINE_FINI(struct fixture, fixture_fini)

static const struct kube_http_request usual = { .method = "GET",
						.path = "/x?token=y",
						.timeout_ms = 10000,
						.max_len = 100 };

static int ask(struct fixture *f, const struct kube_http_request *request)
{
	kube_http_answer_fini(&f->answer);
	err_fini(&f->err);
	return kube_http_call(f->http, request, &f->answer, &f->err);
}

Test(kube_http, an_answer_has_a_limit)
{
	static char body[] = OK
		"\r\n"
		"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789+";
	const struct replay_step steps[] = {
		{ "GET ", .answer = body, .end = REPLAY_CLOSE, .times = 2 },
	};
	struct kube_http_request request = usual;
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(ask(&f, &request), -EMSGSIZE);
	cr_assert_not_null(strstr(err_text(&f.err), "the answer is too long"));
	request.max_len = 101;
	cr_assert_eq(ask(&f, &request), 0);
	cr_assert_eq(f.answer.len, 101);
}

Test(kube_http, a_call_has_a_limit_and_a_query_is_not_told)
{
	static const struct replay_step steps[] = {
		{ "GET ", .end = REPLAY_HOLD },
	};
	struct kube_http_request request = usual;
	_cleanup_(fixture_fini) struct fixture f;

	request.timeout_ms = 100;
	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(ask(&f, &request), -ETIMEDOUT);
	cr_assert_null(strstr(err_text(&f.err), "token"), "%s",
		       err_text(&f.err));
}

static struct kube_cancel cancel;

static void *cancel_soon(void *userdata)
{
	struct fixture *f = userdata;

	replay_wait_requests(&f->replay, 1);
	kube_http_cancel(f->http, &cancel);
	return NULL;
}

Test(kube_http, one_call_is_cancelled_and_others_go_on)
{
	static const struct replay_step steps[] = {
		{ "GET ", .end = REPLAY_HOLD },
		{ "GET ", "021-pvc-get" },
	};
	struct kube_http_request request = usual;
	_cleanup_(fixture_fini) struct fixture f;
	pthread_t canceller;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	request.cancel = &cancel;
	cr_assert_eq(pthread_create(&canceller, NULL, cancel_soon, &f), 0);
	cr_assert_eq(ask(&f, &request), -ECANCELED);
	(void)pthread_join(canceller, NULL);
	cr_assert_eq(kube_http_pause(f.http, &cancel, 60000), -ECANCELED);
	request.cancel = NULL;
	request.max_len = 100000;
	cr_assert_eq(ask(&f, &request), 0);
}

Test(kube_http, the_environments_proxy_is_not_asked)
{
	static const struct replay_step steps[] = {
		{ "GET /x?token=y ", "022-pvc-get-404" },
	};
	struct kube_http_request request = usual;
	_cleanup_(fixture_fini) struct fixture f;

	request.max_len = 100000;
	(void)setenv("http_proxy", "http://127.0.0.1:1", 1);
	(void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(ask(&f, &request), 0, "%s", err_text(&f.err));
	cr_assert_eq(f.answer.status, 404);
	cr_assert(f.answer.is_json);
}

static int open_stream(struct fixture *f, struct kube_http_stream **ret)
{
	return kube_http_stream_open(ret, f->http, &usual, &f->answer, &f->err);
}

Test(kube_http, a_stream_is_read_by_whole_lines)
{
	static const struct replay_step steps[] = {
		{ "GET ", .answer = OK "\r\none\ntwo\nthr",
		  .end = REPLAY_CLOSE },
	};
	_cleanup_(fixture_fini) struct fixture f;
	struct kube_http_stream *stream = NULL;
	size_t n_lines = 0, len;
	char *text;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(open_stream(&f, &stream), 0);
	do {
		cr_assert_eq(kube_http_stream_read(stream, &text, &len, NULL),
			     0);
		for (size_t i = 0; i < len; i++)
			n_lines += text[i] == '\n';
	} while (len > 0);
	cr_assert_eq(n_lines, 2);
	kube_http_stream_close(stream);
}

/* Nine bytes a line: more than may wait for its reader and than sockets hold. */
Test(kube_http, a_reader_that_is_too_slow_is_told_so)
{
	size_t len = strlen(OK "\r\n"), n_lines = 4000000;
	_cleanup_(free) char *answer = malloc(len + n_lines * 9 + 1);
	const struct replay_step steps[] = {
		{ "GET ", .answer = answer, .end = REPLAY_CLOSE },
	};
	_cleanup_(fixture_fini) struct fixture f;
	struct kube_http_stream *stream = NULL;
	char *text;
	int r;

	memcpy(answer, OK "\r\n", len);
	for (size_t i = 0; i < n_lines; i++)
		memcpy(answer + len + i * 9, "12345678\n", 10);
	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(open_stream(&f, &stream), 0);
	/* Until the server has nobody to send to any more. */
	(void)pthread_join(f.replay.threads[0], NULL);
	f.replay.n_connections = 0;
	(void)close(f.replay.fds[0]);
	do
		r = kube_http_stream_read(stream, &text, &len, &f.err);
	while (r == 0 && len > 0);
	cr_assert_eq(r, -ENOBUFS, "%d: %s", r, err_text(&f.err));
	kube_http_stream_close(stream);
}

Test(kube_http, what_is_open_ends_when_all_ends)
{
	static const struct replay_step steps[] = {
		{ "GET ", .answer = OK "\r\none\n", .end = REPLAY_HOLD },
	};
	_cleanup_(fixture_fini) struct fixture f;
	struct kube_http_stream *stream = NULL;
	size_t len;
	char *text;

	fixture_init(&f, steps, ARRAY_SIZE(steps));
	cr_assert_eq(open_stream(&f, &stream), 0);
	kube_http_stop(f.http);
	do
		len = 0;
	while (kube_http_stream_read(stream, &text, &len, &f.err) == 0 &&
	       len > 0);
	cr_assert_eq(f.err.code, -ECANCELED);
	kube_http_stream_close(stream);
}
