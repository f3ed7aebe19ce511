/* SPDX-License-Identifier: Apache-2.0 */

#include "registry_fixture.h"

TestSuite(registry, .init = fixture_open, .fini = fixture_close);

/* Stored object with one string of metadata or spec changed. */
static struct object *changed(const struct object *object, const char *parent,
			      const char *name, const char *value)
{
	cJSON *json = object_edit(object);
	cJSON *at = cJSON_GetObjectItemCaseSensitive(json, parent);
	struct object *new = NULL;
	struct err err = ERR_INIT;

	cJSON_DeleteItemFromObjectCaseSensitive(at, name);
	if (value)
		(void)cJSON_AddStringToObject(at, name, value);
	cr_assert_eq(object_new(&new, json, &err), 0, "%s", err_text(&err));
	return new;
}

Test(registry, a_new_claim_gets_identity_defaults_and_protection)
{
	_cleanup_(object_unref) struct object *claim = must_create(
		"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\","
		"\"metadata\":{\"name\":\"c\",\"uid\":\"mine\",\"deletionTimestamp\":\"x\"},"
		"\"spec\":{\"accessModes\":[\"ReadWriteMany\"],"
		"\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}},"
		"\"status\":{\"phase\":\"Bound\"}}");

	cr_assert_eq(strlen(claim->uid), 36);
	cr_assert_eq(claim->uid[14], '4', "%s", claim->uid);
	cr_assert_gt(claim->resource_version, 0);
	cr_assert_str_eq(string_at(claim, "status.phase"), "Pending",
			 "a client can't create a bound claim");
	cr_assert_str_eq(string_at(claim, "spec.volumeMode"), "Filesystem");
	cr_assert_null(json_at(claim->json, "metadata.deletionTimestamp"));
	cr_assert_not_null(strstr(claim->text, "kubernetes.io/pvc-protection"));
	cr_assert_null(json_at(claim->json, "spec.storageClassName"),
		       "there is no default class");
}

Test(registry, the_newest_default_class_is_assigned)
{
	_cleanup_(object_unref) struct object *b = must_create(CLASS_TEXT("b"));
	_cleanup_(object_unref) struct object *a = must_create(CLASS_TEXT("a"));
	_cleanup_(object_unref) struct object *claim = NULL;
	_cleanup_(object_unref) struct object *older = NULL;

	/* Times have whole seconds: b is made an old one. */
	older = changed(b, "metadata", "creationTimestamp",
			"2001-01-01T00:00:00Z");
	cr_assert_eq(store_update(store, older, 0, NULL, NULL), 0);
	claim = must_create(CLAIM_TEXT("c"));
	cr_assert_str_eq(string_at(claim, "spec.storageClassName"), "a");
}

Test(registry, names_are_generated_from_a_prefix)
{
	_cleanup_(object_unref) struct object *claim = must_create(
		"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\","
		"\"metadata\":{\"generateName\":\"gen-\"},"
		"\"spec\":{\"accessModes\":[\"ReadWriteMany\"],"
		"\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}");

	cr_assert_eq(strncmp(claim->name, "gen-", 4), 0);
	cr_assert_eq(strlen(claim->name), 9);
}

Test(registry, what_exists_or_is_invalid_is_refused_in_the_servers_words)
{
	_cleanup_(object_unref) struct object *claim =
		must_create(CLAIM_TEXT("c"));
	_cleanup_(object_unref) struct object *twin =
		must_parse(CLAIM_TEXT("c"));
	_cleanup_(object_unref) struct object *bad = must_parse(
		"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\","
		"\"metadata\":{\"name\":\"bad\"},\"spec\":{\"accessModes\":[\"RWX\"],"
		"\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}");
	_cleanup_(err_fini) struct err err = ERR_INIT;
	struct object *found = NULL;

	cr_assert_eq(registry_create(registry, twin, NULL, &err),
		     CLUSTER_EXISTS);
	cr_assert_str_eq(err_text(&err),
			 "persistentvolumeclaims \"c\" already exists");
	cr_assert_eq(registry_create(registry, bad, NULL, &err),
		     CLUSTER_INVALID);
	cr_assert_eq(
		strstr(err_text(&err),
		       "PersistentVolumeClaim \"bad\" is invalid: spec.accessModes"),
		err_text(&err), "%s", err_text(&err));
	cr_assert_eq(registry_get(registry, KIND_CLAIM, "default", "bad",
				  &found, &err),
		     CLUSTER_NOT_FOUND);
}

