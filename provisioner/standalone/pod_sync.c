/* SPDX-License-Identifier: Apache-2.0 */

/*
 *	Pending --(all volumes mounted)--> Running --(deleted, unmounted)--> gone
 *
 * A pod that is Running is mounted again when it is looked at: the daemon's verbs
 * are idempotent, and that is how mounts come back after its node was restarted.
 */

#include "pod_sync.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "log.h"
#include "model_decode.h"
#include "object_change.h"
#include "pods.h"
#include "timestamp.h"

#define PATH_ANNOTATION "claimfs.io/path."
#define COMPONENT	"kubelet"

static void tell(const struct pod_volumes *node, const struct object *pod,
		 const char *reason, const struct err *why)
{
	struct cluster_event event = { .about = pod,
				       .type = CLUSTER_EVENT_WARNING,
				       .reason = reason,
				       .message = err_text(why),
				       .component = COMPONENT };

	node->cluster->ops->event(node->cluster, &event);
}

static struct object_target target_of(const struct object *pod)
{
	return (struct object_target){ .kind = KIND_POD,
				       .namespace = pod->namespace,
				       .name = pod->name,
				       .uid = pod->uid };
}

/* Gone meanwhile, or changed: whatever it is, the change has queued the pod. */
static int settle(int r)
{
	if (r == CLUSTER_INVALID || r == CLUSTER_FORBIDDEN)
		return -EINVAL;
	return r > 0 ? 0 : r;
}

int pod_release(struct cluster *cluster, const struct object *pod,
		struct err *err)
{
	struct object_target target = target_of(pod);

	return settle(object_change(cluster, &target, change_remove_finalizer,
				    FINALIZER_POD, err));
}

/* --- running ------------------------------------------------------------------- */

struct paths {
	const struct pod *pod;
	char **paths; /* pod->n_volumes; NULL entries allowed */
};

static void paths_fini(struct paths *paths)
{
	for (size_t i = 0; paths->paths && i < paths->pod->n_volumes; i++)
		free(paths->paths[i]);
	free(paths->paths);
	paths->paths = NULL;
}

DEFINE_FINI(struct paths, paths_fini)

static int annotate(cJSON *json, const void *userdata)
{
	const struct paths *paths = userdata;
	int outcome = CHANGE_NONE;

	for (size_t i = 0; i < paths->pod->n_volumes; i++) {
		_cleanup_(free) char *key = NULL;
		int r;

		if (!paths->paths[i])
			continue;
		if (asprintf(&key, PATH_ANNOTATION "%s",
			     paths->pod->volumes[i].name) < 0) {
			key = NULL;
			return -ENOMEM;
		}
		r = change_annotation(json, key, paths->paths[i]);
		if (r < 0)
			return r;
		if (r == 0)
			outcome = 0;
	}
	return outcome;
}

static int set_running(cJSON *json, const void *userdata)
{
	cJSON *status = change_member(json, "status");
	char now[TIMESTAMP_MAX];
	int r;

	if (!status)
		return -ENOMEM;
	r = change_string(status, "phase", "Running");
	if (r != 0)
		return r;
	timestamp_now(now);
	r = change_string(status, "startTime", now);
	return r < 0 ? r : 0;
}

static int report_running(const struct pod_volumes *node,
			  const struct object *object,
			  const struct paths *paths, struct err *err)
{
	struct object_target target = target_of(object);
	int r;

	r = object_change(node->cluster, &target, annotate, paths, err);
	if (r == 0)
		r = object_change_status(node->cluster, &target, set_running,
					 NULL, err);
	if (r == 0 && strcmp(paths->pod->phase, "Running") != 0)
		log_info("pod running", F_STR("namespace", object->namespace),
			 F_STR("pod", object->name), F_STR("node", node->node));
	return settle(r);
}

static int run(const struct pod_volumes *node, const struct object *object,
	       const struct pod *pod, struct err *err)
{
	_cleanup_(paths_fini) struct paths paths = { .pod = pod };
	const char *reason = NULL;
	int r;

	paths.paths = calloc(pod->n_volumes + 1, sizeof(*paths.paths));
	if (!paths.paths)
		return err_set(err, -ENOMEM, "no memory");
	r = pod_volumes_mount(node, pod, paths.paths, &reason, err);
	if (r != 0) {
		if (r != -ECANCELED) /* we are ending: nothing to tell */
			tell(node, object, reason, err);
		return r;
	}
	return report_running(node, object, &paths, err);
}

/* --- going ------------------------------------------------------------------------ */

static int stop(const struct pod_volumes *node, const struct object *object,
		const struct pod *pod, struct err *err)
{
	int r;

	if (!meta_has_finalizer(&pod->meta, FINALIZER_POD))
		return 0;
	r = pod_volumes_unmount(node, pod, err);
	if (r < 0) {
		if (r != -ECANCELED)
			tell(node, object, "FailedUnmount", err);
		return r;
	}
	log_info("pod stopped", F_STR("namespace", object->namespace),
		 F_STR("pod", object->name), F_STR("node", node->node));
	return pod_release(node->cluster, object, err);
}

int pod_sync(const struct pod_volumes *node, const char *namespace,
	     const char *name, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(pod_fini) struct pod pod = { 0 };
	int r;

	r = node->cluster->ops->get(node->cluster, KIND_POD, namespace, name,
				    &object, err);
	if (r != 0)
		return r == CLUSTER_NOT_FOUND ? 0 : r;
	r = pod_decode(object, &pod, err);
	if (r < 0)
		return r;
	return pod.meta.is_deleting ? stop(node, object, &pod, err)
				    : run(node, object, &pod, err);
}
