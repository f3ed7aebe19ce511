/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Queues and threads: one worker per node, so that a daemon that hangs holds up
 * its own pods only, and one worker without a node, which schedules, and which
 * looks up the pods that wait for a claim when that changes.
 *
 * Keys: "NAMESPACE/NAME" of a pod; in the scheduler's queue also
 * "claim NAMESPACE/NAME" and "resync", in those of nodes "sweep".
 *
 * What a pod has mounted is on disk (pod_dir.h); nothing is remembered here, so a
 * provisioner that was killed goes on where it was.
 */

#include "pods.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "clock.h"
#include "json_field.h"
#include "log.h"
#include "pod_schedule.h"
#include "pod_sync.h"
#include "queue.h"

#define CLAIM_PREFIX "claim "
#define RESYNC_KEY   "resync"
#define SWEEP_KEY    "sweep"
/* How long a node that was restarted is without its mounts, at most. */
#define RESYNC_NS (60 * NS_PER_S)
/* A retry costs a call on a local socket; people wait for it. */
#define RETRY_MAX_NS (30 * NS_PER_S)

struct worker {
	struct pods *pods;
	struct queue *queue;
	struct pod_volumes node; /* client is NULL for the scheduler */
	pthread_t thread;
	bool has_thread;
};

struct pods {
	struct pods_options options;
	struct worker scheduler;
	struct worker *nodes; /* options.n_nodes */
};

/* --- queueing ------------------------------------------------------------------- */

static struct worker *worker_of(struct pods *pods, const char *node)
{
	for (size_t i = 0; i < pods->options.n_nodes; i++)
		if (strcmp(pods->options.nodes[i].name, node) == 0)
			return &pods->nodes[i];
	return &pods->scheduler;
}

static void queue_key(struct queue *queue, const char *prefix,
		      const char *namespace, const char *name)
{
	_cleanup_(free) char *key = NULL;
	int r;

	if (asprintf(&key, "%s%s/%s", prefix, namespace, name) < 0) {
		key = NULL;
		return;
	}
	r = queue_add(queue, key);
	if (r < 0)
		log_warn("pod lost until the next resync", F_STR("key", key),
			 F_ERRNO(r));
}

static struct worker *worker_of_pod(struct pods *pods,
				    const struct object *object)
{
	const char *node =
		cJSON_GetStringValue(json_at(object->json, "spec.nodeName"));

	return worker_of(pods, node ? node : "");
}

static void queue_pod(struct pods *pods, const struct object *object)
{
	queue_key(worker_of_pod(pods, object)->queue, "", object->namespace,
		  object->name);
}

/* Its finalizer may have been taken away by somebody else. */
static void queue_sweep(struct pods *pods, const struct object *pod)
{
	struct worker *worker = worker_of_pod(pods, pod);

	if (worker != &pods->scheduler)
		(void)queue_add(worker->queue, SWEEP_KEY);
}

/* The claim of one of a pod's volumes; "" = it is none. */
static const char *claim_of(const cJSON *volume)
{
	const char *name = cJSON_GetStringValue(
		json_at(volume, "persistentVolumeClaim.claimName"));

	return name ? name : "";
}

/* A pod that went may be what others of its claims wait for. */
static void queue_claims(struct pods *pods, const struct object *pod)
{
	const cJSON *volume;

	cJSON_ArrayForEach (volume, json_at(pod->json, "spec.volumes"))
		if (*claim_of(volume))
			queue_key(pods->scheduler.queue, CLAIM_PREFIX,
				  pod->namespace, claim_of(volume));
}

void pods_change(void *userdata, enum store_change change,
		 struct object *object)
{
	struct pods *pods = userdata;

	if (object->kind == KIND_POD && change != STORE_DELETED)
		queue_pod(pods, object);
	if (object->kind == KIND_POD && change == STORE_DELETED) {
		queue_claims(pods, object);
		queue_sweep(pods, object);
	}
	if (object->kind == KIND_CLAIM)
		queue_key(pods->scheduler.queue, CLAIM_PREFIX,
			  object->namespace, object->name);
}

static bool uses_claim(const struct object *pod, const char *claim)
{
	const cJSON *volume;

	cJSON_ArrayForEach (volume, json_at(pod->json, "spec.volumes"))
		if (strcmp(claim_of(volume), claim) == 0)
			return true;
	return false;
}

/* Pods of the namespace that use the claim, or (claim NULL) all there are. */
static int queue_users(struct pods *pods, const char *namespace,
		       const char *claim, struct err *err)
{
	struct cluster *cluster = pods->options.cluster;
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	int r = cluster->ops->list(cluster, KIND_POD, namespace, &list, err);

	if (r != 0)
		return r < 0 ? r : -EIO;
	for (size_t i = 0; i < list.n; i++)
		if (!claim || uses_claim(list.items[i], claim))
			queue_pod(pods, list.items[i]);
	return 0;
}

/* --- one key ------------------------------------------------------------------------ */

static int resync(struct pods *pods, struct err *err)
{
	int r = queue_users(pods, NULL, NULL, err);

	if (r == 0)
		(void)queue_add_after(pods->scheduler.queue, RESYNC_KEY,
				      RESYNC_NS);
	return r;
}

static int work_on(struct worker *worker, const char *namespace,
		   const char *name, struct err *err)
{
	if (worker->node.client)
		return pod_sync(&worker->node, namespace, name, err);
	return pod_schedule(&worker->pods->options, namespace, name, err);
}

