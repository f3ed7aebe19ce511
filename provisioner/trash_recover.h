/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What lies in the trash of a share gets its row in the record again. Threads: any. */

#include "share_survey.h"
#include "store.h"

enum trash_recover_outcome {
	TRASH_RECOVERED = 0,
	TRASH_EXISTS = 1,
	TRASH_LEFT = 2, /* nothing to make it from; err has the reason */
};

enum trash_recover_flags {
	TRASH_RECOVER_DRY_RUN = 1u << 0, /* nothing is made */
};

/* found: of struct share_survey's on_trashed. */
int trash_recover(struct store *store, const struct share_volume *where,
		  const struct share_found *found,
		  enum trash_recover_flags flags, struct err *err);