Test(registry, trying_stores_nothing)
{
	_cleanup_(object_unref) struct object *claim =
		must_parse(CLAIM_TEXT("c"));
	_cleanup_(object_unref) struct object *tried = NULL;
	struct object *found = NULL;

	cr_assert_eq(registry_try_create(registry, claim, &tried, NULL), 0);
	cr_assert_str_eq(string_at(tried, "status.phase"), "Pending");
	cr_assert_eq(registry_get(registry, KIND_CLAIM, "default", "c", &found,
				  NULL),
		     CLUSTER_NOT_FOUND);
}

Test(registry, a_stale_update_is_a_conflict_and_one_without_a_version_is_not)
{
	_cleanup_(object_unref) struct object *first =
		must_create(CLAIM_TEXT("c"));
	_cleanup_(object_unref) struct object *one =
		changed(first, "metadata", "generateName", "a-");
	_cleanup_(object_unref) struct object *two =
		changed(first, "metadata", "generateName", "b-");
	_cleanup_(object_unref) struct object *any =
		changed(two, "metadata", "resourceVersion", NULL);
	_cleanup_(err_fini) struct err err = ERR_INIT;

	cr_assert_eq(registry_update(registry, one, NULL, &err), 0, "%s",
		     err_text(&err));
	cr_assert_eq(registry_update(registry, two, NULL, &err),
		     CLUSTER_CONFLICT);
	cr_assert_not_null(
		strstr(err_text(&err), "the object has been modified"));
	cr_assert_eq(registry_update(registry, any, NULL, &err), 0);
}

Test(registry, spec_and_status_are_written_apart)
{
	_cleanup_(object_unref) struct object *claim =
		must_create(CLAIM_TEXT("c"));
	_cleanup_(object_unref) struct object *bound =
		changed(claim, "status", "phase", "Bound");
	_cleanup_(object_unref) struct object *after = NULL;
	_cleanup_(object_unref) struct object *named = NULL;
	_cleanup_(object_unref) struct object *last = NULL;

	cr_assert_eq(registry_update(registry, bound, &after, NULL), 0);
	cr_assert_str_eq(string_at(after, "status.phase"), "Pending");
	named = changed(bound, "metadata", "generateName", "x-");
	cr_assert_eq(registry_update_status(registry, named, &last, NULL), 0);
	cr_assert_str_eq(string_at(last, "status.phase"), "Bound");
	cr_assert_null(json_at(last->json, "metadata.generateName"));
}

Test(registry, an_object_with_finalizers_is_terminating_until_the_last_goes)
{
	_cleanup_(object_unref) struct object *claim =
		must_create(CLAIM_TEXT("c"));
	_cleanup_(object_unref) struct object *dying = NULL;
	_cleanup_(object_unref) struct object *again = NULL;
	_cleanup_(object_unref) struct object *freed = NULL;
	struct object *found = NULL;

	cr_assert_eq(registry_delete(registry, KIND_CLAIM, "default", "c", NULL,
				     &dying, NULL),
		     0);
	cr_assert_not_null(json_at(dying->json, "metadata.deletionTimestamp"));
	cr_assert_eq(registry_delete(registry, KIND_CLAIM, "default", "c", NULL,
				     &again, NULL),
		     0);
	cr_assert_eq(again->resource_version, dying->resource_version,
		     "deleting twice changes nothing");
	freed = changed(dying, "metadata", "finalizers", NULL);
	cr_assert_eq(registry_update(registry, freed, NULL, NULL), 0);
	cr_assert_eq(registry_get(registry, KIND_CLAIM, "default", "c", &found,
				  NULL),
		     CLUSTER_NOT_FOUND);
}

Test(registry, a_terminating_object_gets_no_new_finalizers)
{
	_cleanup_(object_unref) struct object *claim =
		must_create(CLAIM_TEXT("c"));
	_cleanup_(object_unref) struct object *dying = NULL;
	_cleanup_(object_unref) struct object *more = NULL;
	_cleanup_(err_fini) struct err err = ERR_INIT;
	cJSON *json;

	cr_assert_eq(registry_delete(registry, KIND_CLAIM, "default", "c", NULL,
				     &dying, NULL),
		     0);
	json = object_edit(dying);
	(void)cJSON_AddItemToArray(
		(cJSON *)json_at(json, "metadata.finalizers"),
		cJSON_CreateString("a.b/c"));
	cr_assert_eq(object_new(&more, json, NULL), 0);
	cr_assert_eq(registry_update(registry, more, NULL, &err),
		     CLUSTER_INVALID);
	cr_assert_not_null(strstr(err_text(&err), "no new finalizers"));
}

