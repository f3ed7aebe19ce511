/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A call of one shard, home, that another one, there, executes: a copy of it travels,
 * with its names, and comes back with the result.
 *
 *	home:   submit ---------------------------> come_back -> done()
 *	            \ post                          / post
 *	there:       submit_there -> [client] -> done_there
 *
 * Cancelling ends the call at home at once, and sends a second post after the first,
 * which cancels the copy. Posts arrive in the order of posting, so the copy has
 * left the client before whoever cancelled can have the client let go there.
 *
 * The trip and the cancelling have a reference each; the last one frees. Fields belong
 * to the shard that their comment names.
 *
 * Results have no pointers: calls that return data or names do not come this way.
 */

#include "nfs_far.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "nfs_call.h"
#include "shard.h"

struct far_call {
	struct nfs_client client; /* that the caller sees */
	struct shard *home;
	struct shard *there;
	struct nfs_call *call;	   /* home: the caller's; NULL = cancelled */
	struct nfs_call copy;	   /* there, until it comes back */
	struct nfs_client *target; /* there; borrowed */
	bool is_submitted;	   /* there */
	bool is_cancelled;	   /* there */
	struct post trip;
	struct post cancel;
	atomic_uint n_refs;
	char name[NFS_NAME_MAX + 1];
	char second[NFS_PATH_MAX]; /* name, or target of a symlink */
};

static void far_unref(struct far_call *far)
{
	if (atomic_fetch_sub(&far->n_refs, 1) == 1)
		free(far);
}

/* --- home ---------------------------------------------------------------------- */

static void end(struct far_call *far, int status)
{
	struct nfs_call *call = far->call;

	far->call = NULL;
	call->transport = NULL;
	call->status = status;
	call->done(call);
}

static void come_back(struct post *post)
{
	struct far_call *far = container_of(post, struct far_call, trip);

	if (far->call) {
		far->call->start_ns = far->copy.start_ns;
		far->call->xid = far->copy.xid;
		far->call->is_retransmitted = far->copy.is_retransmitted;
		far->call->res = far->copy.res;
		end(far, far->copy.status);
	}
	far_unref(far);
}

/* --- there --------------------------------------------------------------------- */

static void done_there(struct nfs_call *copy)
{
	struct far_call *far = container_of(copy, struct far_call, copy);

	far->is_submitted = false;
	if (far->is_cancelled) {
		far_unref(far);
		return;
	}
	far->trip.fn = come_back;
	loop_post(shard_loop(far->home), &far->trip);
}

static void submit_there(struct post *post)
{
	struct far_call *far = container_of(post, struct far_call, trip);

	far->is_submitted = true;
	nfs_client_submit(far->target, &far->copy);
}

static void cancel_there(struct post *post)
{
	struct far_call *far = container_of(post, struct far_call, cancel);

	far->is_cancelled = true;
	if (far->is_submitted)
		nfs_client_cancel(far->target, &far->copy);
	far_unref(far);
}

/* --- what the caller has -------------------------------------------------------- */

static void client_submit(struct nfs_client *client, struct nfs_call *call)
{
	assert(!"it is of one call, which was submitted when it was made");
}

static void client_cancel(struct nfs_client *client, struct nfs_call *call)
{
	struct far_call *far = container_of(client, struct far_call, client);

	if (!call->transport)
		return;
	atomic_fetch_add(&far->n_refs, 1);
	loop_post(shard_loop(far->there), &far->cancel);
	call->res = (struct nfs_result){ 0 };
	end(far, -ECANCELED);
}

static void client_flush(struct nfs_client *client)
{
}

static const struct nfs_client_ops client_ops = {
	.submit = client_submit,
	.cancel = client_cancel,
	.flush = client_flush,
};

static const char *copy_text(char *ret, size_t size, const char *text)
{
	size_t len = strnlen(text, size - 1);

	memcpy(ret, text, len);
	ret[len] = '\0';
	return ret;
}

/* The caller's memory is not read from here on. */
static void copy_names(struct far_call *far)
{
	struct nfs_args *args = &far->copy.args;
	const char **second = NULL;

	if (args->name)
		args->name =
			copy_text(far->name, sizeof(far->name), args->name);
	if (far->copy.proc == NFS_RENAME)
		second = &args->rename.to_name;
	else if (far->copy.proc == NFS_LINK)
		second = &args->link.to_name;
	else if (far->copy.proc == NFS_SYMLINK)
		second = &args->symlink.target;
	if (second)
		*second = copy_text(far->second, sizeof(far->second), *second);
}

struct nfs_client *nfs_far_submit(struct shard *there,
				  struct nfs_client *client,
				  struct fair_flow *flow, struct nfs_call *call)
{
	struct far_call *far = malloc(sizeof(*far));

	assert(nfs_call_is_change(call));
	if (!far)
		return NULL;
	*far = (struct far_call){ .client.ops = &client_ops,
				  .home = shard_current(),
				  .there = there,
				  .call = call,
				  .copy = *call,
				  .target = client,
				  .trip.fn = submit_there,
				  .cancel.fn = cancel_there,
				  .n_refs = 1 };
	far->copy.flow = flow;
	far->copy.done = done_there;
	copy_names(far);
	call->transport = far;
	loop_post(shard_loop(there), &far->trip);
	return &far->client;
}
