/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Enough of HTTP/1.1 (RFC 9112) for a kubelet's probe and for Prometheus, by hand:
 * the libraries that there are bring TLS along, which costs a daemon 3 MiB and its
 * start 10 ms, for requests of which the first line is all that matters.
 *
 * A connection is one request and one answer:
 *
 *	reading, until the empty line that ends the headers
 *	answering, until all is sent
 *	connection_free
 *
 * 1. Of a request nothing but "GET PATH HTTP/1.x" is looked at. It is not answered
 *    before its headers are complete, since a reset would overtake the answer.
 * 2. A connection has DEADLINE_NS for each of the two. They are in the order of their
 *    deadlines, so that one timer does for all.
 * 3. Whoever sends a request at once gets the answer at once, whatever the others do, and
 *    takes nobody's place: the kernel tells of no connection before its first bytes are
 *    there (TCP_DEFER_ACCEPT), and those are read as it is accepted. Who can't be served
 *    on the spot takes the place of the oldest that is as far. Under a flood, the kernel's
 *    SYN cookies tell of connections that have sent nothing yet: READING_MAX is for them.
 *
 * Who may ask is a matter of the address that it listens at, and of the network.
 */

#include "http_server.h"

#include <netinet/tcp.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "clock.h"
#include "listen.h"
#include "log.h"

#define READING_MAX   64u
#define ANSWERING_MAX 16u /* answers may be large */
#define ACCEPTS_MAX   16  /* per round */
#define SILENT_S      1	  /* before the kernel tells of it nevertheless */
#define REQUEST_MAX   4096
#define DEADLINE_NS   (10 * NS_PER_S)
#define RETRY_NS      (5 * NS_PER_S)

/* Connections that are equally far, the oldest first. */
struct queue {
	TAILQ_HEAD(, connection) connections;
	unsigned int n, max;
};

struct connection {
	struct http_server *server; /* borrowed */
	struct queue *queue;	    /* NULL = it just came */
	struct watch watch;
	int fd;
	uint64_t deadline_ns;
	char request[REQUEST_MAX];
	size_t request_len;
	char *head; /* NULL = its request is not complete */
	char *body;
	size_t head_len;
	size_t body_len;
	size_t n_sent; /* of both */
	TAILQ_ENTRY(connection) entry;
};

struct http_server {
	struct loop *loop; /* borrowed */
	struct http_server_options options;
	struct watch watch;
	int fd;		      /* -1 = not listening yet */
	struct timer listen;  /* until it is tried again */
	struct timer timeout; /* of the oldest connection */
	bool is_failing;      /* which was logged */
	struct queue reading, answering;
};

/* --- connections --------------------------------------------------------------- */

static void leave_queue(struct connection *connection)
{
	struct queue *queue = connection->queue;

	connection->queue = NULL;
	if (!queue)
		return;
	TAILQ_REMOVE(&queue->connections, connection, entry);
	queue->n--;
}

static struct connection *connection_free(struct connection *connection)
{
	struct http_server *server = connection->server;

	leave_queue(connection);
	watch_remove(&connection->watch);
	fd_close(connection->fd);
	free(connection->head);
	free(connection->body);
	free(connection);
	/* accept_all() may have stopped for want of descriptors. */
	if (server->watch.loop)
		(void)watch_set(&server->watch, EPOLLIN);
	return NULL;
}

/* Those that are over go; the deadline of the first that is not, or UINT64_MAX. */
static uint64_t end_overdue(struct queue *queue, uint64_t now_ns)
{
	struct connection *first;

	while ((first = TAILQ_FIRST(&queue->connections)) &&
	       first->deadline_ns <= now_ns)
		(void)connection_free(first);
	return first ? first->deadline_ns : UINT64_MAX;
}

static void time_out(struct timer *timer)
{
	struct http_server *server =
		container_of(timer, struct http_server, timeout);
	uint64_t now_ns = clock_ns();
	uint64_t reading_ns = end_overdue(&server->reading, now_ns);
	uint64_t answering_ns = end_overdue(&server->answering, now_ns);
	uint64_t next_ns =
		reading_ns < answering_ns ? reading_ns : answering_ns;

	if (next_ns != UINT64_MAX)
		(void)timer_set(timer, server->loop, next_ns);
}

