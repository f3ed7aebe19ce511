/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An open counts from its beginning, before the server is asked. So whoever
 * removes a name finds either nobody, and then every open of the file waits until
 * it is gone and has the kernel look the name up again (the server says ESTALE,
 * and open(2) then tries once more); or somebody, and then the name is set aside
 * (ops_silly.c), and the remover counts as an open himself until he is done.
 *
 *	opens_begin -> counted -> a handle -> RELEASE -> opens_end
 *	    |   ^         \-> an error -> opens_end
 *	    v   |
 *	   parked while a removal is under way
 *
 * Removers of a file whose node they know exclude opens of that file only. Finding
 * the node takes a LOOKUP, which is saved while nothing of the volume is open at
 * all (rm -r): such a removal is in the way of every open. An open that waits for
 * it is counted for the volume already, so that it waits for one at most.
 *
 * open(2) tries again only once. So who was turned away by ESTALE goes first: for
 * as long as it takes him to come back, names are not replaced. (Removed they may
 * be: he finds the name gone, then.)
 *
 * Not excluded are those who open on other nodes; and a removal that was given up
 * (its process was killed) ends here while the server may still do it.
 *
 * Counts are in the node table and outlive the process. When the next one is asked
 * again, what was noted of an OPEN or settled (op_settle()) is not counted again, nor
 * closed again. Where a process dies in between, and where it dies as a remover, a
 * file stays counted once too often, rather than once too rarely: then a name set
 * aside may be left over.
 *
 * Locks: the parking's, then a node's state lock.
 */

#include "opens.h"

#include "file_state.h"
#include "handle.h"
#include "inode.h"
#include "inode_layout.h"
#include "opener.h"
#include "ops.h"
#include "write_error.h"

/* Until a thread that does not come back is given up. */
#define COME_BACK_NS (100 * NS_PER_MS)

/* --- who was turned away ------------------------------------------------------------ */

static void turn_away(struct op *op)
{
	struct view *view = op->view;
	struct turned_away *away = &view->turned_away[0];

	pthread_mutex_lock(&view->removals.lock);
	for (size_t i = 1; i < TURNED_AWAY_MAX; i++) {
		if (view->turned_away[i].until_ns < away->until_ns)
			away = &view->turned_away[i];
	}
	away->thread = op->ctx.pid;
	away->until_ns = clock_ns() + COME_BACK_NS;
	pthread_mutex_unlock(&view->removals.lock);
}

/* When the last of them is back at the latest; 0 = nobody is away. */
static uint64_t back_at_locked(const struct op *op)
{
	const uint64_t now = clock_ns();
	uint64_t until = 0;

	for (size_t i = 0; i < TURNED_AWAY_MAX; i++) {
		const struct turned_away *away = &op->view->turned_away[i];

		if (away->until_ns > now && away->until_ns > until &&
		    away->thread != op->ctx.pid)
			until = away->until_ns;
	}
	return until;
}

static void come_back_locked(struct op *op)
{
	struct view *view = op->view;
	struct op *waiting = TAILQ_FIRST(&view->removals.ops);

	for (size_t i = 0; i < TURNED_AWAY_MAX; i++) {
		if (view->turned_away[i].thread == op->ctx.pid)
			view->turned_away[i].until_ns = 0;
	}
	while (waiting) {
		struct op *next = TAILQ_NEXT(waiting, waiting);

		if (waiting->kind == OP_RENAME)
			parking_release_locked(&view->removals, waiting, 0);
		waiting = next;
	}
}

static void on_not_back(struct timer *timer)
{
	struct op *op = container_of(timer, struct op, timer);

	if (parking_leave(op))
		op->done(op);
}

static void try_replace(struct op *op)
{
	struct view *view = op->view;
	uint64_t until;

	timer_cancel(&op->timer);
	if (op_failed(op))
		return;
	op->timer = TIMER_INIT(on_not_back);
	pthread_mutex_lock(&view->removals.lock);
	until = back_at_locked(op);
	if (until &&
	    timer_set(&op->timer, shard_loop(op->lane->shard), until) < 0)
		until = 0;
	if (until)
		parking_enter_locked(&view->removals, op, try_replace);
	pthread_mutex_unlock(&view->removals.lock);
	if (!until)
		op->resume(op);
}

void opens_let_first(struct op *op, op_fn then)
{
	op->resume = then;
	try_replace(op);
}

/* --- opens ----------------------------------------------------------------------- */

/* A former process has: of an OPEN it notes that. */
static bool is_counted(const struct op *op)
{
	return op->has_settled || (op->kind == OP_OPEN && op->has_before);
}

static uint64_t new_handle(const struct op *op, uint64_t node, uint32_t opener)
{
	struct inode_table *inodes = op->view->inodes;

	return handle_make(
		opener, op->fi.flags, write_error_sample(inodes, node),
		atomic_fetch_add(&inode_table_header(inodes)->n_handles, 1));
}

