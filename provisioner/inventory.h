/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What exists, read from the API and decoded: the world that plans are made from.
 * An object that can't be decoded is left out: it was edited by hand, and must not
 * stop everybody else.
 *
 * Threads: belongs to its user.
 */

#include "cluster.h"
#include "plan.h"

struct inventory {
	struct storage_class *classes;
	size_t n_classes;
	struct attributes_class *attributes_classes;
	size_t n_attributes_classes;
	struct persistent_volume *volumes;
	size_t n_volumes;
	struct pod *pods;
	size_t n_pods;
};

/*
 * Reading is what a plan costs, so only what it looks at is read: of the volumes
 * those that the claim may get.
 */
enum inventory_parts {
	INVENTORY_CLASSES = 1u << 0,
	INVENTORY_VOLUMES = 1u << 1,
	INVENTORY_PODS = 1u << 2,	 /* of the namespace; NULL = of all */
	INVENTORY_ALL_VOLUMES = 1u << 3, /* whosever they are */
	INVENTORY_ATTRIBUTES = 1u << 4,	 /* VolumeAttributesClasses */
	INVENTORY_OWN_VOLUME = 1u << 5,	 /* the claim's, or made for it */
	INVENTORY_ALL = INVENTORY_CLASSES | INVENTORY_VOLUMES | INVENTORY_PODS,
};

/* What claim_plan() looks at. */
enum inventory_parts inventory_parts_for(const struct claim *claim,
					 bool is_binder);
/* claim NULL: no volumes are read. */
int inventory_load(struct cluster *cluster, enum inventory_parts parts,
		   const char *namespace, const struct claim *claim,
		   struct inventory *ret, struct err *err);
void inventory_fini(struct inventory *inventory);

/* Borrows from the inventory; who we are is the caller's to add. */
struct plan_world inventory_world(const struct inventory *inventory);

DEFINE_FINI(struct inventory, inventory_fini)
