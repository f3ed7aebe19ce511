/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What "check" finds of copies and snapshots, and how "repair" drops a copy. */

#include "check_tell.h"

/* Of run->share, which is `where`. */
int check_copies(struct check_run *run, const struct share_volume *where,
		 struct err *err);
/* -EBUSY: it is no orphan (any more). It is removed in the background. */
int check_drop_copy(struct api_admin *admin, const struct share_volume *where,
		    const char *name, struct err *err);
