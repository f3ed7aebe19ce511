/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which names of a volume this node has set aside, in a file of the state directory:
 * who closes the files removes the names (ops_silly.c), and if that process dies, the
 * next one does (leftovers.c).
 *
 * An entry is owned by a name that somebody is going to remove, or it is left over.
 * Those that a former process wrote are left over until they are claimed.
 *
 * Threads: any.
 */

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "file_state.h"
#include "nfs_call.h"

struct silly_journal;

#define SILLY_ENTRIES_MAX 1024u
#define SILLY_NO_ENTRY	  UINT32_MAX

struct silly_entry {
	struct nfs_fh dir;
	struct nfs_fh file; /* that had the name */
	struct nfs_cred cred;
	char name[FILE_SILLY_NAME_SIZE];
};

/* Makes the volume's file in dir, or takes over what is there. */
int silly_journal_open(struct silly_journal **ret, const char *dir,
		       const char *volume, struct err *err);
/* Removes the file when nothing is in it. */
struct silly_journal *silly_journal_close(struct silly_journal *journal);

/*
 * Before the name is made. SILLY_NO_ENTRY when the journal, or its file system, is
 * full: then the name stays if this process dies.
 */
uint32_t silly_journal_add(struct silly_journal *journal,
			   const struct silly_entry *entry);
/* The name is gone, or was never made. */
void silly_journal_drop(struct silly_journal *journal, uint32_t number);
/* Nobody is going to remove the name. */
void silly_journal_leave(struct silly_journal *journal, uint32_t number);

/* Somebody is: false when it is not that name's entry. */
bool silly_journal_claim(struct silly_journal *journal, uint32_t number,
			 const char *name);
/* Claims one that is left over; SILLY_NO_ENTRY when there is none. */
uint32_t silly_journal_claim_left(struct silly_journal *journal,
				  struct silly_entry *ret);

DEFINE_CLEANUP(struct silly_journal *, silly_journal_close)
