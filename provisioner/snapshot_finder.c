/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Threads of turns.h look at the shares, each share once. The list of shares is made at the
 * start; afterwards only their marks "done" change. A share that is known by two names is
 * looked at twice, which does no harm: a snapshot that has a row already is left alone.
 */

#include "snapshot_finder.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "copier.h"
#include "copy_orphan.h"
#include "log.h"
#include "model_decode.h"
#include "plan.h"
#include "snapshot_recover.h"
#include "turns.h"
#include "volume_place.h"

#define SHARES_MAX 1024

struct shelf {
	char *key; /* "server:port:share" */
	struct volume_place place;
	bool is_done;
};

struct snapshot_finder {
	struct snapshot_finder_options options;
	struct turns *turns;
	struct shelf *shelves; /* set before the thread starts */
	size_t n;
	pthread_mutex_t lock; /* guards is_done of all, and is_started */
	bool is_started;
};

/* --- which shares ------------------------------------------------------------------- */

static int make_key(const struct volume_place *place, char **ret)
{
	if (asprintf(ret, "%s:%" PRIu32 ":%s", place->server, place->port,
		     place->share) >= 0)
		return 0;
	*ret = NULL;
	return -ENOMEM;
}

static struct shelf *find(const struct snapshot_finder *finder, const char *key)
{
	for (size_t i = 0; i < finder->n; i++)
		if (strcmp(finder->shelves[i].key, key) == 0)
			return &finder->shelves[i];
	return NULL;
}

/* take_place: with server, share and ports at least. */
static int add(struct snapshot_finder *finder, struct volume_place *take_place)
{
	_cleanup_(volume_place_fini) struct volume_place place = *take_place;
	_cleanup_(free) char *key = NULL;
	struct shelf *shelves;

	*take_place = (struct volume_place){ 0 };
	if (make_key(&place, &key) < 0)
		return -ENOMEM;
	if (find(finder, key))
		return 0;
	if (finder->n >= SHARES_MAX) {
		log_warn("share is not looked at for snapshots: too many",
			 F_STR("share", key));
		return 0;
	}
	shelves =
		reallocarray(finder->shelves, finder->n + 1, sizeof(*shelves));
	if (!shelves)
		return -ENOMEM;
	finder->shelves = shelves;
	shelves[finder->n++] =
		(struct shelf){ .key = TAKE_PTR(key), .place = place };
	place = (struct volume_place){ 0 };
	return 0;
}

static bool is_ours(const struct snapshot_finder *finder, const char *driver)
{
	const struct plan_world world = {
		.drivers = finder->options.drivers,
		.n_drivers = finder->options.n_drivers,
	};

	return world_has_driver(&world, driver);
}

/* One that can't be read has no snapshots that anybody could use. */
static int add_class(struct snapshot_finder *finder,
		     const struct object *object)
{
	_cleanup_(storage_class_fini) struct storage_class class = { 0 };
	struct volume_place place = { 0 };

	if (storage_class_decode(object, &class, NULL) < 0 ||
	    !is_ours(finder, class.provisioner) ||
	    volume_place_of_class(&class, &place, NULL) < 0)
		return 0;
	return add(finder, &place);
}

static int add_volume(struct snapshot_finder *finder,
		      const struct object *object)
{
	_cleanup_(persistent_volume_fini) struct persistent_volume pv = { 0 };
	struct volume_place place = { 0 };

	if (persistent_volume_decode(object, &pv, NULL) < 0 ||
	    !is_ours(finder, pv.driver) ||
	    volume_place_of_volume(&pv, &place, NULL) < 0)
		return 0;
	return add(finder, &place);
}

static int add_all(struct snapshot_finder *finder, enum object_kind kind,
		   int (*fn)(struct snapshot_finder *finder,
			     const struct object *object),
		   struct err *err)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	struct cluster *cluster = finder->options.cluster;
	int r = cluster->ops->list(cluster, kind, NULL, &list, err);

	for (size_t i = 0; r == 0 && i < list.n; i++)
		r = fn(finder, list.items[i]);
	return r == -ENOMEM ? err_set(err, r, "no memory") : r;
}

/* --- a share ------------------------------------------------------------------------ */

struct look {
	struct snapshot_finder *finder;
	struct share_volume where;
};

static int recover(void *userdata, const struct share_snapshot_found *found,
		   struct err *err)
{
	const struct look *look = userdata;
	_cleanup_(err_fini) struct err why = ERR_INIT;
	int r = snapshot_recover(look->finder->options.store, &look->where,
				 found, 0, &why);

	if (r < 0)
		return err_set(err, r, "%s", err_text(&why));
	if (r == SNAPSHOT_LEFT)
		log_warn("snapshot left alone", F_STR("snapshot", found->id),
			 F_ERR(&why));
	if (r == SNAPSHOT_RECOVERED)
		log_info("snapshot found", F_STR("snapshot", found->id),
			 F_STR("share", look->where.share));
	return 0;
}

