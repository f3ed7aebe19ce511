/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What api_admin.c has a table of; one file per verb. See api_admin_fn. */

#include "api_admin.h"

/* admin_target.c: the object of {kind, namespace, name}; borrowed. */
struct admin_target {
	enum object_kind kind;
	const char *namespace; /* "" for kinds without */
	const char *name;
};

int admin_target(const struct cJSON *in, struct admin_target *ret,
		 struct err *err);

/*
 * fate.c: {kind, namespace, name} -> {message, volume, files, bytes, isComplete}: what
 * a deletion would do to the volume's directory; {} for a claim without volume.
 */
int admin_fate(struct api_admin_call *call, const struct cJSON *in,
	       struct cJSON **ret, struct err *err);

/* history.c: {kind, namespace, name} -> {items: [{at, uid, who, what, detail}]} */
int admin_history(struct api_admin_call *call, const struct cJSON *in,
		  struct cJSON **ret, struct err *err);

/*
 * trash_verbs.c: {action, volume, dryRun} -> {items: [...]} for the action "list",
 * else what is in the trash of the volume; {volume, dryRun} -> PersistentVolume.
 */
int admin_trash(struct api_admin_call *call, const struct cJSON *in,
		struct cJSON **ret, struct err *err);
int admin_restore(struct api_admin_call *call, const struct cJSON *in,
		  struct cJSON **ret, struct err *err);
/*
 * snapshot_verbs.c: {namespace, claim, name, wait, freezeSeconds} -> the snapshot, with a
 * line for each second; {namespace, name} -> {items: [...]}; {namespace, name, dryRun} -> what it was.
 */
int admin_snapshot(struct api_admin_call *call, const struct cJSON *in,
		   struct cJSON **ret, struct err *err);
int admin_snapshots(struct api_admin_call *call, const struct cJSON *in,
		    struct cJSON **ret, struct err *err);
int admin_delete_snapshot(struct api_admin_call *call, const struct cJSON *in,
			  struct cJSON **ret, struct err *err);
/*
 * copy_verbs.c: {action, name, dryRun} -> {items: [...]} for the action "list", else the
 * copy as it was.
 */
int admin_copies(struct api_admin_call *call, const struct cJSON *in,
		 struct cJSON **ret, struct err *err);
/*
 * clone_verb.c: {namespace, claim or snapshot, as, class, size, mode, dryRun} -> the new
 * PersistentVolumeClaim.
 */
int admin_clone(struct api_admin_call *call, const struct cJSON *in,
		struct cJSON **ret, struct err *err);
/*
 * recover.c: {server, share, options, dryRun} -> {recovered, existing, left, failed},
 * with a line for each volume.
 */
int admin_recover(struct api_admin_call *call, const struct cJSON *in,
		  struct cJSON **ret, struct err *err);

/*
 * adopt.c: {dir, namespace, claim, class, size, mode, reclaim} -> {volume, share,
 * reclaim}.
 */
int admin_adopt(struct api_admin_call *call, const struct cJSON *in,
		struct cJSON **ret, struct err *err);

/*
 * check.c: {} -> {found}, with a line for each thing found: {message, and where it
 * can be repaired: repair, volume, server, share, options}, which is what repair takes.
 */
int admin_check(struct api_admin_call *call, const struct cJSON *in,
		struct cJSON **ret, struct err *err);
int admin_repair(struct api_admin_call *call, const struct cJSON *in,
		 struct cJSON **ret, struct err *err);

/* admin_share.c: server, share and ports of {server, share, options}; borrowed. */
int admin_share(const struct cJSON *in, struct share_volume *ret,
		struct err *err);
