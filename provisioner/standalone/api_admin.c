/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of verbs, and how one is run. A verb that takes long has a thread, which
 * writes lines into a socket pair; the connection's thread reads them from there and
 * sends them on. So a verb is written as a plain function that says what it does,
 * nothing is queued but what a socket holds, and a client that reads slowly, or not
 * at all, holds up its own verb only.
 *
 * A client that leaves ends its stream: the verb is told by its next line, and the
 * connection's thread waits for it, so that no verb outlives what it works on.
 */

#include "api_admin.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cjson/cJSON.h>

#include "admin_verbs.h"
#include "api_status.h"
#include "json_field.h"
#include "log.h"

static const struct verb {
	const char *name;
	api_admin_fn fn;
	bool is_long;
} verbs[] = {
	{ "adopt", admin_adopt, false },
	{ "check", admin_check, true },
	{ "clone", admin_clone, false },
	{ "copies", admin_copies, false },
	{ "delete-snapshot", admin_delete_snapshot, false },
	{ "fate", admin_fate, false },
	{ "history", admin_history, false },
	{ "recover", admin_recover, true },
	{ "repair", admin_repair, false },
	{ "restore", admin_restore, false },
	{ "snapshot", admin_snapshot, true },
	{ "snapshots", admin_snapshots, false },
	{ "trash", admin_trash, false },
};

/* --- outcomes -------------------------------------------------------------------- */

static const struct {
	int code;
	unsigned int status;
	const char *reason;
} failures[] = {
	{ -EINVAL, 400, "BadRequest" },
	{ -ENOENT, 404, "NotFound" },
	{ -EEXIST, 409, "AlreadyExists" },
	{ -EBUSY, 409, "Conflict" },
};

static void find_failure(int code, unsigned int *ret_status,
			 const char **ret_reason)
{
	*ret_status = 500;
	*ret_reason = "InternalError";
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		if (failures[i].code == code) {
			*ret_status = failures[i].status;
			*ret_reason = failures[i].reason;
		}
	}
}

static void answer(struct api_response *ret, int r, cJSON *take_json,
		   const struct err *err)
{
	unsigned int status;
	const char *reason;

	if (r == 0) {
		api_status_body(ret, 200,
				take_json ? cJSON_PrintUnformatted(take_json)
					  : strdup("{}"));
	} else {
		find_failure(r, &status, &reason);
		api_status_fail(ret, status, reason, err_text(err));
	}
	cJSON_Delete(take_json);
}

/* --- lines ----------------------------------------------------------------------- */

struct verb_stream {
	struct api_stream stream; /* first */
	struct api_admin_call call;
	const struct verb *verb;
	cJSON *in;
	pthread_t thread;
	bool has_thread;
	int read_fd;
};

static bool is_over(struct api_admin_call *call)
{
	return atomic_load(&call->is_over) ||
	       atomic_load(&call->admin->is_stopping);
}

static int send_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -ECANCELED;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int send_line(struct api_admin_call *call, const char *type,
		     const char *object)
{
	_cleanup_(free) char *line = NULL;
	int len;

	if (call->line_fd < 0)
		return 0;
	len = object ? asprintf(&line, "{\"type\":\"%s\",\"object\":%s}\n",
				type, object)
		     : -1;
	if (len < 0) {
		line = NULL;
		return -ENOMEM;
	}
	return send_all(call->line_fd, line, (size_t)len);
}

int api_admin_say_object(struct api_admin_call *call, cJSON *take_object)
{
	_cleanup_(free) char *text =
		take_object ? cJSON_PrintUnformatted(take_object) : NULL;

	cJSON_Delete(take_object);
	if (is_over(call))
		return -ECANCELED;
	return send_line(call, "PROGRESS", text);
}

int api_admin_say(struct api_admin_call *call, const char *fmt, ...)
{
	_cleanup_(free) char *text = NULL;
	cJSON *object = cJSON_CreateObject();
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0)
		text = NULL;
	if (!text || !cJSON_AddStringToObject(object, "message", text)) {
		cJSON_Delete(object);
		return -ENOMEM;
	}
	return api_admin_say_object(call, object);
}

static void send_end(struct verb_stream *stream, int r, cJSON *take_json,
		     struct err *err)
{
	struct api_response end = { 0 };

	if (r == -ECANCELED && !err->code)
		(void)err_set(err, r, "%s was interrupted", stream->verb->name);
	answer(&end, r, take_json, err);
	(void)send_line(&stream->call, r == 0 ? "DONE" : "ERROR", end.body);
	api_response_fini(&end);
}

static void *run_long(void *userdata)
{
	struct verb_stream *stream = userdata;
	_cleanup_(err_fini) struct err err = ERR_INIT;
	cJSON *json = NULL;
	int r;

	store_act_as(stream->call.admin->store, "claimctl");
	r = stream->verb->fn(&stream->call, stream->in, &json, &err);
	log_info("verb ended", F_STR("verb", stream->verb->name),
		 F_STR("outcome", r == 0 ? "done" : err_text(&err)));
	send_end(stream, r, json, &err);
	(void)shutdown(stream->call.line_fd, SHUT_WR);
	return NULL;
}

