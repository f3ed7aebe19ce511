/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The life of a request:
 *
 *	op_begin -> [op_call -> done]* -> op_finish_* -> answered, freed
 *	                \-> op_give_up -> done with the given status
 *
 * Invariants:
 *  1. Every op is answered exactly once: answering clears req, and freeing an op
 *     that still has one is a bug that stops the program.
 *  2. An op is on its lane's running list from begin to free, so a session that
 *     has no running op has nobody who uses it.
 *
 * Objects come from the shard's free list: no allocation per request, no lock.
 *
 * After the reply an op may go to the notifier's thread once (has_seen), which
 * tells the kernel to forget a file's pages, and comes back to its shard to be
 * freed. Telling it waits for pages that are being read, so for shards: no shard
 * may do it. It may wait for a silent server, too, and others behind it would: who
 * has waited for GIVE_UP_NS is taken back, and the next open drops the pages.
 *
 * Giving up: a process that waits for a server can be killed only if somebody
 * answers its request. The kernel sends FUSE_INTERRUPT, the lane looks once a
 * second, and a call that the server has not answered in GIVE_UP_NS (or whose
 * connection is bad) is cancelled. A server that works gets the time to answer.
 * For direct I/O, which it waits for uninterruptibly (fuse_direct_IO() with
 * FUSE_ASYNC_DIO), the kernel sends nothing, and to a former process it may have sent
 * it before: there the process is looked at.
 */

#include "op.h"

#include <assert.h>
#include <string.h>

#include "cred.h"
#include "file_state.h"
#include "gate.h"
#include "handle.h"
#include "inode.h"
#include "intent.h"
#include "kept.h"
#include "lane.h"
#include "meta.h"
#include "opener.h"
#include "opens.h"
#include "parking.h"
#include "session.h"
#include "trace.h"
#include "volume.h"

#define OP_CACHE_MAX 256
#define GIVE_UP_NS   (2 * NS_PER_S)

/* --- begin and end ------------------------------------------------------------ */

static struct op *op_alloc(struct op_cache *cache)
{
	struct op *op = SLIST_FIRST(&cache->free);

	if (!op)
		return malloc(sizeof(*op));
	SLIST_REMOVE_HEAD(&cache->free, free);
	cache->n--;
	return op;
}

static void op_release(struct op_cache *cache, struct op *op)
{
	if (cache->n >= OP_CACHE_MAX) {
		free(op);
		return;
	}
	SLIST_INSERT_HEAD(&cache->free, op, free);
	cache->n++;
}

void op_cache_fini(struct op_cache *cache)
{
	while (!SLIST_EMPTY(&cache->free)) {
		struct op *op = SLIST_FIRST(&cache->free);

		SLIST_REMOVE_HEAD(&cache->free, free);
		free(op);
	}
	cache->n = 0;
}

/* Everything that a former use may have left; names and args are set when used. */
static void op_reset(struct op *op)
{
	op->call.args.name = NULL;
	op->call.transport = NULL;
	op->call.sent_as = NULL;
	op->call.sent_before = 0;
	op->call.status = 0;
	op->call.is_retransmitted = false;
	op->give_up_status = 0;
	op->is_submitted = false;
	op->is_dropping = false;
	op->has_seen = false;
	op->is_misplaced = false;
	op->has_handle = false;
	op->has_opener = false;
	op->is_removing = false;
	op->is_inside = false;
	op->is_held = false;
	op->node = 0;
	op->node2 = 0;
	op->counted = 0;
	op->found = 0;
	op->io.len = 0;
	op->fi = (struct fuse_file_info){ 0 };
	op->buffer = NULL;
	op->text = NULL;
	op->timer = TIMER_INIT(NULL);
	op->extent = NULL;
	op->sync_seq = 0;
	op->parking = NULL;
	op->intent = INTENT_NONE;
	op->sent_before = 0;
	op->has_settled = false;
	op->has_before = false;
	op->request_memory = NULL;
}

