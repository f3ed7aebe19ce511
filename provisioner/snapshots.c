/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A request writes the snapshot's row and that of its copy (RUNNING to make a snapshot,
 * DROPPING to delete it) and wakes the copier, whose threads do all that waits for shares.
 * Of two callers who want the same name, or of one who deletes a snapshot while another
 * makes a volume from it, the record's transactions decide who was first.
 */

#include "snapshots.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "clock.h"
#include "log.h"
#include "model_decode.h"
#include "plan.h"
#include "volume_place.h"

#define ID_BYTES 16
#define ID_MAX	 (sizeof("snap-") + 2 * ID_BYTES)

static int make_id(char ret[ID_MAX])
{
	unsigned char random[ID_BYTES];
	int len = snprintf(ret, ID_MAX, "snap-");

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	for (size_t i = 0; i < ID_BYTES; i++)
		len += snprintf(ret + len, ID_MAX - (size_t)len, "%02x",
				random[i]);
	return 0;
}

static int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * (int64_t)NS_PER_S + now.tv_nsec;
}

/* Of what is not in the record: SNAPSHOTS_NOT_FOUND, when that is certain. */
static int not_found(const struct snapshots *snapshots, const char *id,
		     struct err *err)
{
	if (!snapshot_finder_is_done(snapshots->finder))
		return err_set(
			err, -EAGAIN,
			"snapshot \"%s\" is not known yet: not all shares have been looked at",
			id);
	(void)err_set(err, -ENOENT, "there is no snapshot \"%s\"", id);
	return SNAPSHOTS_NOT_FOUND;
}

/* --- the volume ------------------------------------------------------------------- */

static bool is_ours(const struct snapshots *snapshots,
		    const struct persistent_volume *pv)
{
	const struct plan_world world = { .drivers = snapshots->drivers,
					  .n_drivers = snapshots->n_drivers };

	return world_has_driver(&world, pv->driver);
}

static int load_volume(const struct snapshots *snapshots, const char *name,
		       struct persistent_volume *ret, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	struct cluster *cluster = snapshots->cluster;
	int r = cluster->ops->get(cluster, KIND_PERSISTENT_VOLUME, "", name,
				  &object, err);

	if (r == 0)
		r = persistent_volume_decode(object, ret, err);
	if (r < 0)
		return r;
	if (r > 0 || !is_ours(snapshots, ret)) {
		(void)err_set(err, -ENOENT,
			      "there is no volume \"%s\" of this driver", name);
		return SNAPSHOTS_NO_VOLUME;
	}
	if (ret->meta.is_deleting ||
	    (ret->phase == PV_RELEASED && ret->reclaim == RECLAIM_DELETE))
		return err_set(err, -EBUSY, "volume \"%s\" is being deleted",
			       name);
	return 0;
}

/* --- create ------------------------------------------------------------------------ */

static int check_share(const struct snapshots *snapshots,
		       const struct volume_place *place, struct err *err)
{
	if (snapshot_finder_has_looked_at(snapshots->finder, place))
		return 0;
	return err_set(
		err, -EAGAIN,
		"snapshots on share %s of server %s are not known yet: it has not been looked at",
		place->share, place->server);
}

/* 0 with *ret: it is there, of this volume. */
static int find(const struct snapshots *snapshots,
		const struct snapshots_request *request,
		struct store_snapshot *ret, struct err *err)
{
	_cleanup_(store_snapshot_list_fini) struct store_snapshot_list list = {
		0
	};
	const struct snapshot_filter filter = { .namespace = request->namespace,
						.name = request->name };
	int r = store_snapshot_list(snapshots->store, &filter, &list, err);

	if (r < 0)
		return r;
	if (list.n == 0)
		return SNAPSHOTS_NOT_FOUND;
	if (strcmp(list.items[0].volume, request->volume) != 0) {
		(void)err_set(err, -EEXIST,
			      "snapshot \"%s\" is of volume \"%s\"",
			      request->name, list.items[0].volume);
		return SNAPSHOTS_OTHER;
	}
	*ret = list.items[0];
	list.items[0] = (struct store_snapshot){ 0 };
	return 0;
}

static int insert(const struct snapshots *snapshots,
		  const struct snapshots_request *request,
		  const struct persistent_volume *pv, struct err *err)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	_cleanup_(free) char *detail = NULL;
	char id[ID_MAX];
	struct store_snapshot row = { .id = id,
				      .namespace = (char *)request->namespace,
				      .name = (char *)request->name,
				      .volume = pv->meta.name,
				      .handle = pv->handle,
				      .created_ns = now_ns(),
				      .capacity = pv->capacity };
	struct store_copy copy = { .name = id,
				   .volume = pv->meta.name,
				   .is_snapshot = true };
	int r = volume_place_of_volume(pv, &place, err);

	/* One of that name may be there. */
	if (r == 0)
		r = check_share(snapshots, &place, err);
	if (r < 0)
		return r;
	if (make_id(id) < 0 || volume_place_to_detail(&place, &detail) < 0)
		return err_set(err, -ENOMEM, "no memory");
	row.detail = copy.source = copy.target = detail;
	copy.freeze_s = request->freeze_s;
	return store_snapshot_create(snapshots->store, &row, &copy, err);
}

static int check_freeze(const struct snapshots *snapshots,
			const struct snapshots_request *request,
			struct err *err)
{
	if (request->freeze_s == 0)
		return 0;
	if (!snapshots->freezer)
		return err_set(
			err, -EINVAL,
			"a volume of a cluster can't be frozen: nodes are reached in the standalone mode only");
	if (request->freeze_s > FREEZER_MAX_S)
		return err_set(
			err, -EINVAL,
			"a volume can be frozen for 1 to %d seconds, not for %u",
			FREEZER_MAX_S, request->freeze_s);
	return 0;
}

