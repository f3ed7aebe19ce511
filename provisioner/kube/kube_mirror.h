/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The record kept equal to a cluster: classes, volumes, claims, VolumeAttachments and
 * VolumeAttributesClasses (where the cluster has them), by a watch each.
 * What arrives together is one transaction.
 *
 * Any thread.
 */

#include "kube_watch.h"
#include "store.h"

struct kube_mirror;

/* Both are borrowed. Begins at once; -errno with a sentence. */
int kube_mirror_start(struct kube_mirror **ret, struct kube_api *api,
		      struct store *store, struct err *err);
/* Ends all watches, whatever they wait for. */
struct kube_mirror *kube_mirror_free(struct kube_mirror *mirror);

/* Every kind was listed: what the record lacks is not there. */
bool kube_mirror_is_complete(struct kube_mirror *mirror);
/* Waits for that; -ETIMEDOUT, with the kinds that are missing. */
int kube_mirror_wait(struct kube_mirror *mirror, uint64_t timeout_ns,
		     struct err *err);

DEFINE_CLEANUP(struct kube_mirror *, kube_mirror_free)
