/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The kubelet's directories, which are also its memory: what is there is mounted
 * or may be, whatever became of the objects.
 *
 *	STATE/nodes/NODE/pods/UID/volumes/kubernetes.io~csi/PV/mount
 *	STATE/nodes/NODE/pods/UID/volumes/kubernetes.io~csi/PV/vol_data.json
 *	STATE/nodes/NODE/plugins/kubernetes.io/csi/DRIVER/PV/globalmount
 *
 * Threads: any; the state directory is a constant.
 */

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct pod_dir {
	const char *state_dir; /* all borrowed */
	const char *node;
	const char *uid;
};

/* A volume of a pod as it is on disk. */
struct pod_dir_volume {
	char *pv;
	char *driver;
	char *handle;
	char *target;  /* .../mount */
	char *staging; /* .../globalmount */
};

struct pod_dir_list {
	struct pod_dir_volume *items;
	size_t n;
};

/* Makes the directories around target and staging, and writes vol_data.json. */
int pod_dir_add(const struct pod_dir *dir, const char *pv, const char *driver,
		const char *handle, struct pod_dir_volume *ret,
		struct err *err);
/* What pod_dir_add() made, mounts excepted; idempotent. */
int pod_dir_remove(const struct pod_dir *dir,
		   const struct pod_dir_volume *volume, struct err *err);
/* The pod's own directory, which must have no volumes any more. */
int pod_dir_remove_pod(const struct pod_dir *dir, struct err *err);

int pod_dir_list(const struct pod_dir *dir, struct pod_dir_list *ret,
		 struct err *err);
/* 1: another pod of the node has a directory of this PV; 0: none has. */
int pod_dir_find_user(const struct pod_dir *dir, const char *pv,
		      struct err *err);
/* The uids of all pods that have a directory on the node; json_strings_free(). */
int pod_dir_uids(const char *state_dir, const char *node, char ***ret,
		 size_t *ret_n, struct err *err);
/* Is anything of the pod on disk? */
bool pod_dir_exists(const struct pod_dir *dir);

void pod_dir_volume_fini(struct pod_dir_volume *volume);
void pod_dir_list_fini(struct pod_dir_list *list);

DEFINE_FINI(struct pod_dir_volume, pod_dir_volume_fini)
DEFINE_FINI(struct pod_dir_list, pod_dir_list_fini)
