/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a run before left in a directory and the source has no longer: a file that it made
 * half of, or a name that was another one's. When all of the source's names are there the
 * target's are listed, and those that the source does not know are moved away. That is
 * done over until there are none, since a server may lose its place when names go
 * (RFC 1813, 3.3.16).
 *
 * One name at a time: few directories are open when a run ends, and only these are looked
 * at.
 */

#include <string.h>

#include "share_copy_parts.h"

#define RELISTS_MAX 64

static int fail(struct copy_dir *dir, int r, const char *name, const char *what,
		bool is_at_source)
{
	return copy_note_error(dir->run, r, dir, name, what, is_at_source);
}

static const char *next_name(const struct copy_dir *dir)
{
	return dir->page.items[dir->next].name;
}

static void begin_listing(struct copy_dir *dir)
{
	dir->run->n_items -= dir->page.n;
	share_page_fini(&dir->page);
	dir->next = 0;
	dir->is_pruning = false;
	dir->has_pruned = false;
	dir->state = COPY_DIR_PRUNE;
}

void copy_prune_begin(struct copy_dir *dir)
{
	dir->n_restarts = 0;
	begin_listing(dir);
}

/* --- its calls ------------------------------------------------------------------------ */

static void on_listed(const struct share_call *call, int r)
{
	struct copy_dir *dir = call->about;

	dir->next = 0;
	dir->run->n_items += dir->page.n;
	dir->state = COPY_DIR_PRUNE;
	if (r == -EINVAL && dir->n_restarts++ < RELISTS_MAX)
		begin_listing(dir);
	else if (r < 0)
		(void)fail(dir, r, NULL, "list", false);
}

static int list(struct copy_dir *dir)
{
	struct share_call call = { .done = on_listed, .about = dir };

	dir->run->n_items -= dir->page.n;
	dir->is_pruning = true;
	return share_call_list(dir->run->job->to, &call, &dir->target.fh,
			       &dir->page);
}

static void on_looked_up(const struct share_call *call, int r)
{
	struct copy_dir *dir = call->about;

	dir->state = COPY_DIR_PRUNE;
	if (r == -ENOENT)
		dir->is_surplus = true;
	else if (r < 0)
		(void)fail(dir, r, next_name(dir), "look up", true);
	else
		dir->next++;
}

static int look_up(struct copy_dir *dir)
{
	struct share_call call = { .done = on_looked_up, .about = dir };

	return share_call_find(dir->run->job->from, &call, &dir->source,
			       next_name(dir), &dir->found);
}

static void on_moved(const struct share_call *call, int r)
{
	struct copy_dir *dir = call->about;

	dir->state = COPY_DIR_PRUNE;
	dir->is_surplus = false;
	dir->has_pruned = true;
	if (r < 0 && r != -ENOENT)
		(void)fail(dir, r, next_name(dir), "remove", false);
	else
		dir->next++;
}

static int move_away(struct copy_dir *dir)
{
	struct share_call call = { .done = on_moved, .about = dir };

	return copy_name_move_away(dir->run, &call, &dir->target.fh,
				   next_name(dir));
}

/* --- step by step ---------------------------------------------------------------------- */

static bool has_name(const struct copy_dir *dir)
{
	return dir->next < dir->page.n;
}

bool copy_prune_can_step(const struct copy_dir *dir)
{
	if (dir->run->is_stopping)
		return false;
	return has_name(dir) && !dir->is_surplus
		       ? copy_can_ask_source(dir->run)
		       : copy_can_ask_target(dir->run);
}

int copy_prune_step(struct copy_dir *dir)
{
	if (has_name(dir))
		return copy_dir_called(dir, dir->is_surplus ? move_away(dir)
							    : look_up(dir));
	if (!dir->is_pruning || !dir->page.is_end)
		return copy_dir_called(dir, list(dir));
	if (dir->has_pruned)
		begin_listing(dir);
	else
		copy_dir_finish_next(dir);
	return 0;
}
