/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verbs "snapshot", "snapshots" and "delete-snapshot". The first has lines of progress
 * until the snapshot is ready; who leaves before leaves the copy to go on.
 */

#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "admin_verbs.h"
#include "clock.h"
#include "copy_json.h"
#include "json_field.h"
#include "snapshots.h"

#define NAME_LEN  253 /* a DNS subdomain's */
#define DELETE_NS (8 * NS_PER_S)

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "no memory");
}

static cJSON *to_json(const struct api_admin *admin,
		      const struct store_snapshot *snapshot)
{
	struct turns_speed speed =
		copier_look(admin->snapshots->copier, snapshot->id);

	return snapshot_to_json(snapshot, &speed);
}

/* --- snapshots -------------------------------------------------------------------- */

static int read_filter(const cJSON *in, struct snapshot_filter *ret,
		       struct err *err)
{
	const char *namespace, *name;
	int r = json_string(in, "namespace", NULL, &namespace, err);

	if (r >= 0)
		r = json_string(in, "name", NULL, &name, err);
	if (r < 0)
		return r;
	*ret = (struct snapshot_filter){ .namespace = namespace, .name = name };
	return 0;
}

int admin_snapshots(struct api_admin_call *call, const cJSON *in, cJSON **ret,
		    struct err *err)
{
	_cleanup_(store_snapshot_list_fini) struct store_snapshot_list list = {
		0
	};
	struct snapshot_filter filter;
	cJSON *json, *items;
	int r = read_filter(in, &filter, err);

	if (r >= 0)
		r = snapshots_list(call->admin->snapshots, &filter, &list, err);
	if (r < 0)
		return r;
	json = cJSON_CreateObject();
	items = cJSON_AddArrayToObject(json, "items");
	for (size_t i = 0; i < list.n; i++) {
		if (!cJSON_AddItemToArray(
			    items, to_json(call->admin, &list.items[i]))) {
			cJSON_Delete(json);
			return no_memory(err);
		}
	}
	*ret = json;
	return 0;
}

/* The one of that name; -ENOENT with a sentence. */
static int find(struct api_admin *admin, const char *namespace,
		const char *name, struct store_snapshot *ret, struct err *err)
{
	_cleanup_(store_snapshot_list_fini) struct store_snapshot_list list = {
		0
	};
	const struct snapshot_filter filter = { .namespace = namespace,
						.name = name };
	int r = snapshots_list(admin->snapshots, &filter, &list, err);

	if (r < 0)
		return r;
	if (list.n == 0)
		return err_set(err, -ENOENT, "snapshot \"%s\" not found", name);
	*ret = list.items[0];
	list.items[0] = (struct store_snapshot){ 0 };
	return 0;
}

int admin_delete_snapshot(struct api_admin_call *call, const cJSON *in,
			  cJSON **ret, struct err *err)
{
	_cleanup_(store_snapshot_fini) struct store_snapshot snapshot = { 0 };
	const char *namespace, *name;
	bool is_dry_run;
	int r = api_admin_string(in, "namespace", "default", &namespace, err);

	if (r >= 0)
		r = api_admin_string(in, "name", NULL, &name, err);
	if (r >= 0)
		r = json_bool(in, "dryRun", false, &is_dry_run, err);
	if (r >= 0)
		r = find(call->admin, namespace, name, &snapshot, err);
	if (r >= 0 && !is_dry_run)
		r = snapshots_delete(call->admin->snapshots, snapshot.id,
				     clock_ns() + DELETE_NS, err);
	if (r != 0)
		return r < 0 ? r : err->code;
	*ret = to_json(call->admin, &snapshot);
	return *ret ? 0 : no_memory(err);
}

/* --- snapshot ---------------------------------------------------------------------- */

/* The claim's volume; *ret is malloc'ed. */
static int find_volume(struct api_admin *admin, const char *namespace,
		       const char *claim, char **ret, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	const char *volume;
	int r = admin->cluster->ops->get(admin->cluster, KIND_CLAIM, namespace,
					 claim, &object, err);

	if (r > 0)
		return err_set(err, -ENOENT,
			       "persistentvolumeclaims \"%s\" not found",
			       claim);
	if (r < 0)
		return r;
	volume = cJSON_GetStringValue(json_at(object->json, "spec.volumeName"));
	if (!volume || !*volume)
		return err_set(err, -EBUSY, "claim %s/%s has no volume yet",
			       namespace, claim);
	*ret = strdup(volume);
	return *ret ? 0 : no_memory(err);
}

