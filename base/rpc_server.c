/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A worker is a thread that serves a call from one end to the other in plain
 * order: wait for a call, receive its message, run the handler, send the answer.
 * gRPC hands a call to any worker that waits for one and keeps the rest queued;
 * whoever waits also does the connections' I/O. So n workers run n handlers at a
 * time, and while all of them are busy nothing is read from the connections.
 *
 * Calls of slow methods are handed on to workers that do nothing else, and wait
 * for them in a queue of SLOW_QUEUE_MAX. A call has a completion queue of its own
 * (as in grpc++'s synchronous server), so it does not matter who serves it.
 *
 * A worker can be kept from its next call by its handler only: a peer that does
 * not send its message, or does not read its answer, is cut off after PEER_MS.
 *
 * Stopping: gRPC refuses new calls and completes every waiting request for a
 * call without one, on which idle workers end; busy ones end after their call.
 * Slow calls that wait are refused. After DRAIN_S the remaining calls are
 * cancelled, and their handlers, which use the owner's data, are waited for.
 * Connections are then closed by force: gRPC's graceful way waits for an idle
 * client's answer to a PING.
 *
 * gRPC's own threads grow with its timers: hence none for deadlines, which a
 * client keeps for itself and shows by cancelling, and none for bandwidth.
 */

#include "rpc_server.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <time.h>

#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>

#include "clock.h"
#include "log.h"
#include "rpc_grpc.h"
#include "rpc_socket.h"

#define DEFAULT_THREADS 4
#define THREADS_MAX	64
#define STREAMS_MAX	256 /* calls in flight or queued, per connection */
#define SLOW_QUEUE_MAX	256
#define PEER_MS		10000
#define DRAIN_S		5
/*
 * grpc-message is a header and clients take 8 KiB of those; escaping makes a
 * byte three. A longer one would hide the status behind RESOURCE_EXHAUSTED.
 */
#define SENTENCE_MAX 2048

struct worker {
	struct rpc_server *server; /* borrowed */
	grpc_completion_queue
		*cq; /* new calls come here; NULL: slow ones only */
	pthread_t thread;
};

/* One call in the hands of a worker. */
struct call {
	const struct rpc_method *method; /* NULL: unknown */
	grpc_completion_queue *cq;
	grpc_call *grpc; /* NULL until one came */
	grpc_call_details details;
	grpc_metadata_array metadata;
	grpc_byte_buffer *message; /* NULL: none came, or it was too long */
	STAILQ_ENTRY(call) entry;
};

struct rpc_server {
	const struct rpc_method *methods; /* borrowed */
	size_t n_methods;
	void *userdata; /* borrowed */
	grpc_server *grpc;
	grpc_completion_queue *stop_cq; /* says when gRPC has stopped */
	struct worker *workers;
	unsigned int n_workers; /* with a queue, but for slow ones */
	unsigned int n_running; /* with a thread */
	unsigned int n_slow;	/* the last of the workers */
	pthread_mutex_t slow_lock;
	pthread_cond_t slow_cond;	/* slow_calls or is_stopping changed */
	STAILQ_HEAD(, call) slow_calls; /* slow_lock, as all that follows */
	unsigned int n_slow_calls;
	bool is_stopping;
};

static struct call *call_free(struct call *call)
{
	if (!call)
		return NULL;
	grpc_byte_buffer_destroy(call->message);
	grpc_metadata_array_destroy(&call->metadata);
	grpc_call_details_destroy(&call->details);
	if (call->grpc)
		grpc_call_unref(call->grpc);
	grpc_completion_queue_shutdown(call->cq);
	grpc_completion_queue_destroy(call->cq);
	free(call);
	return NULL;
}

DEFINE_CLEANUP(struct call *, call_free)

static struct call *call_new(void)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->cq = grpc_completion_queue_create_for_pluck(NULL);
	grpc_call_details_init(&call->details);
	grpc_metadata_array_init(&call->metadata);
	return call;
}

/* Runs a batch of operations to its end, which a silent peer can't delay. */
static void call_run_batch(struct call *call, const grpc_op *ops, size_t n_ops)
{
	grpc_event event;

	if (grpc_call_start_batch(call->grpc, ops, n_ops, call, NULL) !=
	    GRPC_CALL_OK)
		return;
	event = grpc_completion_queue_pluck(call->cq, call,
					    rpc_deadline(PEER_MS), NULL);
	if (event.type == GRPC_QUEUE_TIMEOUT) {
		(void)grpc_call_cancel(call->grpc, NULL);
		(void)grpc_completion_queue_pluck(
			call->cq, call, gpr_inf_future(GPR_CLOCK_MONOTONIC),
			NULL);
	}
}