/* At its end; somebody else has to go when there is no room. */
static int join_queue(struct connection *connection, struct queue *queue)
{
	struct http_server *server = connection->server;

	leave_queue(connection);
	if (queue->n >= queue->max)
		(void)connection_free(TAILQ_FIRST(&queue->connections));
	TAILQ_INSERT_TAIL(&queue->connections, connection, entry);
	queue->n++;
	connection->queue = queue;
	connection->deadline_ns = clock_ns() + DEADLINE_NS;
	return server->timeout.loop ? 0
				    : timer_set(&server->timeout, server->loop,
						connection->deadline_ns);
}

/* --- answering ------------------------------------------------------------------ */

static const char *reason(unsigned int status)
{
	static const struct {
		unsigned int status;
		const char *reason;
	} table[] = {
		{ 200, "OK" },
		{ 400, "Bad Request" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 431, "Request Header Fields Too Large" },
		{ 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].status == status)
			return table[i].reason;
	}
	return "";
}

static int make_answer(struct connection *connection, unsigned int status,
		       const char *content_type)
{
	int n = asprintf(&connection->head,
			 "HTTP/1.1 %u %s\r\nContent-Type: %s\r\n"
			 "Content-Length: %zu\r\nConnection: close\r\n%s\r\n",
			 status, reason(status), content_type,
			 connection->body_len,
			 status == 405 ? "Allow: GET\r\n" : "");

	if (n < 0) {
		connection->head = NULL;
		return -ENOMEM;
	}
	connection->head_len = (size_t)n;
	return 0;
}

static int refuse(struct connection *connection, unsigned int status)
{
	int n = asprintf(&connection->body, "%s\n", reason(status));

	if (n < 0) {
		connection->body = NULL;
		return -ENOMEM;
	}
	connection->body_len = (size_t)n;
	return make_answer(connection, status, "text/plain");
}

static int answer_route(struct connection *connection,
			const struct http_route *route)
{
	FILE *body = open_memstream(&connection->body, &connection->body_len);
	unsigned int status;

	if (!body)
		return -ENOMEM;
	status = route->fn(connection->server->options.userdata, body);
	if (fclose(body) != 0)
		return -ENOMEM;
	return make_answer(connection, status, route->content_type);
}

/* The path of "GET PATH?QUERY HTTP/1.x", cut out in place; or the status of a refusal. */
static unsigned int parse(char *line, const char **ret_path)
{
	char *path = strchr(line, ' ');
	char *version = path ? strchr(path + 1, ' ') : NULL;

	if (!version || strncmp(version, " HTTP/1.", 8) != 0)
		return 400;
	*path++ = '\0';
	*version = '\0';
	if (strcmp(line, "GET") != 0)
		return 405;
	path[strcspn(path, "?")] = '\0';
	*ret_path = path;
	return 200;
}

static int answer(struct connection *connection)
{
	const struct http_server_options *options =
		&connection->server->options;
	const char *path;
	unsigned int status;

	connection->request[strcspn(connection->request, "\r\n")] = '\0';
	status = parse(connection->request, &path);
	if (status != 200)
		return refuse(connection, status);
	for (size_t i = 0; i < options->n_routes; i++) {
		if (strcmp(options->routes[i].path, path) == 0)
			return answer_route(connection, &options->routes[i]);
	}
	return refuse(connection, 404);
}

/* --- a connection's input and output ---------------------------------------------- */

/* -EAGAIN: there is more to come. */
static int receive(struct connection *connection)
{
	char *end = connection->request + connection->request_len;
	ssize_t n = recv(connection->fd, end,
			 REQUEST_MAX - 1 - connection->request_len, 0);

	if (n <= 0)
		return n < 0 ? -errno : -ECONNRESET;
	end[n] = '\0';
	/* What has a NUL in it ends there, and never becomes complete. */
	connection->request_len += (size_t)n;
	if (strstr(connection->request, "\r\n\r\n"))
		return answer(connection);
	return connection->request_len < REQUEST_MAX - 1
		       ? -EAGAIN
		       : refuse(connection, 431);
}

/* -EAGAIN: there is more to send. */
static int transmit(struct connection *connection)
{
	size_t sent = connection->n_sent;
	size_t of_head =
		sent < connection->head_len ? sent : connection->head_len;
	size_t of_body = sent - of_head;
	struct iovec parts[] = {
		{ connection->head + of_head, connection->head_len - of_head },
		{ connection->body + of_body, connection->body_len - of_body },
	};
	const struct msghdr message = { .msg_iov = parts,
					.msg_iovlen = ARRAY_SIZE(parts) };
	ssize_t n = sendmsg(connection->fd, &message, MSG_NOSIGNAL);

	if (n < 0)
		return -errno;
	connection->n_sent += (size_t)n;
	return connection->n_sent < connection->head_len + connection->body_len
		       ? -EAGAIN
		       : 0;
}

