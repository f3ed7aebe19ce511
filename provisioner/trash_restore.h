/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A volume comes back out of the trash. */

#include "remover.h"

/*
 * Directory, volume, and the row goes. Repeating one that was interrupted finishes
 * it. -EEXIST: its place, or its name, is taken.
 */
int trash_restore(const struct remover_options *options,
		  const struct store_trash *trash,
		  const struct volume_place *place, struct err *err);

/* The volume as it will be: free for the claim that had it. -ENOENT: not known. */
int trash_restored_object(const struct store_trash *trash, struct object **ret,
			  struct err *err);
