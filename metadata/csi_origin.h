/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Volumes that are made over CSI are claims like others, in a namespace of their own.
 * What such a claim says about itself in annotations counts nowhere else. Pure; any
 * thread.
 */

#include "model.h"

#define CSI_NAMESPACE "claimfs-csi"

/* The name in CreateVolume, of which the claim's own may be a hash. */
#define ANNOTATION_CSI_NAME "claimfs.io/csi-name"
/* What it began as, "snapshot:ID" or "volume:ID". */
#define ANNOTATION_CSI_SOURCE "claimfs.io/csi-source"
/* What the PersistentVolume is to be called. */
#define ANNOTATION_VOLUME_NAME "claimfs.io/volume-name"
/* The claim and volume of the cluster that it is made for, as a sidecar told. */
#define ANNOTATION_TOLD_CLAIM	  "claimfs.io/pvc-name"
#define ANNOTATION_TOLD_NAMESPACE "claimfs.io/pvc-namespace"
#define ANNOTATION_TOLD_VOLUME	  "claimfs.io/pv-name"

/*
 * Begins the keys by which a sidecar or a kubelet tells of its own objects, in any map
 * that it hands on: they say nothing about the volume.
 */
#define CSI_TOLD_PREFIX "csi.storage.k8s.io/"
bool csi_key_is_told(const char *key);

/* Begins the uid of an attachment that ControllerPublishVolume made; its node follows. */
#define CSI_HOLDER_PREFIX "csi:"

bool namespace_is_csi(const char *namespace);
bool claim_is_csi(const struct claim *claim);
/*
 * From now on nothing is: in a cluster no volumes are made over CSI, and whoever may make
 * claims there chooses their namespace and annotations.
 */
void csi_origin_ignore(void);
bool holder_is_csi(const char *pod_uid);

/* At most 63 lower case letters, digits and '-', as a name in Kubernetes. */
bool csi_name_is_label(const char *name);

/* NULL = its volume is called as that of any claim is. */
const char *claim_csi_volume_name(const struct claim *claim);

/* Its own name and so on, unless it was told those of a cluster. */
const char *claim_told_name(const struct claim *claim);
const char *claim_told_namespace(const struct claim *claim);
const char *claim_told_volume(const struct claim *claim, const char *volume);
