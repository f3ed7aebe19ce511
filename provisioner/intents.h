/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Intents of work on shares: opened before, closed after, and when the provisioner
 * died in between, finished or undone.
 *
 * Threads: the reconciler's only.
 */

#include "claim_apply.h"
#include "volume_place.h"

enum intent_outcome {
	INTENT_FOUND =
		1, /* from an earlier try, which may have done something */
};

/* Opens an intent, or finds the open one of the same step, volume and place. */
int intent_begin(struct store *store, enum claim_step step,
		 const struct volume_place *place, int64_t *ret_id,
		 struct err *err);
int intent_end(struct store *store, int64_t id, struct err *err);

/* Queues the claim of every open intent: for the start and the resync. */
int intents_queue(const struct applier *applier, struct err *err);

/*
 * Settles the open intents of one claim. One that its claim or volume still needs
 * is left to their plans; a directory that was made for a claim that is gone is
 * removed by the same careful way as any other. The first error ends it: the
 * intent stays open.
 */
int intents_settle(const struct applier *applier, const char *namespace,
		   const char *name, struct err *err);
