/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What requests that can't simply be executed twice have come to, in the volume's
 * shared memory: when the process dies, the kernel asks the next one for everything
 * that was not answered, and what was executed already must not be executed again, or must be
 * taken for a success where the server now says EEXIST or ENOENT.
 *
 * Threads: any. A slot belongs to the request that began it.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct inode_table;
struct intents;

#define INTENT_NONE UINT32_MAX
/* In the unique of what is asked again; FUSE_UNIQUE_RESEND of kernel 6.9's fuse.h. */
#define INTENT_UNIQUE_RESEND (1ull << 63)

struct intent_outcome {
	bool is_settled; /* executed: status is what is to be answered */
	int status;
	bool has_value;
	uint64_t value; /* of intent_set_value() */
	uint64_t sent;	/* of intent_sent() */
};

/* In the reserved part of the table's memory; those that are there are kept. */
int intents_new(struct intents **ret, struct inode_table *table);
struct intents *intents_free(struct intents *intents);

/*
 * The request's slot; INTENT_NONE when all are taken: then it is executed without.
 * unique is the request's as the kernel sent it. Of one that is asked again,
 * *ret says how far the former process came. intents NULL: INTENT_NONE.
 */
uint32_t intent_begin(struct intents *intents, uint64_t unique,
		      struct intent_outcome *ret);

/* These accept INTENT_NONE. Something that a second execution has to know. */
void intent_set_value(struct intents *intents, uint32_t slot, uint64_t value);
/*
 * Where to note as what its changes are sent (nfs_sent.h), each instead of the one
 * before; good until intent_end(). NULL for INTENT_NONE.
 */
_Atomic uint64_t *intent_sent(struct intents *intents, uint32_t slot);
/* It was executed, and is about to be answered. */
void intent_settle(struct intents *intents, uint32_t slot, int status);
/* It was answered. */
void intent_end(struct intents *intents, uint32_t slot);
