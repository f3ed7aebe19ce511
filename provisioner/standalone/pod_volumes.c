/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A volume's directory below the pod's says that something may be mounted: it is
 * made before the first call, and goes after the last one. Around that, the
 * attachment in the record says that nobody else may have the volume (pod_attach.c):
 * a volume for one node is never on two, not even for a moment, and not after a
 * crash either.
 *
 * Everything is asked of the daemon again each time: its verbs are idempotent, and
 * a daemon that was restarted gets its mounts back.
 */

#include "pod_volumes.h"

#include <string.h>

#include "csi_origin.h"
#include "json_field.h"
#include "log.h"
#include "model_decode.h"
#include "parse.h"
#include "pod_attach.h"
#include "pod_dir.h"
#include "store_attachment.h"

static struct pod_dir dir_of(const struct pod_volumes *self,
			     const struct pod *pod)
{
	return (struct pod_dir){ .state_dir = self->state_dir,
				 .node = self->node,
				 .uid = pod->meta.uid };
}

static int rpc_error(enum rpc_status status)
{
	switch (status) {
	case RPC_OK:
		return 0;
	case RPC_INVALID_ARGUMENT:
		return -EINVAL;
	case RPC_UNAVAILABLE:
		return -ECONNREFUSED;
	case RPC_DEADLINE_EXCEEDED:
		return -ETIMEDOUT;
	case RPC_CANCELLED:
		return -ECANCELED;
	default:
		return -EIO;
	}
}

/* --- claim to volume ----------------------------------------------------------------- */

/* The kubelet's frame around whatever is wrong with a claim. */
static int refuse_claim(const struct pod *pod, const struct pod_volume *volume,
			const char *why, struct err *err)
{
	(void)err_set(
		err, -EAGAIN,
		"Unable to attach or mount volumes: unmounted volumes=[%s], unattached volumes=[], failed to process volumes=[%s]: error processing PVC %s/%s: %s",
		volume->name, volume->name, pod->meta.namespace,
		volume->claim_name, why);
	return POD_VOLUMES_REFUSED;
}

static int refuse_missing(const struct pod *pod,
			  const struct pod_volume *volume, struct err *err)
{
	_cleanup_(free) char *why = NULL;

	if (asprintf(
		    &why,
		    "failed to fetch PVC from API server: persistentvolumeclaim \"%s\" not found",
		    volume->claim_name) < 0)
		why = NULL;
	return refuse_claim(pod, volume, why ? why : "not found", err);
}

static int check_claim(const struct pod *pod, const struct pod_volume *volume,
		       const struct claim *claim, struct err *err)
{
	_cleanup_(free) char *why = NULL;

	if (claim->meta.is_deleting)
		return refuse_claim(
			pod, volume,
			"can't start pod because PVC is being deleted", err);
	if (claim->phase == CLAIM_BOUND && *claim->volume_name)
		return 0;
	if (asprintf(
		    &why,
		    "PVC %s/%s has non-bound phase (\"%s\") or empty pvc.Spec.VolumeName (\"%s\")",
		    claim->meta.namespace, claim->meta.name,
		    claim_phase_names[claim->phase], claim->volume_name) < 0)
		why = NULL;
	return refuse_claim(pod, volume, why ? why : "PVC is not bound", err);
}

static int load_claim(const struct pod_volumes *self, const struct pod *pod,
		      const struct pod_volume *volume, struct claim *ret,
		      struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	int r;

	r = self->cluster->ops->get(self->cluster, KIND_CLAIM,
				    pod->meta.namespace, volume->claim_name,
				    &object, err);
	if (r == CLUSTER_NOT_FOUND)
		return refuse_missing(pod, volume, err);
	if (r != 0)
		return r < 0 ? r : -EIO;
	return claim_decode(object, ret, err);
}

static int load_volume(const struct pod_volumes *self, const char *name,
		       struct persistent_volume *ret, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	int r = self->cluster->ops->get(self->cluster, KIND_PERSISTENT_VOLUME,
					"", name, &object, err);

	if (r == CLUSTER_NOT_FOUND)
		return err_set(err, -ENOENT,
			       "persistentvolume \"%s\" not found", name);
	if (r != 0)
		return r < 0 ? r : -EIO;
	r = persistent_volume_decode(object, ret, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < self->n_drivers; i++)
		if (strcmp(ret->driver, self->drivers[i]) == 0)
			return 0;
	r = err_set(
		err, -EINVAL,
		"driver name %s not found in the list of registered CSI drivers",
		ret->driver);
	persistent_volume_fini(ret);
	return r;
}

/* --- mounting -------------------------------------------------------------------------------- */

#define N_POD_LABELS 4

