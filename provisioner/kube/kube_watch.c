/* SPDX-License-Identifier: Apache-2.0 */

/*
 *	       +-- 410, or a callback failed --+
 *	       v			       |
 *	LIST (no version) --> WATCH (from a version) --+
 *	       ^ |		^		      |
 *	       +-+ fails	+-- cut, ended, silent -+
 *
 * turn() goes once through what there is to do and says how it ended; after_turn()
 * says whether to pause. The version is that of the last line that was told to the
 * end of its batch, so that a cut in the middle of anything loses nothing.
 *
 * The server ends a watch after timeoutSeconds (by chance from 5 to 10 minutes, as
 * client-go), which moves watches from one server to another over time. It sends a
 * bookmark about once a minute, so silence for 150 s, which is two missing ones, means
 * that nobody is there any more (a connection that a firewall dropped), and the
 * watch is begun anew at once. If there was none since it began, nothing may be what the
 * server has to tell: of an etcd that was restored from a backup it keeps back all up to
 * the version that it was asked for. Then all is listed.
 *
 * What can't be understood: a line that is an event of an object that object_new()
 * refuses is left out with a warning, since asking again would bring the same again.
 */

#include "kube_watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "kube_answer.h"
#include "kube_backoff.h"
#include "kube_list.h"
#include "kube_watch_line.h"
#include "log.h"

#define SILENCE_MS   150000
#define PAUSE_MS     800
#define PAUSE_MAX_MS 30000
#define STREAM_S     300 /* to twice as much */
#define LINE_MAX_LEN (4u << 20)
#define SETTLED_NS \
	(5 * NS_PER_S) /* a stream that lasts so long is a good one */
#define ABSENT_MS 600000

struct kube_watch {
	struct kube_http *http;
	struct kube_watch_options options;
	char *namespace;
	char *labels;
	char *fields;
	const char *kind; /* "PersistentVolume" */
	pthread_t thread;
	bool has_thread;
	struct kube_cancel cancel;
	/* Of the thread: */
	struct kube_backoff backoff;
	uint64_t version;      /* 0 = to be listed */
	bool is_listing_whole; /* pages did not come to an end in time */
	bool is_in_batch;
	bool has_failed_callback;
	bool has_warned; /* that it does not work, since it did */
	pthread_mutex_t lock;
	struct kube_watch_state state; /* under the lock */
};

/* Callbacks that may be NULL. */
static int begin_batch(struct kube_watch *watch, struct err *err)
{
	const struct kube_watch_options *options = &watch->options;

	watch->is_in_batch = true;
	return options->ops->begin_batch
		       ? options->ops->begin_batch(options->userdata, err)
		       : 0;
}

static int end_batch(struct kube_watch *watch, struct err *err)
{
	const struct kube_watch_options *options = &watch->options;
	int r = options->ops->end_batch
			? options->ops->end_batch(options->userdata, err)
			: 0;

	if (r == 0)
		watch->is_in_batch = false;
	return r;
}

static void abort_batch(struct kube_watch *watch)
{
	const struct kube_watch_options *options = &watch->options;

	if (watch->is_in_batch && options->ops->abort_batch)
		options->ops->abort_batch(options->userdata);
	watch->is_in_batch = false;
}

static int tell_version(struct kube_watch *watch, uint64_t version,
			struct err *err)
{
	const struct kube_watch_options *options = &watch->options;

	return options->ops->version
		       ? options->ops->version(options->userdata, version, err)
		       : 0;
}

static int begin_list(struct kube_watch *watch, struct err *err)
{
	const struct kube_watch_options *options = &watch->options;

	int r = begin_batch(watch, err);

	if (r == 0 && options->ops->begin_list)
		r = options->ops->begin_list(options->userdata, err);
	return r == 0 ? end_batch(watch, err) : r;
}

/* A failure of the callbacks is another thing than one of the server. */
static int of_callback(struct kube_watch *watch, int r)
{
	if (r < 0)
		watch->has_failed_callback = true;
	return r;
}

static void set_version(struct kube_watch *watch, uint64_t version)
{
	watch->version = version;
	(void)pthread_mutex_lock(&watch->lock);
	watch->state.resource_version = version;
	(void)pthread_mutex_unlock(&watch->lock);
}

