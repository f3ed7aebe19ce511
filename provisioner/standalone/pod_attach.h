/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who may have a volume: what ReadWriteOnce and ReadWriteOncePod promise. Nobody
 * else in Kubernetes keeps that promise for a driver without attach operations.
 *
 * Threads: any.
 */

#include "pod_volumes.h"

struct pod_attach {
	const struct pod *pod;		    /* borrowed */
	const struct persistent_volume *pv; /* borrowed */
	enum access_mode mode;		    /* pod_attach_mode() */
};

/*
 * The one access mode that nodes are told, and that decides who may have the
 * volume: ReadOnlyMany for a claim that asks for nothing else, ReadWriteMany where
 * the volume has it, else the volume's first, which is all that the kubelet tells.
 */
enum access_mode pod_attach_mode(const struct claim *claim,
				 const struct persistent_volume *pv);

/*
 * Enters the pod's attachment into the record; store_detach() is its end.
 * POD_VOLUMES_REFUSED: another node or pod has it, whom err names.
 */
int pod_attach(const struct pod_volumes *self, const struct pod_attach *attach,
	       const char **ret_reason, struct err *err);
