/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verb "copies". It changes a row's state and interrupts the copier; who cancels a
 * copy takes away what it was for: the snapshot, or the claim that has no volume yet.
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "admin_verbs.h"
#include "clock.h"
#include "copy_json.h"
#include "json_field.h"
#include "snapshots.h"
#include "store_snapshot.h"
#include "volume_place.h"

#define WAIT_NS (60 * NS_PER_S)

#define IN(state) (1u << (state))

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "no memory");
}

static cJSON *to_json(const struct api_admin *admin,
		      const struct store_copy *copy)
{
	struct turns_speed speed =
		copier_look(admin->snapshots->copier, copy->name);

	return copy_to_json(copy, &speed);
}

static int list_copies(struct api_admin *admin, cJSON **ret, struct err *err)
{
	_cleanup_(store_copy_list_fini) struct store_copy_list list = { 0 };
	cJSON *json, *items;
	int r = store_copy_list(admin->store, &list, err);

	if (r < 0)
		return r;
	json = cJSON_CreateObject();
	items = cJSON_AddArrayToObject(json, "items");
	for (size_t i = 0; i < list.n; i++) {
		if (!cJSON_AddItemToArray(items,
					  to_json(admin, &list.items[i]))) {
			cJSON_Delete(json);
			return no_memory(err);
		}
	}
	*ret = json;
	return 0;
}

/* --- what can be done about one ------------------------------------------------------ */

static int set_state(struct api_admin *admin, const struct store_copy *copy,
		     unsigned int from, enum copy_state to, struct err *err)
{
	int r = store_copy_set_state(admin->store, copy->name, from, to, err);

	if (r > 0)
		return err_set(err, -EBUSY, "copy \"%s\" is %s", copy->name,
			       copy_state_names[copy->state]);
	if (r == 0)
		copier_interrupt(admin->snapshots->copier, copy->name);
	return r;
}

static int stop(struct api_admin *admin, const struct store_copy *copy,
		struct err *err)
{
	int r = set_state(admin, copy, IN(COPY_RUNNING) | IN(COPY_STOPPED),
			  COPY_STOPPED, err);

	if (r == 0)
		copier_wait_idle(admin->snapshots->copier, copy->name,
				 clock_ns() + WAIT_NS);
	return r;
}

static int resume(struct api_admin *admin, const struct store_copy *copy,
		  struct err *err)
{
	return set_state(admin, copy, IN(COPY_RUNNING) | IN(COPY_STOPPED),
			 COPY_RUNNING, err);
}

/* Its plan drops the copy then. */
static int delete_claim(struct api_admin *admin, const struct store_copy *copy,
			struct err *err)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	int r = volume_place_from_detail(copy->target, &place, err);

	if (r < 0)
		return r;
	r = admin->cluster->ops->delete (
		admin->cluster, KIND_CLAIM, place.claim_namespace,
		place.claim_name, place.claim_uid, err);
	if (r == CLUSTER_NOT_FOUND)
		return 0;
	return r > 0 ? -EBUSY : r;
}

static int cancel(struct api_admin *admin, const struct store_copy *copy,
		  struct err *err)
{
	int r;

	if (copy->state == COPY_DROPPING)
		return 0;
	if (!copy->is_snapshot)
		return delete_claim(admin, copy, err);
	r = snapshots_delete(admin->snapshots, copy->name, clock_ns() + WAIT_NS,
			     err);
	return r > 0 ? err->code : r;
}

static const struct {
	const char *name;
	int (*fn)(struct api_admin *admin, const struct store_copy *copy,
		  struct err *err);
} actions[] = {
	{ "stop", stop },
	{ "resume", resume },
	{ "cancel", cancel },
};

static int act(struct api_admin *admin, const char *action,
	       const struct store_copy *copy, bool is_dry_run, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (strcmp(actions[i].name, action) == 0)
			return is_dry_run ? 0 : actions[i].fn(admin, copy, err);
	return err_set(
		err, -EINVAL,
		"action: Unsupported value: \"%s\": supported values: \"list\", \"stop\", \"resume\", \"cancel\"",
		action);
}

/* --- which one ------------------------------------------------------------------------- */

static bool is_called(const char *wanted, const char *namespace,
		      const char *name)
{
	size_t len = strlen(namespace);

	return strcmp(wanted, name) == 0 ||
	       (strncmp(wanted, namespace, len) == 0 && wanted[len] == '/' &&
		strcmp(wanted + len + 1, name) == 0);
}

/* By the snapshot, or the claim, that it is for: "NAME" or "NAMESPACE/NAME". */
static bool is_for(struct api_admin *admin, const struct store_copy *copy,
		   const char *wanted)
{
	_cleanup_(store_snapshot_fini) struct store_snapshot snapshot = { 0 };
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };

	if (copy->is_snapshot)
		return store_snapshot_get(admin->store, copy->name, &snapshot,
					  NULL) == 0 &&
		       is_called(wanted, snapshot.namespace, snapshot.name);
	return volume_place_from_detail(copy->target, &place, NULL) == 0 &&
	       is_called(wanted, place.claim_namespace, place.claim_name);
}

static int find_by_user(struct api_admin *admin, const char *wanted,
			struct store_copy *ret, struct err *err)
{
	_cleanup_(store_copy_list_fini) struct store_copy_list list = { 0 };
	const char *name = NULL;
	int r = store_copy_list(admin->store, &list, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < list.n; i++) {
		if (!is_for(admin, &list.items[i], wanted))
			continue;
		if (name)
			return err_set(
				err, -EINVAL,
				"copies %s and %s are both for \"%s\": name one of them",
				name, list.items[i].name, wanted);
		name = list.items[i].name;
	}
	return name ? store_copy_get(admin->store, name, ret, err)
		    : STORE_NOT_FOUND;
}

static int find_row(struct api_admin *admin, const char *name,
		    struct store_copy *ret, struct err *err)
{
	int r = store_copy_get(admin->store, name, ret, err);

	if (r == STORE_NOT_FOUND)
		r = find_by_user(admin, name, ret, err);
	return r == STORE_NOT_FOUND
		       ? err_set(err, -ENOENT, "nothing is copied for \"%s\"",
				 name)
		       : r;
}

int admin_copies(struct api_admin_call *call, const cJSON *in, cJSON **ret,
		 struct err *err)
{
	_cleanup_(store_copy_fini) struct store_copy copy = { 0 };
	const char *action, *name;
	bool is_dry_run;
	int r = api_admin_string(in, "action", "list", &action, err);

	if (r < 0)
		return r;
	if (strcmp(action, "list") == 0)
		return list_copies(call->admin, ret, err);
	r = api_admin_string(in, "name", NULL, &name, err);
	if (r == 0)
		r = json_bool(in, "dryRun", false, &is_dry_run, err);
	if (r == 0)
		r = find_row(call->admin, name, &copy, err);
	if (r == 0)
		r = act(call->admin, action, &copy, is_dry_run, err);
	if (r < 0)
		return r;
	*ret = to_json(call->admin, &copy);
	return *ret ? 0 : no_memory(err);
}
