/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names set aside that nobody is going to remove any more, because the process that
 * was going to has died: they are removed here, without anybody waiting for it.
 *
 * Every function accepts NULL, which is a volume without a journal: such names stay,
 * and nothing can be claimed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "silly_journal.h"

struct leftovers;
struct shards;
struct view;
struct volume_spec;

/* With the journal in the state directory; all three are borrowed. */
int leftovers_new(struct leftovers **ret, struct view *view,
		  struct shards *shards, const struct volume_spec *spec,
		  struct err *err);
/* What was not claimed is looked at from now on. Control thread. */
void leftovers_start(struct leftovers *leftovers);
/* Nothing else of the volume is under way. Control thread. */
struct leftovers *leftovers_stop(struct leftovers *leftovers);

/* As silly_journal.h has them. Any thread. */
uint32_t leftovers_add(struct leftovers *leftovers,
		       const struct silly_entry *entry);
void leftovers_drop(struct leftovers *leftovers, uint32_t number);
bool leftovers_claim(struct leftovers *leftovers, uint32_t number,
		     const char *name);
/* Nobody has the file open: the name is removed. */
void leftovers_leave(struct leftovers *leftovers, uint32_t number);