/* 1: there is something to read, or the end; 0: the client is gone. */
static int wait_line(const struct verb_stream *stream, int client_fd)
{
	struct pollfd fds[] = {
		{ .fd = stream->read_fd, .events = POLLIN },
		{ .fd = client_fd, .events = POLLRDHUP },
	};

	while (poll(fds, ARRAY_SIZE(fds), -1) < 0)
		if (errno != EINTR)
			return 0;
	return fds[0].revents != 0;
}

static size_t verb_stream_read(struct api_stream *self, int client_fd,
			       char *buffer, size_t size)
{
	struct verb_stream *stream =
		container_of(self, struct verb_stream, stream);
	ssize_t n;

	if (!wait_line(stream, client_fd))
		return 0;
	do
		n = recv(stream->read_fd, buffer, size, 0);
	while (n < 0 && errno == EINTR);
	return n > 0 ? (size_t)n : 0;
}

/* Waits until the verb has ended. */
static struct verb_stream *verb_stream_free(struct verb_stream *stream)
{
	if (!stream)
		return NULL;
	atomic_store(&stream->call.is_over, true);
	stream->read_fd = fd_close(stream->read_fd);
	if (stream->has_thread)
		(void)pthread_join(stream->thread, NULL);
	(void)fd_close(stream->call.line_fd);
	(void)atomic_fetch_sub(&stream->call.admin->n_long, 1);
	cJSON_Delete(stream->in);
	free(stream);
	return NULL;
}

DEFINE_CLEANUP(struct verb_stream *, verb_stream_free)

static void free_stream(struct api_stream *self)
{
	verb_stream_free(container_of(self, struct verb_stream, stream));
}

/* --- a request ------------------------------------------------------------------- */

static void start_long(struct api_admin *admin, const struct verb *verb,
		       cJSON *take_in, struct api_response *ret)
{
	_cleanup_(verb_stream_free) struct verb_stream *stream =
		calloc(1, sizeof(*stream));
	int fds[2];

	if (!stream) {
		cJSON_Delete(take_in);
		api_status_fail(ret, 500, "InternalError", "out of memory");
		return;
	}
	stream->in = take_in;
	stream->verb = verb;
	stream->call = (struct api_admin_call){ .admin = admin, .line_fd = -1 };
	stream->read_fd = -1;
	if (atomic_fetch_add(&admin->n_long, 1) >= API_ADMIN_LONG_MAX ||
	    atomic_load(&admin->is_stopping)) {
		api_status_fail(ret, 429, "TooManyRequests",
				"too much is being done already, try later");
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
		api_status_fail(ret, 500, "InternalError", strerror(errno));
		return;
	}
	stream->read_fd = fds[0];
	stream->call.line_fd = fds[1];
	stream->has_thread =
		pthread_create(&stream->thread, NULL, run_long, stream) == 0;
	if (!stream->has_thread) {
		api_status_fail(ret, 500, "InternalError", "no more threads");
		return;
	}
	ret->status = 200;
	stream->stream = (struct api_stream){ .read = verb_stream_read,
					      .free = free_stream,
					      .waits = true };
	ret->stream = &TAKE_PTR(stream)->stream;
}

static void run_short(struct api_admin *admin, const struct verb *verb,
		      cJSON *take_in, struct api_response *ret)
{
	struct api_admin_call call = { .admin = admin, .line_fd = -1 };
	_cleanup_(err_fini) struct err err = ERR_INIT;
	cJSON *json = NULL;
	int r = verb->fn(&call, take_in, &json, &err);

	answer(ret, r, json, &err);
	cJSON_Delete(take_in);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int read_body(const struct api_request *request, cJSON **ret,
		     struct err *err)
{
	cJSON *json;
	int r;

	if (!request->body_len) {
		*ret = cJSON_CreateObject();
		return *ret ? 0 : err_set(err, -ENOMEM, "out of memory");
	}
	r = json_parse(request->body, request->body_len, &json, err);
	if (r < 0)
		return r;
	r = json_check_keys(json, err);
	if (r == 0 && !cJSON_IsObject(json))
		r = err_set(err, -EINVAL, "the body must be a JSON object");
	if (r < 0) {
		cJSON_Delete(json);
		return r;
	}
	*ret = json;
	return 0;
}

void api_admin_handle(struct api_admin *admin,
		      const struct api_request *request, const char *name,
		      struct api_response *ret)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	const struct verb *verb = find_verb(name);
	cJSON *in = NULL;

	if (!verb) {
		api_status_fail(
			ret, 404, "NotFound",
			"the server could not find the requested resource");
		return;
	}
	if (read_body(request, &in, &err) < 0) {
		api_status_bad_request(ret, &err);
		return;
	}
	if (verb->is_long)
		start_long(admin, verb, in, ret);
	else
		run_short(admin, verb, in, ret);
}

void api_admin_stop(struct api_admin *admin)
{
	atomic_store(&admin->is_stopping, true);
}

int api_admin_string(const cJSON *in, const char *key, const char *fallback,
		     const char **ret, struct err *err)
{
	int r = json_string(in, key, fallback, ret, err);

	if (r < 0)
		return r;
	if (*ret)
		return 0;
	return err_set(err, -EINVAL, "%s: Required value", key);
}
