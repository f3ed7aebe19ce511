/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sentences are kube-scheduler's, so that tools and people recognise them. Claims
 * of a class that waits for its first consumer are bound by the reconciler as
 * soon as a pod uses them; there is nothing about a node to choose for NFS.
 */

#include "pod_schedule.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "log.h"
#include "model_decode.h"
#include "object_change.h"
#include "pod_dir.h"
#include "pod_sync.h"

#define COMPONENT "default-scheduler"

static void tell(const struct pods_options *options, const struct object *pod,
		 enum cluster_event_type type, const char *reason,
		 const char *message)
{
	struct cluster_event event = { .about = pod,
				       .type = type,
				       .reason = reason,
				       .message = message,
				       .component = COMPONENT };

	options->cluster->ops->event(options->cluster, &event);
}

static int refuse(const struct pods_options *options, const struct object *pod,
		  const char *why)
{
	_cleanup_(free) char *message = NULL;

	if (asprintf(&message, "0/%zu nodes are available: %s.",
		     options->n_nodes, why) < 0)
		message = NULL;
	tell(options, pod, CLUSTER_EVENT_WARNING, "FailedScheduling",
	     message ? message : why);
	return POD_UNSCHEDULABLE;
}

/* --- may it run? ------------------------------------------------------------------ */

static int check_claim(const struct pods_options *options,
		       const struct object *pod, const char *name,
		       struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(claim_fini) struct claim claim = { 0 };
	int r = options->cluster->ops->get(options->cluster, KIND_CLAIM,
					   pod->namespace, name, &object, err);

	if (r == CLUSTER_NOT_FOUND) {
		_cleanup_(free) char *why = NULL;

		if (asprintf(&why, "persistentvolumeclaim \"%s\" not found",
			     name) < 0)
			why = NULL;
		return refuse(options, pod, why ? why : "no memory");
	}
	if (r != 0)
		return r < 0 ? r : -EIO;
	r = claim_decode(object, &claim, err);
	if (r < 0)
		return r;
	if (claim.meta.is_deleting)
		return refuse(options, pod,
			      "persistentvolumeclaim is being deleted");
	if (claim.phase != CLAIM_BOUND)
		return refuse(
			options, pod,
			"pod has unbound immediate PersistentVolumeClaims");
	return 0;
}

static int check_claims(const struct pods_options *options,
			const struct object *object, const struct pod *pod,
			struct err *err)
{
	for (size_t i = 0; i < pod->n_volumes; i++) {
		int r = 0;

		if (*pod->volumes[i].claim_name)
			r = check_claim(options, object,
					pod->volumes[i].claim_name, err);
		if (r != 0)
			return r;
	}
	return 0;
}

/* --- where? ---------------------------------------------------------------------------- */

static int least_loaded(const struct pods_options *options, const char **ret,
			struct err *err)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	size_t loads[MAX_POD_NODES] = { 0 };
	size_t best = 0;
	int r;

	r = options->cluster->ops->list(options->cluster, KIND_POD, NULL, &list,
					err);
	if (r != 0)
		return r < 0 ? r : -EIO;
	for (size_t i = 0; i < list.n; i++) {
		const char *node = cJSON_GetStringValue(
			json_at(list.items[i]->json, "spec.nodeName"));

		for (size_t n = 0; node && n < options->n_nodes; n++)
			loads[n] += strcmp(node, options->nodes[n].name) == 0;
	}
	for (size_t n = 1; n < options->n_nodes; n++)
		if (loads[n] < loads[best])
			best = n;
	*ret = options->nodes[best].name;
	return 0;
}

static int set_node(cJSON *json, const void *node)
{
	cJSON *spec = change_member(json, "spec");

	return spec ? change_string(spec, "nodeName", node) : -ENOMEM;
}

static int assign(const struct pods_options *options,
		  const struct object *object, struct err *err)
{
	struct object_target target = { .kind = KIND_POD,
					.namespace = object->namespace,
					.name = object->name,
					.uid = object->uid };
	_cleanup_(free) char *message = NULL;
	const char *node;
	int r;

	if (options->n_nodes == 0)
		return refuse(options, object,
			      "no nodes available to schedule pods");
	r = least_loaded(options, &node, err);
	if (r < 0)
		return r;
	r = object_change(options->cluster, &target, set_node, node, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (asprintf(&message, "Successfully assigned %s/%s to %s",
		     object->namespace, object->name, node) < 0)
		message = NULL;
	tell(options, object, CLUSTER_EVENT_NORMAL, "Scheduled",
	     message ? message : node);
	return 0;
}

/* --- pods that name a node -------------------------------------------------------------- */

static bool is_our_node(const struct pods_options *options, const char *name)
{
	for (size_t i = 0; i < options->n_nodes; i++)
		if (strcmp(options->nodes[i].name, name) == 0)
			return true;
	return false;
}

/* Mounts of a node that was taken out of the configuration are not forgotten. */
static int release(const struct pods_options *options,
		   const struct object *object, const struct pod *pod,
		   struct err *err)
{
	struct pod_dir dir = { .state_dir = options->state_dir,
			       .node = pod->node_name,
			       .uid = pod->meta.uid };

	if (*pod->node_name && pod_dir_exists(&dir))
		return err_set(
			err, -ENODEV,
			"pod %s/%s still has volumes on node \"%s\", which is not one of ours (--node)",
			pod->meta.namespace, pod->meta.name, pod->node_name);
	return pod_release(options->cluster, object, err);
}

static int refuse_node(const struct pods_options *options,
		       const struct object *object, const char *node)
{
	_cleanup_(free) char *why = NULL;

	if (asprintf(&why, "node \"%s\" not found", node) < 0)
		why = NULL;
	return refuse(options, object, why ? why : "node not found");
}

int pod_schedule(const struct pods_options *options, const char *namespace,
		 const char *name, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(pod_fini) struct pod pod = { 0 };
	int r;

	r = options->cluster->ops->get(options->cluster, KIND_POD, namespace,
				       name, &object, err);
	if (r != 0)
		return r == CLUSTER_NOT_FOUND ? 0 : r;
	r = pod_decode(object, &pod, err);
	if (r < 0)
		return r;
	if (is_our_node(options, pod.node_name))
		return 0;
	if (pod.meta.is_deleting)
		return release(options, object, &pod, err);
	if (*pod.node_name)
		return refuse_node(options, object, pod.node_name);
	r = check_claims(options, object, &pod, err);
	if (r != 0)
		return r;
	return assign(options, object, err);
}
