/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the API and the record have, as check.c compares it with shares: volumes of
 * ours, the shares that classes and volumes name, and intents that are open. Threads:
 * belongs to its user.
 */

#include "api_admin.h"
#include "model_decode.h"
#include "share_survey.h"
#include "store.h"
#include "volume_place.h"

struct check_volume {
	struct volume_place place; /* name only, unless has_place */
	bool has_place;
	bool is_provisioned; /* by us: it should have a descriptor */
	bool has_descriptor; /* check.c's */
};

struct check_world {
	struct check_volume *volumes; /* ordered by name */
	size_t n_volumes;
	struct volume_place *shares; /* server, share and ports only */
	size_t n_shares;
	struct store_intent_list intents;
	char **paths; /* of descriptors: "<server> <share> <path>" */
	size_t n_paths;
};

int check_world_load(struct check_world *world, const struct api_admin *admin,
		     struct err *err);
void check_world_fini(struct check_world *world);

/* NULL when there is none. */
struct check_volume *check_world_find(struct check_world *world,
				      const char *name);
/* Something is being done with it. */
bool check_world_is_open(const struct check_world *world, const char *volume);
bool check_world_is_on(const struct volume_place *place,
		       const struct volume_place *share);

/* Remembers the path of a descriptor on the share; -ENOMEM. */
int check_world_has_path(struct check_world *world,
			 const struct volume_place *share, const char *path);
/* Some volume or descriptor has the directory at the top, or one below it. */
bool check_world_owns(const struct check_world *world,
		      const struct volume_place *share, const char *name);

DEFINE_FINI(struct check_world, check_world_fini)
