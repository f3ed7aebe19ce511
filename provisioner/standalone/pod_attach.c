/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The sentences begin as those of the attach-detach controller and the scheduler
 * do, and go on with the name of the holder.
 *
 * A node that was told ReadWriteOnce caches as if it were alone. So whatever else
 * a volume allows, the mode that was told is the mode that is kept.
 */

#include "pod_attach.h"

#include "store_attachment.h"

enum access_mode pod_attach_mode(const struct claim *claim,
				 const struct persistent_volume *pv)
{
	if (claim->access_modes == ACCESS_ROX)
		return ACCESS_ROX;
	return pv->access_modes & ACCESS_RWX ? ACCESS_RWX
					     : pv->first_access_mode;
}

static enum attachment_scope scope_of(enum access_mode mode)
{
	switch (mode) {
	case ACCESS_RWO:
		return ATTACHMENT_ONE_NODE;
	case ACCESS_RWOP:
		return ATTACHMENT_ONE_POD;
	case ACCESS_ROX:
	case ACCESS_RWX:
		break;
	}
	return ATTACHMENT_ANYWHERE;
}

static int refuse(const struct pod_attach *attach,
		  const struct attachment *holder, const char **ret_reason,
		  struct err *err)
{
	if (attach->mode == ACCESS_RWOP) {
		*ret_reason = "FailedScheduling";
		(void)err_set(
			err, -EAGAIN,
			"node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode: pod %s/%s on node %s",
			holder->pod_namespace, holder->pod, holder->node);
		return POD_VOLUMES_REFUSED;
	}
	*ret_reason = "FailedAttachVolume";
	(void)err_set(
		err, -EAGAIN,
		"Multi-Attach error for volume \"%s\" Volume is already used by pod(s) %s/%s on node %s",
		attach->pv->meta.name, holder->pod_namespace, holder->pod,
		holder->node);
	return POD_VOLUMES_REFUSED;
}

int pod_attach(const struct pod_volumes *self, const struct pod_attach *attach,
	       const char **ret_reason, struct err *err)
{
	_cleanup_(attachment_fini) struct attachment holder = { 0 };
	const struct object_meta *pod = &attach->pod->meta;
	const struct attachment attachment = {
		.volume = attach->pv->meta.name,
		.node = (char *)self->node,
		.pod_namespace = pod->namespace,
		.pod = pod->name,
		.pod_uid = pod->uid,
	};
	int r = store_attach(self->store, &attachment, scope_of(attach->mode),
			     &holder, err);

	return r == STORE_CONFLICT ? refuse(attach, &holder, ret_reason, err)
				   : r;
}
