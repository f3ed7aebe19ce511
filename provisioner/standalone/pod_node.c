/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Volumes decide first: a pod is of no use on a node that can't have its volume
 * (kube-scheduler's plugin VolumeRestrictions knows this for ReadWriteOncePod only,
 * and lets a second pod of a ReadWriteOnce volume wait on the wrong node).
 */

#include "pod_node.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "model_decode.h"
#include "plan.h"
#include "pod_attach.h"
#include "pod_schedule.h"
#include "store_attachment.h"

struct wish {
	const char *required; /* borrowed from the options, as all nodes here */
	const char *preferred;
};

static int refuse(char **ret_why, const char *why)
{
	*ret_why = strdup(why);
	return *ret_why ? POD_UNSCHEDULABLE : -ENOMEM;
}

/* NULL: not one of ours. */
static const char *find_node(const struct pods_options *options,
			     const char *name)
{
	for (size_t i = 0; name && i < options->n_nodes; i++)
		if (strcmp(options->nodes[i].name, name) == 0)
			return options->nodes[i].name;
	return NULL;
}

/* --- what volumes want ------------------------------------------------------------ */

/* CLUSTER_NOT_FOUND: a claim without volume, or one that is going. */
static int load(const struct pods_options *options, const struct pod *pod,
		const char *name, struct claim *claim,
		struct persistent_volume *pv, struct err *err)
{
	struct cluster *cluster = options->cluster;
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(object_unref) struct object *volume = NULL;
	int r;

	r = cluster->ops->get(cluster, KIND_CLAIM, pod->meta.namespace, name,
			      &object, err);
	if (r == 0)
		r = claim_decode(object, claim, err);
	if (r == 0 && *claim->volume_name)
		r = cluster->ops->get(cluster, KIND_PERSISTENT_VOLUME, "",
				      claim->volume_name, &volume, err);
	if (r != 0 || !volume)
		return r < 0 ? r : CLUSTER_NOT_FOUND;
	return persistent_volume_decode(volume, pv, err);
}

static int heed_holder(const struct pods_options *options,
		       const struct pod *pod, enum access_mode mode,
		       const struct attachment *holder, struct wish *wish,
		       char **ret_why)
{
	const char *node = find_node(options, holder->node);

	if (strcmp(holder->pod_uid, pod->meta.uid) == 0)
		return 0;
	if (mode == ACCESS_RWOP)
		return refuse(
			ret_why,
			"1 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode");
	if (!node || (wish->required && wish->required != node))
		return refuse(
			ret_why,
			"the pod's ReadWriteOnce volumes are in use on other nodes");
	wish->required = node;
	return 0;
}

static int heed_volume(const struct pods_options *options,
		       const struct pod *pod, const char *claim_name,
		       struct wish *wish, char **ret_why, struct err *err)
{
	_cleanup_(attachment_list_fini) struct attachment_list list = { 0 };
	_cleanup_(claim_fini) struct claim claim = { 0 };
	_cleanup_(persistent_volume_fini) struct persistent_volume pv = { 0 };
	enum access_mode mode;
	int r = load(options, pod, claim_name, &claim, &pv, err);

	if (r >= 0 && !wish->preferred)
		wish->preferred = find_node(
			options, labels_get(&claim.meta.annotations,
					    ANNOTATION_SELECTED_NODE));
	if (r != 0)
		return r < 0 ? r : 0;
	mode = pod_attach_mode(&claim, &pv);
	if (mode == ACCESS_RWX || mode == ACCESS_ROX)
		return 0;
	r = store_attachment_list(options->store, pv.meta.name, &list, err);
	for (size_t i = 0; r == 0 && i < list.n; i++)
		r = heed_holder(options, pod, mode, &list.items[i], wish,
				ret_why);
	return r;
}

/* --- else ---------------------------------------------------------------------------- */

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

int pod_node_choose(const struct pods_options *options, const struct pod *pod,
		    const char **ret, char **ret_why, struct err *err)
{
	struct wish wish = { 0 };

	if (options->n_nodes == 0)
		return refuse(ret_why, "no nodes available to schedule pods");
	for (size_t i = 0; i < pod->n_volumes; i++) {
		int r = 0;

		if (*pod->volumes[i].claim_name)
			r = heed_volume(options, pod,
					pod->volumes[i].claim_name, &wish,
					ret_why, err);
		if (r != 0)
			return r;
	}
	if (!wish.required && !wish.preferred)
		return least_loaded(options, ret, err);
	*ret = wish.required ? wish.required : wish.preferred;
	return 0;
}