/* false when the server is stopping. */
static bool worker_await_call(struct worker *worker, struct call *call)
{
	grpc_call_error r = grpc_server_request_call(
		worker->server->grpc, &call->grpc, &call->details,
		&call->metadata, call->cq, worker->cq, worker);

	if (r != GRPC_CALL_OK)
		return false;
	return grpc_completion_queue_next(
		       worker->cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL)
		.success;
}

static void call_receive(struct call *call)
{
	grpc_op op = {
		.op = GRPC_OP_RECV_MESSAGE,
		.data.recv_message.recv_message = &call->message,
	};

	call_run_batch(call, &op, 1);
}

/* The text as a header may carry it; cut where a UTF-8 character begins. */
static grpc_slice make_sentence(const struct err *err)
{
	const char *text = err_text(err);
	size_t len = strnlen(text, SENTENCE_MAX + 1);

	if (len > SENTENCE_MAX)
		for (len = SENTENCE_MAX; len && (text[len] & 0xc0) == 0x80;)
			len--;
	return grpc_slice_from_copied_buffer(text, len);
}

static void call_send(struct call *call, enum rpc_status status,
		      const struct rpc_response *response,
		      const struct err *err)
{
	_cleanup_(grpc_byte_buffer_destroy) grpc_byte_buffer *message = NULL;
	_cleanup_(grpc_slice_unref) grpc_slice sentence = grpc_empty_slice();
	int is_cancelled;
	grpc_op ops[4] = {
		{ .op = GRPC_OP_SEND_INITIAL_METADATA },
		{ .op = GRPC_OP_RECV_CLOSE_ON_SERVER,
		  .data.recv_close_on_server.cancelled = &is_cancelled },
		{ .op = GRPC_OP_SEND_STATUS_FROM_SERVER,
		  .data.send_status_from_server = { .status = (grpc_status_code)
							    status,
						    .status_details =
							    &sentence } },
		{ .op = GRPC_OP_SEND_MESSAGE },
	};

	if (status != RPC_OK) {
		sentence = make_sentence(err);
		call_run_batch(call, ops, 3);
		return;
	}
	message = rpc_message_new(response->data, response->len);
	ops[3].data.send_message.send_message = message;
	call_run_batch(call, ops, 4);
}

static const struct rpc_method *server_find_method(
	const struct rpc_server *server, grpc_slice path)
{
	for (size_t i = 0; i < server->n_methods; i++)
		if (grpc_slice_str_cmp(path, server->methods[i].path) == 0)
			return &server->methods[i];
	return NULL;
}

static enum rpc_status server_handle(const struct rpc_server *server,
				     const struct call *call,
				     struct rpc_response *response,
				     struct err *err)
{
	const struct rpc_method *method = call->method;
	_cleanup_(grpc_slice_unref) grpc_slice data = grpc_empty_slice();
	struct rpc_request request;

	if (!method) {
		(void)err_set(err, -ENOSYS, "unknown method \"%.*s\"",
			      (int)GRPC_SLICE_LENGTH(call->details.method),
			      GRPC_SLICE_START_PTR(call->details.method));
		return RPC_UNIMPLEMENTED;
	}
	if (!call->message || rpc_message_read(call->message, &data) < 0) {
		(void)err_set(err, -EBADMSG, "no readable request message");
		return RPC_INTERNAL;
	}
	request = (struct rpc_request){
		.method = method->path,
		.data = GRPC_SLICE_START_PTR(data),
		.len = GRPC_SLICE_LENGTH(data),
	};
	return method->fn(server->userdata, &request, response, err);
}

static void server_serve(const struct rpc_server *server, struct call *call)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	struct rpc_response response = { 0 };
	uint64_t start_ns = clock_ns();
	enum rpc_status status;

	call_receive(call);
	status = server_handle(server, call, &response, &err);
	call_send(call, status, &response, &err);
	free(response.data);
	log_debug("call answered", F_STR("status", rpc_status_name(status)),
		  F_STR("error", status == RPC_OK ? "" : err_text(&err)),
		  F_U64("us", (clock_ns() - start_ns) / NS_PER_US));
}

