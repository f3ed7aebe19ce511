/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The keys of the reconciler's queue:
 *
 *	"claim NAMESPACE/NAME"
 *	"volume NAME"
 *	"claims"		all claims that are not bound (a class or a volume came)
 *	"all-claims"		bound ones, too (a VolumeAttributesClass came)
 *	"released"		all volumes that are (a pod that had one went)
 *	"resync"		everything, and the claims of open intents
 *	"idle"			nothing: connections are closed when there is nothing to do
 *
 * Threads: any.
 */

#include "queue.h"
#include "store_copy.h"

#define CLAIM_PREFIX   "claim "
#define VOLUME_PREFIX  "volume "
#define CLAIMS_KEY     "claims"
#define ALL_CLAIMS_KEY "all-claims"
#define RELEASED_KEY   "released"
#define RESYNC_KEY     "resync"
#define IDLE_KEY       "idle"

/* Names may be empty: nobody is meant. */
void key_claim(struct queue *queue, const char *namespace, const char *name);
void key_volume(struct queue *queue, const char *name);
/* Whatever a change may concern. */
void keys_changed(struct queue *queue, enum store_change change,
		  const struct object *object);
/* The source of a copy, and whom it is for. */
void keys_copied(struct queue *queue, const struct store_copy *copy);