/* The key is ours to change. */
static int work(struct worker *worker, char *key, struct err *err)
{
	size_t len = strlen(CLAIM_PREFIX);
	bool is_claim = strncmp(key, CLAIM_PREFIX, len) == 0;
	char *slash = strchr(key, '/');

	if (strcmp(key, RESYNC_KEY) == 0)
		return resync(worker->pods, err);
	if (strcmp(key, SWEEP_KEY) == 0)
		return pod_volumes_sweep(&worker->node, err);
	if (!slash)
		return err_set(err, -EINVAL, "work on \"%s\": no such key",
			       key);
	*slash = '\0';
	if (is_claim)
		return queue_users(worker->pods, key + len, slash + 1, err);
	return work_on(worker, key, slash + 1, err);
}

static void *worker_thread(void *userdata)
{
	struct worker *worker = userdata;
	char *key;
	int r;

	while ((r = queue_take(worker->queue, &key)) != QUEUE_CLOSED) {
		_cleanup_(err_fini) struct err err = ERR_INIT;
		_cleanup_(free) char *taken = NULL;
		_cleanup_(free) char *copy = NULL;

		if (r < 0)
			continue;
		taken = key;
		copy = strdup(taken);
		r = copy ? work(worker, copy, &err) : -ENOMEM;
		if (r < 0)
			log_warn("pod has to wait, will be tried again",
				 F_STR("pod", taken), F_ERR(&err));
		if (r == 0)
			queue_forget(worker->queue, taken);
		else
			(void)queue_retry(worker->queue, taken);
	}
	return NULL;
}

/* --- life cycle ------------------------------------------------------------------------ */

static int worker_init(struct worker *worker, struct pods *pods,
		       const struct pods_node *node, struct err *err)
{
	struct queue_options options = { .backoff_max_ns = RETRY_MAX_NS };
	int r;

	worker->pods = pods;
	r = queue_new(&worker->queue, &options);
	if (r < 0)
		return err_set(err, r, "no memory");
	if (!node)
		return 0;
	worker->node = (struct pod_volumes){
		.cluster = pods->options.cluster,
		.store = pods->options.store,
		.state_dir = pods->options.state_dir,
		.node = node->name,
		.drivers = pods->options.drivers,
		.n_drivers = pods->options.n_drivers,
	};
	return node_client_new(&worker->node.client, node->socket, 0, err);
}

/* A daemon that does not answer must not keep us from ending. */
static void worker_interrupt(struct worker *worker)
{
	if (worker->queue)
		queue_close(worker->queue);
	if (worker->node.client)
		node_client_cancel(worker->node.client);
}

static void worker_join(struct worker *worker)
{
	if (worker->has_thread)
		(void)pthread_join(worker->thread, NULL);
	worker->has_thread = false;
}

static void worker_fini(struct worker *worker)
{
	node_client_free(worker->node.client);
	queue_free(worker->queue);
}

static int worker_start(struct worker *worker, struct err *err)
{
	int r = pthread_create(&worker->thread, NULL, worker_thread, worker);

	if (r != 0)
		return err_set_errno(err, -r, "start a pod worker's thread");
	worker->has_thread = true;
	return 0;
}

int pods_new(struct pods **ret, const struct pods_options *options,
	     struct err *err)
{
	_cleanup_(pods_free) struct pods *pods = calloc(1, sizeof(*pods));
	int r;

	if (!pods)
		return err_set(err, -ENOMEM, "no memory");
	pods->options = *options;
	pods->options.n_nodes = 0;
	pods->nodes = calloc(options->n_nodes + 1, sizeof(*pods->nodes));
	if (!pods->nodes)
		return err_set(err, -ENOMEM, "no memory");
	r = worker_init(&pods->scheduler, pods, NULL, err);
	for (size_t i = 0; r >= 0 && i < options->n_nodes; i++) {
		pods->options.n_nodes = i + 1;
		r = worker_init(&pods->nodes[i], pods, &options->nodes[i], err);
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(pods);
	return 0;
}

int pods_start(struct pods *pods, struct err *err)
{
	int r = queue_add(pods->scheduler.queue, RESYNC_KEY);

	if (r < 0)
		return err_set(err, r, "no memory");
	r = worker_start(&pods->scheduler, err);
	for (size_t i = 0; r >= 0 && i < pods->options.n_nodes; i++) {
		(void)queue_add(pods->nodes[i].queue, SWEEP_KEY);
		r = worker_start(&pods->nodes[i], err);
	}
	return r;
}

void pods_stop(struct pods *pods)
{
	/* All are told before any is waited for. */
	if (pods->scheduler.queue)
		queue_close(pods->scheduler.queue);
	for (size_t i = 0; i < pods->options.n_nodes; i++)
		worker_interrupt(&pods->nodes[i]);
	worker_join(&pods->scheduler);
	for (size_t i = 0; i < pods->options.n_nodes; i++)
		worker_join(&pods->nodes[i]);
}

struct pods *pods_free(struct pods *pods)
{
	if (!pods)
		return NULL;
	pods_stop(pods);
	worker_fini(&pods->scheduler);
	for (size_t i = 0; i < pods->options.n_nodes; i++)
		worker_fini(&pods->nodes[i]);
	free(pods->nodes);
	free(pods);
	return NULL;
}