static void call_refuse(struct call *call, const char *why)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	(void)err_set(&err, -EBUSY, "%s", why);
	call_send(call, RPC_UNAVAILABLE, NULL, &err);
}

/* --- slow methods ----------------------------------------------------------- */

/* Hands the call on to a slow worker, or refuses it. */
static void slow_push(struct rpc_server *server, struct call *take_call)
{
	_cleanup_(call_free) struct call *call = take_call;
	bool is_taken;

	pthread_mutex_lock(&server->slow_lock);
	is_taken =
		!server->is_stopping && server->n_slow_calls < SLOW_QUEUE_MAX;
	if (is_taken) {
		STAILQ_INSERT_TAIL(&server->slow_calls, call, entry);
		call = NULL;
		server->n_slow_calls++;
		pthread_cond_signal(&server->slow_cond);
	}
	pthread_mutex_unlock(&server->slow_lock);
	if (!is_taken)
		call_refuse(call,
			    "the server is stopping or has too much to do");
}

/* NULL when there is no more; *ret_is_refused: the server is stopping. */
static struct call *slow_pop(struct rpc_server *server, bool *ret_is_refused)
{
	struct call *call;

	pthread_mutex_lock(&server->slow_lock);
	while (STAILQ_EMPTY(&server->slow_calls) && !server->is_stopping)
		pthread_cond_wait(&server->slow_cond, &server->slow_lock);
	call = STAILQ_FIRST(&server->slow_calls);
	if (call) {
		STAILQ_REMOVE_HEAD(&server->slow_calls, entry);
		server->n_slow_calls--;
	}
	*ret_is_refused = server->is_stopping;
	pthread_mutex_unlock(&server->slow_lock);
	return call;
}

static void slow_stop(struct rpc_server *server)
{
	pthread_mutex_lock(&server->slow_lock);
	server->is_stopping = true;
	pthread_cond_broadcast(&server->slow_cond);
	pthread_mutex_unlock(&server->slow_lock);
}

static void *slow_main(void *arg)
{
	struct worker *worker = arg;

	(void)pthread_setname_np(pthread_self(), "rpc-slow");
	for (;;) {
		bool is_refused;
		_cleanup_(call_free) struct call *call =
			slow_pop(worker->server, &is_refused);

		if (!call)
			return NULL;
		if (is_refused)
			call_refuse(call, "the server is stopping");
		else
			server_serve(worker->server, call);
	}
}

/* --- workers ------------------------------------------------------------------ */

static void *worker_main(void *arg)
{
	struct worker *worker = arg;
	struct rpc_server *server = worker->server;

	(void)pthread_setname_np(pthread_self(), "rpc");
	for (;;) {
		_cleanup_(call_free) struct call *call = call_new();

		/* Without memory for a call nobody can be answered either. */
		if (!call || !worker_await_call(worker, call))
			return NULL;
		call->method = server_find_method(server, call->details.method);
		if (call->method && call->method->is_slow && server->n_slow)
			slow_push(server, TAKE_PTR(call));
		else
			server_serve(server, call);
	}
}

/* gRPC makes the socket by itself, so its mode must come from the umask. */
static int server_bind(struct rpc_server *server, const char *path,
		       struct err *err)
{
	_cleanup_(free) char *address = NULL;
	grpc_server_credentials *credentials;
	mode_t mask;
	int port;
	int r = rpc_socket_address(&address, path, err);

	if (r == 0)
		r = rpc_socket_check_free(path, err);
	if (r < 0)
		return r;
	credentials = grpc_insecure_server_credentials_create();
	mask = umask(0177);
	port = grpc_server_add_http2_port(server->grpc, address, credentials);
	(void)umask(mask);
	grpc_server_credentials_release(credentials);
	if (port == 0)
		return err_set(err, -EIO, "listen on socket \"%s\"", path);
	return 0;
}

static int server_add_workers(struct rpc_server *server, unsigned int n,
			      struct err *err)
{
	server->workers = calloc(n, sizeof(*server->workers));
	if (!server->workers)
		return err_set(err, -ENOMEM, "out of memory");
	for (; server->n_workers < n; server->n_workers++) {
		struct worker *worker = &server->workers[server->n_workers];

		worker->server = server;
		if (server->n_workers + server->n_slow >= n)
			continue;
		worker->cq = grpc_completion_queue_create_for_next(NULL);
		grpc_server_register_completion_queue(server->grpc, worker->cq,
						      NULL);
	}
	return 0;
}

