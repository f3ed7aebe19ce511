/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An op is on the list from parking_enter_locked() until somebody releases it or
 * it leaves; whoever takes it off decides alone how it goes on. op->parking is
 * set and cleared by the op's own shard only, op->is_parked says under the lock
 * whether it is still on the list.
 */

#include "parking.h"

#include "lane.h"
#include "op.h"

void parking_init(struct parking *parking)
{
	pthread_mutex_init(&parking->lock, NULL);
	TAILQ_INIT(&parking->ops);
}

void parking_fini(struct parking *parking)
{
	pthread_mutex_destroy(&parking->lock);
}

static void resume(struct post *post)
{
	struct op *op = container_of(post, struct op, post);

	op->parking = NULL;
	if (op->lane->is_cancelled)
		op->call.status = -ECONNABORTED;
	op->done(op);
}

void parking_enter_locked(struct parking *parking, struct op *op,
			  void (*resume_fn)(struct op *op))
{
	op->parking = parking;
	op->is_parked = true;
	op->done = resume_fn;
	TAILQ_INSERT_TAIL(&parking->ops, op, waiting);
}

void parking_release_locked(struct parking *parking, struct op *op, int status)
{
	TAILQ_REMOVE(&parking->ops, op, waiting);
	op->is_parked = false;
	op->call.status = status;
	op->post.fn = resume;
	loop_post(shard_loop(op->lane->shard), &op->post);
}

bool parking_leave(struct op *op)
{
	struct parking *parking = op->parking;
	bool was_parked;

	if (!parking)
		return false;
	pthread_mutex_lock(&parking->lock);
	was_parked = op->is_parked;
	if (was_parked)
		TAILQ_REMOVE(&parking->ops, op, waiting);
	op->is_parked = false;
	pthread_mutex_unlock(&parking->lock);
	if (was_parked)
		op->parking = NULL;
	return was_parked;
}
