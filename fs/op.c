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
 *  3. Lookup counts rise before the reply is written, and fall again if the
 *     kernel did not take it.
 *
 * Objects come from the shard's free list: no allocation per request, no lock.
 *
 * After the reply an op may go to the notifier's thread once (drops_cache), which
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
 * FUSE_ASYNC_DIO), the kernel sends nothing: there the process is looked at.
 */

#include "op.h"

#include <assert.h>
#include <string.h>

#include "behind.h"
#include "cred.h"
#include "file_state.h"
#include "inode.h"
#include "kept.h"
#include "lane.h"
#include "meta.h"
#include "opener.h"
#include "parking.h"
#include "session.h"
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
	op->call.status = 0;
	op->call.is_retransmitted = false;
	op->give_up_status = 0;
	op->is_submitted = false;
	op->drops_cache = false;
	op->has_seen = false;
	op->has_handle = false;
	op->node = 0;
	op->node2 = 0;
	op->fi = (struct fuse_file_info){ 0 };
	op->buffer = NULL;
	op->text = NULL;
	op->timer = TIMER_INIT(NULL);
	op->extent = NULL;
	op->sync_seq = 0;
	op->parking = NULL;
}

struct op *op_begin(fuse_req_t req, enum op_kind kind)
{
	struct session *session = fuse_req_userdata(req);
	struct shard *shard = shard_current();
	struct op *op = op_alloc(shard_ops(shard));

	if (!op) {
		(void)fuse_reply_err(req, ENOMEM);
		return NULL;
	}
	op_reset(op);
	op->req = req;
	op->ctx = *fuse_req_ctx(req);
	op->kind = kind;
	op->start_ns = clock_ns();
	op->view = volume_view(session_owner(session));
	op->lane = session_lane(session, shard_index(shard));
	cred_get(shard_creds(shard), op->ctx.pid, op->ctx.uid, op->ctx.gid,
		 op->start_ns, &op->call.cred);
	identity_map(&op->view->identity, &op->call.cred);
	atomic_fetch_add_explicit(&op->view->stats.in_flight, 1,
				  memory_order_relaxed);
	lane_add(op->lane, op);
	return op;
}

static void op_free(struct op *op)
{
	struct shard *shard = op->lane->shard;

	assert(!op->req && !op->is_submitted);
	timer_cancel(&op->timer);
	buffer_put(shard_pool(shard), op->buffer);
	kept_extent_free(op->extent, shard_pool(shard));
	free(op->text);
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
	if (op->has_seen)
		file_dropped(op->view->inodes, op->node, &op->seen);
	op->post.fn = free_back_home;
	loop_post(shard_loop(op->lane->shard), &op->post);
}

static struct loop *notify_loop(const struct op *op)
{
	return shards_notify_loop(shard_siblings(op->lane->shard));
}

static void op_end(struct op *op, int status)
{
	op->req = NULL;
	stats_record(&op->view->stats, op->kind, clock_ns() - op->start_ns,
		     status);
	if (!op->drops_cache) {
		op_free(op);
		return;
	}
	op->start_ns = clock_ns(); /* of the wait for the notifier */
	op->post.fn = drop_cache;
	loop_post(notify_loop(op), &op->post);
}

/* Of an op that is answered; nothing when the notifier has it in its hands. */
static void take_back(struct op *op)
{
	struct inode_table *inodes = op->view->inodes;

	if (!loop_unpost(notify_loop(op), &op->post))
		return;
	file_forget_known(inodes, op->node);
	/* Without an offset it takes no page lock: the size is asked for anew. */
	(void)fuse_lowlevel_notify_inval_inode(session_fuse(op->lane->session),
					       op->node, -1, 0);
	op_free(op);
}

/* --- names, nodes, credentials ------------------------------------------------- */