static int hold_opener(struct op *op, uint64_t node)
{
	uint32_t opener;
	int r = opener_hold(op->view->inodes, &op->call.cred, &opener);

	if (r < 0)
		return r;
	op->fi.fh = new_handle(op, node, opener);
	op->has_opener = true;
	if (!is_counted(op))
		atomic_fetch_add(&op->view->n_opens, 1);
	return 0;
}

static void let_opener_go(struct op *op)
{
	op->has_opener = false;
	atomic_fetch_sub(&op->view->n_opens, 1);
	opener_let_go(op->view->inodes, handle_opener(op->fi.fh));
}

static void try_open(struct op *op)
{
	struct view *view = op->view;
	bool is_ok;

	if (op->call.status < 0) { /* given up while it waited */
		let_opener_go(op);
		op_finish_err(op, op->call.status);
		return;
	}
	pthread_mutex_lock(&view->removals.lock);
	is_ok = is_counted(op) || (view->n_blind_removals == 0 &&
				   file_try_open(view->inodes, op->node));
	if (is_ok)
		come_back_locked(op);
	else
		parking_enter_locked(&view->removals, op, try_open);
	pthread_mutex_unlock(&view->removals.lock);
	if (!is_ok)
		return;
	op->counted = op->node;
	op_note(op, op->node);
	op->resume(op);
}

void opens_begin(struct op *op, op_fn then)
{
	int r = hold_opener(op, op->node);

	if (r < 0) {
		op_finish_err(op, r);
		return;
	}
	op->resume = then;
	try_open(op);
}

int opens_count(struct op *op, uint64_t node)
{
	int r = hold_opener(op, node);

	if (r == 0 && !is_counted(op))
		file_opened(op->view->inodes, node);
	return r;
}

/* --- closes ---------------------------------------------------------------------- */

void opens_close(struct op *op, const struct fuse_file_info *fi)
{
	op->fi = *fi;
	op->has_opener = true;
	op->counted = op->node;
}

void opens_take_back(struct op *op, uint64_t node)
{
	struct inode_table *inodes = op->view->inodes;
	struct file_silly silly;

	file_closed(inodes, node, &silly);
	let_opener_go(op);
	if (!silly.dir)
		return;
	/* The kernel has ended the connection: the name has to stay. */
	file_removal_end(inodes, node);
	ops_silly_let_go(op->view, &silly);
}

void opens_end(struct op *op, int status)
{
	uint64_t node = op->counted;
	struct file_silly silly = { 0 };

	op->counted = 0;
	if (op->kind == OP_OPEN && status == -ESTALE)
		turn_away(op);
	/* In this order the count is too high when the process dies in between. */
	if (op_settle(op, status))
		file_closed(op->view->inodes, node, &silly);
	if (op->has_opener)
		let_opener_go(op);
	if (!silly.dir) {
		op_finish_err(op, status);
		return;
	}
	op->is_removing = true;
	op->unlink.target = node;
	op->unlink.silly = silly;
	op->close_status = status;
	ops_silly_remove(op);
}

/* --- removals --------------------------------------------------------------------- */

bool opens_exclude_all(struct op *op)
{
	struct view *view = op->view;

	op->unlink.target = 0;
	pthread_mutex_lock(&view->removals.lock);
	op->is_removing = atomic_load(&view->n_opens) == 0;
	if (op->is_removing)
		view->n_blind_removals++;
	pthread_mutex_unlock(&view->removals.lock);
	return op->is_removing;
}

bool opens_exclude(struct op *op, uint64_t node)
{
	op->unlink.target = node;
	op->is_removing = file_removal_begin(op->view->inodes, node);
	if (!op->is_removing) {
		op->counted = node;
		op_note(op, node);
	}
	return op->is_removing;
}

void opens_adopt(struct op *op)
{
	if (!op->has_before)
		return;
	op->counted = op->before;
	/* It is no handle of the volume's, as which it was counted at the start. */
	atomic_fetch_sub(&op->view->n_opens, 1);
}

/* They look again whether they may. */
static void release_opens_locked(struct view *view, uint64_t node)
{
	struct op *op = TAILQ_FIRST(&view->removals.ops);

	while (op) {
		struct op *next = TAILQ_NEXT(op, waiting);

		if (!node || op->node == node)
			parking_release_locked(&view->removals, op, 0);
		op = next;
	}
}

void opens_include(struct op *op)
{
	struct view *view = op->view;
	uint64_t node = op->unlink.target;

	op->is_removing = false;
	pthread_mutex_lock(&view->removals.lock);
	if (node)
		file_removal_end(view->inodes, node);
	else
		view->n_blind_removals--;
	if (node || view->n_blind_removals == 0)
		release_opens_locked(view, node);
	pthread_mutex_unlock(&view->removals.lock);
}
