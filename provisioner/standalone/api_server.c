/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HTTP by libmicrohttpd: one daemon per transport (the unix socket, the loopback
 * address), a thread per connection. A watch blocks its thread in poll(2) until
 * something changes or its client leaves, which is why there is a limit on
 * connections and another one on watches.
 *
 * What is refused here, before anything is looked at: bodies beyond API_BODY_MAX;
 * methods that the API has not; and, over TCP, what only a browser sends (Origin, a
 * Host that is not this machine), so that a web page can't talk to the API behind
 * its reader's back.
 *
 * Connections without a request are closed after IDLE_S. A watch has no such
 * limit: libmicrohttpd would count the time that we wait for a change as idle.
 */

#include "api_server.h"

#include <ctype.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <microhttpd.h>

#include "api.h"
#include "api_admin.h"
#include "api_listen.h"
#include "api_pages.h"
#include "api_route.h"
#include "api_status.h"
#include "listen.h"
#include "log.h"
#include "parse.h"
#include "watch_hub.h"

#define DEFAULT_CONNECTIONS 288u /* more than the hub has watchers */
#define IDLE_S		    60u
#define STREAM_BLOCK	    (32u << 10)
#define STOP_S		    5

/* Streams that are being sent; at the end they get time to send their last chunk. */
struct streams {
	pthread_mutex_t lock;
	pthread_cond_t none; /* n became 0 */
	unsigned int n;	     /* lock */
};

struct api_transport {
	const struct api *api;	 /* borrowed */
	struct streams *streams; /* borrowed */
	bool is_tcp;
	struct MHD_Daemon *daemon; /* NULL = not started */
};

struct api_server {
	struct api api;
	char *socket_path; /* NULL = not made yet */
	uint16_t port;
	struct streams streams;
	struct api_transport unix_socket;
	struct api_transport tcp;
};

/* One request while its body arrives. */
struct upload {
	char *data;
	size_t len;
	size_t size;
	bool is_too_large;
};

static int upload_add(struct upload *upload, const char *data, size_t len)
{
	if (len > API_BODY_MAX - upload->len) {
		upload->is_too_large = true;
		return 0;
	}
	if (upload->len + len > upload->size) {
		size_t size = (upload->len + len) * 2;
		char *grown = realloc(upload->data, size);

		if (!grown)
			return -ENOMEM;
		upload->data = grown;
		upload->size = size;
	}
	memcpy(upload->data + upload->len, data, len);
	upload->len += len;
	return 0;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result add_parameter(void *userdata, enum MHD_ValueKind kind,
				     const char *name, const char *value)
{
	(void)kind;
	api_query_set(userdata, name, value);
	return MHD_YES;
}

static bool read_method(const char *text, enum api_method *ret)
{
	static const char *const names[API_METHOD_N] = {
		[API_GET] = "GET",	 [API_POST] = "POST",
		[API_PUT] = "PUT",	 [API_PATCH] = "PATCH",
		[API_DELETE] = "DELETE",
	};
	int r = parse_name(text, names, API_METHOD_N);

	if (r >= 0)
		*ret = (enum api_method)r;
	return r >= 0;
}

static bool is_from_browser(const struct api_transport *transport,
			    struct MHD_Connection *connection)
{
	if (!transport->is_tcp)
		return false;
	return header(connection, "Origin") ||
	       !api_host_is_local(header(connection, "Host"));
}

struct stream {
	struct streams *all; /* borrowed */
	struct api_stream *body;
	int client_fd; /* borrowed from the connection */
};

static ssize_t stream_read(void *userdata, uint64_t position, char *buffer,
			   size_t size)
{
	struct stream *stream = userdata;
	size_t n;

	(void)position;
	n = stream->body->read(stream->body, stream->client_fd, buffer, size);
	return n ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
}

static void stream_free(void *userdata)
{
	struct stream *stream = userdata;
	struct streams *all = stream->all;

	stream->body->free(stream->body);
	free(stream);
	(void)pthread_mutex_lock(&all->lock);
	if (--all->n == 0)
		(void)pthread_cond_broadcast(&all->none);
	(void)pthread_mutex_unlock(&all->lock);
}

static struct stream *stream_new(struct streams *all, int client_fd,
				 struct api_response *response)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	*stream = (struct stream){ .all = all,
				   .body = TAKE_PTR(response->stream),
				   .client_fd = client_fd };
	(void)pthread_mutex_lock(&all->lock);
	all->n++;
	(void)pthread_mutex_unlock(&all->lock);
	return stream;
}

