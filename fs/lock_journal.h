/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which (file, svid) of a volume may hold locks on the server: a file in the state
 * directory that survives this process, so that the next one can unlock them. NLM
 * servers keep locks of a client that does not come back.
 *
 * Threads: one at a time.
 */

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "nfs_call.h"

struct lock_journal;

#define LOCK_CALLER_MAX 255

/* Makes the volume's file in dir, or takes over what is there. */
int lock_journal_open(struct lock_journal **ret, const char *dir,
		      const char *volume, const char *caller, struct err *err);
/* Removes the file when nothing is in it. */
struct lock_journal *lock_journal_close(struct lock_journal *journal);

/*
 * Our name to the server: the given one, or another that locks were taken by which
 * are left in it.
 */
const char *lock_journal_caller(const struct lock_journal *journal);

/* Before the first lock is asked for. -ENOLCK when it is full. */
int lock_journal_add(struct lock_journal *journal, const struct nfs_fh *fh,
		     uint32_t svid, uint32_t *ret_slot);
/* When the server has none left. */
void lock_journal_remove(struct lock_journal *journal, uint32_t slot);

/* The next entry from slot *cursor on, which becomes its own; false = none. */
bool lock_journal_next(const struct lock_journal *journal, uint32_t *cursor,
		       struct nfs_fh *ret_fh, uint32_t *ret_svid);

DEFINE_CLEANUP(struct lock_journal *, lock_journal_close)
