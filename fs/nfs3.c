/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The NFSv3 client: calls, their XIDs and their time, over an nfs_conn.
 *
 *   submit          pull             receive
 *    ---> waiting ------> slot: sent ------> done()
 *            ^              |  ^
 *            | JUKEBOX      |  | pull
 *            |              v  |
 *         delayed       slot: unsent    (the connection was lost)
 *
 * Who waits for whom is fair.c, the slots are nfs3_window.c, time is nfs3_time.c.
 *
 * Invariants:
 *  1. A call is in exactly one place: waiting, delayed or a slot; call->transport
 *     says which (the list's or the slot's address), NULL = none of ours.
 *  2. What waits is older than what its flow submits later and enters before it.
 *  3. A call keeps its slot, and so its XID, until it is done: servers recognise
 *     a retransmission by it. Only JUKEBOX, by which a server says that it did
 *     nothing, makes a call start anew. One that a former process sent has the XID
 *     that it had there, if it is the same to the last byte.
 *  4. A call that may be on the server when the connection is lost has
 *     is_retransmitted set for the rest of its life.
 *  5. done() runs with the call in no place, and never inside submit.
 *  6. A reply that can't be decoded breaks the connection, since nothing behind
 *     it can be trusted. Its call is sent again, but only so often: a server that
 *     answers the same nonsense each time must not stop all the others' calls.
 *
 * Runs on the shard's thread.
 */

#include <sys/random.h>

#include "clock.h"
#include "log.h"
#include "nfs3_client.h"
#include "nfs3_health.h"
#include "nfs3_xdr.h"
#include "nfs_sent.h"

#define TIMEO_MS_DEFAULT    60000
#define RETRANS_DEFAULT	    2
#define MAX_BYTES_DEFAULT   (16u << 20)
#define SHARE_CALLS	    16
#define SHARE_BYTES_DEFAULT (2u << 20)
#define MALFORMED_MAX	    3 /* replies to one call */
#define XID_SIZE	    4
#define XID_STRIDE	    0x9e3779b9u /* 2^32 / the golden ratio */

static struct nfs3_client *client_of(struct nfs_client *client)
{
	return container_of(client, struct nfs3_client, client);
}

/* NULL for a call that is in a list. */
static struct nfs3_slot *slot_of(struct nfs3_client *c,
				 const struct nfs_call *call)
{
	void *place = call->transport;

	return place == &c->waiting || place == &c->delayed ? NULL : place;
}

/* --- the end of a call ---------------------------------------------------- */

static struct nfs_payload payload_of(const struct nfs_call *call)
{
	struct nfs_payload payload = { .len = nfs3_payload_len(call) };

	if (payload.len > 0)
		payload.data = call->args.write.data;
	return payload;
}

/*
 * The call leaves the window; its payload is not read from here on. That it has
 * been answered does not prove that it was sent: servers need not be honest.
 */
static void slot_leave(struct nfs3_client *c, struct nfs3_slot *slot)
{
	struct nfs_payload payload = payload_of(slot->call);

	nfs_conn_release(c->conn, &payload);
	fair_leave(slot->call, clock_ns());
	nfs3_window_leave(&c->window, slot);
}

/* Takes the call out of its place, wherever that is. */
static void call_withdraw(struct nfs3_client *c, struct nfs_call *call)
{
	struct nfs3_slot *slot = slot_of(c, call);

	if (slot) {
		if (slot->sent_ns)
			c->is_owed = true;
		if (slot->sent_ns || call->is_retransmitted)
			nfs3_owed_add(&c->owed, call, !slot->sent_ns);
		slot_leave(c, slot);
		return;
	}
	if (call->transport == &c->waiting)
		fair_remove(&c->waiting, call, clock_ns());
	else
		TAILQ_REMOVE(&c->delayed, call, entry);
	call->transport = NULL;
}

static void call_finish(struct nfs3_client *c, struct nfs_call *call,
			int status)
{
	c->client.n_in_flight--;
	if (call->flow == &c->own)
		call->flow = NULL; /* it may go to another client next */
	call->status = status;
	call->done(call);
}

