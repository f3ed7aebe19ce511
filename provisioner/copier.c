/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Gives the rows of the table `copy` to threads, by turns.h. What a thread does with a row
 * is in copier_turn.c. Some threads take only rows whose work is short: who deletes a
 * snapshot must not wait until large copies are made.
 */

#include "copier.h"

#include "clock.h"
#include "copier_turn.h"

#define THREADS	  4
#define N_COPYING 2

struct copier {
	struct copier_options options;
	struct server_health health;
	struct turns *turns;
};

static int offer_due(void *userdata, struct turns *turns, int64_t *ret_wait_s,
		     struct err *err)
{
	const struct copier *copier = userdata;
	_cleanup_(store_copy_list_fini) struct store_copy_list due = { 0 };
	int r = store_copy_due(copier->options.store, &due, err);

	(void)ret_wait_s;
	if (r < 0)
		return r;
	for (size_t i = 0; i < due.n; i++)
		turns_offer(turns, due.items[i].name,
			    due.items[i].state == COPY_RUNNING ? TURNS_SLOW
							       : 0);
	return 0;
}

static int take(void *userdata, const char *name, struct turn_view *view,
		struct err *err)
{
	struct copier *copier = userdata;

	return copier_turn(&copier->options, &copier->health, name, view, err);
}

int copier_new(struct copier **ret, const struct copier_options *options,
	       struct err *err)
{
	_cleanup_(copier_free) struct copier *copier =
		calloc(1, sizeof(*copier));
	int r;

	if (!copier)
		return err_set(err, -ENOMEM, "no memory");
	copier->options = *options;
	copier->health = SERVER_HEALTH_INIT;
	r = turns_new(&copier->turns,
		      &(struct turns_options){
			      .store = options->store,
			      .who = "copier",
			      .complaint = "not copied, will be tried again",
			      .n_threads = THREADS,
			      .n_slow = N_COPYING,
			      .due = offer_due,
			      .take = take,
			      .userdata = copier },
		      err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(copier);
	return 0;
}

int copier_start(struct copier *copier, struct err *err)
{
	return turns_start(copier->turns, err);
}

void copier_stop(struct copier *copier)
{
	turns_stop(copier->turns);
}

struct copier *copier_free(struct copier *copier)
{
	if (!copier)
		return NULL;
	turns_free(copier->turns);
	server_health_fini(&copier->health);
	free(copier);
	return NULL;
}

/* --- from outside ------------------------------------------------------------------- */

void copier_wake(struct copier *copier)
{
	if (copier)
		turns_wake(copier->turns);
}

void copier_interrupt(struct copier *copier, const char *name)
{
	if (copier)
		turns_interrupt(copier->turns, name);
}

struct turns_speed copier_look(struct copier *copier, const char *name)
{
	return copier ? turns_look(copier->turns, name)
		      : (struct turns_speed){ 0 };
}

static bool is_running(void *userdata, const char *name)
{
	const struct copier *copier = userdata;
	_cleanup_(store_copy_fini) struct store_copy copy = { 0 };

	if (store_copy_get(copier->options.store, name, &copy, NULL) != 0 ||
	    copy.error)
		return false;
	return copy.state == COPY_RUNNING ||
	       (copy.state == COPY_WHOLE && copy.is_snapshot);
}

void copier_wait(struct copier *copier, const char *name, uint64_t deadline_ns)
{
	if (copier)
		turns_wait(copier->turns, name, is_running, copier,
			   deadline_ns);
}

static bool is_dropping(void *userdata, const char *snapshot)
{
	const struct copier *copier = userdata;

	return store_snapshot_is_removing(copier->options.store, snapshot,
					  NULL) > 0;
}

void copier_wait_dropped(struct copier *copier, const char *snapshot,
			 uint64_t deadline_ns)
{
	if (copier)
		turns_wait_for_turn(copier->turns, snapshot, is_dropping,
				    copier, deadline_ns);
}

void copier_wait_idle(struct copier *copier, const char *name,
		      uint64_t deadline_ns)
{
	if (copier)
		turns_wait(copier->turns, name, NULL, NULL, deadline_ns);
}
