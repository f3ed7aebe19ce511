/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a volume keeps (kept.h), for the process after this one: a slot in the node
 * table's memory for each extent, and its data in the arena. Data is in the journal
 * before its write is answered, and until it is committed.
 *
 * Threads: commit.c's lock is held.
 */

#include <stdbool.h>
#include <stdint.h>

#include "kept.h"

struct arena;
struct inode_table;
struct kept_journal;

/* arena is borrowed; NULL, as in tests of other things: nothing is recorded. */
int kept_journal_new(struct kept_journal **ret, struct inode_table *table,
		     struct arena *arena);
struct kept_journal *kept_journal_free(struct kept_journal *journal);

/* Whether many more extents can be recorded. */
bool kept_journal_has_room(const struct kept_journal *journal);

/*
 * Records the extent, or what has changed of it. One that is_broken is written
 * again by the next process, others only if the server has another verifier.
 * Without a free slot it is not recorded.
 */
void kept_journal_record(struct kept_journal *journal, uint64_t nodeid,
			 struct kept_extent *extent);
/* Before it is freed; accepts one that is not recorded. */
void kept_journal_erase(struct kept_journal *journal,
			struct kept_extent *extent);

/* From here on nothing is changed: the next process reads it. NULL: nothing. */
void kept_journal_close(struct kept_journal *journal);

/* Takes the extent, which has its slot. */
typedef void (*kept_restore_fn)(void *userdata, uint64_t nodeid,
				struct kept_extent *take_extent);

/*
 * Makes an extent of each that a former process recorded, oldest first: what was
 * answered in the order of the answers, then what was not sent. -ENOMEM.
 */
int kept_journal_restore(struct kept_journal *journal, kept_restore_fn fn,
			 void *userdata);

DEFINE_CLEANUP(struct kept_journal *, kept_journal_free)