static int server_start(struct rpc_server *server, struct err *err)
{
	grpc_server_start(server->grpc);
	for (; server->n_running < server->n_workers; server->n_running++) {
		struct worker *worker = &server->workers[server->n_running];
		int r = pthread_create(&worker->thread, NULL,
				       worker->cq ? worker_main : slow_main,
				       worker);

		if (r != 0)
			return err_set_errno(err, -r, "start a thread");
	}
	return 0;
}

static grpc_server *make_grpc_server(void)
{
	grpc_arg args[] = {
		rpc_arg_int(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
			    RPC_MESSAGE_MAX),
		rpc_arg_int(GRPC_ARG_MAX_CONCURRENT_STREAMS, STREAMS_MAX),
		rpc_arg_int(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 0),
		rpc_arg_int(GRPC_ARG_HTTP2_BDP_PROBE, 0),
	};
	grpc_channel_args list = { ARRAY_SIZE(args), args };

	return grpc_server_create(&list, NULL);
}

int rpc_server_new(struct rpc_server **ret,
		   const struct rpc_server_options *options, struct err *err)
{
	_cleanup_(rpc_server_free) struct rpc_server *server = NULL;
	unsigned int n =
		options->n_threads ? options->n_threads : DEFAULT_THREADS;
	int r;

	if (n > THREADS_MAX || options->n_slow_threads > THREADS_MAX)
		return err_set(err, -EINVAL, "more than %u threads",
			       THREADS_MAX);
	server = calloc(1, sizeof(*server));
	if (!server)
		return err_set(err, -ENOMEM, "out of memory");
	server->methods = options->methods;
	server->n_methods = options->n_methods;
	server->userdata = options->userdata;
	server->n_slow = options->n_slow_threads;
	pthread_mutex_init(&server->slow_lock, NULL);
	pthread_cond_init(&server->slow_cond, NULL);
	STAILQ_INIT(&server->slow_calls);
	rpc_grpc_init();
	server->grpc = make_grpc_server();
	server->stop_cq = grpc_completion_queue_create_for_next(NULL);
	grpc_server_register_completion_queue(server->grpc, server->stop_cq,
					      NULL);
	r = server_add_workers(server, n + server->n_slow, err);
	if (r == 0)
		r = server_bind(server, options->socket_path, err);
	if (r == 0)
		r = server_start(server, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(server);
	return 0;
}

void rpc_server_adopt(struct rpc_server *server, int take_fd)
{
	grpc_server_credentials *credentials =
		grpc_insecure_server_credentials_create();

	grpc_server_add_channel_from_fd(server->grpc, take_fd, credentials);
	grpc_server_credentials_release(credentials);
}

/* Joins the threads that end until then; the others stay in n_running. */
static void server_join_until(struct rpc_server *server,
			      const struct timespec *end)
{
	while (server->n_running > 0) {
		pthread_t thread =
			server->workers[server->n_running - 1].thread;

		if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, end))
			return;
		server->n_running--;
	}
}

static void server_stop(struct rpc_server *server)
{
	struct timespec end;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += DRAIN_S;
	slow_stop(server);
	grpc_server_shutdown_and_notify(server->grpc, server->stop_cq, server);
	server_join_until(server, &end);
	grpc_server_cancel_all_calls(server->grpc);
	while (server->n_running > 0)
		(void)pthread_join(server->workers[--server->n_running].thread,
				   NULL);
	(void)grpc_completion_queue_next(
		server->stop_cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
}

/* A queue must be drained before it may be destroyed. */
static void queue_free(grpc_completion_queue *cq)
{
	grpc_event event;

	grpc_completion_queue_shutdown(cq);
	do {
		event = grpc_completion_queue_next(
			cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	} while (event.type != GRPC_QUEUE_SHUTDOWN);
	grpc_completion_queue_destroy(cq);
}

struct rpc_server *rpc_server_free(struct rpc_server *server)
{
	if (!server)
		return NULL;
	server_stop(server);
	grpc_server_destroy(server->grpc);
	for (unsigned int i = 0; i < server->n_workers; i++)
		if (server->workers[i].cq)
			queue_free(server->workers[i].cq);
	queue_free(server->stop_cq);
	rpc_grpc_exit();
	pthread_cond_destroy(&server->slow_cond);
	pthread_mutex_destroy(&server->slow_lock);
	free(server->workers);
	free(server);
	return NULL;
}