/* A half-made copy may be that of another cluster, what somebody began to remove is nobody's. */
static int remove_dropped(void *userdata, const struct share_copy_found *found,
			  struct err *err)
{
	const struct look *look = userdata;
	int r;

	if (!found->is_dropped)
		return 0;
	r = copy_orphan_drop(look->finder->options.store, &look->where, found,
			     err);
	if (r == 0)
		copier_wake(look->finder->options.copier);
	return r < 0 ? r : 0;
}

static int take(void *userdata, const char *key, struct turn_view *view,
		struct err *err)
{
	struct snapshot_finder *finder = userdata;
	struct shelf *shelf = find(finder, key);
	struct look look = { .finder = finder,
			     .where = volume_place_borrow(&shelf->place) };
	const struct share_ops *share = finder->options.share;
	int r = share->each_snapshot(&look.where, recover, &look, err);

	(void)view;
	if (r == 0)
		r = share->each_copy(&look.where, remove_dropped, &look, err);
	if (r == SHARE_UNREACHED)
		return err->code;
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&finder->lock);
	shelf->is_done = true;
	(void)pthread_mutex_unlock(&finder->lock);
	return TURN_GONE;
}

static int offer_due(void *userdata, struct turns *turns, int64_t *ret_wait_s,
		     struct err *err)
{
	struct snapshot_finder *finder = userdata;

	(void)ret_wait_s;
	(void)err;
	(void)pthread_mutex_lock(&finder->lock);
	for (size_t i = 0; i < finder->n; i++)
		if (!finder->shelves[i].is_done)
			turns_offer(turns, finder->shelves[i].key, 0);
	(void)pthread_mutex_unlock(&finder->lock);
	return 0;
}

/* --- its life ------------------------------------------------------------------------ */

int snapshot_finder_new(struct snapshot_finder **ret,
			const struct snapshot_finder_options *options,
			struct err *err)
{
	_cleanup_(snapshot_finder_free) struct snapshot_finder *finder =
		calloc(1, sizeof(*finder));
	int r;

	if (!finder)
		return err_set(err, -ENOMEM, "no memory");
	finder->options = *options;
	(void)pthread_mutex_init(&finder->lock, NULL);
	r = turns_new(
		&finder->turns,
		&(struct turns_options){
			.store = options->store,
			.who = "snapshot finder",
			.complaint =
				"snapshots of a share not found, will be tried again",
			.n_threads = 1,
			.due = offer_due,
			.take = take,
			.userdata = finder },
		err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(finder);
	return 0;
}

int snapshot_finder_start(struct snapshot_finder *finder, struct err *err)
{
	int r = add_all(finder, KIND_STORAGE_CLASS, add_class, err);

	if (r == 0)
		r = add_all(finder, KIND_PERSISTENT_VOLUME, add_volume, err);
	if (r != 0)
		return r;
	(void)pthread_mutex_lock(&finder->lock);
	finder->is_started = true;
	(void)pthread_mutex_unlock(&finder->lock);
	return turns_start(finder->turns, err);
}

void snapshot_finder_stop(struct snapshot_finder *finder)
{
	turns_stop(finder->turns);
}

struct snapshot_finder *snapshot_finder_free(struct snapshot_finder *finder)
{
	if (!finder)
		return NULL;
	turns_free(finder->turns);
	for (size_t i = 0; i < finder->n; i++) {
		free(finder->shelves[i].key);
		volume_place_fini(&finder->shelves[i].place);
	}
	free(finder->shelves);
	(void)pthread_mutex_destroy(&finder->lock);
	free(finder);
	return NULL;
}

bool snapshot_finder_is_done(struct snapshot_finder *finder)
{
	bool is_done;

	if (!finder)
		return true;
	(void)pthread_mutex_lock(&finder->lock);
	is_done = finder->is_started;
	for (size_t i = 0; is_done && i < finder->n; i++)
		is_done = finder->shelves[i].is_done;
	(void)pthread_mutex_unlock(&finder->lock);
	return is_done;
}

bool snapshot_finder_has_looked_at(struct snapshot_finder *finder,
				   const struct volume_place *place)
{
	_cleanup_(free) char *key = NULL;
	const struct shelf *shelf;
	bool has_looked;

	if (!finder)
		return true;
	if (make_key(place, &key) < 0)
		return false;
	(void)pthread_mutex_lock(&finder->lock);
	shelf = find(finder, key);
	has_looked = finder->is_started && (!shelf || shelf->is_done);
	(void)pthread_mutex_unlock(&finder->lock);
	return has_looked;
}
