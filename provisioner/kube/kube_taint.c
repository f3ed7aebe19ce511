/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Two watches, of Nodes and of CSINodes, since either may come last. Nothing is kept: who
 * of the two is told asks for the other one, where there is a taint at all.
 */

#include "kube_taint.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "cluster.h"
#include "json_field.h"
#include "kube_watch.h"
#include "log.h"

#define TAINT_SUFFIX "/agent-not-ready"

struct kube_taint {
	struct kube_api *api; /* borrowed */
	char *driver;
	char *key;
	struct kube_watch *nodes;
	struct kube_watch *csi_nodes;
};

static bool is_named(const cJSON *item, const char *member, const char *name)
{
	const char *text = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(item, member));

	return text && strcmp(text, name) == 0;
}

static bool has(const struct object *object, const char *list,
		const char *member, const char *name)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, json_at(object->json, list))
		if (is_named(item, member, name))
			return true;
	return false;
}

static bool is_tainted(const struct kube_taint *taint,
		       const struct object *node)
{
	return has(node, "spec.taints", "key", taint->key);
}

static bool is_registered(const struct kube_taint *taint,
			  const struct object *csi_node)
{
	return has(csi_node, "spec.drivers", "name", taint->driver);
}

/* --- taking it away ------------------------------------------------------------------ */

/* The taints that stay; of this version of the node only. malloc'ed; NULL = no memory. */
static char *patch_of(const struct kube_taint *taint, const struct object *node)
{
	cJSON *patch = cJSON_CreateObject();
	cJSON *metadata = cJSON_AddObjectToObject(patch, "metadata");
	cJSON *spec = cJSON_AddObjectToObject(patch, "spec");
	cJSON *rest = cJSON_AddArrayToObject(spec, "taints");
	const cJSON *item;
	char version[24];
	char *text;

	(void)snprintf(version, sizeof(version), "%llu",
		       (unsigned long long)node->resource_version);
	(void)cJSON_AddStringToObject(metadata, "resourceVersion", version);
	cJSON_ArrayForEach (item, json_at(node->json, "spec.taints"))
		if (!is_named(item, "key", taint->key))
			(void)cJSON_AddItemToArray(
				rest,
				cJSON_Duplicate(item, /* recurse= */ true));
	text = cJSON_PrintUnformatted(patch);
	cJSON_Delete(patch);
	return text;
}

/* A conflict needs nothing: the node has changed, and its watch tells of that. */
static int untaint(struct kube_taint *taint, const struct object *node,
		   struct err *err)
{
	_cleanup_(free) char *merge = patch_of(taint, node);
	int r;

	if (!merge)
		return err_set(err, -ENOMEM, "no memory");
	r = kube_api_patch(taint->api,
			   &(struct kube_patch){ .kind = KIND_NODE,
						 .name = node->name,
						 .merge = merge },
			   NULL, err);
	if (r < 0)
		return r;
	if (r == 0)
		log_info("node is ready for volumes", F_STR("node", node->name),
			 F_STR("taint", taint->key));
	else if (r == CLUSTER_FORBIDDEN)
		log_warn("taint stays", F_STR("node", node->name), F_ERR(err));
	return 0;
}

/* 0 with *ret NULL: there is none. */
static int find(struct kube_taint *taint, enum object_kind kind,
		const char *name, struct object **ret, struct err *err)
{
	int r = kube_api_get(taint->api, kind, NULL, name, ret, err);

	return r < 0 ? r : 0;
}

static int node_told(void *userdata, struct object *node, struct err *err)
{
	struct kube_taint *taint = userdata;
	_cleanup_(object_unref) struct object *csi_node = NULL;
	int r;

	if (!is_tainted(taint, node))
		return 0;
	r = find(taint, KIND_CSI_NODE, node->name, &csi_node, err);
	if (r < 0 || !csi_node || !is_registered(taint, csi_node))
		return r;
	return untaint(taint, node, err);
}

static int csi_node_told(void *userdata, struct object *csi_node,
			 struct err *err)
{
	struct kube_taint *taint = userdata;
	_cleanup_(object_unref) struct object *node = NULL;
	int r;

	if (!is_registered(taint, csi_node))
		return 0;
	r = find(taint, KIND_NODE, csi_node->name, &node, err);
	if (r < 0 || !node || !is_tainted(taint, node))
		return r;
	return untaint(taint, node, err);
}

/* --- the watches ---------------------------------------------------------------------- */

static int end_list(void *userdata, uint64_t version, struct err *err)
{
	(void)userdata;
	(void)version;
	(void)err;
	return 0;
}

static int node_event(void *userdata, enum kube_watch_event event,
		      struct object *object, struct err *err)
{
	return event == KUBE_WATCH_DELETED ? 0
					   : node_told(userdata, object, err);
}

static int csi_node_event(void *userdata, enum kube_watch_event event,
			  struct object *object, struct err *err)
{
	return event == KUBE_WATCH_DELETED
		       ? 0
		       : csi_node_told(userdata, object, err);
}

static const struct kube_watch_ops node_ops = { .object = node_told,
						.end_list = end_list,
						.event = node_event };
static const struct kube_watch_ops csi_node_ops = { .object = csi_node_told,
						    .end_list = end_list,
						    .event = csi_node_event };

static int follow(struct kube_taint *taint, enum object_kind kind,
		  const struct kube_watch_ops *ops, struct kube_watch **ret,
		  struct err *err)
{
	const struct kube_watch_options options = {
		.selection = { .kind = kind },
		.ops = ops,
		.userdata = taint,
		.is_optional = true,
	};

	return kube_watch_start(ret, taint->api, &options, err);
}

int kube_taint_start(struct kube_taint **ret, struct kube_api *api,
		     const char *driver, struct err *err)
{
	_cleanup_(kube_taint_free) struct kube_taint *taint =
		calloc(1, sizeof(*taint));
	int r;

	if (!taint)
		return err_set(err, -ENOMEM, "no memory");
	taint->api = api;
	taint->driver = strdup(driver);
	if (asprintf(&taint->key, "%s" TAINT_SUFFIX, driver) < 0)
		taint->key = NULL;
	if (!taint->driver || !taint->key)
		return err_set(err, -ENOMEM, "no memory");
	r = follow(taint, KIND_CSI_NODE, &csi_node_ops, &taint->csi_nodes, err);
	if (r >= 0)
		r = follow(taint, KIND_NODE, &node_ops, &taint->nodes, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(taint);
	return 0;
}

struct kube_taint *kube_taint_free(struct kube_taint *taint)
{
	if (!taint)
		return NULL;
	kube_watch_free(taint->nodes);
	kube_watch_free(taint->csi_nodes);
	free(taint->driver);
	free(taint->key);
	free(taint);
	return NULL;
}