void nfs3_call_abandon(struct nfs3_client *c, struct nfs_call *call, int status)
{
	call_withdraw(c, call);
	call->res = (struct nfs_result){ 0 };
	call_finish(c, call, status);
}

/* --- health --------------------------------------------------------------- */

static void set_health(struct nfs3_client *c, enum nfs_health health)
{
	nfs3_health_set(&c->client, health, c->name);
}

/* --- what the connection asks --------------------------------------------- */

/* The next slot to send; whose turn it is enters if the window lets him. */
static struct nfs3_slot *next_slot(struct nfs3_client *c)
{
	struct nfs_call *call;
	uint64_t again_ns;

	if (!TAILQ_EMPTY(&c->window.unsent))
		return TAILQ_FIRST(&c->window.unsent);
	call = fair_next(&c->waiting, clock_ns(), &again_ns);
	if (!call && again_ns)
		nfs3_time_wake(c, again_ns);
	if (!call || !nfs3_window_has_room(&c->window, call))
		return NULL;
	fair_take(&c->waiting, call);
	return nfs3_window_enter(&c->window, call);
}

/* Of a call that is encoded, and about to be sent. */
static void note_sent(struct nfs3_client *c, struct nfs3_slot *slot,
		      struct xdr_writer head, size_t len)
{
	struct nfs_call *call = slot->call;
	uint16_t port = nfs_conn_source_port(c->conn);
	uint16_t digest;

	if (!call->sent_as)
		return;
	digest = nfs_sent_digest(head.p + XID_SIZE, len - XID_SIZE);
	if (nfs_sent_has_digest(call->sent_before, digest)) {
		nfs3_window_adopt(&c->window, slot,
				  nfs_sent_xid(call->sent_before));
		xdr_put_u32(&head, slot->xid);
	}
	atomic_store(call->sent_as, nfs_sent_make(slot->xid, port, digest));
}

static bool pull(void *owner, struct xdr_writer *w,
		 struct nfs_payload *ret_payload)
{
	struct nfs3_client *c = owner;
	const struct xdr_writer start = *w;
	struct nfs3_slot *slot;

	while ((slot = next_slot(c))) {
		int r;

		*w = start;
		r = nfs3_encode_call(w, slot->xid, slot->call);
		if (r < 0) {
			nfs3_call_abandon(c, slot->call, r);
			continue;
		}
		note_sent(c, slot, start, (size_t)(w->p - start.p));
		nfs3_window_mark_sent(&c->window, slot);
		*ret_payload = payload_of(slot->call);
		return true;
	}
	return false;
}

static void delay(struct nfs3_client *c, struct nfs3_slot *slot)
{
	struct nfs_call *call = slot->call;

	slot_leave(c, slot);
	call->sent_before = 0;
	call->transport = &c->delayed;
	TAILQ_INSERT_TAIL(&c->delayed, call, entry);
}

static int malformed(struct nfs3_client *c, struct nfs3_slot *slot)
{
	struct nfs_call *call = slot->call;

	log_warn("malformed nfs reply", F_STR("server", c->name),
		 F_STR("procedure", nfs_proc_name(call->proc)));
	if (++slot->n_malformed >= MALFORMED_MAX)
		nfs3_call_abandon(c, call, -EIO);
	return -EBADMSG;
}

static int complete(struct nfs3_client *c, struct nfs3_slot *slot,
		    struct xdr_reader *r, struct nfs3_entries entries)
{
	struct nfs_call *call = slot->call;
	int status = nfs3_decode_reply(r, call, entries);

	if (status == -EBADMSG)
		return malformed(c, slot);
	if (status == -EAGAIN) {
		delay(c, slot);
		return 0;
	}
	slot_leave(c, slot);
	call_finish(c, call, status);
	return 0;
}

static int complete_readdir(struct nfs3_client *c, struct nfs3_slot *slot,
			    struct xdr_reader *r)
{
	struct buffer *buffer = buffer_get(c->pool, BUFFER_LARGE_SIZE);
	struct nfs3_entries entries;
	int status;

	if (!buffer) {
		nfs3_call_abandon(c, slot->call, -ENOMEM);
		return 0;
	}
	entries.data = (struct nfs_entry *)buffer->data;
	entries.max = buffer->size / sizeof(*entries.data);
	status = complete(c, slot, r, entries);
	buffer_put(c->pool, buffer);
	return status;
}