static struct op *begin(fuse_req_t req, struct shard *shard)
{
	struct session *session = fuse_req_userdata(req);
	struct op *op = op_alloc(shard_ops(shard));

	if (!op) {
		(void)fuse_reply_err(req, ENOMEM);
		return NULL;
	}
	op_reset(op);
	op->req = req;
	op->ctx = *fuse_req_ctx(req);
	op->start_ns = clock_ns();
	op->lane = session_lane(session, shard_index(shard));
	op->is_replay = op->lane->unique & INTENT_UNIQUE_RESEND;
	return op;
}

struct op *op_begin(fuse_req_t req, enum op_kind kind)
{
	struct session *session = fuse_req_userdata(req);
	struct shard *shard = shard_current();
	struct op *op = begin(req, shard);

	if (!op)
		return NULL;
	op->kind = kind;
	op->view = volume_view(session_owner(session));
	cred_get(shard_creds(shard), op->ctx.pid, op->ctx.uid, op->ctx.gid,
		 op->start_ns, &op->call.cred);
	identity_map(&op->view->identity, &op->call.cred);
	atomic_fetch_add_explicit(&op->view->stats.in_flight, 1,
				  memory_order_relaxed);
	lane_add(op->lane, op);
	return op;
}

struct op *op_begin_virtual(fuse_req_t req)
{
	struct op *op = begin(req, shard_current());

	if (!op)
		return NULL;
	op->kind = OP_READ;
	op->view = NULL;
	lane_add(op->lane, op);
	return op;
}

/* What it has made or removed may not be there to be made or removed again. */
static bool is_over_when_settled(const struct op *op)
{
	return op->kind == OP_UNLINK || op->kind == OP_RMDIR ||
	       op->kind == OP_RENAME || op->kind == OP_RELEASE;
}

struct op *op_begin_change(fuse_req_t req, enum op_kind kind)
{
	struct op *op = op_begin(req, kind);

	return op ? op_intend(op) : NULL;
}

struct op *op_intend(struct op *op)
{
	struct intent_outcome outcome;

	op->intent =
		intent_begin(op->view->intents, op->lane->unique, &outcome);
	op->has_settled = outcome.is_settled;
	op->has_before = outcome.has_value;
	op->before = outcome.value;
	op->sent_before = outcome.sent;
	if (!outcome.is_settled ||
	    (outcome.status == 0 && !is_over_when_settled(op)))
		return op;
	op_finish_err(op, outcome.status);
	return NULL;
}

void op_note(struct op *op, uint64_t value)
{
	intent_set_value(op->view->intents, op->intent, value);
}

bool op_settle(struct op *op, int status)
{
	if (op->lane->is_silent && status == -ECONNABORTED)
		return false;
	if (op->view)
		intent_settle(op->view->intents, op->intent, status);
	return true;
}

static void op_free(struct op *op)
{
	struct shard *shard = op->lane->shard;

	assert(!op->req && !op->is_submitted);
	timer_cancel(&op->timer);
	buffer_put(shard_pool(shard), op->buffer);
	kept_extent_free(op->extent, shard_pool(shard));
	/* What is asked again is read from there: nobody else may have it. */
	kept_memory_put(op->request_memory,
			op->lane->is_silent ? NULL : shard_pool(shard));
	free(op->text);
	if (op->view)
		atomic_fetch_sub_explicit(&op->view->stats.in_flight, 1,
					  memory_order_relaxed);
	/* Last: the session and its volume may be freed from here on. */
	lane_remove(op->lane, op);
	op_release(shard_ops(shard), op);
}

static void free_back_home(struct post *post)
{
	op_free(container_of(post, struct op, post));
}

/* The notifier's thread. */
static void drop_cache(struct post *post)
{
	struct op *op = container_of(post, struct op, post);

	(void)fuse_lowlevel_notify_inval_inode(session_fuse(op->lane->session),
					       op->node, 0, 0);
	file_dropped(op->view->inodes, op->node, &op->seen);
	op->post.fn = free_back_home;
	loop_post(shard_loop(op->lane->shard), &op->post);
}

