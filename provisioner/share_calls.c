/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A connection has SHARE_CALLS_MAX slots. A call that is in flight has one, which
 * lives as long as the connection: libnfs calls back for all that is queued when its
 * context is destroyed, and by then nobody may be there any more who asked. Such a
 * slot was abandoned and says nothing.
 *
 * Calls go to the connection that has fewer of them in flight. They are answered in
 * any order, whatever the connection, so nobody need know which.
 */

#include "share_calls.h"

#include <poll.h>
#include <string.h>

#include "clock.h"
#include "share_connect.h"
#include "share_wire.h"

struct share_slot {
	struct share_nfs *nfs;	      /* borrowed */
	struct share_nfs *connection; /* nfs, or its second; borrowed */
	bool is_busy;
	struct share_call call; /* done is NULL when it was abandoned */
	int (*take)(const void *res, void *out);
	void *out;
};

int share_calls_widen(struct share_nfs *nfs, const char *server, uint32_t port)
{
	if (nfs->second)
		return 0;
	return share_connect(&nfs->second, server,
			     port ? port : SHARE_NFS_PORT);
}

size_t share_calls_in_flight(const struct share_nfs *nfs)
{
	return nfs->n_in_flight;
}

size_t share_calls_free(const struct share_nfs *nfs)
{
	return nfs->is_broken ? 0 : SHARE_CALLS_MAX - nfs->n_in_flight;
}

static struct share_slot *find_slot(struct share_nfs *nfs)
{
	if (nfs->is_broken)
		return NULL;
	if (!nfs->slots)
		nfs->slots = calloc(SHARE_CALLS_MAX, sizeof(*nfs->slots));
	for (size_t i = 0; nfs->slots && i < SHARE_CALLS_MAX; i++)
		if (!nfs->slots[i].is_busy)
			return &nfs->slots[i];
	return NULL;
}

static struct share_nfs *choose_connection(struct share_nfs *nfs)
{
	struct share_nfs *second = nfs->second;

	return second && second->n_on_wire < nfs->n_on_wire ? second : nfs;
}

static struct share_slot *begin(struct share_nfs *nfs,
				const struct share_call *call,
				int (*take)(const void *res, void *out),
				void *out)
{
	struct share_slot *slot = find_slot(nfs);

	if (slot)
		*slot = (struct share_slot){
			.nfs = nfs,
			.connection = choose_connection(nfs),
			.call = *call,
			.take = take,
			.out = out,
		};
	return slot;
}

static int end(struct share_slot *slot, int queued)
{
	if (queued != 0)
		return -ENOMEM;
	slot->is_busy = true;
	slot->connection->n_on_wire++;
	slot->nfs->n_in_flight++;
	return 0;
}

static void on_done(struct rpc_context *rpc, int status, void *data,
		    void *userdata)
{
	struct share_slot *slot = userdata;
	struct share_call call = slot->call;
	int r;

	slot->is_busy = false;
	slot->connection->n_on_wire--;
	slot->nfs->n_in_flight--;
	if (!call.done)
		return;
	if (status != RPC_STATUS_SUCCESS) {
		slot->nfs->is_broken = true;
		r = status == RPC_STATUS_TIMEOUT ? -ETIMEDOUT : -ECONNRESET;
	} else {
		/* Every result starts with its status (RFC 1813, 2.5). */
		r = nfsstat3_to_errno((int)*(const nfsstat3 *)data);
		if (r == 0 && slot->take)
			r = slot->take(data, slot->out);
	}
	call.done(&call, r);
}

/* --- the calls ------------------------------------------------------------------------ */

int share_call_list(struct share_nfs *nfs, const struct share_call *call,
		    const struct share_fh *dir, struct share_page *page)
{
	struct share_slot *slot = begin(nfs, call, wire_take_page, page);
	READDIRPLUS3args args;

	if (!slot)
		return -ENOTCONN;
	args = wire_list(dir, page);
	return end(slot, rpc_nfs3_readdirplus_async(slot->connection->rpc,
						    on_done, &args, slot));
}

