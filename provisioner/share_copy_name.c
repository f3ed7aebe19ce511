/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A file of several names is made in COPY_LINKS under its file id and gets all its names
 * by LINK. That is the whole memory of which names belong together: a directory on the
 * target, which is there after a crash, too.
 *
 * What has an entry's name and is something else makes room: files are removed; a
 * directory, which may have anything in it, is moved into COPY_LINKS, all of which is
 * removed in the end.
 */

#include <inttypes.h>

#include "clock.h"
#include "share_copy_parts.h"

/* --- names ----------------------------------------------------------------------------- */

static void on_linked(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;

	if (r == 0)
		copy_entry_count(entry);
	else if (r == -EEXIST && !entry->dir->is_fresh)
		entry->state = COPY_ENTRY_LOOK_NAME;
	else
		(void)copy_entry_fail(entry, r, "link", false);
}

int copy_name_link(struct copy_entry *entry)
{
	struct share_call call = { .done = on_linked, .about = entry };

	return share_call_link(entry->run->job->to, &call, &entry->target.fh,
			       &entry->dir->target.fh, entry->name);
}

static void on_named(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;
	const struct share_attributes *named = &entry->named.attributes;

	if (r == -ENOENT)
		entry->state = COPY_ENTRY_LINK;
	else if (r < 0)
		(void)copy_entry_fail(entry, r, "look up", false);
	else if (named->fileid == entry->target.attributes.fileid)
		entry->state = COPY_ENTRY_DONE;
	else
		entry->state = S_ISDIR(named->mode) ? COPY_ENTRY_SET_ASIDE
						    : COPY_ENTRY_REMOVE_NAME;
}

int copy_name_look(struct copy_entry *entry)
{
	struct share_call call = { .done = on_named, .about = entry };

	return share_call_find(entry->run->job->to, &call,
			       &entry->dir->target.fh, entry->name,
			       &entry->named);
}

static void on_name_removed(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;

	if (r < 0 && r != -ENOENT)
		(void)copy_entry_fail(entry, r, "replace", false);
	else
		entry->state = COPY_ENTRY_LINK;
}

int copy_name_remove(struct copy_entry *entry)
{
	struct share_call call = { .done = on_name_removed, .about = entry };

	return share_call_remove(entry->run->job->to, &call,
				 &entry->dir->target.fh, entry->name);
}

/* --- room for them ---------------------------------------------------------------------- */

static void on_set_aside(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;

	if (r < 0 && r != -ENOENT) {
		(void)copy_entry_fail(entry, r, "replace", false);
	} else if (entry->is_linked) {
		entry->state = COPY_ENTRY_LINK;
	} else {
		entry->target.fh.len = 0;
		copy_entry_make_next(entry);
	}
}

int copy_name_move_away(struct copy_run *run, const struct share_call *call,
			const struct share_fh *dir, const char *name)
{
	char away[64];

	(void)snprintf(away, sizeof(away), "aside-%016" PRIx64 "-%" PRIu64,
		       clock_ns(), run->n_aside++);
	return share_call_rename(run->job->to, call, dir, name, &run->links,
				 away);
}

int copy_name_set_aside(struct copy_entry *entry)
{
	struct share_call call = { .done = on_set_aside, .about = entry };

	return copy_name_move_away(entry->run, &call, &entry->dir->target.fh,
				   entry->name);
}