static struct loop *notify_loop(const struct op *op)
{
	return shards_notify_loop(shard_siblings(op->lane->shard));
}

static void count(const struct op *op, int64_t result)
{
	uint64_t latency_ns = clock_ns() - op->start_ns;

	stats_record(&op->view->stats, op->kind, latency_ns, result);
	if (trace_is_read(op->view->trace))
		op_trace(op, latency_ns, result);
}

/* What is answered to nobody is asked again, and stays on record. */
static void end_intent(const struct op *op)
{
	if (!op->lane->is_silent)
		intent_end(op->view->intents, op->intent);
}

/* The next open drops the pages. */
static void leave_to_open(struct op *op)
{
	file_forget_known(op->view->inodes, op->node);
	/* Without an offset it takes no page lock: the size is asked for anew. */
	(void)fuse_lowlevel_notify_inval_inode(session_fuse(op->lane->session),
					       op->node, -1, 0);
	op_free(op);
}

/*
 * A thread that waits for a page can't be killed, and the page may be owed by
 * ourselves. A mount that outlives the process would then wait for the next one, and
 * that for the end of this one.
 */
static bool may_wait_for_pages(const struct op *op)
{
	return !op->view->intents && !op->is_misplaced;
}

void op_end(struct op *op, int64_t result)
{
	op->req = NULL;
	lane_answered(op->lane, op);
	if (op->is_removing)
		opens_include(op);
	if (op->is_inside)
		gate_leave(op);
	if (op->view) {
		end_intent(op);
		count(op, result);
	}
	if (!op->has_seen && !op->is_misplaced) {
		op_free(op);
		return;
	}
	if (!may_wait_for_pages(op)) {
		leave_to_open(op);
		return;
	}
	op->start_ns = clock_ns(); /* of the wait for the notifier */
	op->post.fn = drop_cache;
	loop_post(notify_loop(op), &op->post);
}

/* Of an op that is answered; nothing when the notifier has it in its hands. */
static void take_back(struct op *op)
{
	if (loop_unpost(notify_loop(op), &op->post))
		leave_to_open(op);
}

/* --- names, nodes, credentials ------------------------------------------------- */

void op_use_opener(struct op *op, const struct fuse_file_info *fi)
{
	opener_get(op->view->inodes, handle_opener(fi->fh), &op->call.cred);
}

/* Nothing but for a caller who has more groups than the wire carries. */
static void prefer_group(struct op *op, uint64_t node)
{
	uint32_t group;

	if (op->call.cred.n_gids < NFS_GIDS_MAX)
		return;
	group = inode_group(op->view->inodes, node);
	/* That of root is squashed together with root. */
	if (group != 0 || op->view->identity.squash == SQUASH_NONE)
		cred_prefer(shard_creds(op->lane->shard), op->ctx.pid, group,
			    &op->call.cred);
}

bool op_resolve(struct op *op, uint64_t node, struct nfs_fh *ret)
{
	/* Operations that virtual nodes have never come here. */
	int r = meta_is_node(node) ? -EPERM
				   : inode_get(op->view->inodes, node, ret);

	if (r < 0)
		op_finish_err(op, r);
	else
		prefer_group(op, node);
	return r == 0;
}

bool op_target(struct op *op, uint64_t node)
{
	op->node = node;
	return op_resolve(op, node, &op->call.args.fh);
}

static bool take_name(struct op *op, const char *name, int r)
{
	if (r < 0) {
		op_finish_err(op, r);
		return false;
	}
	memcpy(op->name, name, strlen(name) + 1);
	op->call.args.name = op->name;
	return true;
}

bool op_take_name(struct op *op, uint64_t dir, const char *name)
{
	return take_name(op, name, view_check_name(op->view, dir, name));
}