/* A stream that is cut off looks like a failure to its reader. */
static void streams_wait(struct streams *streams)
{
	struct timespec until;
	int r = 0;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_S;
	(void)pthread_mutex_lock(&streams->lock);
	while (streams->n && r == 0)
		r = pthread_cond_timedwait(&streams->none, &streams->lock,
					   &until);
	(void)pthread_mutex_unlock(&streams->lock);
}

static struct MHD_Response *make_stream(const struct api_transport *transport,
					struct MHD_Connection *connection,
					struct api_response *response)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	bool waits = response->stream->waits;
	struct stream *stream = stream_new(
		transport->streams, info ? info->connect_fd : -1, response);
	struct MHD_Response *made;

	if (!stream)
		return NULL;
	made = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
						 stream_read, stream,
						 stream_free);
	if (!made)
		stream_free(stream);
	if (waits)
		(void)MHD_set_connection_option(
			connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
	return made;
}

static struct MHD_Response *make_response(const struct api_transport *transport,
					  struct MHD_Connection *connection,
					  struct api_response *response)
{
	size_t len;
	char *body;

	if (response->stream)
		return make_stream(transport, connection, response);
	body = TAKE_PTR(response->body);
	len = response->body_len;
	if (!len && body)
		len = strlen(body);
	return MHD_create_response_from_buffer(len, body,
					       MHD_RESPMEM_MUST_FREE);
}

/* RFC 9110 5.5, in the form that clients of Kubernetes print; 299: miscellaneous. */
static void add_warning(struct MHD_Response *made, const char *warning)
{
	_cleanup_(free) char *text = NULL;
	size_t len;
	FILE *out = warning ? open_memstream(&text, &len) : NULL;

	if (!out)
		return;
	fputs("299 - \"", out);
	for (; *warning; warning++) {
		bool is_plain = isprint((unsigned char)*warning);

		if (*warning == '"' || *warning == '\\')
			(void)fputc('\\', out);
		(void)fputc(is_plain ? *warning : '?', out);
	}
	(void)fputc('"', out);
	if (fclose(out) == 0)
		(void)MHD_add_response_header(made, "Warning", text);
}

static enum MHD_Result answer(const struct api_transport *transport,
			      struct MHD_Connection *connection,
			      struct api_response *response)
{
	struct MHD_Response *made;
	enum MHD_Result result;

	made = make_response(transport, connection, response);
	if (!made)
		return MHD_NO;
	(void)MHD_add_response_header(made, "Content-Type",
				      response->content_type
					      ? response->content_type
					      : "application/json");
	add_warning(made, response->warning);
	(void)MHD_add_response_header(made, "Cache-Control",
				      "no-cache, private");
	result = MHD_queue_response(connection, response->status, made);
	MHD_destroy_response(made);
	return result;
}

static void handle(const struct api_transport *transport,
		   struct MHD_Connection *connection,
		   struct api_request *request, const char *method,
		   const struct upload *upload, struct api_response *ret)
{
	if (is_from_browser(transport, connection)) {
		api_status_fail(ret, 403, "Forbidden",
				"requests of web pages are not accepted");
		return;
	}
	if (upload->is_too_large) {
		api_status_fail(ret, 413, "RequestEntityTooLarge",
				"Request entity too large: limit is 3145728");
		return;
	}
	if (!read_method(method, &request->method)) {
		api_status_fail(
			ret, 405, "MethodNotAllowed",
			"the server does not allow this method on the requested resource");
		return;
	}
	(void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND,
					add_parameter, &request->query);
	api_handle(transport->api, request, ret);
}

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd's signature */
static enum MHD_Result on_request(void *userdata,
				  struct MHD_Connection *connection,
				  const char *url, const char *method,
				  const char *version, const char *upload_data,
				  size_t *upload_data_size, void **state)
{
	const struct api_transport *transport = userdata;
	_cleanup_(api_response_fini) struct api_response response = { 0 };
	struct upload *upload = *state;
	struct api_request request;

	(void)version;
	if (!upload) { /* the headers only */
		*state = calloc(1, sizeof(*upload));
		return *state ? MHD_YES : MHD_NO;
	}
	if (*upload_data_size) {
		int r = upload_add(upload, upload_data, *upload_data_size);

		*upload_data_size = 0;
		return r < 0 ? MHD_NO : MHD_YES;
	}
	request = (struct api_request){
		.path = url,
		.accept = header(connection, "Accept"),
		.content_type = header(connection, "Content-Type"),
		.user_agent = header(connection, "User-Agent"),
		.body = upload->data ? upload->data : "",
		.body_len = upload->len,
	};
	handle(transport, connection, &request, method, upload, &response);
	log_debug("request", F_STR("method", method), F_STR("path", url),
		  F_U64("status", response.status));
	return answer(transport, connection, &response);
}

