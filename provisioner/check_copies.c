/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The record is read first, then the share, and of what the share lacks the row once
 * more: copies come and go meanwhile. A copy of which no row tells is an orphan, one that
 * is not begun yet or stopped may have nothing there, and one that is whole must have.
 */

#include "check_copies.h"

#include <string.h>

#include "copy_orphan.h"
#include "snapshots.h"

struct look {
	struct check_run *run;
	struct store_copy_list copies;	      /* ordered by name */
	struct store_snapshot_list snapshots; /* ordered by id */
	bool *has_copy, *has_snapshot;	      /* on this share */
};

static void look_fini(struct look *look)
{
	store_copy_list_fini(&look->copies);
	store_snapshot_list_fini(&look->snapshots);
	free(look->has_copy);
	free(look->has_snapshot);
}

DEFINE_FINI(struct look, look_fini)

static struct store *store_of(const struct look *look)
{
	return look->run->call->admin->store;
}

static int load(struct look *look, struct err *err)
{
	const struct snapshot_filter all = { 0 };
	int r = store_copy_list(store_of(look), &look->copies, err);

	if (r == 0)
		r = store_snapshot_list(store_of(look), &all, &look->snapshots,
					err);
	if (r != 0)
		return r;
	look->has_copy = calloc(look->copies.n + 1, sizeof(bool));
	look->has_snapshot = calloc(look->snapshots.n + 1, sizeof(bool));
	return look->has_copy && look->has_snapshot
		       ? 0
		       : err_set(err, -ENOMEM, "no memory");
}

/* --- what the share has ------------------------------------------------------------- */

static int copy_by_name(const void *name, const void *item)
{
	return strcmp(name, ((const struct store_copy *)item)->name);
}

static int on_copy(void *userdata, const struct share_copy_found *found,
		   struct err *err)
{
	struct look *look = userdata;
	const struct store_copy *row =
		bsearch(found->name, look->copies.items, look->copies.n,
			sizeof(*row), copy_by_name);
	int r = copy_orphan_is_one(store_of(look), found, err);

	if (row)
		look->has_copy[row - look->copies.items] = true;
	if (r <= 0)
		return r;
	return check_tell(
		look->run, found->name, "drop",
		"share %s has a copy %s in .claimfs/copies, which is nobody's",
		look->run->share->share, found->name);
}

static int snapshot_by_id(const void *id, const void *item)
{
	return strcmp(id, ((const struct store_snapshot *)item)->id);
}

static int on_snapshot(void *userdata, const struct share_snapshot_found *found,
		       struct err *err)
{
	struct look *look = userdata;
	const char *share = look->run->share->share;
	const struct store_snapshot *row =
		bsearch(found->id, look->snapshots.items, look->snapshots.n,
			sizeof(*row), snapshot_by_id);
	int r;

	if (row) {
		look->has_snapshot[row - look->snapshots.items] = true;
		return found->is_whole
			       ? 0
			       : check_tell(
					 look->run, "", "",
					 "snapshot %s (%s/%s) on share %s lacks what was kept",
					 row->id, row->namespace, row->name,
					 share);
	}
	r = store_snapshot_is_removing(store_of(look), found->id, err);
	if (r != 0)
		return r < 0 ? r : 0;
	return check_tell(
		look->run, "", "",
		"share %s has a snapshot %s, which is not there (claimctl recover makes it again)",
		share, found->id);
}

/* --- what it lacks -------------------------------------------------------------------- */

static bool is_here(const struct look *look, const char *detail)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };

	return volume_place_from_detail(detail, &place, NULL) == 0 &&
	       check_world_is_on(&place, look->run->share);
}

/* One that has become a snapshot has its row for a moment. */
static bool has_become_one(const struct look *look, const char *id)
{
	const struct store_snapshot *row =
		bsearch(id, look->snapshots.items, look->snapshots.n,
			sizeof(*row), snapshot_by_id);

	return row && look->has_snapshot[row - look->snapshots.items];
}

static int tell_lost_copies(struct look *look)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < look->copies.n; i++) {
		_cleanup_(store_copy_fini) struct store_copy now = { 0 };
		const struct store_copy *row = &look->copies.items[i];

		if (row->state != COPY_WHOLE || look->has_copy[i] ||
		    has_become_one(look, row->name) ||
		    !is_here(look, row->target) ||
		    store_copy_get(store_of(look), row->name, &now, NULL) !=
			    0 ||
		    now.state != COPY_WHOLE)
			continue;
		r = check_tell(
			look->run, "", "",
			"copy %s is whole, but share %s does not have it",
			row->name, look->run->share->share);
	}
	return r;
}

static int tell_lost_snapshots(struct look *look)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < look->snapshots.n; i++) {
		_cleanup_(
			store_snapshot_fini) struct store_snapshot now = { 0 };
		const struct store_snapshot *row = &look->snapshots.items[i];

		if (row->state != SNAPSHOT_READY || look->has_snapshot[i] ||
		    !is_here(look, row->detail) ||
		    store_snapshot_get(store_of(look), row->id, &now, NULL) !=
			    0)
			continue;
		r = check_tell(
			look->run, "", "",
			"snapshot %s (%s/%s) has lost its directory on share %s",
			row->id, row->namespace, row->name,
			look->run->share->share);
	}
	return r;
}

/* To look by a session would make it. */
static bool has_place(const struct share_volume *where, const char *path)
{
	return share_survey_path(where, path, NULL) == 0;
}

int check_copies(struct check_run *run, const struct share_volume *where,
		 struct err *err)
{
	const struct share_ops *share = run->call->admin->share;
	_cleanup_(look_fini) struct look look = { .run = run };
	int r = load(&look, err);

	if (r == 0 && has_place(where, ".claimfs/copies"))
		r = share->each_copy(where, on_copy, &look, err);
	if (r == 0 && has_place(where, ".claimfs/snapshots"))
		r = share->each_snapshot(where, on_snapshot, &look, err);
	if (r == 0)
		r = tell_lost_copies(&look);
	if (r == 0)
		r = tell_lost_snapshots(&look);
	return r == SHARE_UNREACHED ? err->code : r;
}

/* --- repair --------------------------------------------------------------------------- */

struct drop {
	struct api_admin *admin;
	const struct share_volume *where;
	const char *name;
	bool is_done;
};

static int on_drop(void *userdata, const struct share_copy_found *found,
		   struct err *err)
{
	struct drop *drop = userdata;
	int r;

	if (strcmp(found->name, drop->name) != 0)
		return 0;
	r = copy_orphan_drop(drop->admin->store, drop->where, found, err);
	drop->is_done = r == 0;
	return r < 0 ? r : 0;
}

int check_drop_copy(struct api_admin *admin, const struct share_volume *where,
		    const char *name, struct err *err)
{
	struct drop drop = { .admin = admin, .where = where, .name = name };
	int r = admin->share->each_copy(where, on_drop, &drop, err);

	if (r == SHARE_UNREACHED)
		return err->code;
	if (r < 0)
		return r;
	if (!drop.is_done)
		return err_set(err, -EBUSY,
			       "copy %s is not as it was when it was checked",
			       name);
	copier_wake(admin->snapshots->copier);
	return 0;
}