static int on_begin_page(void *userdata, struct err *err)
{
	struct kube_watch *watch = userdata;

	return of_callback(watch, begin_batch(watch, err));
}

static int on_end_page(void *userdata, struct err *err)
{
	struct kube_watch *watch = userdata;

	return of_callback(watch, end_batch(watch, err));
}

static int on_object(void *userdata, struct object *object, struct err *err)
{
	struct kube_watch *watch = userdata;
	const struct kube_watch_options *options = &watch->options;

	return of_callback(
		watch, options->ops->object(options->userdata, object, err));
}

static void on_left_out(void *userdata, const struct err *err)
{
	const struct kube_watch *watch = userdata;

	log_warn("object left out", F_STR("kind", watch->kind), F_ERR(err));
}

/* In a batch of its own, since it comes after the last page is known to be that. */
static int end_list(struct kube_watch *watch, uint64_t version, struct err *err)
{
	const struct kube_watch_options *options = &watch->options;
	int r = begin_batch(watch, err);

	if (r == 0)
		r = options->ops->end_list(options->userdata, version, err);
	if (r == 0)
		r = end_batch(watch, err);
	if (of_callback(watch, r) < 0)
		return r;
	(void)pthread_mutex_lock(&watch->lock);
	watch->state.is_listed = true;
	watch->state.n_lists++;
	(void)pthread_mutex_unlock(&watch->lock);
	return 0;
}

static int list(struct kube_watch *watch, struct err *err)
{
	struct kube_list list = {
		.selection = &watch->options.selection,
		.page = watch->is_listing_whole ? 0 : KUBE_LIST_PAGE,
		.cancel = &watch->cancel,
		.object = on_object,
		.begin_page = on_begin_page,
		.end_page = on_end_page,
		.left_out = on_left_out,
		.userdata = watch,
	};
	uint64_t version;
	int r = of_callback(watch, begin_list(watch, err));

	if (r < 0)
		return r;
	r = kube_list(watch->http, &list, &version, err);
	if (r == KUBE_LIST_INCONSISTENT || r == -ESTALE) {
		/* What was deleted meanwhile may have been told: all in one then. */
		watch->is_listing_whole = true;
		return -ESTALE;
	}
	if (r != 0)
		return r;
	r = end_list(watch, version, err);
	if (r < 0)
		return r;
	watch->is_listing_whole = false;
	set_version(watch, version);
	return 0;
}

static int tell_line(struct kube_watch *watch, const char *text, size_t len,
		     uint64_t *version, struct err *err)
{
	const struct kube_watch_options *options = &watch->options;
	_cleanup_(kube_watch_line_fini) struct kube_watch_line line =
		KUBE_WATCH_LINE_INIT;
	_cleanup_(err_fini) struct err unread = ERR_INIT;
	int r = kube_watch_line_parse(options->selection.kind, text, len, &line,
				      &unread);

	if (r == -EINVAL) {
		on_left_out(watch, &unread);
		return 0;
	}
	if (r != 0) {
		(void)err_set(err, unread.code, "%s", err_text(&unread));
		return r;
	}
	*version = line.resource_version;
	if (line.type == KUBE_LINE_BOOKMARK)
		return 0;
	return of_callback(watch,
			   options->ops->event(options->userdata, line.event,
					       line.object, err));
}

/* Up to the end, or to a line that says that it is over; *ret_n are told. */
static int tell_lines(struct kube_watch *watch, char *text, size_t len,
		      uint64_t *version, uint64_t *ret_n, struct err *err)
{
	char *end = text + len;
	int r = 0;

	for (*ret_n = 0; r == 0 && text < end; (*ret_n)++) {
		char *newline = memchr(text, '\n', (size_t)(end - text));

		*newline = '\0';
		r = tell_line(watch, text, (size_t)(newline - text), version,
			      err);
		text = newline + 1;
	}
	return r;
}

static int end_lines(struct kube_watch *watch, uint64_t version,
		     struct err *err)
{
	int r = tell_version(watch, version, err);

	if (r == 0)
		r = end_batch(watch, err);
	return of_callback(watch, r);
}

/* All that came at once: what was told before a line that ends the watch stands. */
static int tell_batch(struct kube_watch *watch, char *text, size_t len,
		      struct err *err)
{
	uint64_t version = watch->version;
	uint64_t n = 0;
	int ended;
	int r = of_callback(watch, begin_batch(watch, err));

