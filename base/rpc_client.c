/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One channel, which is one connection; a completion queue per call, because a
 * queue serves at most six waiting threads (GRPC_MAX_COMPLETION_QUEUE_PLUCKERS),
 * and making one is cheap next to a call.
 *
 * gRPC fails a call at once while its channel can't connect, until the next
 * attempt is due. Its default back-off grows to two minutes; here a server
 * that came back is found within BACKOFF_MAX_MS.
 */

#include "rpc_client.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/queue.h>

#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>

#include "rpc_grpc.h"
#include "rpc_socket.h"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 1000

struct rpc_client {
	char *path; /* of the socket, for sentences */
	grpc_channel *channel;
	pthread_mutex_t lock;
	bool is_cancelled;	 /* lock */
	LIST_HEAD(, call) calls; /* lock */
};

/* One call, from its start to its status. */
struct call {
	grpc_completion_queue *cq;
	grpc_call *grpc;
	LIST_ENTRY(call) entry; /* the client's lock */
	grpc_metadata_array head;
	grpc_metadata_array trailer;
	grpc_byte_buffer *request;
	grpc_byte_buffer *response;
	grpc_status_code status;
	grpc_slice sentence;
};

static grpc_channel *make_channel(const char *address)
{
	grpc_arg args[] = {
		rpc_arg_int(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
			    BACKOFF_MIN_MS),
		rpc_arg_int(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, BACKOFF_MIN_MS),
		rpc_arg_int(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, BACKOFF_MAX_MS),
		rpc_arg_int(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
			    RPC_MESSAGE_MAX),
		rpc_arg_int(GRPC_ARG_ENABLE_RETRIES, 0),
		rpc_arg_int(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
	};
	grpc_channel_args list = { ARRAY_SIZE(args), args };
	grpc_channel_credentials *credentials =
		grpc_insecure_credentials_create();
	grpc_channel *channel =
		grpc_channel_create(address, credentials, &list);

	grpc_channel_credentials_release(credentials);
	return channel;
}

int rpc_client_new(struct rpc_client **ret, const char *socket_path,
		   struct err *err)
{
	_cleanup_(rpc_client_free) struct rpc_client *client = NULL;
	_cleanup_(free) char *address = NULL;
	int r = rpc_socket_address(&address, socket_path, err);

	if (r < 0)
		return r;
	client = calloc(1, sizeof(*client));
	if (!client)
		return err_set(err, -ENOMEM, "out of memory");
	rpc_grpc_init();
	(void)pthread_mutex_init(&client->lock, NULL);
	LIST_INIT(&client->calls);
	client->path = strdup(socket_path);
	if (!client->path)
		return err_set(err, -ENOMEM, "out of memory");
	client->channel = make_channel(address);
	*ret = TAKE_PTR(client);
	return 0;
}

struct rpc_client *rpc_client_free(struct rpc_client *client)
{
	if (!client)
		return NULL;
	if (client->channel)
		grpc_channel_destroy(client->channel);
	rpc_grpc_exit();
	(void)pthread_mutex_destroy(&client->lock);
	free(client->path);
	free(client);
	return NULL;
}

void rpc_client_cancel(struct rpc_client *client)
{
	struct call *call;

	(void)pthread_mutex_lock(&client->lock);
	client->is_cancelled = true;
	LIST_FOREACH (call, &client->calls, entry)
		(void)grpc_call_cancel(call->grpc, NULL);
	(void)pthread_mutex_unlock(&client->lock);
}

static void call_init(struct call *call, grpc_channel *channel,
		      const struct rpc_request *request,
		      unsigned int timeout_ms)
{
	_cleanup_(grpc_slice_unref) grpc_slice method =
		grpc_slice_from_copied_string(request->method);

	*call = (struct call){
		.cq = grpc_completion_queue_create_for_pluck(NULL),
		.request = rpc_message_new(request->data, request->len),
		.sentence = grpc_empty_slice(),
	};
	grpc_metadata_array_init(&call->head);
	grpc_metadata_array_init(&call->trailer);
	call->grpc = grpc_channel_create_call(
		channel, NULL, GRPC_PROPAGATE_DEFAULTS, call->cq, method, NULL,
		rpc_deadline(timeout_ms), NULL);
}

static void call_fini(struct call *call)
{
	grpc_call_unref(call->grpc);
	grpc_slice_unref(call->sentence);
	grpc_byte_buffer_destroy(call->response);
	grpc_byte_buffer_destroy(call->request);
	grpc_metadata_array_destroy(&call->trailer);
	grpc_metadata_array_destroy(&call->head);
	grpc_completion_queue_shutdown(call->cq);
	grpc_completion_queue_destroy(call->cq);
}

DEFINE_FINI(struct call, call_fini)

/* Ends at the call's deadline at the latest, with a status in any case. */
static int call_run(struct call *call)
{
	const grpc_op ops[] = {
		{ .op = GRPC_OP_SEND_INITIAL_METADATA },
		{ .op = GRPC_OP_SEND_MESSAGE,
		  .data.send_message.send_message = call->request },
		{ .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT },
		{ .op = GRPC_OP_RECV_INITIAL_METADATA,
		  .data.recv_initial_metadata.recv_initial_metadata =
			  &call->head },
		{ .op = GRPC_OP_RECV_MESSAGE,
		  .data.recv_message.recv_message = &call->response },
		{ .op = GRPC_OP_RECV_STATUS_ON_CLIENT,
		  .data.recv_status_on_client = { .trailing_metadata =
							  &call->trailer,
						  .status = &call->status,
						  .status_details =
							  &call->sentence } },
	};

	if (grpc_call_start_batch(call->grpc, ops, ARRAY_SIZE(ops), call,
				  NULL) != GRPC_CALL_OK)
		return -EINVAL;
	(void)grpc_completion_queue_pluck(
		call->cq, call, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	return 0;
}

static int call_take_response(struct call *call, struct rpc_response *ret)
{
	_cleanup_(grpc_slice_unref) grpc_slice data = grpc_empty_slice();
	size_t len;
	int r;

	if (!call->response)
		return -EBADMSG;
	r = rpc_message_read(call->response, &data);
	if (r < 0)
		return r;
	len = GRPC_SLICE_LENGTH(data);
	ret->data = malloc(len ? len : 1);
	if (!ret->data)
		return -ENOMEM;
	memcpy(ret->data, GRPC_SLICE_START_PTR(data), len);
	ret->len = len;
	return 0;
}

/* gRPC's own words for this are about resolvers and addresses. */
static bool client_is_alone(const struct rpc_client *client,
			    enum rpc_status status)
{
	return status == RPC_UNAVAILABLE &&
	       grpc_channel_check_connectivity_state(client->channel, 0) !=
		       GRPC_CHANNEL_READY;
}

/* From now on rpc_client_cancel() ends it; if that was before, it ends at once. */
static void call_enter(struct rpc_client *client, struct call *call)
{
	(void)pthread_mutex_lock(&client->lock);
	LIST_INSERT_HEAD(&client->calls, call, entry);
	if (client->is_cancelled)
		(void)grpc_call_cancel(call->grpc, NULL);
	(void)pthread_mutex_unlock(&client->lock);
}

static void call_leave(struct rpc_client *client, struct call *call)
{
	(void)pthread_mutex_lock(&client->lock);
	LIST_REMOVE(call, entry);
	(void)pthread_mutex_unlock(&client->lock);
}

/* The server's words, or the status where it had none. */
static enum rpc_status call_refused(const struct rpc_client *client,
				    const struct call *call, struct err *err)
{
	enum rpc_status status = (enum rpc_status)call->status;
	size_t len = GRPC_SLICE_LENGTH(call->sentence);

	if (client_is_alone(client, status))
		(void)err_set(err, -ECONNREFUSED,
			      "nobody answers on socket \"%s\"", client->path);
	else if (len > 0)
		(void)err_set(err, -EREMOTEIO, "%.*s", (int)len,
			      GRPC_SLICE_START_PTR(call->sentence));
	else
		(void)err_set(err, -EREMOTEIO, "%s", rpc_status_name(status));
	return status;
}

enum rpc_status rpc_client_call(struct rpc_client *client,
				const struct rpc_request *request,
				unsigned int timeout_ms,
				struct rpc_response *ret_response,
				struct err *err)
{
	_cleanup_(call_fini) struct call call;
	int r;

	call_init(&call, client->channel, request, timeout_ms);
	call_enter(client, &call);
	r = call_run(&call);
	call_leave(client, &call);
	if (r == 0 && call.status != GRPC_STATUS_OK)
		return call_refused(client, &call, err);
	if (r == 0)
		r = call_take_response(&call, ret_response);
	if (r == 0)
		return RPC_OK;
	(void)err_set_errno(err, r, "call %s", request->method);
	return RPC_INTERNAL;
}