/* A bound claim of class k that asks for 1Gi. */
static struct object *make_bound_claim(void)
{
	_cleanup_(object_unref) struct object *claim =
		must_create(CLAIM_TEXT("c"));
	cJSON *json = object_edit(claim);
	cJSON *status = cJSON_GetObjectItem(json, "status");
	_cleanup_(object_unref) struct object *bound = NULL;
	struct object *stored = NULL;
	struct err err = ERR_INIT;

	(void)cJSON_ReplaceItemInObject(status, "phase",
					cJSON_CreateString("Bound"));
	(void)cJSON_AddStringToObject(
		cJSON_AddObjectToObject(status, "capacity"), "storage", "1Gi");
	cr_assert_eq(object_new(&bound, json, &err), 0, "%s", err_text(&err));
	cr_assert_eq(registry_update_status(registry, bound, &stored, &err), 0,
		     "%s", err_text(&err));
	return stored;
}

static int ask_for(const struct object *claim, const char *amount,
		   struct err *err)
{
	cJSON *json = object_edit(claim);
	cJSON *requests = (cJSON *)json_at(json, "spec.resources.requests");
	_cleanup_(object_unref) struct object *new = NULL;

	(void)cJSON_ReplaceItemInObject(requests, "storage",
					cJSON_CreateString(amount));
	(void)cJSON_DeleteItemFromObject(cJSON_GetObjectItem(json, "metadata"),
					 "resourceVersion");
	cr_assert_eq(object_new(&new, json, err), 0, "%s", err_text(err));
	return registry_update(registry, new, NULL, err);
}

Test(registry, a_claim_grows_when_its_class_allows_it)
{
	_cleanup_(object_unref) struct object *class =
		must_create(CLASS_TEXT("k"));
	_cleanup_(object_unref) struct object *claim = make_bound_claim();
	_cleanup_(object_unref) struct object *allowing = NULL;
	cJSON *json = object_edit(class);
	_cleanup_(err_fini) struct err err = ERR_INIT;

	cr_assert_str_eq(string_at(claim, "spec.storageClassName"), "k");
	cr_assert_eq(ask_for(claim, "2Gi", &err), CLUSTER_FORBIDDEN);
	cr_assert_str_eq(
		err_text(&err),
		"persistentvolumeclaims \"c\" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize");
	(void)cJSON_AddTrueToObject(json, "allowVolumeExpansion");
	cr_assert_eq(object_new(&allowing, json, &err), 0);
	cr_assert_eq(registry_update(registry, allowing, NULL, &err), 0, "%s",
		     err_text(&err));
	cr_assert_eq(ask_for(claim, "2Gi", &err), 0, "%s", err_text(&err));
	cr_assert_eq(ask_for(claim, "1Gi", &err), CLUSTER_INVALID);
	cr_assert_eq(registry_delete(registry, KIND_STORAGE_CLASS, "", "k",
				     NULL, NULL, &err),
		     0);
	cr_assert_eq(ask_for(claim, "3Gi", &err), CLUSTER_FORBIDDEN,
		     "nobody can say any more that it may");
}

Test(registry, deleting_checks_the_uid)
{
	_cleanup_(object_unref) struct object *class =
		must_create(CLASS_TEXT("c"));

	cr_assert_eq(registry_delete(registry, KIND_STORAGE_CLASS, "", "c",
				     "another", NULL, NULL),
		     CLUSTER_CONFLICT);
	cr_assert_eq(registry_delete(registry, KIND_STORAGE_CLASS, "", "c",
				     class->uid, NULL, NULL),
		     0);
	cr_assert_eq(registry_delete(registry, KIND_STORAGE_CLASS, "", "c",
				     NULL, NULL, NULL),
		     CLUSTER_NOT_FOUND);
}

Test(registry, repeated_events_are_counted)
{
	_cleanup_(object_unref) struct object *claim =
		must_create(CLAIM_TEXT("c"));
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	struct cluster *cluster = registry_cluster(registry);
	struct cluster_event event = { .about = claim,
				       .type = CLUSTER_EVENT_WARNING,
				       .reason = "ProvisioningFailed",
				       .message = "no \"share\"",
				       .component = "test" };

	cluster->ops->event(cluster, &event);
	cluster->ops->event(cluster, &event);
	event.message = "another";
	cluster->ops->event(cluster, &event);
	cr_assert_eq(registry_list(registry, KIND_EVENT, NULL, &list, NULL), 0);
	cr_assert_eq(list.n, 2);
	for (size_t i = 0; i < list.n; i++) {
		const struct object *one = list.items[i];
		bool is_repeated =
			strcmp(string_at(one, "message"), "another") != 0;

		cr_assert_eq(json_at(one->json, "count")->valueint,
			     is_repeated ? 2 : 1);
		cr_assert_str_eq(string_at(one, "involvedObject.uid"),
				 claim->uid);
	}
}
