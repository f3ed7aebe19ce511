/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is gone at the source when it is read. Programs replace a file, a symlink or a
 * directory by renaming another one to its name, so that there is one at any time: its
 * name is looked up again, and only what has none is gone.
 */

#include <string.h>

#include "share_copy_parts.h"

/* Of a name that becomes another one's again and again. */
#define LOOKS_MAX 16

/* --- files ----------------------------------------------------------------------------- */

static void take_successor(struct copy_entry *entry)
{
	free(entry->symlink);
	entry->symlink = NULL;
	entry->source = entry->named.fh;
	entry->attributes = entry->named.attributes;
	entry->is_linked = entry->attributes.n_links > 1;
	entry->target.fh.len = 0;
	entry->data.is_second = false;
	copy_entry_name_links(entry);
	entry->state = COPY_ENTRY_LOOK;
}

static void on_looked_again(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;
	const struct share_attributes *found = &entry->named.attributes;

	if (copy_is_gone(r) || (r == 0 && S_ISDIR(found->mode)))
		entry->state = COPY_ENTRY_DROP;
	else if (r < 0)
		(void)copy_entry_fail(entry, r, "look up", true);
	else if (found->fsid != entry->run->fsid)
		(void)copy_entry_fail(entry, -EXDEV, "enter", true);
	else if (entry->n_looks++ >= LOOKS_MAX)
		(void)copy_entry_fail(entry, -EBUSY, "read", true);
	else
		take_successor(entry);
}

int copy_successor_of_entry(struct copy_entry *entry)
{
	struct share_call call = { .done = on_looked_again, .about = entry };

	return share_call_find(entry->run->job->from, &call,
			       &entry->dir->source, entry->name, &entry->named);
}

/* --- directories ----------------------------------------------------------------------- */

static bool is_same_handle(const struct share_fh *a, const struct share_fh *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* Another directory may have its name now. */
static void on_dir_looked_again(const struct share_call *call, int r)
{
	struct copy_dir *dir = call->about;
	const struct share_object *found = &dir->found;

	if (r == -ENOENT || (r == 0 && !S_ISDIR(found->attributes.mode))) {
		dir->state = COPY_DIR_GONE;
	} else if (r < 0) {
		(void)copy_note_error(dir->run, r, dir, NULL, "look up", true);
	} else if (is_same_handle(&found->fh, &dir->source) ||
		   dir->n_restarts++ >= LOOKS_MAX) {
		(void)copy_note_error(dir->run, -ESTALE, dir, NULL, "read",
				      true);
	} else {
		dir->source = found->fh;
		dir->attributes = found->attributes;
		copy_dir_begin_again(dir);
	}
}

int copy_successor_of_dir(struct copy_dir *dir)
{
	struct share_call call = { .done = on_dir_looked_again, .about = dir };

	return share_call_find(dir->run->job->from, &call, &dir->parent->source,
			       dir->name, &dir->found);
}
