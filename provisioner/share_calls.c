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
#include "share_calls_slot.h"
#include "share_wire.h"

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

struct share_slot *slot_begin(struct share_nfs *nfs,
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

int slot_end(struct share_slot *slot, int queued)
{
	if (queued != 0)
		return -ENOMEM;
	slot->is_busy = true;
	slot->connection->n_on_wire++;
	slot->nfs->n_in_flight++;
	return 0;
}

void slot_done(struct rpc_context *rpc, int status, void *data, void *userdata)
{
	struct share_slot *slot = userdata;
	struct share_call call = slot->call;
	int r;

	slot->is_busy = false;
	slot->connection->n_on_wire--;
	slot->nfs->n_in_flight--;
	slot->nfs->n_answered++;
	if (!call.done)
		return;
	if (status != RPC_STATUS_SUCCESS) {
		slot->nfs->is_broken = true;
		r = status == RPC_STATUS_TIMEOUT ? -ETIMEDOUT : -ECONNRESET;
	} else {
		r = wire_errno(data);
		if (r == 0 && slot->take)
			r = slot->take(data, slot->out);
	}
	call.done(&call, r);
}

/* --- the calls ------------------------------------------------------------------------ */

int share_call_list(struct share_nfs *nfs, const struct share_call *call,
		    const struct share_fh *dir, struct share_page *page)
{
	struct share_slot *slot = slot_begin(nfs, call, wire_take_page, page);
	READDIRPLUS3args args;

	if (!slot)
		return -ENOTCONN;
	args = wire_list(dir, page);
	return slot_end(slot,
			rpc_nfs3_readdirplus_async(slot->connection->rpc,
						   slot_done, &args, slot));
}

int share_call_lookup(struct share_nfs *nfs, const struct share_call *call,
		      const struct share_fh *dir, const char *name,
		      struct share_listed *ret)
{
	LOOKUP3args args = { .what = wire_dirop(dir, name) };
	struct share_slot *slot = slot_begin(nfs, call, wire_take_lookup, ret);

	if (!slot)
		return -ENOTCONN;
	return slot_end(slot, rpc_nfs3_lookup_async(slot->connection->rpc,
						    slot_done, &args, slot));
}

int share_call_remove(struct share_nfs *nfs, const struct share_call *call,
		      const struct share_fh *dir, const char *name)
{
	REMOVE3args args = { .object = wire_dirop(dir, name) };
	struct share_slot *slot = slot_begin(nfs, call, NULL, NULL);

	if (!slot)
		return -ENOTCONN;
	return slot_end(slot, rpc_nfs3_remove_async(slot->connection->rpc,
						    slot_done, &args, slot));
}

int share_call_rmdir(struct share_nfs *nfs, const struct share_call *call,
		     const struct share_fh *dir, const char *name)
{
	RMDIR3args args = { .object = wire_dirop(dir, name) };
	struct share_slot *slot = slot_begin(nfs, call, NULL, NULL);

	if (!slot)
		return -ENOTCONN;
	return slot_end(slot, rpc_nfs3_rmdir_async(slot->connection->rpc,
						   slot_done, &args, slot));
}

int share_call_rename(struct share_nfs *nfs, const struct share_call *call,
		      const struct share_fh *from, const char *from_name,
		      const struct share_fh *to, const char *to_name)
{
	RENAME3args args = { .from = wire_dirop(from, from_name),
			     .to = wire_dirop(to, to_name) };
	struct share_slot *slot = slot_begin(nfs, call, NULL, NULL);

	if (!slot)
		return -ENOTCONN;
	return slot_end(slot, rpc_nfs3_rename_async(slot->connection->rpc,
						    slot_done, &args, slot));
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

/* The connections of one, or of two that work together. */
#define POLLED_MAX 4

static size_t add_polls(struct share_nfs *nfs, struct share_nfs **polled,
			struct pollfd *pfds, size_t n)
{
	for (; nfs; nfs = nfs->second) {
		polled[n] = nfs;
		pfds[n++] = poll_of(nfs);
	}
	return n;
}

static int wait_once(struct share_nfs *nfs, struct share_nfs *other,
		     uint64_t deadline_ns)
{
	struct share_nfs *polled[POLLED_MAX];
	struct pollfd pfds[POLLED_MAX];
	size_t n = add_polls(nfs, polled, pfds, 0);
	uint64_t now = clock_ns();
	int r;

	if (now >= deadline_ns)
		return -ETIMEDOUT;
	n = add_polls(other, polled, pfds, n);
	r = poll(pfds, n, (int)((deadline_ns - now) / NS_PER_MS) + 1);
	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	r = 0;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = serve(polled[i], &pfds[i]);
	return nfs->is_broken || (other && other->is_broken) ? -ECONNRESET : r;
}

static size_t both_in_flight(const struct share_nfs *nfs,
			     const struct share_nfs *other)
{
	return nfs->n_in_flight + (other ? other->n_in_flight : 0);
}

int share_calls_wait_both(struct share_nfs *nfs, struct share_nfs *other,
			  uint32_t timeout_ms)
{
	uint64_t deadline = clock_ns() + timeout_ms * (uint64_t)NS_PER_MS;
	uint64_t before = nfs->n_answered + (other ? other->n_answered : 0);
	int r = nfs->is_broken || (other && other->is_broken) ? -ENOTCONN : 0;

	while (r == 0 && both_in_flight(nfs, other) > 0 &&
	       nfs->n_answered + (other ? other->n_answered : 0) == before)
		r = wait_once(nfs, other, deadline);
	if (r < 0 && r != -ETIMEDOUT) {
		nfs->is_broken = true;
		if (other)
			other->is_broken = true;
	}
	return r;
}

int share_calls_wait(struct share_nfs *nfs)
{
	int r = share_calls_wait_both(nfs, NULL, SHARE_NFS_TIMEOUT_MS);

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