/* Well is who has answered and owes nothing that is old. */
static void recover(struct nfs3_client *c)
{
	if (c->client.health != NFS_HEALTH_OK &&
	    nfs3_window_oldest_ns(&c->window, c->replied_ns) <= NFS3_OVERDUE_NS)
		set_health(c, NFS_HEALTH_OK);
}

static int take_reply(struct nfs3_client *c, uint8_t *data, uint32_t len)
{
	struct xdr_reader r = xdr_reader_over(data, len);
	uint32_t xid = xdr_load_u32(data);
	struct nfs3_slot *slot = nfs3_window_find(&c->window, xid);

	if (!slot) {
		nfs3_owed_answered(&c->owed, xid);
		return 0;
	}
	if (slot->call->proc == NFS_READDIR ||
	    slot->call->proc == NFS_READDIRPLUS)
		return complete_readdir(c, slot, &r);
	return complete(c, slot, &r, (struct nfs3_entries){ 0 });
}

static int receive(void *owner, uint8_t *data, uint32_t len)
{
	struct nfs3_client *c = owner;
	int r;

	if (len < 4)
		return -EBADMSG;
	c->replied_ns = clock_ns();
	c->is_owed = false;
	nfs3_owed_recover(&c->owed);
	r = take_reply(c, data, len);
	if (r == 0)
		recover(c);
	return r;
}

static bool has_work(void *owner)
{
	return nfs3_has_work(owner);
}

/* Without traffic a NULL of our own finds out when the server is back. */
static void lose_all(struct nfs3_client *c)
{
	nfs3_window_unsend_all(&c->window);
	nfs3_owed_lose(&c->owed);
	if (c->owed.n == 0)
		return;
	c->is_owed = true;
	nfs3_time_arm(c);
}

static void on_state(void *owner, enum nfs_conn_state state)
{
	struct nfs3_client *c = owner;

	switch (state) {
	case NFS_CONN_READY:
		c->replied_ns = clock_ns();
		if (c->options.origin)
			atomic_store(&c->options.origin->port,
				     nfs_conn_source_port(c->conn));
		/* Whether it also answers is to be seen: see receive(). */
		if (c->client.health == NFS_HEALTH_UNREACHABLE)
			set_health(c, NFS_HEALTH_DEGRADED);
		break;
	case NFS_CONN_BACKOFF:
		lose_all(c);
		c->client.n_losses++;
		/* An idle server may close connections: that is no trouble. */
		if (nfs3_has_work(c))
			set_health(c, NFS_HEALTH_UNREACHABLE);
		break;
	case NFS_CONN_IDLE:
		lose_all(c);
		break;
	case NFS_CONN_CONNECTING:
		break;
	}
}

static const struct nfs_conn_ops conn_ops = {
	.pull = pull,
	.receive = receive,
	.has_work = has_work,
	.on_state = on_state,
};

/* --- what callers see ------------------------------------------------------ */

static void client_submit(struct nfs_client *client, struct nfs_call *call)
{
	struct nfs3_client *c = client_of(client);

	call->start_ns = clock_ns();
	call->is_retransmitted = false;
	call->transport = &c->waiting;
	call->cost = nfs_call_cost(call);
	if (!call->flow)
		call->flow = &c->own;
	fair_add(&c->waiting, call, call->start_ns);
	client->n_in_flight++;
	nfs3_time_arm(c);
}

static void client_cancel(struct nfs_client *client, struct nfs_call *call)
{
	if (call->transport)
		nfs3_call_abandon(client_of(client), call, -ECANCELED);
}

static void client_flush(struct nfs_client *client)
{
	struct nfs3_client *c = client_of(client);

	if (nfs3_has_work(c))
		nfs_conn_flush(c->conn);
}

static const struct nfs_client_ops client_ops = {
	.submit = client_submit,
	.cancel = client_cancel,
	.flush = client_flush,
};

void nfs3_client_forget(struct nfs_client *client, const struct fair_flow *flow)
{
	nfs3_owed_forget(&client_of(client)->owed, flow);
}