/* volume_context: the volume's attributes and who the pod is; all borrowed. */
static int make_context(const struct persistent_volume *pv,
			const struct pod *pod, struct labels *ret)
{
	const struct label extra[N_POD_LABELS] = {
		{ (char *)"csi.storage.k8s.io/pod.name", pod->meta.name },
		{ (char *)"csi.storage.k8s.io/pod.namespace",
		  pod->meta.namespace },
		{ (char *)"csi.storage.k8s.io/pod.uid", pod->meta.uid },
		{ (char *)"csi.storage.k8s.io/ephemeral", (char *)"false" },
	};
	size_t n = pv->attributes.n;

	ret->items = calloc(n + N_POD_LABELS, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	if (n)
		memcpy(ret->items, pv->attributes.items,
		       n * sizeof(*ret->items));
	memcpy(ret->items + n, extra, sizeof(extra));
	ret->n = n + N_POD_LABELS;
	return 0;
}

/* In the kubelet's words; what is the operation, err what the daemon said. */
static int rpc_failure(const struct persistent_volume *pv, const char *what,
		       enum rpc_status status, const struct err *said,
		       struct err *err)
{
	return err_set(
		err, rpc_error(status),
		"%s failed for volume \"%s\" : rpc error: code = %s desc = %s",
		what, pv->meta.name, rpc_status_name(status), err_text(said));
}

/*
 * A PersistentVolume has the attributes that it was made with for ever: what it grew to
 * since is told as the kubelet tells it, after the mount. A daemon of an earlier
 * version does not know of that.
 */
static int expand(const struct pod_volumes *self,
		  const struct persistent_volume *pv,
		  const struct node_client_volume *volume,
		  const struct node_client_target *target, struct err *err)
{
	const char *text = labels_get(&pv->attributes, "claimfs.io/capacity");
	_cleanup_(err_fini) struct err said = ERR_INIT;
	uint64_t capacity = 0;
	enum rpc_status status;

	if (text)
		(void)parse_u64(text, 0, INT64_MAX, &capacity);
	if (pv->capacity <= capacity)
		return 0;
	status = node_client_expand(self->client, volume, target, pv->capacity,
				    &said);
	if (status == RPC_OK || status == RPC_UNIMPLEMENTED)
		return 0;
	return rpc_failure(pv, "Expander.NodeExpandVolume", status, &said, err);
}

static int stage_and_publish(const struct pod_volumes *self,
			     const struct pod *pod,
			     const struct pod_attach *attach,
			     const struct node_client_target *target,
			     struct err *err)
{
	const struct persistent_volume *pv = attach->pv;
	_cleanup_(err_fini) struct err said = ERR_INIT;
	struct node_client_volume volume = {
		.handle = pv->handle,
		.access_mode = attach->mode,
		.mount_flags = pv->mount_options,
		.n_mount_flags = pv->n_mount_options,
		.mount_group = pod->fs_group,
		.context = &pv->attributes,
	};
	struct labels context = { 0 };
	enum rpc_status status;

	status = node_client_stage(self->client, &volume, target->staging_path,
				   &said);
	if (status != RPC_OK)
		return rpc_failure(pv, "MountVolume.MountDevice", status, &said,
				   err);
	if (make_context(pv, pod, &context) < 0)
		return err_set(err, -ENOMEM, "no memory");
	volume.context = &context;
	status = node_client_publish(self->client, &volume, target, &said);
	free(context.items);
	if (status != RPC_OK)
		return rpc_failure(pv, "MountVolume.SetUp", status, &said, err);
	return expand(self, pv, &volume, target, err);
}

static int mount_one(const struct pod_volumes *self, const struct pod *pod,
		     const struct pod_volume *volume, char **ret_path,
		     const char **ret_reason, struct err *err)
{
	_cleanup_(claim_fini) struct claim claim = { 0 };
	_cleanup_(persistent_volume_fini) struct persistent_volume pv = { 0 };
	_cleanup_(pod_dir_volume_fini) struct pod_dir_volume found = { 0 };
	struct pod_dir dir = dir_of(self, pod);
	struct node_client_target target;
	struct pod_attach attach;
	int r;

	r = load_claim(self, pod, volume, &claim, err);
	if (r == 0)
		r = check_claim(pod, volume, &claim, err);
	if (r == 0)
		r = load_volume(self, claim.volume_name, &pv, err);
	if (r != 0)
		return r;
	attach = (struct pod_attach){ .pod = pod,
				      .pv = &pv,
				      .mode = pod_attach_mode(&claim, &pv) };
	r = pod_attach(self, &attach, ret_reason, err);
	if (r == 0)
		r = pod_dir_add(&dir, pv.meta.name, pv.driver, pv.handle,
				&found, err);
	if (r != 0)
		return r;
	target = (struct node_client_target){
		.staging_path = found.staging,
		.target_path = found.target,
		.is_read_only = volume->is_read_only,
	};
	r = stage_and_publish(self, pod, &attach, &target, err);
	if (r == 0)
		*ret_path = TAKE_PTR(found.target);
	return r;
}

int pod_volumes_mount(const struct pod_volumes *self, const struct pod *pod,
		      char **ret_paths, const char **ret_reason,
		      struct err *err)
{
	*ret_reason = "FailedMount";
	for (size_t i = 0; i < pod->n_volumes; i++) {
		int r;

		if (!*pod->volumes[i].claim_name)
			continue;
		r = mount_one(self, pod, &pod->volumes[i], &ret_paths[i],
			      ret_reason, err);
		if (r != 0)
			return r;
	}
	return 0;
}

/* --- unmounting --------------------------------------------------------------------------------- */

static int unstage_last(const struct pod_volumes *self,
			const struct pod_dir *dir,
			const struct pod_dir_volume *volume, struct err *err)
{
	enum rpc_status status;
	int r;

	r = pod_dir_find_user(dir, volume->pv, err);
	if (r != 0)
		return r < 0 ? r : 0;
	status = node_client_unstage(self->client, volume->handle,
				     volume->staging, err);
	if (status != RPC_OK)
		return rpc_error(status);
	if (rmdir(volume->staging) < 0 && errno != ENOENT)
		return err_set_errno(err, -errno, "remove %s", volume->staging);
	*strrchr(volume->staging, '/') = '\0';
	(void)rmdir(volume->staging);
	return 0;
}

static int unmount_one(const struct pod_volumes *self,
		       const struct pod_dir *dir,
		       const struct pod_dir_volume *volume, struct err *err)
{
	enum rpc_status status;
	int r;

	if (*volume->handle) {
		status = node_client_unpublish(self->client, volume->handle,
					       volume->target, err);
		if (status != RPC_OK)
			return rpc_error(status);
		r = unstage_last(self, dir, volume, err);
		if (r < 0)
			return r;
	}
	r = pod_dir_remove(dir, volume, err);
	return r < 0 ? r : store_detach(self->store, dir->uid, volume->pv, err);
}

/* Also what was attached and got no directory any more. */
static int forget_pod(const struct pod_volumes *self, const struct pod_dir *dir,
		      struct err *err)
{
	int r = pod_dir_remove_pod(dir, err);

	return r < 0 ? r : store_detach(self->store, dir->uid, NULL, err);
}

int pod_volumes_unmount(const struct pod_volumes *self, const struct pod *pod,
			struct err *err)
{
	_cleanup_(pod_dir_list_fini) struct pod_dir_list list = { 0 };
	struct pod_dir dir = dir_of(self, pod);
	int r;

	r = pod_dir_list(&dir, &list, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.n; i++) {
		r = unmount_one(self, &dir, &list.items[i], err);
		if (r < 0) {
			(void)err_wrap(err,
				       "UnmountVolume failed for volume \"%s\"",
				       list.items[i].pv);
			return r;
		}
	}
	return forget_pod(self, &dir, err);
}

/* --- pods that are gone -------------------------------------------------------------------------- */

static bool has_uid(const struct object_list *pods, const char *uid)
{
	for (size_t i = 0; i < pods->n; i++)
		if (strcmp(pods->items[i]->uid, uid) == 0)
			return true;
	return false;
}

static int sweep(const struct pod_volumes *self, const struct object_list *pods,
		 char **uids, size_t n, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct pod gone = { .meta = { .uid = uids[i] } };

		if (has_uid(pods, uids[i]))
			continue;
		r = pod_volumes_unmount(self, &gone, err);
		if (r == 0)
			log_info("volumes of a pod that is gone unmounted",
				 F_STR("uid", uids[i]),
				 F_STR("node", self->node));
	}
	return r;
}

