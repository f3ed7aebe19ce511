/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sentences are kube-scheduler's, so that tools and people recognise them.
 *
 *	unbound claim, class Immediate		-> wait
 *	unbound claim, WaitForFirstConsumer	-> choose a node, tell the claim, wait
 *	all claims bound			-> the node that was chosen, or any
 *
 * Whatever the pod waits for queues it again.
 */

#include "pod_schedule.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "log.h"
#include "model_decode.h"
#include "object_change.h"
#include "plan.h"
#include "pod_dir.h"
#include "pod_node.h"
#include "pod_sync.h"
#include "store_attachment.h"

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

static int refuse_missing(const struct pods_options *options,
			  const struct object *pod, const char *claim)
{
	_cleanup_(free) char *why = NULL;

	if (asprintf(&why, "persistentvolumeclaim \"%s\" not found", claim) < 0)
		why = NULL;
	return refuse(options, pod, why ? why : "no memory");
}

/* Whether the claim's class waits for its first consumer. */
static int is_class_waiting(const struct pods_options *options,
			    const struct claim *claim, bool *ret,
			    struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(storage_class_fini) struct storage_class class = { 0 };
	int r = options->cluster->ops->get(options->cluster, KIND_STORAGE_CLASS,
					   "", claim->class_name, &object, err);

	*ret = false;
	if (r != 0)
		return r == CLUSTER_NOT_FOUND ? 0 : r;
	r = storage_class_decode(object, &class, err);
	if (r == 0)
		*ret = class.binding == BINDING_WAIT_FOR_FIRST_CONSUMER;
	return r;
}

enum claim_verdict {
	CLAIM_IS_READY = 0,
	CLAIM_WAITS = 16, /* for a node */
};

static int check_claim(const struct pods_options *options,
		       const struct object *pod, const char *name,
		       struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(claim_fini) struct claim claim = { 0 };
	int r = options->cluster->ops->get(options->cluster, KIND_CLAIM,
					   pod->namespace, name, &object, err);
	bool waits = false;

	if (r == CLUSTER_NOT_FOUND)
		return refuse_missing(options, pod, name);
	if (r != 0)
		return r < 0 ? r : -EIO;
	r = claim_decode(object, &claim, err);
	if (r < 0)
		return r;
	if (claim.meta.is_deleting)
		return refuse(options, pod,
			      "persistentvolumeclaim is being deleted");
	if (claim.phase == CLAIM_BOUND)
		return CLAIM_IS_READY;
	if (claim.phase == CLAIM_PENDING && !*claim.volume_name)
		r = is_class_waiting(options, &claim, &waits, err);
	if (r != 0 || waits)
		return r < 0 ? r : CLAIM_WAITS;
	return refuse(options, pod,
		      "pod has unbound immediate PersistentVolumeClaims");
}

/* CLAIM_WAITS when some of them wait, and nothing else is in the way. */
static int check_claims(const struct pods_options *options,
			const struct object *object, const struct pod *pod,
			struct err *err)
{
	int verdict = CLAIM_IS_READY;

	for (size_t i = 0; i < pod->n_volumes; i++) {
		int r = CLAIM_IS_READY;

		if (*pod->volumes[i].claim_name)
			r = check_claim(options, object,
					pod->volumes[i].claim_name, err);
		if (r != CLAIM_IS_READY && r != CLAIM_WAITS)
			return r;
		if (r == CLAIM_WAITS)
			verdict = r;
	}
	return verdict;
}

/* --- where? ---------------------------------------------------------------------------- */

static int choose_node(const struct pods_options *options,
		       const struct object *object, const struct pod *pod,
		       const char **ret, struct err *err)
{
	_cleanup_(free) char *why = NULL;
	int r = pod_node_choose(options, pod, ret, &why, err);

	return r == POD_UNSCHEDULABLE ? refuse(options, object, why) : r;
}

static int select_node(cJSON *json, const void *node)
{
	const char *volume =
		cJSON_GetStringValue(json_at(json, "spec.volumeName"));

	if (volume && *volume)
		return CHANGE_NONE;
	return change_annotation(json, ANNOTATION_SELECTED_NODE, node);
}

/* The claims are bound for this node; then the pod's turn comes again. */
static int tell_claims(const struct pods_options *options,
		       const struct pod *pod, const char *node, struct err *err)
{
	for (size_t i = 0; i < pod->n_volumes; i++) {
		struct object_target target = {
			.kind = KIND_CLAIM,
			.namespace = pod->meta.namespace,
			.name = pod->volumes[i].claim_name,
		};
		int r = 0;

		if (*target.name)
			r = object_change(options->cluster, &target,
					  select_node, node, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_node(cJSON *json, const void *node)
{
	cJSON *spec = change_member(json, "spec");

	return spec ? change_string(spec, "nodeName", node) : -ENOMEM;
}

static int assign(const struct pods_options *options,
		  const struct object *object, const char *node,
		  struct err *err)
{
	struct object_target target = { .kind = KIND_POD,
					.namespace = object->namespace,
					.name = object->name,
					.uid = object->uid };
	_cleanup_(free) char *message = NULL;
	int r;

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
	int r;

	if (*pod->node_name && pod_dir_exists(&dir))
		return err_set(
			err, -ENODEV,
			"pod %s/%s still has volumes on node \"%s\", which is not one of ours (--node)",
			pod->meta.namespace, pod->meta.name, pod->node_name);
	r = store_detach(options->store, pod->meta.uid, NULL, err);
	return r < 0 ? r : pod_release(options->cluster, object, err);
}

static int refuse_node(const struct pods_options *options,
		       const struct object *object, const char *node)
{
	_cleanup_(free) char *why = NULL;

	if (asprintf(&why, "node \"%s\" not found", node) < 0)
		why = NULL;
	return refuse(options, object, why ? why : "node not found");
}

static int find_node(const struct pods_options *options,
		     const struct object *object, const struct pod *pod,
		     struct err *err)
{
	int verdict = check_claims(options, object, pod, err);
	const char *node = NULL;
	int r;

	if (verdict != CLAIM_IS_READY && verdict != CLAIM_WAITS)
		return verdict;
	r = choose_node(options, object, pod, &node, err);
	if (r != 0)
		return r;
	return verdict == CLAIM_WAITS ? tell_claims(options, pod, node, err)
				      : assign(options, object, node, err);
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
	return find_node(options, object, &pod, err);
}