static void on_completed(void *userdata, struct MHD_Connection *connection,
			 void **state, enum MHD_RequestTerminationCode code)
{
	struct upload *upload = *state;

	(void)userdata;
	(void)connection;
	(void)code;
	if (!upload)
		return;
	free(upload->data);
	free(upload);
	*state = NULL;
}

/* Takes the descriptor, which libmicrohttpd closes when it stops. */
static int start(struct api_transport *transport, int take_fd,
		 unsigned int max_connections, struct err *err)
{
	_cleanup_(fd_close) int fd = take_fd;

	transport->daemon = MHD_start_daemon(
		MHD_USE_THREAD_PER_CONNECTION |
			MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
			MHD_USE_ITC,
		0, NULL, NULL, on_request, transport, MHD_OPTION_LISTEN_SOCKET,
		fd, MHD_OPTION_CONNECTION_LIMIT, max_connections,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
		MHD_OPTION_END);
	if (!transport->daemon)
		return err_set(err, -EIO, "start the HTTP server");
	(void)TAKE_FD(fd);
	return 0;
}

static int start_unix(struct api_server *server,
		      const struct api_server_options *options,
		      unsigned int max_connections, struct err *err)
{
	int fd, r;

	r = listen_unix(options->socket_path, &fd, err);
	if (r < 0)
		return r;
	server->socket_path = strdup(options->socket_path);
	r = start(&server->unix_socket, fd, max_connections, err);
	if (r < 0 || !server->socket_path)
		return r < 0 ? r : err_set(err, -ENOMEM, "out of memory");
	return 0;
}

static int start_tcp(struct api_server *server,
		     const struct api_server_options *options,
		     unsigned int max_connections, struct err *err)
{
	int fd, r;

	if (!options->listen)
		return 0;
	r = api_listen_loopback(options->listen, &fd, &server->port, err);
	if (r < 0)
		return r;
	return start(&server->tcp, fd, max_connections, err);
}

int api_server_new(struct api_server **ret,
		   const struct api_server_options *options, struct err *err)
{
	_cleanup_(api_server_free) struct api_server *server = NULL;
	unsigned int max_connections = options->max_connections
					       ? options->max_connections
					       : DEFAULT_CONNECTIONS;
	int r;

	server = calloc(1, sizeof(*server));
	if (!server)
		return err_set(err, -ENOMEM, "make API server: out of memory");
	server->api = (struct api){ .registry = options->registry,
				    .hub = options->hub,
				    .admin = options->admin,
				    .is_mirror = options->is_mirror };
	(void)pthread_mutex_init(&server->streams.lock, NULL);
	(void)pthread_cond_init(&server->streams.none, NULL);
	server->unix_socket =
		(struct api_transport){ .api = &server->api,
					.streams = &server->streams };
	server->tcp = server->unix_socket;
	server->tcp.is_tcp = true;
	r = api_pages_new(&server->api.pages, err);
	if (r < 0)
		return r;
	r = start_unix(server, options, max_connections, err);
	if (r < 0)
		return r;
	r = start_tcp(server, options, max_connections, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(server);
	return 0;
}

struct api_server *api_server_free(struct api_server *server)
{
	if (!server)
		return NULL;
	/* Watches would keep their threads, and so the daemons, for ever. */
	watch_hub_close(server->api.hub);
	if (server->api.admin)
		api_admin_stop(server->api.admin);
	streams_wait(&server->streams);
	if (server->tcp.daemon)
		MHD_stop_daemon(server->tcp.daemon);
	if (server->unix_socket.daemon)
		MHD_stop_daemon(server->unix_socket.daemon);
	if (server->socket_path)
		(void)unlink(server->socket_path);
	free(server->socket_path);
	api_pages_free(server->api.pages);
	(void)pthread_cond_destroy(&server->streams.none);
	(void)pthread_mutex_destroy(&server->streams.lock);
	free(server);
	return NULL;
}

uint16_t api_server_port(const struct api_server *server)
{
	return server->port;
}