/* One that was attached last when we died, and has nothing on disk. */
static int sweep_attachments(const struct pod_volumes *self,
			     const struct object_list *pods, struct err *err)
{
	_cleanup_(attachment_list_fini) struct attachment_list list = { 0 };
	int r = store_attachment_list(self->store, NULL, &list, err);

	for (size_t i = 0; i < list.n && r == 0; i++) {
		struct pod_dir dir = { .state_dir = self->state_dir,
				       .node = self->node,
				       .uid = list.items[i].pod_uid };

		if (strcmp(list.items[i].node, self->node) == 0 &&
		    !holder_is_csi(dir.uid) && !has_uid(pods, dir.uid) &&
		    !pod_dir_exists(&dir))
			r = store_detach(self->store, dir.uid, NULL, err);
	}
	return r;
}

/*
 * The directories are looked at before the pods are: each was made for a pod that
 * existed, by the thread that is here now.
 */
int pod_volumes_sweep(const struct pod_volumes *self, struct err *err)
{
	_cleanup_(object_list_fini) struct object_list pods = OBJECT_LIST_INIT;
	char **uids;
	size_t n;
	int r = pod_dir_uids(self->state_dir, self->node, &uids, &n, err);

	if (r < 0)
		return r;
	r = self->cluster->ops->list(self->cluster, KIND_POD, NULL, &pods, err);
	if (r == 0)
		r = sweep(self, &pods, uids, n, err);
	if (r == 0)
		r = sweep_attachments(self, &pods, err);
	json_strings_free(uids, n);
	return r > 0 ? -EIO : r;
}