int share_call_lookup(struct share_nfs *nfs, const struct share_call *call,
		      const struct share_fh *dir, const char *name,
		      struct share_listed *ret)
{
	LOOKUP3args args = { .what = wire_dirop(dir, name) };
	struct share_slot *slot = begin(nfs, call, wire_take_lookup, ret);

	if (!slot)
		return -ENOTCONN;
	return end(slot, rpc_nfs3_lookup_async(slot->connection->rpc, on_done,
					       &args, slot));
}

int share_call_remove(struct share_nfs *nfs, const struct share_call *call,
		      const struct share_fh *dir, const char *name)
{
	REMOVE3args args = { .object = wire_dirop(dir, name) };
	struct share_slot *slot = begin(nfs, call, NULL, NULL);

	if (!slot)
		return -ENOTCONN;
	return end(slot, rpc_nfs3_remove_async(slot->connection->rpc, on_done,
					       &args, slot));
}

int share_call_rmdir(struct share_nfs *nfs, const struct share_call *call,
		     const struct share_fh *dir, const char *name)
{
	RMDIR3args args = { .object = wire_dirop(dir, name) };
	struct share_slot *slot = begin(nfs, call, NULL, NULL);

	if (!slot)
		return -ENOTCONN;
	return end(slot, rpc_nfs3_rmdir_async(slot->connection->rpc, on_done,
					      &args, slot));
}

int share_call_rename(struct share_nfs *nfs, const struct share_call *call,
		      const struct share_fh *from, const char *from_name,
		      const struct share_fh *to, const char *to_name)
{
	RENAME3args args = { .from = wire_dirop(from, from_name),
			     .to = wire_dirop(to, to_name) };
	struct share_slot *slot = begin(nfs, call, NULL, NULL);

	if (!slot)
		return -ENOTCONN;
	return end(slot, rpc_nfs3_rename_async(slot->connection->rpc, on_done,
					       &args, slot));
}

/* --- waiting ---------------------------------------------------------------------------- */

static struct pollfd poll_of(const struct share_nfs *nfs)
{
	return (struct pollfd){ .fd = rpc_get_fd(nfs->rpc),
				.events = (short)rpc_which_events(nfs->rpc) };
}

static int serve(struct share_nfs *nfs, const struct pollfd *pfd)
{
	return pfd->revents && rpc_service(nfs->rpc, pfd->revents) < 0
		       ? -ECONNRESET
		       : 0;
}

static int wait_once(struct share_nfs *nfs, uint64_t deadline_ns)
{
	struct pollfd pfds[2] = { poll_of(nfs) };
	uint64_t now = clock_ns();
	int r;

	if (nfs->second)
		pfds[1] = poll_of(nfs->second);
	if (now >= deadline_ns)
		return -ETIMEDOUT;
	r = poll(pfds, nfs->second ? 2 : 1,
		 (int)((deadline_ns - now) / NS_PER_MS) + 1);
	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	r = serve(nfs, &pfds[0]);
	if (r == 0 && nfs->second)
		r = serve(nfs->second, &pfds[1]);
	return nfs->is_broken ? -ECONNRESET : r;
}

int share_calls_wait(struct share_nfs *nfs)
{
	uint64_t deadline =
		clock_ns() + SHARE_NFS_TIMEOUT_MS * (uint64_t)NS_PER_MS;
	size_t before = nfs->n_in_flight;
	int r = nfs->is_broken ? -ENOTCONN : 0;

	while (r == 0 && before > 0 && nfs->n_in_flight >= before)
		r = wait_once(nfs, deadline);
	if (r < 0)
		nfs->is_broken = true;
	return r;
}

void share_calls_abandon(struct share_nfs *nfs)
{
	nfs->is_broken = true;
	for (size_t i = 0; nfs->slots && i < SHARE_CALLS_MAX; i++)
		nfs->slots[i].call.done = NULL;
}