uint16_t nfs3_client_source_port(const struct nfs_client *client)
{
	return nfs_conn_source_port(
		container_of(client, const struct nfs3_client, client)->conn);
}

uint16_t nfs3_client_former_port(const struct nfs_client *client)
{
	return container_of(client, const struct nfs3_client, client)
		->former_port;
}

/* --- life ------------------------------------------------------------------ */

static void abandon_all(struct nfs3_client *c)
{
	struct nfs_call *call;

	/* Every call is older than the end of time. */
	while ((call = nfs3_call_expired(c, UINT64_MAX)))
		nfs3_call_abandon(c, call, -ECANCELED);
}

static struct nfs3_client *nfs3_free(struct nfs3_client *c)
{
	if (!c)
		return NULL;
	abandon_all(c);
	timer_cancel(&c->tick);
	timer_cancel(&c->wake);
	nfs_conn_free(c->conn);
	free(c);
	return NULL;
}

DEFINE_CLEANUP(struct nfs3_client *, nfs3_free)

struct nfs_client *nfs3_client_free(struct nfs_client *client)
{
	(void)nfs3_free(client ? client_of(client) : NULL);
	return NULL;
}

static void set_defaults(struct nfs3_options *o)
{
	if (o->timeo_ms == 0)
		o->timeo_ms = TIMEO_MS_DEFAULT;
	if (o->retrans == 0)
		o->retrans = RETRANS_DEFAULT;
	if (o->max_calls == 0 || o->max_calls > NFS3_SLOTS_MAX)
		o->max_calls = NFS3_SLOTS_MAX;
	if (o->max_bytes == 0)
		o->max_bytes = MAX_BYTES_DEFAULT;
	if (o->share_bytes == 0)
		o->share_bytes = SHARE_BYTES_DEFAULT;
}

/*
 * Of several processes, one after the other, that all have been given the same origin.
 * Multiples of the golden ratio are far from each other, however many there are: those
 * of a hundred processes by 2^24 calls.
 */
static uint32_t first_xid(struct nfs3_origin *origin)
{
	uint32_t xid = origin ? atomic_load(&origin->xid) : 0;

	if (xid)
		xid += XID_STRIDE;
	else if (getrandom(&xid, sizeof(xid), 0) < 0)
		xid = (uint32_t)clock_ns();
	if (origin)
		atomic_store(&origin->xid, xid ? xid : 1);
	return xid;
}

static void set_origin(struct nfs3_client *c)
{
	struct nfs3_origin *origin = c->options.origin;

	c->former_port = origin ? (uint16_t)atomic_load(&origin->port) : 0;
	if (c->former_port)
		c->options.source_port = c->former_port;
}

static int make_conn(struct nfs3_client *c)
{
	struct nfs_conn_options options = {
		.loop = c->loop,
		.pool = c->pool,
		.addr = c->options.addr,
		.addr_len = c->options.addr_len,
		.source_port = c->options.source_port,
		.timeo_ms = c->options.timeo_ms,
		.head_max = NFS3_CALL_MAX,
		.ops = &conn_ops,
		.owner = c,
	};

	return nfs_conn_new(&c->conn, &options);
}

int nfs3_client_new(struct nfs_client **ret, struct loop *loop,
		    struct buffer_pool *pool,
		    const struct nfs3_options *options, struct err *err)
{
	_cleanup_(nfs3_free) struct nfs3_client *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_set(err, -ENOMEM, "make an nfs client: no memory");
	c->client.ops = &client_ops;
	c->client.health_since_ns = clock_ns();
	c->options = *options;
	c->loop = loop;
	c->pool = pool;
	nfs3_time_init(c);
	TAILQ_INIT(&c->delayed);
	fair_flow_init(&c->own, NULL, NULL);
	set_defaults(&c->options);
	set_origin(c);
	nfs_sockaddr_name(&options->addr, c->name);
	fair_queue_init(&c->waiting, SHARE_CALLS, c->options.share_bytes);
	nfs3_window_init(&c->window, c->options.max_calls, c->options.max_bytes,
			 first_xid(c->options.origin));
	r = make_conn(c);
	if (r < 0)
		return err_set_errno(err, r, "make an nfs client");
	*ret = &TAKE_PTR(c)->client;
	return 0;
}
