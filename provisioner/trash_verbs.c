/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verbs "trash" and "restore". They change a row's state and wake the remover,
 * whose threads do all that takes long; restore waits for it, so that whoever asked
 * hears why it could not be.
 */

#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "admin_verbs.h"
#include "json_field.h"
#include "log.h"
#include "trash_restore.h"

#define WAIT_S 60

#define IN(state) (1u << (state))

static cJSON *row_to_json(struct api_admin *admin,
			  const struct store_trash *trash)
{
	struct trash_speed speed = remover_look(admin->remover, trash->volume);

	return trash_to_json(trash, &speed);
}

static int fill_items(struct api_admin *admin, cJSON *items,
		      const struct store_trash_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		cJSON *item = row_to_json(admin, &list->items[i]);

		if (!item || !cJSON_AddItemToArray(items, item)) {
			cJSON_Delete(item);
			return -ENOMEM;
		}
	}
	return 0;
}

static int list_trash(struct api_admin *admin, cJSON **ret, struct err *err)
{
	_cleanup_(store_trash_list_fini) struct store_trash_list list = { 0 };
	cJSON *json, *items;
	int r = store_trash_list(admin->store, &list, err);

	if (r < 0)
		return r;
	json = cJSON_CreateObject();
	items = json ? cJSON_AddArrayToObject(json, "items") : NULL;
	if (!items || fill_items(admin, items, &list) < 0) {
		cJSON_Delete(json);
		return err_set(err, -ENOMEM, "no memory");
	}
	*ret = json;
	return 0;
}

/* -ENOENT with a sentence. */
static int find_row(struct api_admin *admin, const char *volume,
		    struct store_trash *ret, struct err *err)
{
	int r = store_trash_get(admin->store, volume, ret, err);

	return r == STORE_NOT_FOUND
		       ? err_set(err, -ENOENT,
				 "volume \"%s\" is not in the trash", volume)
		       : r;
}

static int set_state(struct api_admin *admin, const char *volume,
		     unsigned int from, enum trash_state to, struct err *err)
{
	_cleanup_(store_trash_fini) struct store_trash trash = { 0 };
	int r = store_trash_set_state(admin->store, volume, from, to, err);

	if (r <= 0)
		return r;
	r = find_row(admin, volume, &trash, err);
	if (r < 0)
		return r;
	return err_set(err, -EBUSY, "volume \"%s\" is %s", volume,
		       trash_state_names[trash.state]);
}

/* The row as it is now; {} when it is gone. */
static int answer_row(struct api_admin *admin, const char *volume, cJSON **ret,
		      struct err *err)
{
	_cleanup_(store_trash_fini) struct store_trash trash = { 0 };
	int r = store_trash_get(admin->store, volume, &trash, err);

	if (r != 0)
		return r < 0 ? r : 0;
	*ret = row_to_json(admin, &trash);
	return *ret ? 0 : err_set(err, -ENOMEM, "no memory");
}

/*
 * The descriptor says so, too, for who recovers the trash from the share. Only while
 * the remover, which writes it as well, has its hands off. Best effort: what was asked
 * for is done.
 */
static void note_state(struct api_admin *admin, const char *volume)
{
	_cleanup_(store_trash_fini) struct store_trash trash = { 0 };
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	_cleanup_(err_fini) struct err err = ERR_INIT;
	_cleanup_(free) char *note = NULL;
	struct share_volume where;
	int r = store_trash_get(admin->store, volume, &trash, &err);

	if (r == 0)
		r = volume_place_from_detail(trash.detail, &place, &err);
	note = r == 0 ? trash_note(&trash, NULL) : NULL;
	if (note) {
		where = volume_place_borrow(&place);
		where.note = note;
		r = admin->share->note(&where, &err);
	}
	if (r != 0)
		log_warn("descriptor in the trash not written",
			 F_STR("volume", volume), F_ERR(&err));
}

/* --- trash ----------------------------------------------------------------------- */

static int stop(struct api_admin *admin, const char *volume, struct err *err)
{
	int r = set_state(admin, volume,
			  IN(TRASH_KEPT) | IN(TRASH_REMOVING) |
				  IN(TRASH_STOPPED),
			  TRASH_STOPPED, err);

	if (r < 0)
		return r;
	remover_interrupt(admin->remover, volume);
	remover_wait(admin->remover, volume, WAIT_S);
	note_state(admin, volume);
	return 0;
}

static int resume(struct api_admin *admin, const char *volume, struct err *err)
{
	int r = set_state(admin, volume, IN(TRASH_STOPPED) | IN(TRASH_KEPT),
			  TRASH_KEPT, err);

	if (r == 0)
		remover_interrupt(admin->remover, volume);
	return r;
}