	if (r < 0)
		return r;
	ended = tell_lines(watch, text, len, &version, &n, err);
	if (watch->has_failed_callback)
		return ended;
	r = end_lines(watch, version, err);
	if (r < 0)
		return r;
	set_version(watch, version);
	(void)pthread_mutex_lock(&watch->lock);
	watch->state.n_events += n;
	(void)pthread_mutex_unlock(&watch->lock);
	return ended;
}

static char *stream_path(const struct kube_watch *watch, unsigned int stream_s)
{
	char first[128];

	(void)snprintf(first, sizeof(first),
		       "watch=1&allowWatchBookmarks=true&resourceVersion=%llu"
		       "&timeoutSeconds=%u",
		       (unsigned long long)watch->version, stream_s);
	return kube_list_path(&watch->options.selection, first);
}

static void note_open(struct kube_watch *watch)
{
	(void)pthread_mutex_lock(&watch->lock);
	if (watch->state.in_sync_since_ns == 0)
		watch->state.in_sync_since_ns = clock_ns();
	watch->state.n_streams++;
	(void)pthread_mutex_unlock(&watch->lock);
	if (watch->has_warned)
		log_info("watch works again", F_STR("kind", watch->kind));
	watch->has_warned = false;
}

static int open_stream(struct kube_watch *watch, struct kube_http_stream **ret,
		       struct err *err)
{
	const struct kube_watch_options *options = &watch->options;
	unsigned int stream_s =
		options->stream_s
			? options->stream_s
			: STREAM_S / 2 + kube_jitter(2 * STREAM_S) / 2;
	_cleanup_(free) char *path = stream_path(watch, stream_s);
	struct kube_http_request request = {
		.method = "GET",
		.path = path,
		.timeout_ms = (stream_s + 30) * 1000,
		.silence_ms =
			options->silence_ms ? options->silence_ms : SILENCE_MS,
		.max_len = LINE_MAX_LEN,
		.cancel = &watch->cancel,
	};
	_cleanup_(kube_http_answer_fini) struct kube_http_answer refusal =
		KUBE_HTTP_ANSWER_INIT;
	int r;

	if (!path)
		return err_set(err, -ENOMEM, "out of memory");
	r = kube_http_stream_open(ret, watch->http, &request, &refusal, err);
	if (r == KUBE_HTTP_REFUSED)
		return kube_answer_judge(&refusal, err);
	return r;
}

/* 0 = it ended as it should. */
static int follow(struct kube_watch *watch, struct kube_http_stream *stream,
		  struct err *err)
{
	size_t len;
	char *text;
	int r;

	for (;;) {
		r = kube_http_stream_read(stream, &text, &len, err);
		if (r < 0 || len == 0)
			return r;
		r = tell_batch(watch, text, len, err);
		if (r != 0)
			return r;
		kube_backoff_reset(&watch->backoff);
	}
}

static int stream(struct kube_watch *watch, struct err *err)
{
	_cleanup_(kube_http_stream_close) struct kube_http_stream *open = NULL;
	uint64_t n_before = watch->state.n_events;
	uint64_t begun_ns;
	bool has_told;
	int r = open_stream(watch, &open, err);

	if (r != 0)
		return r;
	note_open(watch);
	begun_ns = clock_ns();
	r = follow(watch, open, err);
	has_told = watch->state.n_events != n_before;
	if (clock_ns() - begun_ns >= SETTLED_NS)
		kube_backoff_reset(&watch->backoff);
	/* A server that ends at once what it has begun would be asked without end. */
	else if (r == 0 && !has_told)
		return err_set(err, -EAGAIN, "the watch was ended at once");
	return r == -ETIMEDOUT && !has_told ? -ESTALE : r;
}

/* A kind that the server does not have: none of it exists. */
static int tell_absent(struct kube_watch *watch, struct err *err)
{
	int r = end_list(watch, 0, err);

	if (r < 0)
		return r;
	log_debug("kind not served", F_STR("kind", watch->kind));
	return -EOPNOTSUPP;
}

