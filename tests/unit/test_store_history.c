/* SPDX-License-Identifier: Apache-2.0 */

/* What the record tells of its own past, through the registry as in life. */

#include "registry_fixture.h"
#include "store_history.h"

TestSuite(store_history, .init = fixture_open, .fini = fixture_close);

static struct store_history_list must_read(enum object_kind kind,
					   const char *namespace,
					   const char *name)
{
	struct store_history_list list = { 0 };
	struct err err = ERR_INIT;

	cr_assert_eq(
		store_history_read(store, kind, namespace, name, &list, &err),
		0, "%s", err_text(&err));
	return list;
}

static void assert_row(const struct store_history_list *list, size_t i,
		       const char *who, const char *what, const char *detail)
{
	cr_assert_lt(i, list->n);
	cr_assert_str_eq(list->items[i].who, who);
	cr_assert_str_eq(list->items[i].what, what);
	cr_assert_str_eq(list->items[i].detail, detail);
}

static void must_update(struct object *object, const char *from, const char *to)
{
	_cleanup_(object_unref) struct object *stored = NULL;
	_cleanup_(object_unref) struct object *changed = NULL;
	_cleanup_(free) char *text = strdup(object->text);
	struct err err = ERR_INIT;
	char *found = strstr(text, from);

	cr_assert_not_null(found, "%s", text);
	cr_assert_eq(strlen(from), strlen(to));
	memcpy(found, to, strlen(to));
	changed = must_parse(text);
	cr_assert_eq(store_update(store, changed, 0, &stored, &err), 0, "%s",
		     err_text(&err));
}

Test(store_history, a_life_is_told_in_order_and_outlives_its_object)
{
	_cleanup_(
		store_history_list_fini) struct store_history_list list = { 0 };
	_cleanup_(object_unref) struct object *claim = NULL;
	struct err err = ERR_INIT;

	store_act_as(store, "kubectl");
	claim = must_create(CLAIM_TEXT("c"));
	store_act_as(store, "reconciler");
	must_update(claim, "\"phase\":\"Pending\"", "\"phase\":\"Bound\"  ");
	must_update(claim, "\"app\":\"x\"", "\"app\":\"y\"");
	cr_assert_eq(
		store_remove(store, KIND_CLAIM, "default", "c", NULL, &err), 0);
	list = must_read(KIND_CLAIM, "default", "c");
	cr_assert_eq(list.n, 4);
	assert_row(&list, 0, "kubectl", "created", "");
	assert_row(&list, 1, "reconciler", "phase Bound",
		   "status.phase = \"Bound\"");
	assert_row(&list, 2, "reconciler", "phase Pending",
		   "metadata.labels.app = \"y\", status.phase = \"Pending\"");
	assert_row(&list, 3, "reconciler", "deleted", "");
	cr_assert_str_eq(list.items[0].uid, claim->uid);
}

Test(store_history, steps_on_a_share_are_told_with_their_outcome)
{
	_cleanup_(
		store_history_list_fini) struct store_history_list list = { 0 };
	struct err err = ERR_INIT;
	int64_t id;

	for (int i = 0; i < 2; i++) {
		cr_assert_eq(store_intent_open(store, "reclaim", "pv-1", "{}",
					       &id, &err),
			     0);
		cr_assert_eq(store_intent_close(store, id,
						i ? "done" : "disk on fire",
						&err),
			     0);
	}
	list = must_read(KIND_PERSISTENT_VOLUME, "", "pv-1");
	cr_assert_eq(list.n, 4);
	assert_row(&list, 0, "claimfs", "reclaim begun", "");
	assert_row(&list, 1, "claimfs", "reclaim ended", "disk on fire");
	assert_row(&list, 3, "claimfs", "reclaim done", "");
}

Test(store_history, a_transaction_that_is_rolled_back_leaves_no_history)
{
	_cleanup_(
		store_history_list_fini) struct store_history_list list = { 0 };
	struct err err = ERR_INIT;

	cr_assert_eq(store_begin(store, &err), 0);
	object_unref(must_create(CLAIM_TEXT("c")));
	store_rollback(store);
	list = must_read(KIND_CLAIM, "default", "c");
	cr_assert_eq(list.n, 0);
}

/* One object that changes all the time must not push out the others' history. */
Test(store_history, an_object_keeps_its_last_200_rows_only)
{
	_cleanup_(
		store_history_list_fini) struct store_history_list busy = { 0 };
	_cleanup_(store_history_list_fini) struct store_history_list quiet = {
		0
	};
	_cleanup_(object_unref) struct object *claim = NULL;
	struct err err = ERR_INIT;

	object_unref(must_create(CLAIM_TEXT("quiet")));
	claim = must_create(CLAIM_TEXT("busy"));
	cr_assert_eq(store_begin(store, &err), 0);
	for (int i = 0; i < 300; i++)
		must_update(claim, "\"app\":\"x\"",
			    i % 2 ? "\"app\":\"y\"" : "\"app\":\"z\"");
	cr_assert_eq(store_commit(store, &err), 0);
	busy = must_read(KIND_CLAIM, "default", "busy");
	quiet = must_read(KIND_CLAIM, "default", "quiet");
	cr_assert_eq(busy.n, 200);
	assert_row(&busy, 199, "claimfs", "changed",
		   "metadata.labels.app = \"y\"");
	cr_assert_eq(quiet.n, 1);
}

Test(store_history, a_long_change_is_cut_off_and_said_to_be)
{
	_cleanup_(
		store_history_list_fini) struct store_history_list list = { 0 };
	_cleanup_(object_unref) struct object *claim = NULL;
	char text[1600], from[700], to[700];
	size_t len;

	(void)snprintf(from, sizeof(from), "%0600d", 1);
	(void)snprintf(to, sizeof(to), "%0600d", 2);
	(void)snprintf(
		text, sizeof(text),
		"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\","
		"\"metadata\":{\"name\":\"c\",\"annotations\":{\"a\":\"%s\"}},"
		"\"spec\":{\"accessModes\":[\"ReadWriteMany\"],"
		"\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}",
		from);
	claim = must_create(text);
	must_update(claim, from, to);
	list = must_read(KIND_CLAIM, "default", "c");
	cr_assert_eq(list.n, 2);
	len = strlen(list.items[1].detail);
	cr_assert_eq(len, 511);
	cr_assert_str_eq(list.items[1].detail + len - 3, "...");
}