/* Until the peer goes on. */
static int wait_for_peer(struct connection *connection)
{
	struct http_server *server = connection->server;
	struct watch *watch = &connection->watch;
	struct queue *queue =
		connection->head ? &server->answering : &server->reading;
	uint32_t events = connection->head ? EPOLLOUT : EPOLLIN;
	int r = 0;

	if (connection->queue != queue)
		r = join_queue(connection, queue);
	if (r < 0)
		return r;
	return watch->loop
		       ? watch_set(watch, events)
		       : watch_add(watch, server->loop, connection->fd, events);
}

/* As far as it goes; frees it when it is over. */
static void go_on(struct connection *connection)
{
	int r = 0;

	if (!connection->head)
		r = receive(connection);
	if (r == 0)
		r = transmit(connection);
	if (r == -EAGAIN || r == -EINTR)
		r = wait_for_peer(connection);
	else
		r = -ECONNRESET; /* or all is sent: it is over either way */
	if (r < 0)
		(void)connection_free(connection);
}

static void serve(struct watch *watch, uint32_t events)
{
	go_on(container_of(watch, struct connection, watch));
}

/* --- listening -------------------------------------------------------------------- */

static void connection_new(struct http_server *server, int take_fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection) {
		fd_close(take_fd);
		return;
	}
	connection->server = server;
	connection->watch = WATCH_INIT(serve);
	connection->fd = take_fd;
	go_on(connection);
}

static void accept_all(struct watch *watch, uint32_t events)
{
	struct http_server *server =
		container_of(watch, struct http_server, watch);

	for (int i = 0; i < ACCEPTS_MAX; i++) {
		int fd = accept4(server->fd, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			connection_new(server, fd);
		else if (errno == EAGAIN)
			return;
		else if (errno == EMFILE || errno == ENFILE) {
			/* It would stay readable: until a connection ends. */
			(void)watch_set(watch, 0);
			(void)timer_set(&server->listen, server->loop,
					clock_ns() + RETRY_NS);
			return;
		}
	}
}

static int start(struct http_server *server, struct err *err)
{
	_cleanup_(fd_close) int fd = -1;
	int silent_s = SILENT_S;
	uint16_t port;
	int r = listen_tcp(server->options.listen, &fd, &port, err);

	if (r < 0)
		return r;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &silent_s,
			 sizeof(silent_s));
	r = watch_add(&server->watch, server->loop, fd, EPOLLIN);
	if (r < 0)
		return err_set_errno(err, r, "serve HTTP");
	server->fd = TAKE_FD(fd);
	log_info("http is served", F_STR("listen", server->options.listen),
		 F_U64("port", port));
	return 0;
}

static void listen_again(struct timer *timer)
{
	struct http_server *server =
		container_of(timer, struct http_server, listen);
	_cleanup_(err_fini) struct err err = ERR_INIT;

	if (server->fd >= 0) {
		(void)watch_set(&server->watch, EPOLLIN);
		return;
	}
	if (start(server, &err) == 0)
		return;
	if (!server->is_failing)
		log_error("http is not served yet", F_ERR(&err));
	server->is_failing = true;
	(void)timer_set(timer, server->loop, clock_ns() + RETRY_NS);
}

int http_server_new(struct http_server **ret, struct loop *loop,
		    const struct http_server_options *options, struct err *err)
{
	_cleanup_(http_server_free) struct http_server *server =
		calloc(1, sizeof(*server));

	if (!server)
		return err_set_errno(err, -ENOMEM, "serve HTTP");
	server->loop = loop;
	server->options = *options;
	server->fd = -1;
	server->watch = WATCH_INIT(accept_all);
	server->listen = TIMER_INIT(listen_again);
	server->timeout = TIMER_INIT(time_out);
	TAILQ_INIT(&server->reading.connections);
	TAILQ_INIT(&server->answering.connections);
	server->reading.max = READING_MAX;
	server->answering.max = ANSWERING_MAX;
	listen_again(&server->listen);
	*ret = TAKE_PTR(server);
	return 0;
}

struct http_server *http_server_free(struct http_server *server)
{
	if (!server)
		return NULL;
	timer_cancel(&server->listen);
	timer_cancel(&server->timeout);
	(void)end_overdue(&server->reading, UINT64_MAX);
	(void)end_overdue(&server->answering, UINT64_MAX);
	watch_remove(&server->watch);
	fd_close(server->fd);
	free(server);
	return NULL;
}