bool op_take_change(struct op *op, uint64_t dir, const char *name)
{
	return take_name(op, name, view_check_change(op->view, dir, name));
}

/* --- calls ---------------------------------------------------------------------- */

/* Directories of names that the call has changed are other ones now. */
static void learn_names(struct op *op)
{
	const struct nfs_call *call = &op->call;

	switch (call->proc) {
	case NFS_RENAME:
		view_names_change(op->view, op->unlink.dir, call,
				  &call->res.to_wcc);
		if (op->node != op->unlink.dir)
			view_names_change(op->view, op->node, call,
					  &call->res.wcc);
		break;
	case NFS_LINK:
		view_names_change(op->view, op->node, call, &call->res.to_wcc);
		break;
	case NFS_CREATE:
	case NFS_MKDIR:
	case NFS_SYMLINK:
	case NFS_MKNOD:
	case NFS_REMOVE:
	case NFS_RMDIR:
		view_names_change(op->view, op->node, call, &call->res.wcc);
		break;
	default:
		break;
	}
}

static void on_done(struct nfs_call *call)
{
	struct op *op = container_of(call, struct op, call);

	op->is_submitted = false;
	if (call->status == -ECANCELED && op->give_up_status)
		call->status = op->give_up_status;
	learn_names(op);
	op->done(op);
}

/* The next process can send it as this one does, and this one as the one before. */
static void make_known(struct op *op)
{
	bool is_known =
		op->intent != INTENT_NONE && nfs_call_is_change(&op->call);

	op->call.sent_as =
		is_known ? intent_sent(op->view->intents, op->intent) : NULL;
	op->call.sent_before = is_known ? op->sent_before : 0;
}

static bool may_be_called(const struct op *op)
{
	return op->is_inside ||
	       (op->call.proc != NFS_WRITE && !nfs_call_is_change(&op->call));
}

void op_call(struct op *op, enum nfs_proc proc, op_fn done)
{
	op->call.proc = proc;
	assert(may_be_called(op));
	make_known(op);
	op->call.done = on_done;
	op->done = done;
	op->is_submitted = true;
	op->client =
		view_submit(op->view, shard_index(op->lane->shard), &op->call);
}

static void change_passed(struct op *op)
{
	if (op->call.status < 0)
		op->changed(op);
	else
		op_call(op, op->call.proc, op->changed);
}

void op_change(struct op *op, enum nfs_proc proc, op_fn done)
{
	op->call.proc = proc;
	op->changed = done;
	gate_pass(op, change_passed);
}

bool op_failed(struct op *op)
{
	if (op->call.status == 0)
		return false;
	op_finish_err(op, op->call.status);
	return true;
}

void op_give_up(struct op *op, int status)
{
	if (!op->req) {
		take_back(op);
		return;
	}
	if (op->is_dropping) {
		op_drop_give_up(op);
	} else if (op->is_submitted) {
		op->give_up_status = status;
		nfs_client_cancel(op->client, &op->call);
	} else if (parking_leave(op)) {
		op->give_up_status = status;
		op->call.status = status;
		op->done(op);
	}
}

/* FUSE_INTERRUPT does not say so. */
static bool may_be_killed_unseen(const struct op *op)
{
	return op->kind == OP_READ || op->kind == OP_WRITE || op->is_replay;
}

void op_give_up_if_interrupted(struct op *op, uint64_t now)
{
	bool is_old = now > op->start_ns + GIVE_UP_NS;

	if (!op->req) {
		if (is_old)
			take_back(op);
		return;
	}
	if (!op->is_submitted && !op->parking && !op->is_dropping)
		return;
	if (!is_old && op->is_submitted && op->client->health == NFS_HEALTH_OK)
		return;
	if (fuse_req_interrupted(op->req) ||
	    (is_old && may_be_killed_unseen(op) && cred_is_killed(op->ctx.pid)))
		op_give_up(op, -EINTR);
}