void op_use_opener(struct op *op, const struct fuse_file_info *fi)
{
	opener_get(op->view->inodes, (uint32_t)fi->fh, &op->call.cred);
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

static void on_done(struct nfs_call *call)
{
	struct op *op = container_of(call, struct op, call);

	op->is_submitted = false;
	if (call->status == -ECANCELED && op->give_up_status)
		call->status = op->give_up_status;
	op->done(op);
}

void op_call(struct op *op, enum nfs_proc proc, op_fn done)
{
	struct nfs_client *client =
		view_client(op->view, shard_index(op->lane->shard));

	op->call.proc = proc;
	op->call.done = on_done;
	op->done = done;
	op->is_submitted = true;
	op->client = client;
	nfs_client_submit(client, &op->call);
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
	if (op->is_submitted) {
		op->give_up_status = status;
		nfs_client_cancel(op->client, &op->call);
	} else if (parking_leave(op)) {
		op->call.status = status;
		op->done(op);
	}
}

void op_give_up_if_interrupted(struct op *op, uint64_t now)
{
	bool is_old = now > op->start_ns + GIVE_UP_NS;

	if (!op->req) {
		if (is_old)
			take_back(op);
		return;
	}
	if (!op->is_submitted && !op->parking)
		return;
	if (!is_old && op->is_submitted && op->client->health == NFS_HEALTH_OK)
		return;
	if (fuse_req_interrupted(op->req) ||
	    (is_old && (op->kind == OP_READ || op->kind == OP_WRITE) &&
	     cred_is_killed(op->ctx.pid)))
		op_give_up(op, -EINTR);
}

/* --- answers --------------------------------------------------------------------- */

void op_finish_err(struct op *op, int status)
{
	(void)fuse_reply_err(op->req, -status);
	op_end(op, status);
}

/* A foreign change in place, seen on the way: the old pages have to go. */
static void observe(struct op *op, uint64_t node, const struct nfs_attr *attr)
{
	if (!S_ISREG(attr->mode) || op->view->is_write_back)
		return;
	if (file_is_changed(op->view->inodes, node, attr)) {
		op->node = node;
		op->drops_cache = true;
		op->has_seen = true;
		op->seen = *attr;
	}
}

double op_tell(struct op *op, uint64_t node, const struct nfs_attr *attr)
{
	uint64_t age_ns = file_told(op->view->inodes, node, attr);

	return attr_timeout(&op->view->timeouts, attr->mode, age_ns);
}

/* Names are as old as the state of their directory. */
static double name_timeout(const struct op *op,
			   const struct attr_lifetime *lifetime)
{
	struct file_told dir = file_get_told(op->view->inodes, op->node);

	return attr_lifetime_of_age(lifetime, dir.age_ns);
}

int op_make_entry(struct op *op, const struct nfs_fh *fh,
		  const struct nfs_attr *attr, struct fuse_entry_param *ret)
{
	struct view *view = op->view;
	uint64_t node;
	int r = inode_lookup(view->inodes, fh, attr->fileid, &node);

	if (r < 0)
		return r;
	*ret = (struct fuse_entry_param){
		.ino = node,
		.entry_timeout = name_timeout(op, &view->timeouts.entry),
	};
	attr_to_stat(attr, &ret->attr);
	ret->attr.st_size = (off_t)behind_size(view->commits, node, attr->size);
	return 0;
}

void op_finish_entry(struct op *op, const struct nfs_fh *fh,
		     const struct nfs_attr *attr)
{
	struct fuse_entry_param entry;
	int r = op_make_entry(op, fh, attr, &entry);

	if (r < 0) {
		op_finish_err(op, r);
		return;
	}
	observe(op, entry.ino, attr);
	entry.attr_timeout = op_tell(op, entry.ino, attr);
	if (fuse_reply_entry(op->req, &entry) < 0)
		inode_forget(op->view->inodes, entry.ino, 1);
	op_end(op, 0);
}

void op_finish_absent(struct op *op)
{
	const struct attr_lifetime *lifetime = &op->view->timeouts.negative;
	const struct fuse_entry_param nothing = { .entry_timeout = name_timeout(
							  op, lifetime) };

	if (lifetime->max > 0)
		(void)fuse_reply_entry(op->req, &nothing);
	else
		(void)fuse_reply_err(op->req, ENOENT);
	op_end(op, -ENOENT);
}

static int count_open(struct op *op, uint64_t node)
{
	uint32_t opener;
	int r = opener_hold(op->view->inodes, &op->call.cred, &opener);

	if (r < 0)
		return r;
	op->fi.fh = opener;
	file_opened(op->view->inodes, node);
	atomic_fetch_add(&op->view->n_opens, 1);
	return 0;
}

static void uncount_open(struct op *op, uint64_t node)
{
	struct file_silly silly;

	/* The kernel did not take the reply: the file can't have been removed. */
	file_closed(op->view->inodes, node, &silly);
	atomic_fetch_sub(&op->view->n_opens, 1);
	opener_let_go(op->view->inodes, (uint32_t)op->fi.fh);
}

void op_finish_create(struct op *op, const struct nfs_fh *fh,
		      const struct nfs_attr *attr)
{
	struct fuse_entry_param entry;
	int r = op_make_entry(op, fh, attr, &entry);

	if (r < 0) {
		op_finish_err(op, r);
		return;
	}
	r = count_open(op, entry.ino);
	if (r < 0) {
		inode_forget(op->view->inodes, entry.ino, 1);
		op_finish_err(op, r);
		return;
	}
	op->fi.keep_cache = file_validate(op->view->inodes, entry.ino, attr);
	entry.attr_timeout = op_tell(op, entry.ino, attr);
	if (fuse_reply_create(op->req, &entry, &op->fi) < 0) {
		uncount_open(op, entry.ino);
		inode_forget(op->view->inodes, entry.ino, 1);
	}
	op_end(op, 0);
}

void op_finish_open(struct op *op)
{
	bool is_file = op->kind == OP_OPEN;
	int r = is_file ? count_open(op, op->node) : 0;

	if (r < 0) {
		op_finish_err(op, r);
		return;
	}
	if (fuse_reply_open(op->req, &op->fi) < 0 && is_file)
		uncount_open(op, op->node);
	op_end(op, 0);
}

void op_finish_attr(struct op *op, const struct nfs_attr *attr)
{
	struct stat st;
	double timeout;

	if (op->node == INODE_ROOT)
		view_set_root(op->view, attr);
	observe(op, op->node, attr);
	timeout = op_tell(op, op->node, attr);
	attr_to_stat(attr, &st);
	(void)fuse_reply_attr(op->req, &st, timeout);
	op_end(op, 0);
}

void op_finish_data(struct op *op, const void *data, size_t len)
{
	if (op->kind == OP_READ)
		atomic_fetch_add_explicit(&op->view->stats.read_bytes, len,
					  memory_order_relaxed);
	(void)fuse_reply_buf(op->req, data, len);
	op_end(op, 0);
}

void op_finish_written(struct op *op, size_t count)
{
	atomic_fetch_add_explicit(&op->view->stats.written_bytes, count,
				  memory_order_relaxed);
	(void)fuse_reply_write(op->req, count);
	op_end(op, 0);
}

void op_finish_readlink(struct op *op, const char *target)
{
	(void)fuse_reply_readlink(op->req, target);
	op_end(op, 0);
}

void op_finish_statfs(struct op *op, const struct statvfs *st)
{
	(void)fuse_reply_statfs(op->req, st);
	op_end(op, 0);
}

void op_finish_lseek(struct op *op, off_t offset)
{
	(void)fuse_reply_lseek(op->req, offset);
	op_end(op, 0);
}