/* As long as nobody gives it one: "data-20261128-101500". */
static void make_name(const char *claim, char ret[NAME_LEN + 1])
{
	time_t now = time(NULL);
	struct tm utc;
	char when[24];

	(void)gmtime_r(&now, &utc);
	(void)strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &utc);
	(void)snprintf(ret, NAME_LEN + 1, "%.200s-%s", claim, when);
}

/* What a claim can name. */
static int check_name(const char *name, struct err *err)
{
	size_t len = strlen(name);
	size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.");

	if (len > 0 && len <= NAME_LEN && good == len && name[0] != '-' &&
	    name[0] != '.')
		return 0;
	return err_set(
		err, -EINVAL,
		"name: Invalid value: \"%s\": must be at most 253 lower case letters, digits, '-' and '.', and begin with one of the former",
		name);
}

/* Lines of progress until it is ready, or somebody or something ended its copy. */
static int follow(struct api_admin_call *call, const char *id,
		  struct store_snapshot *ret, struct err *err)
{
	const struct snapshots *snapshots = call->admin->snapshots;
	int r = SNAPSHOTS_PENDING;

	while (r == SNAPSHOTS_PENDING) {
		store_snapshot_fini(ret);
		r = snapshots_wait(snapshots, id, clock_ns() + NS_PER_S, ret,
				   err);
		if (r == SNAPSHOTS_PENDING && ret->is_stopped)
			return err_set(
				err, -EBUSY,
				"the copy of snapshot \"%s\" was stopped",
				ret->name);
		if (r == SNAPSHOTS_PENDING &&
		    api_admin_say_object(call, to_json(call->admin, ret)) < 0)
			return -ECANCELED;
	}
	if (r == SNAPSHOTS_FAILED)
		return err_set(err, ret->code, "%s%s", ret->error,
			       ret->is_stopped ? ""
					       : "; it will be tried again");
	return r == SNAPSHOTS_NOT_FOUND ? err->code : r;
}

struct wish {
	struct snapshots_request request;
	char name[NAME_LEN + 1];
	bool is_waiting;
	char *volume;
};

static void wish_fini(struct wish *wish)
{
	free(wish->volume);
}

DEFINE_FINI(struct wish, wish_fini)

static int read_wish(struct api_admin_call *call, const cJSON *in,
		     struct wish *wish, struct err *err)
{
	const char *namespace, *claim, *name;
	uint64_t freeze_s = 0;
	int r = api_admin_string(in, "namespace", "default", &namespace, err);

	if (r >= 0)
		r = json_quantity(in, "freezeSeconds", 0, &freeze_s, err);
	if (r >= 0)
		r = api_admin_string(in, "claim", NULL, &claim, err);
	if (r >= 0)
		r = api_admin_string(in, "name", "", &name, err);
	if (r >= 0)
		r = json_bool(in, "wait", true, &wish->is_waiting, err);
	if (r < 0)
		return r;
	make_name(claim, wish->name);
	r = *name ? check_name(name, err) : 0;
	if (r >= 0)
		r = find_volume(call->admin, namespace, claim, &wish->volume,
				err);
	wish->request = (struct snapshots_request){
		.namespace = namespace,
		.name = *name ? name : wish->name,
		.volume = wish->volume,
		.freeze_s =
			freeze_s < UINT32_MAX ? (uint32_t)freeze_s : UINT32_MAX
	};
	return r;
}

int admin_snapshot(struct api_admin_call *call, const cJSON *in, cJSON **ret,
		   struct err *err)
{
	_cleanup_(store_snapshot_fini) struct store_snapshot snapshot = { 0 };
	_cleanup_(wish_fini) struct wish wish = { 0 };
	_cleanup_(free) char *id = NULL;
	int r = read_wish(call, in, &wish, err);

	if (r >= 0)
		r = snapshots_create(call->admin->snapshots, &wish.request,
				     &snapshot, err);
	if (r != 0)
		return r < 0 ? r : err->code;
	id = strdup(snapshot.id);
	if (!id)
		return no_memory(err);
	if (wish.is_waiting)
		r = follow(call, id, &snapshot, err);
	if (r < 0)
		return r;
	*ret = to_json(call->admin, &snapshot);
	return *ret ? 0 : no_memory(err);
}