static int begin(const struct snapshots *snapshots,
		 const struct snapshots_request *request, struct err *err)
{
	_cleanup_(persistent_volume_fini) struct persistent_volume pv = { 0 };
	int r = check_freeze(snapshots, request, err);

	if (r == 0)
		r = load_volume(snapshots, request->volume, &pv, err);
	if (r != 0)
		return r;
	r = insert(snapshots, request, &pv, err);
	/* Somebody else was faster: what is there by now is looked at. */
	if (r == STORE_EXISTS)
		return 0;
	if (r == 0) {
		log_info("snapshot begun", F_STR("snapshot", request->name),
			 F_STR("volume", request->volume));
		copier_wake(snapshots->copier);
	}
	return r;
}

int snapshots_create(const struct snapshots *snapshots,
		     const struct snapshots_request *request,
		     struct store_snapshot *ret, struct err *err)
{
	int r = find(snapshots, request, ret, err);

	if (r != SNAPSHOTS_NOT_FOUND)
		return r;
	r = begin(snapshots, request, err);
	if (r != 0)
		return r;
	r = find(snapshots, request, ret, err);
	return r == SNAPSHOTS_NOT_FOUND
		       ? err_set(err, -EBUSY, "snapshot \"%s\" was deleted",
				 request->name)
		       : r;
}

/* --- delete ------------------------------------------------------------------------- */

/* Of what is no snapshot by the record: 0 if its share may say something else. */
static int find_dropped(const struct snapshots *snapshots, const char *id,
			struct err *err)
{
	int r = store_snapshot_is_removing(snapshots->store, id, err);

	if (r == 0)
		return not_found(snapshots, id, err);
	/* Somebody waits: it is tried now, though it failed a moment ago. */
	if (r > 0)
		copier_interrupt(snapshots->copier, id);
	return r < 0 ? r : 0;
}

/* 0 also when it was dropped before. */
static int drop(const struct snapshots *snapshots, const char *id,
		struct err *err)
{
	_cleanup_(store_snapshot_fini) struct store_snapshot row = { 0 };
	struct store_copy copy = { .state = COPY_DROPPING,
				   .is_snapshot = true };
	int r = store_snapshot_get(snapshots->store, id, &row, err);

	if (r != 0)
		return r < 0 ? r : find_dropped(snapshots, id, err);
	copy.name = row.id;
	copy.volume = row.volume;
	copy.source = copy.target = row.detail;
	r = store_snapshot_drop(snapshots->store, id, &copy, err);
	if (r == STORE_CONFLICT) {
		(void)err_set(err, -EBUSY,
			      "a volume is being made from snapshot \"%s\"",
			      row.name);
		return SNAPSHOTS_IN_USE;
	}
	if (r < 0)
		return r;
	copier_interrupt(snapshots->copier, id);
	return 0;
}

static int tell_pending(const struct snapshots *snapshots, const char *id,
			struct err *err)
{
	_cleanup_(store_copy_fini) struct store_copy copy = { 0 };

	(void)store_copy_get(snapshots->store, id, &copy, NULL);
	(void)err_set(
		err, -EBUSY,
		"operation pending: snapshot \"%s\" is deleted when its share says so%s%s",
		id, copy.error ? ": " : "", copy.error ? copy.error : "");
	return SNAPSHOTS_PENDING;
}

int snapshots_delete(const struct snapshots *snapshots, const char *id,
		     uint64_t deadline_ns, struct err *err)
{
	int r = drop(snapshots, id, err);

	if (r != 0)
		return r == SNAPSHOTS_NOT_FOUND ? 0 : r;
	/* Not sooner: the record may be lost, and then the share is believed. */
	copier_wait_dropped(snapshots->copier, id, deadline_ns);
	r = store_snapshot_is_removing(snapshots->store, id, err);
	return r > 0 ? tell_pending(snapshots, id, err) : r;
}

/* --- looking ------------------------------------------------------------------------ */

int snapshots_get(const struct snapshots *snapshots, const char *id,
		  struct store_snapshot *ret, struct err *err)
{
	int r = store_snapshot_get(snapshots->store, id, ret, err);

	return r == STORE_NOT_FOUND ? not_found(snapshots, id, err) : r;
}

int snapshots_list(const struct snapshots *snapshots,
		   const struct snapshot_filter *filter,
		   struct store_snapshot_list *ret, struct err *err)
{
	return store_snapshot_list(snapshots->store, filter, ret, err);
}

int snapshots_check_complete(const struct snapshots *snapshots,
			     const struct persistent_volume *volume,
			     struct err *err)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };

	if (snapshot_finder_is_done(snapshots->finder))
		return 0;
	if (volume && volume_place_of_volume(volume, &place, NULL) == 0)
		return check_share(snapshots, &place, err);
	return err_set(
		err, -EAGAIN,
		"not all snapshots are known yet: not all shares have been looked at");
}

int snapshots_wait(const struct snapshots *snapshots, const char *id,
		   uint64_t deadline_ns, struct store_snapshot *ret,
		   struct err *err)
{
	int r;

	copier_wait(snapshots->copier, id, deadline_ns);
	r = snapshots_get(snapshots, id, ret, err);
	if (r != 0 || ret->state == SNAPSHOT_READY)
		return r;
	return ret->error ? SNAPSHOTS_FAILED : SNAPSHOTS_PENDING;
}