static int turn(struct kube_watch *watch, struct err *err)
{
	int r = 0;

	if (watch->version == 0)
		r = list(watch, err);
	if (r == -EOPNOTSUPP && watch->options.is_optional)
		return tell_absent(watch, err);
	return r == 0 ? stream(watch, err) : r;
}

static void note_broken(struct kube_watch *watch, const struct err *err)
{
	(void)pthread_mutex_lock(&watch->lock);
	watch->state.in_sync_since_ns = 0;
	(void)pthread_mutex_unlock(&watch->lock);
	/* A cut is nothing special; two failures in a row are. */
	if (watch->backoff.now_ms && !watch->has_warned) {
		log_warn("watch does not work", F_STR("kind", watch->kind),
			 F_ERR(err));
		watch->has_warned = true;
	} else {
		log_debug("watch cut", F_STR("kind", watch->kind), F_ERR(err));
	}
}

/* How long to wait before the next turn. */
static unsigned int after_turn(struct kube_watch *watch, int r,
			       const struct err *err)
{
	if (r == 0)
		return 0;
	if (watch->has_failed_callback) {
		abort_batch(watch);
		watch->has_failed_callback = false;
		set_version(watch, 0);
	} else if (r == -ESTALE && watch->version) {
		set_version(watch, 0);
		return kube_backoff_next(&watch->backoff);
	} else if (r == -EOPNOTSUPP && watch->options.is_optional) {
		set_version(watch, 0);
		return kube_jitter(ABSENT_MS);
	}
	note_broken(watch, err);
	return kube_backoff_next(&watch->backoff);
}

static void *run(void *userdata)
{
	struct kube_watch *watch = userdata;
	unsigned int pause_ms = 0;

	(void)pthread_setname_np(pthread_self(), "kube-watch");
	while (kube_http_pause(watch->http, &watch->cancel, pause_ms) == 0) {
		_cleanup_(err_fini) struct err err = ERR_INIT;
		int r = turn(watch, &err);

		if (r == -ECANCELED)
			break;
		pause_ms = after_turn(watch, r, &err);
	}
	return NULL;
}

static int copy_text(char **ret, const char **take_from)
{
	if (!*take_from)
		return 0;
	*ret = strdup(*take_from);
	*take_from = *ret;
	return *ret ? 0 : -ENOMEM;
}

static int set_up(struct kube_watch *watch, struct kube_api *api,
		  const struct kube_watch_options *options)
{
	struct kube_selection *selection = &watch->options.selection;

	watch->http = kube_api_http(api);
	watch->options = *options;
	watch->kind = object_kind_info(selection->kind)->name;
	watch->version = options->resource_version;
	watch->backoff.first_ms =
		options->pause_ms ? options->pause_ms : PAUSE_MS;
	watch->backoff.max_ms = PAUSE_MAX_MS;
	(void)pthread_mutex_init(&watch->lock, NULL);
	if (copy_text(&watch->namespace, &selection->namespace) < 0 ||
	    copy_text(&watch->labels, &selection->labels) < 0 ||
	    copy_text(&watch->fields, &selection->fields) < 0)
		return -ENOMEM;
	return 0;
}

int kube_watch_start(struct kube_watch **ret, struct kube_api *api,
		     const struct kube_watch_options *options, struct err *err)
{
	_cleanup_(kube_watch_free) struct kube_watch *watch =
		calloc(1, sizeof(*watch));
	int r;

	if (!watch || set_up(watch, api, options) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	r = -pthread_create(&watch->thread, NULL, run, watch);
	if (r < 0)
		return err_set_errno(err, r, "start a thread");
	watch->has_thread = true;
	*ret = TAKE_PTR(watch);
	return 0;
}

struct kube_watch *kube_watch_free(struct kube_watch *watch)
{
	if (!watch)
		return NULL;
	if (watch->has_thread) {
		kube_http_cancel(watch->http, &watch->cancel);
		(void)pthread_join(watch->thread, NULL);
	}
	free(watch->namespace);
	free(watch->labels);
	free(watch->fields);
	(void)pthread_mutex_destroy(&watch->lock);
	free(watch);
	return NULL;
}

void kube_watch_get_state(struct kube_watch *watch,
			  struct kube_watch_state *ret)
{
	(void)pthread_mutex_lock(&watch->lock);
	*ret = watch->state;
	(void)pthread_mutex_unlock(&watch->lock);
}