static int empty(struct api_admin *admin, const char *volume, struct err *err)
{
	int r = resume(admin, volume, err);

	if (r == 0)
		r = store_trash_set_expiry(admin->store, volume, time(NULL),
					   err);
	if (r == STORE_NOT_FOUND)
		return 0;
	if (r == 0)
		remover_interrupt(admin->remover, volume);
	return r;
}

static const struct {
	const char *name;
	int (*fn)(struct api_admin *admin, const char *volume, struct err *err);
} actions[] = {
	{ "stop", stop },
	{ "resume", resume },
	{ "empty", empty },
};

static int act(struct api_admin *admin, const char *action, const char *volume,
	       bool is_dry_run, struct err *err)
{
	_cleanup_(store_trash_fini) struct store_trash trash = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		int r;

		if (strcmp(actions[i].name, action) != 0)
			continue;
		r = find_row(admin, volume, &trash, err);
		return r < 0 || is_dry_run ? r
					   : actions[i].fn(admin, volume, err);
	}
	return err_set(
		err, -EINVAL,
		"action: Unsupported value: \"%s\": supported values: \"list\", \"stop\", \"resume\", \"empty\"",
		action);
}

int admin_trash(struct api_admin_call *call, const cJSON *in, cJSON **ret,
		struct err *err)
{
	const char *action, *volume;
	bool is_dry_run;
	int r = api_admin_string(in, "action", "list", &action, err);

	if (r < 0)
		return r;
	if (strcmp(action, "list") == 0)
		return list_trash(call->admin, ret, err);
	r = api_admin_string(in, "volume", NULL, &volume, err);
	if (r == 0)
		r = json_bool(in, "dryRun", false, &is_dry_run, err);
	if (r == 0)
		r = act(call->admin, action, volume, is_dry_run, err);
	return r < 0 ? r : answer_row(call->admin, volume, ret, err);
}

/* --- restore --------------------------------------------------------------------- */

/* What stands against it, said before anything is done. */
static int check_restore(struct api_admin *admin, const char *volume,
			 struct err *err)
{
	_cleanup_(store_trash_fini) struct store_trash trash = { 0 };
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(object_unref) struct object *there = NULL;
	int r = find_row(admin, volume, &trash, err);

	if (r == 0)
		r = trash_restored_object(&trash, &object, err);
	if (r < 0)
		return r;
	if (trash.n_files_removed > 0)
		return err_set(
			err, -EBUSY,
			"restore volume \"%s\": %llu of its files are removed already",
			volume, (unsigned long long)trash.n_files_removed);
	r = admin->cluster->ops->get(admin->cluster, KIND_PERSISTENT_VOLUME, "",
				     volume, &there, err);
	if (r == 0)
		return err_set(
			err, -EEXIST,
			"restore volume \"%s\": a PersistentVolume of that name is there",
			volume);
	return r == CLUSTER_NOT_FOUND ? 0 : r;
}

static int wait_restored(struct api_admin *admin, const char *volume,
			 struct err *err)
{
	_cleanup_(store_trash_fini) struct store_trash trash = { 0 };
	int r;

	remover_interrupt(admin->remover, volume);
	remover_wait(admin->remover, volume, WAIT_S);
	r = store_trash_get(admin->store, volume, &trash, err);
	if (r == STORE_NOT_FOUND)
		return 0;
	if (r < 0)
		return r;
	if (trash.state == TRASH_RESTORING)
		return err_set(
			err, -ETIMEDOUT,
			"restore volume \"%s\": it goes on in the background",
			volume);
	return err_set(
		err, -EBUSY,
		"%s; it stays in the trash until \"claimctl trash resume %s\"",
		trash.error ? trash.error : "it was not restored", volume);
}

/* The answer is the PersistentVolume, or what it would be. */
static int answer_volume(const struct store_trash *trash, cJSON **ret,
			 struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	int r = trash_restored_object(trash, &object, err);

	if (r < 0)
		return r;
	*ret = object_edit(object);
	return *ret ? 0 : err_set(err, -ENOMEM, "no memory");
}

int admin_restore(struct api_admin_call *call, const cJSON *in, cJSON **ret,
		  struct err *err)
{
	_cleanup_(store_trash_fini) struct store_trash trash = { 0 };
	struct api_admin *admin = call->admin;
	const char *volume;
	bool is_dry_run;
	int r = api_admin_string(in, "volume", NULL, &volume, err);

	if (r == 0)
		r = json_bool(in, "dryRun", false, &is_dry_run, err);
	if (r == 0)
		r = check_restore(admin, volume, err);
	if (r == 0)
		r = find_row(admin, volume, &trash, err);
	if (r == 0 && !is_dry_run) {
		r = set_state(admin, volume, IN(TRASH_KEPT) | IN(TRASH_STOPPED),
			      TRASH_RESTORING, err);
		if (r == 0)
			r = wait_restored(admin, volume, err);
	}
	return r < 0 ? r : answer_volume(&trash, ret, err);
}
