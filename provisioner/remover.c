/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What lies in the trash, as rows for threads (turns.h); a turn is remover_turn.c's.
 */

#include "remover.h"

#include <time.h>

#include "clock.h"
#include "plan.h"
#include "remover_turn.h"

#define THREADS 4

struct remover {
	struct remover_options options;
	struct turns *turns;
};

/*
 * What is wanted back comes out of the trash when it is wholly in it: whoever puts it
 * there removes the descriptor last, and would remove the new one.
 */
static bool is_on_its_way_in(const struct remover *remover, const char *volume)
{
	int64_t intent;

	return store_intent_find(remover->options.store, volume,
				 claim_step_name(STEP_RECLAIM), NULL, &intent,
				 NULL) == 0;
}

static void offer(const struct remover *remover, struct turns *turns,
		  const struct store_trash *row)
{
	if (row->state != TRASH_RESTORING ||
	    !is_on_its_way_in(remover, row->volume))
		turns_offer(turns, row->volume, 0);
}

static int offer_due(void *userdata, struct turns *turns, int64_t *ret_wait_s,
		     struct err *err)
{
	const struct remover *remover = userdata;
	_cleanup_(store_trash_list_fini) struct store_trash_list due = { 0 };
	int64_t now_s = time(NULL), next_s = INT64_MAX;
	int r = store_trash_due(remover->options.store, now_s, &due, &next_s,
				err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < due.n; i++)
		offer(remover, turns, &due.items[i]);
	*ret_wait_s = next_s - now_s;
	return 0;
}

static int take(void *userdata, const char *volume, struct turn_view *view,
		struct err *err)
{
	const struct remover *remover = userdata;

	return remover_turn(&remover->options, volume, view, err);
}

static void ended(void *userdata, const char *volume, int outcome)
{
	const struct remover *remover = userdata;

	if (outcome == TURN_GONE && remover->options.done)
		remover->options.done(remover->options.userdata, volume);
}

int remover_new(struct remover **ret, const struct remover_options *options,
		struct err *err)
{
	_cleanup_(remover_free) struct remover *remover =
		calloc(1, sizeof(*remover));
	int r;

	if (!remover)
		return err_set(err, -ENOMEM, "no memory");
	remover->options = *options;
	r = turns_new(
		&remover->turns,
		&(struct turns_options){
			.store = options->store,
			.who = "remover",
			.complaint = "trash not emptied, will be tried again",
			.n_threads = options->n_threads ? options->n_threads
							: THREADS,
			.due = offer_due,
			.take = take,
			.ended = ended,
			.userdata = remover },
		err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(remover);
	return 0;
}

int remover_start(struct remover *remover, struct err *err)
{
	return turns_start(remover->turns, err);
}

void remover_stop(struct remover *remover)
{
	turns_stop(remover->turns);
}

struct remover *remover_free(struct remover *remover)
{
	if (!remover)
		return NULL;
	turns_free(remover->turns);
	free(remover);
	return NULL;
}

/* --- from outside ------------------------------------------------------------------- */

void remover_wake(struct remover *remover)
{
	if (remover)
		turns_wake(remover->turns);
}

void remover_interrupt(struct remover *remover, const char *volume)
{
	if (remover)
		turns_interrupt(remover->turns, volume);
}

struct trash_speed remover_look(struct remover *remover, const char *volume)
{
	struct turns_speed speed = { 0 };

	if (remover)
		speed = turns_look(remover->turns, volume);
	return (struct trash_speed){ .files_per_s = speed.files_per_s };
}

static bool is_restoring(void *userdata, const char *volume)
{
	const struct remover *remover = userdata;
	_cleanup_(store_trash_fini) struct store_trash trash = { 0 };

	return store_trash_get(remover->options.store, volume, &trash, NULL) ==
		       0 &&
	       trash.state == TRASH_RESTORING;
}

void remover_wait(struct remover *remover, const char *volume,
		  unsigned int timeout_s)
{
	if (remover)
		turns_wait(remover->turns, volume, is_restoring, remover,
			   clock_ns() + timeout_s * NS_PER_S);
}
