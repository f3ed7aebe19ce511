/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A registry with its hub on a real database in a folder of the test's own: what
 * the tests of the registry, the hub and the API stand on. Every test is a process,
 * so there is one of each.
 */

#include <string.h>

#include <cjson/cJSON.h>
#include <criterion/criterion.h>

#include "json_field.h"
#include "registry.h"
#include "watch_hub.h"

static char fixture_dir[64];
static struct store *store;
static struct watch_hub *hub;
static struct registry *registry;

#define HUB_BYTES 16384

static void fixture_open(void)
{
	static const char *const drivers[] = { "nfs.claimfs.io" };
	struct watch_hub_options hub_options = { .n_changes = 8,
						 .max_bytes = HUB_BYTES,
						 .max_watchers = 2 };
	struct registry_options options = { .drivers = drivers,
					    .n_drivers = 1 };
	struct err err = ERR_INIT;
	char path[96];

	(void)snprintf(fixture_dir, sizeof(fixture_dir),
		       "/tmp/test_registry.XXXXXX");
	cr_assert_not_null(mkdtemp(fixture_dir));
	(void)snprintf(path, sizeof(path), "%s/claimfs.db", fixture_dir);
	cr_assert_eq(store_open(&store, path, &err), 0, "%s", err_text(&err));
	hub_options.store = store;
	cr_assert_eq(watch_hub_new(&hub, &hub_options, &err), 0);
	options.store = store;
	options.hub = hub;
	cr_assert_eq(registry_new(&registry, &options, &err), 0);
}

static void fixture_close(void)
{
	char command[128];

	registry = registry_free(registry);
	hub = watch_hub_free(hub);
	store = store_close(store);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", fixture_dir);
	cr_assert_eq(system(command), 0); // NOLINT(cert-env33-c)
}

static inline struct object *must_parse(const char *text)
{
	struct err err = ERR_INIT;
	struct object *object = NULL;

	cr_assert_eq(object_parse(&object, text, strlen(text), &err), 0, "%s",
		     err_text(&err));
	return object;
}

static inline struct object *must_create(const char *text)
{
	_cleanup_(object_unref) struct object *object = must_parse(text);
	struct err err = ERR_INIT;
	struct object *stored = NULL;

	cr_assert_eq(registry_create(registry, object, &stored, &err), 0, "%s",
		     err_text(&err));
	return stored;
}

static inline const char *string_at(const struct object *object,
				    const char *path)
{
	const char *text = cJSON_GetStringValue(json_at(object->json, path));

	return text ? text : "";
}

#define CLAIM_TEXT(name)                                                   \
	"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\","       \
	"\"metadata\":{\"name\":\"" name "\",\"labels\":{\"app\":\"x\"}}," \
	"\"spec\":{\"accessModes\":[\"ReadWriteMany\"],"                   \
	"\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}"

#define CLASS_TEXT(name)                                                   \
	"{\"apiVersion\":\"storage.k8s.io/v1\",\"kind\":\"StorageClass\"," \
	"\"metadata\":{\"name\":\"" name "\",\"annotations\":"             \
	"{\"storageclass.kubernetes.io/is-default-class\":\"true\"}},"     \
	"\"provisioner\":\"nfs.claimfs.io\","                              \
	"\"parameters\":{\"server\":\"127.0.0.1\",\"share\":\"/x\"}}"
