/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One curl handle, one request at a time. Answers are collected whole (at most
 * ANSWER_MAX); of a watch, each line as it ends.
 *
 * A refusal is worded by the server: kubectl's form `Error from server (NotFound):
 * ...` is what people and scripts know.
 */

#include "client.h"

#include <string.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>

#include "json_field.h"
#include "version.h"

#define ANSWER_MAX  (64u << 20)
#define ANSWER_ROOM (256u << 10) /* at first, and for each read */
#define HEADERS_MAX 3

struct client {
	CURL *curl;
	char *server;
	char *socket_path; /* NULL = TCP */
};

/* What arrives, and where it goes. */
struct sink {
	char *data;
	size_t len;
	size_t room;
	bool is_watch;
	client_event_fn fn;
	void *userdata;
	struct err *err;
	int result; /* of fn, or -errno */
};

int client_new(struct client **ret, const char *server, struct err *err)
{
	static const char unix_prefix[] = "unix://";
	_cleanup_(client_free) struct client *client = NULL;
	bool is_unix = strncmp(server, unix_prefix, strlen(unix_prefix)) == 0;

	if (!is_unix && strncmp(server, "http://", 7) != 0)
		return err_set(
			err, -EINVAL,
			"server \"%s\" must be unix:///PATH or http://HOST:PORT",
			server);
	client = calloc(1, sizeof(*client));
	if (!client)
		return err_set(err, -ENOMEM, "out of memory");
	client->curl = curl_easy_init();
	client->server = strdup(is_unix ? "http://localhost" : server);
	if (is_unix)
		client->socket_path = strdup(server + strlen(unix_prefix));
	if (!client->curl || !client->server ||
	    (is_unix && !client->socket_path))
		return err_set(err, -ENOMEM, "out of memory");
	*ret = TAKE_PTR(client);
	return 0;
}

struct client *client_free(struct client *client)
{
	if (!client)
		return NULL;
	if (client->curl)
		curl_easy_cleanup(client->curl);
	free(client->server);
	free(client->socket_path);
	free(client);
	return NULL;
}

static int on_line(struct sink *sink, const char *line, size_t len)
{
	cJSON *json = cJSON_ParseWithLength(line, len);
	const char *type = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(json, "type"));
	const cJSON *object = cJSON_GetObjectItemCaseSensitive(json, "object");
	int r = 0;

	if (!type || !object)
		r = err_set(sink->err, -EPROTO,
			    "the server's watch sent a line that is no event");
	else if (strcmp(type, "ERROR") == 0)
		r = err_set(sink->err, -ESTALE, "Error from server: %s",
			    cJSON_GetStringValue(json_at(object, "message")));
	else if (strcmp(type, "BOOKMARK") != 0)
		r = sink->fn(sink->userdata, type, object, sink->err);
	cJSON_Delete(json);
	return r;
}

/* Handles the complete lines at the beginning and keeps the rest. */
static int take_lines(struct sink *sink)
{
	size_t done = 0;
	int r = 0;

	while (r == 0 && done < sink->len) {
		char *end = memchr(sink->data + done, '\n', sink->len - done);
		size_t len;

		if (!end)
			break;
		len = (size_t)(end - sink->data) - done;
		r = on_line(sink, sink->data + done, len);
		done += len + 1;
	}
	memmove(sink->data, sink->data + done, sink->len - done);
	sink->len -= done;
	return r;
}

/* len more bytes, and the end of a string. */
static int make_room(struct sink *sink, size_t len)
{
	size_t room = sink->room ? sink->room : ANSWER_ROOM;
	char *grown;

	while (room <= sink->len + len)
		room *= 2;
	if (room == sink->room)
		return 0;
	grown = realloc(sink->data, room);
	if (!grown)
		return err_set(sink->err, -ENOMEM, "out of memory");
	sink->data = grown;
	sink->room = room;
	return 0;
}

static size_t on_data(char *data, size_t size, size_t n, void *userdata)
{
	struct sink *sink = userdata;
	size_t len = size * n;

	if (len > ANSWER_MAX - sink->len) {
		sink->result = err_set(sink->err, -EMSGSIZE,
				       "the server's answer is too large");
		return 0;
	}
	sink->result = make_room(sink, len);
	if (sink->result < 0)
		return 0;
	memcpy(sink->data + sink->len, data, len);
	sink->len += len;
	if (sink->is_watch)
		sink->result = take_lines(sink);
	return sink->result == 0 ? len : 0;
}

static struct curl_slist *make_headers(const struct client_request *request)
{
	struct curl_slist *list = NULL, *grown;
	char line[160];

	(void)snprintf(line, sizeof(line), "Accept: %s",
		       request->accept ? request->accept : "application/json");
	list = curl_slist_append(NULL, line);
	(void)snprintf(line, sizeof(line), "Content-Type: %s",
		       request->content_type ? request->content_type
					     : "application/json");
	grown = curl_slist_append(list, line);
	return grown ? grown : list;
}

/* What to do next, where nobody listens. */
static const char *advice(const struct client *client, CURLcode code)
{
	if (code != CURLE_COULDNT_CONNECT && code != CURLE_COULDNT_RESOLVE_HOST)
		return "";
	if (client->socket_path &&
	    access(client->socket_path, R_OK | W_OK) < 0 && errno == EACCES)
		return " (the API is root's only: use sudo)";
	return " (start it with \"systemctl start claimfs-provisioner\", or say where it is by --server or CLAIMFS_SERVER)";
}

static int perform(struct client *client, const struct client_request *request,
		   unsigned int timeout_s, struct sink *sink, struct err *err)
{
	struct curl_slist *headers = make_headers(request);
	_cleanup_(free) char *url = NULL;
	CURLcode code;

	if (asprintf(&url, "%s%s", client->server, request->path) < 0) {
		url = NULL;
		curl_slist_free_all(headers);
		return err_set(err, -ENOMEM, "out of memory");
	}
	curl_easy_reset(client->curl);
	(void)curl_easy_setopt(client->curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(client->curl, CURLOPT_UNIX_SOCKET_PATH,
			       client->socket_path);
	/* A proxy of the environment has no business with a local server. */
	(void)curl_easy_setopt(client->curl, CURLOPT_NOPROXY, "*");
	(void)curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST,
			       request->method);
	(void)curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, (long)timeout_s);
	(void)curl_easy_setopt(client->curl, CURLOPT_USERAGENT,
			       "claimctl/" CLAIMFS_VERSION);
	(void)curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(client->curl, CURLOPT_BUFFERSIZE,
			       (long)ANSWER_ROOM);
	(void)curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, on_data);
	(void)curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, sink);
	if (request->body)
		(void)curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS,
				       request->body);
	code = curl_easy_perform(client->curl);
	curl_slist_free_all(headers);
	if (sink->result != 0)
		return sink->result;
	if (code == CURLE_OK)
		return 0;
	if (code == CURLE_OPERATION_TIMEDOUT)
		return err_set(err, -ETIMEDOUT, "timed out");
	return err_set(err, -EIO, "the server %s did not answer: %s%s",
		       client->socket_path ? client->socket_path
					   : client->server,
		       curl_easy_strerror(code), advice(client, code));
}

static int refusal(long status, const cJSON *json, struct err *err)
{
	const char *reason = cJSON_GetStringValue(json_at(json, "reason"));
	const char *message = cJSON_GetStringValue(json_at(json, "message"));

	(void)err_set(err, status == 404 ? -ENOENT : -EREMOTEIO,
		      "Error from server (%s): %s", reason ? reason : "Unknown",
		      message ? message : "no reason was given");
	return status == 404 ? CLIENT_NOT_FOUND : -EREMOTEIO;
}

int client_call_text(struct client *client,
		     const struct client_request *request, char **ret,
		     struct err *err)
{
	struct sink sink = { .err = err };
	_cleanup_(free) char *text = NULL;
	long status = 0;
	cJSON *json;
	int r;

	r = perform(client, request, 0, &sink, err);
	text = sink.data ? sink.data : strdup("");
	if (r < 0)
		return r;
	if (!text)
		return err_set(err, -ENOMEM, "out of memory");
	text[sink.len] = '\0';
	(void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || status > 299) {
		json = cJSON_Parse(text);
		r = refusal(status, json, err);
		cJSON_Delete(json);
		return r;
	}
	*ret = TAKE_PTR(text);
	return 0;
}

int client_call(struct client *client, const struct client_request *request,
		struct cJSON **ret, struct err *err)
{
	_cleanup_(free) char *text = NULL;
	cJSON *json;
	int r = client_call_text(client, request, &text, err);

	if (r != 0)
		return r;
	json = cJSON_Parse(text);
	if (!json)
		return err_set(err, -EPROTO, "the server's answer is no JSON");
	if (ret)
		*ret = json;
	else
		cJSON_Delete(json);
	return 0;
}

/* A refusal is a Status instead of lines. */
static int check_watch(struct client *client, const struct sink *sink,
		       struct err *err)
{
	long status = 0;
	cJSON *json;
	int r;

	(void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && status <= 299)
		return 0;
	json = cJSON_ParseWithLength(sink->data ? sink->data : "", sink->len);
	r = refusal(status, json, err);
	cJSON_Delete(json);
	return r < 0 ? r : -ENOENT;
}

int client_watch(struct client *client, const struct client_request *request,
		 unsigned int timeout_s, client_event_fn fn, void *userdata,
		 struct err *err)
{
	struct sink sink = {
		.is_watch = true, .fn = fn, .userdata = userdata, .err = err
	};
	int r = perform(client, request, timeout_s, &sink, err);

	if (r == 0)
		r = check_watch(client, &sink, err);
	free(sink.data);
	return r;
}

char *client_path(enum object_kind kind, const char *namespace,
		  const char *name)
{
	const struct object_kind_info *info = object_kind_info(kind);
	const char *root = strchr(info->api_version, '/') ? "/apis" : "/api";
	bool has_namespace = info->is_namespaced && namespace;
	char *escaped_ns =
		curl_easy_escape(NULL, namespace ? namespace : "", 0);
	char *escaped_name = curl_easy_escape(NULL, name ? name : "", 0);
	char *path = NULL;

	if (!escaped_ns || !escaped_name ||
	    asprintf(&path, "%s/%s%s%s/%s%s%s", root, info->api_version,
		     has_namespace ? "/namespaces/" : "",
		     has_namespace ? escaped_ns : "", info->plural,
		     name ? "/" : "", escaped_name) < 0)
		path = NULL;
	curl_free(escaped_ns);
	curl_free(escaped_name);
	return path;
}
