/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Directories. An open one has one page of the source's names; its files are begun, its
 * directories opened, then comes its next page; when all is there it gets its attributes
 * and is closed. Until then its mode is one that its source has not, as with files; so
 * one that is whole already is not entered again.
 *
 * Invariants:
 *  1. Entries are addressed by (handle of their directory, one component), and what is
 *     entered is what the source's server said is a directory there, on the same file
 *     system: no symlink and no mount leads out of it.
 *  2. At most LEVEL_MAX directories are open at each of the first LEVELS depths, one
 *     below, and EXTRA_MAX besides. One that finds no room for a child waits: those at
 *     the deepest level never do. When pages have more than ITEMS_MAX names, those that
 *     wait give theirs back and read them again later.
 *  3. In a directory that this run made nothing can be, so nothing is looked up there.
 */

#include <string.h>

#include "share_copy_parts.h"

#define LEVELS	  32
#define LEVEL_MAX 8
#define EXTRA_MAX 32
#define ITEMS_MAX 8192
/* Of a directory that somebody changes all the time. */
#define RESTARTS_MAX 16
#define TRIES_MAX    64

/* --- the table ---------------------------------------------------------------------------- */

static bool is_beyond(size_t depth, size_t n)
{
	return n > (depth < LEVELS ? LEVEL_MAX : 1);
}

static bool has_room(const struct copy_run *run, size_t depth)
{
	return !is_beyond(depth, run->n_open[depth] + 1) ||
	       run->n_extra < EXTRA_MAX;
}

int copy_dir_open(struct copy_run *run, struct copy_dir *parent,
		  const char *name, const struct share_fh *source,
		  const struct share_attributes *attributes)
{
	size_t depth = parent ? parent->depth + 1 : 0;
	struct copy_dir *dir;

	if (depth == COPY_DEPTH_MAX)
		return -ENAMETOOLONG;
	dir = calloc(1, sizeof(*dir));
	if (dir)
		dir->name = strdup(name);
	if (!dir || !dir->name) {
		free(dir);
		return -ENOMEM;
	}
	dir->run = run;
	dir->parent = parent;
	dir->source = *source;
	dir->attributes = *attributes;
	dir->depth = depth;
	dir->page.wants_attributes = true;
	TAILQ_INSERT_TAIL(&run->open, dir, link);
	if (is_beyond(depth, ++run->n_open[depth]))
		run->n_extra++;
	if (parent)
		parent->n_children++;
	else
		run->tree = dir;
	return 0;
}

/* Where to go on stays. */
static void give_page_back(struct copy_dir *dir)
{
	struct share_page page = { .wants_attributes = true,
				   .cookie = dir->page.cookie };

	memcpy(page.verifier, dir->page.verifier, sizeof(page.verifier));
	dir->run->n_items -= dir->page.n;
	share_page_fini(&dir->page);
	dir->page = page;
	dir->next = 0;
}

void copy_dir_close(struct copy_dir *dir)
{
	struct copy_run *run = dir->run;

	TAILQ_REMOVE(&run->open, dir, link);
	if (is_beyond(dir->depth, run->n_open[dir->depth]--))
		run->n_extra--;
	if (dir->parent)
		dir->parent->n_children--;
	else
		run->tree = NULL;
	give_page_back(dir);
	free(dir->name);
	free(dir);
}

static int fail(struct copy_dir *dir, int r, const char *what,
		bool is_at_source)
{
	return copy_note_error(dir->run, r, dir, NULL, what, is_at_source);
}

/* --- making it ------------------------------------------------------------------------------ */

static const struct share_fh *target_parent(const struct copy_dir *dir)
{
	return dir->parent ? &dir->parent->target.fh : dir->run->job->place;
}

static void on_made(const struct share_call *call, int r)
{
	struct copy_dir *dir = call->about;

	dir->is_fresh = r == 0;
	if (r == -EEXIST || (r == 0 && dir->target.fh.len == 0))
		dir->state = COPY_DIR_EXISTS;
	else if (r < 0)
		(void)fail(dir, r, "make", false);
	else
		dir->state = COPY_DIR_MADE;
}

static int make(struct copy_dir *dir)
{
	struct share_call call = { .done = on_made, .about = dir };

	return share_call_mkdir(dir->run->job->to, &call, target_parent(dir),
				dir->name, copy_half_mode(&dir->attributes),
				&dir->target);
}

static void on_found(const struct share_call *call, int r)
{
	struct copy_dir *dir = call->about;
	const struct share_attributes *target = &dir->target.attributes;

	if (r < 0)
		(void)fail(dir, r, "look up", false);
	else if (!S_ISDIR(target->mode))
		dir->state = COPY_DIR_OBSTRUCTED;
	else if (!dir->is_fresh && copy_is_whole(&dir->attributes, target))
		dir->state = COPY_DIR_DONE;
	else
		dir->state = COPY_DIR_MADE;
}

static int find(struct copy_dir *dir)
{
	struct share_call call = { .done = on_found, .about = dir };

	return share_call_find(dir->run->job->to, &call, target_parent(dir),
			       dir->name, &dir->target);
}

static void on_cleared(const struct share_call *call, int r)
{
	struct copy_dir *dir = call->about;

	if (r < 0 && r != -ENOENT)
		(void)fail(dir, r, "replace", false);
	else
		dir->state = COPY_DIR_NEW;
}

static int clear(struct copy_dir *dir)
{
	struct share_call call = { .done = on_cleared, .about = dir };

	return share_call_remove(dir->run->job->to, &call, target_parent(dir),
				 dir->name);
}

/* --- its names ------------------------------------------------------------------------------- */

static uint64_t next_cookie(const struct copy_dir *dir)
{
	return dir->next > 0 ? dir->page.items[dir->next - 1].cookie
			     : dir->page_cookie;
}

static bool wants_room(const struct copy_dir *dir)
{
	const struct share_listed *item = &dir->page.items[dir->next];

	return dir->state == COPY_DIR_LISTED && dir->next < dir->page.n &&
	       item->has_entry && item->entry.is_directory &&
	       dir->depth + 1 < COPY_DEPTH_MAX &&
	       !has_room(dir->run, dir->depth + 1);
}

static void make_those_who_wait_give_back(struct copy_run *run)
{
	struct copy_dir *dir;

	TAILQ_FOREACH (dir, &run->open, link) {
		if (!wants_room(dir))
			continue;
		dir->page.cookie = next_cookie(dir);
		give_page_back(dir);
		dir->state = COPY_DIR_MADE;
		dir->needs_room = true;
	}
}

/* NFS3ERR_BAD_COOKIE: names came or went, and so did our place. */
void copy_dir_begin_again(struct copy_dir *dir)
{
	dir->run->n_items -= dir->page.n;
	share_page_fini(&dir->page);
	dir->page.wants_attributes = true;
	dir->next = 0;
	dir->is_fresh = false;
	dir->is_again = true;
	dir->state = COPY_DIR_MADE;
}

/*
 * nfs-ganesha says so of the directory, too, when one of its names has just gone
 * (RFC 1813, 3.3.17 has no NFS3ERR_NOENT).
 */
static bool is_worth_another_try(struct copy_dir *dir, int r)
{
	return copy_is_gone(r) && dir->n_tries++ < TRIES_MAX;
}

static bool has_lost_its_place(struct copy_dir *dir, int r)
{
	return r == -EINVAL && dir->page_cookie != 0 &&
	       dir->n_restarts++ < RESTARTS_MAX;
}

static void on_listed(const struct share_call *call, int r)
{
	struct copy_dir *dir = call->about;

	dir->next = 0;
	dir->run->n_items += dir->page.n;
	if (r == 0) {
		dir->state = COPY_DIR_LISTED;
		dir->n_tries = 0;
	} else if (is_worth_another_try(dir, r)) {
		dir->state = COPY_DIR_MADE;
	} else if (has_lost_its_place(dir, r)) {
		copy_dir_begin_again(dir);
	} else if (dir->parent && copy_is_gone(r)) {
		dir->state = COPY_DIR_LOOK_AGAIN;
	} else {
		(void)fail(dir, r, "read", true);
	}
}

static int list(struct copy_dir *dir)
{
	struct share_call call = { .done = on_listed, .about = dir };

	if (dir->run->n_items > ITEMS_MAX)
		make_those_who_wait_give_back(dir->run);
	dir->run->n_items -= dir->page.n;
	dir->page_cookie = dir->page.cookie;
	dir->needs_room = false;
	dir->is_again = false;
	return share_call_list(dir->run->job->from, &call, &dir->source,
			       &dir->page);
}

static void on_looked_up(const struct share_call *call, int r)
{
	struct copy_dir *dir = call->about;
	struct share_listed *item = &dir->page.items[dir->next];

	dir->state = COPY_DIR_LISTED;
	if (copy_is_gone(r)) {
		dir->next++;
		return;
	}
	if (r < 0) {
		(void)copy_note_error(dir->run, r, dir, item->name, "look up",
				      true);
		return;
	}
	item->has_entry = true;
	item->entry.fh = dir->found.fh;
	item->entry.is_directory = S_ISDIR(dir->found.attributes.mode);
	dir->page.attributes[dir->next] = dir->found.attributes;
}

/* Servers may leave out handle and attributes (RFC 1813, 3.3.17). */
static int look_up(struct copy_dir *dir, const char *name)
{
	struct share_call call = { .done = on_looked_up, .about = dir };

	return share_call_find(dir->run->job->from, &call, &dir->source, name,
			       &dir->found);
}

static int take_item(struct copy_dir *dir)
{
	struct copy_run *run = dir->run;
	const struct share_listed *item = &dir->page.items[dir->next];
	const struct share_attributes *attributes =
		&dir->page.attributes[dir->next];
	int r;

	if (attributes->fsid != run->fsid)
		return copy_note_error(run, -EXDEV, dir, item->name, "enter",
				       true);
	if (S_ISDIR(attributes->mode))
		r = copy_dir_open(run, dir, item->name, &item->entry.fh,
				  attributes);
	else
		r = copy_entry_begin(run, dir, item->name, &item->entry.fh,
				     attributes);
	if (r < 0)
		return copy_note_error(run, r, dir, item->name, "enter", true);
	dir->next++;
	return 0;
}

/* --- its end ---------------------------------------------------------------------------------- */

void copy_dir_finish_next(struct copy_dir *dir)
{
	dir->state = copy_needs_owner_first(&dir->attributes, &dir->target)
			     ? COPY_DIR_OWN
			     : COPY_DIR_FINISH;
}

static void on_owned(const struct share_call *call, int r)
{
	struct copy_dir *dir = call->about;

	if (r < 0) {
		(void)fail(dir, r, COPY_SET_OWNER, false);
		return;
	}
	dir->target.attributes.uid = dir->attributes.uid;
	dir->target.attributes.gid = dir->attributes.gid;
	dir->state = COPY_DIR_FINISH;
}

static int set_owner(struct copy_dir *dir)
{
	struct share_call call = { .done = on_owned, .about = dir };

	return share_call_setattr(dir->run->job->to, &call, &dir->target.fh,
				  SHARE_CHANGE_OWNER, &dir->attributes);
}

static void on_finished(const struct share_call *call, int r)
{
	struct copy_dir *dir = call->about;

	if (r < 0) {
		(void)fail(dir, r,
			   call->value & SHARE_CHANGE_OWNER
				   ? COPY_SET_OWNER
				   : "set the attributes of",
			   false);
		return;
	}
	dir->run->progress.n_entries++;
	dir->state = COPY_DIR_DONE;
}

static int finish(struct copy_dir *dir)
{
	unsigned int flags = copy_last_changes(&dir->attributes, &dir->target);
	struct share_call call = { .done = on_finished,
				   .about = dir,
				   .value = flags };

	return share_call_setattr(dir->run->job->to, &call, &dir->target.fh,
				  flags, &dir->attributes);
}

static void on_removed(const struct share_call *call, int r)
{
	struct copy_dir *dir = call->about;

	/* What was in it before it went stays, as it was then. */
	if (r == -ENOTEMPTY || r == -EEXIST)
		copy_dir_finish_next(dir);
	else if (r < 0 && r != -ENOENT)
		(void)fail(dir, r, "remove", false);
	else
		dir->state = COPY_DIR_DONE;
}

static int remove_gone(struct copy_dir *dir)
{
	struct share_call call = { .done = on_removed, .about = dir };

	return share_call_rmdir(dir->run->job->to, &call, target_parent(dir),
				dir->name);
}

/* --- step by step ------------------------------------------------------------------------------ */

static bool is_unused(const struct copy_dir *dir)
{
	return dir->n_entries == 0 && dir->n_children == 0;
}

static bool can_take_item(const struct copy_dir *dir)
{
	const struct share_listed *item = &dir->page.items[dir->next];

	if (dir->run->is_stopping)
		return false;
	if (!item->has_entry)
		return copy_can_ask_source(dir->run);
	if (item->entry.is_directory)
		return !wants_room(dir);
	return copy_entry_can_begin(dir->run, &dir->page.attributes[dir->next]);
}

static bool can_list(const struct copy_dir *dir)
{
	return !dir->run->is_stopping && copy_can_ask_source(dir->run) &&
	       (!dir->is_again || is_unused(dir)) &&
	       (!dir->needs_room || has_room(dir->run, dir->depth + 1));
}

static bool can_step(const struct copy_dir *dir)
{
	switch (dir->state) {
	case COPY_DIR_BUSY:
		return false;
	case COPY_DIR_MADE:
		return can_list(dir);
	case COPY_DIR_LISTED:
		if (dir->next < dir->page.n)
			return can_take_item(dir);
		if (!dir->page.is_end)
			return can_list(dir);
		return is_unused(dir) && !dir->is_cut;
	case COPY_DIR_LOOK_AGAIN:
		return copy_can_ask_source(dir->run);
	case COPY_DIR_PRUNE:
		return copy_prune_can_step(dir);
	case COPY_DIR_GONE:
	case COPY_DIR_DONE:
		return is_unused(dir);
	default:
		return copy_can_ask_target(dir->run);
	}
}

int copy_dir_called(struct copy_dir *dir, int r)
{
	if (r < 0)
		return fail(dir, r, "copy", false);
	dir->state = COPY_DIR_BUSY;
	return 0;
}

static int step_listed(struct copy_dir *dir)
{
	const struct share_listed *item = &dir->page.items[dir->next];

	if (dir->next == dir->page.n) {
		if (!dir->page.is_end)
			return copy_dir_called(dir, list(dir));
		if (dir->is_fresh)
			copy_dir_finish_next(dir);
		else
			copy_prune_begin(dir);
		return 0;
	}
	if (!item->has_entry)
		return copy_dir_called(dir, look_up(dir, item->name));
	return take_item(dir);
}

static int step(struct copy_dir *dir)
{
	static int (*const calls[])(struct copy_dir * dir) = {
		[COPY_DIR_NEW] = make,
		[COPY_DIR_EXISTS] = find,
		[COPY_DIR_OBSTRUCTED] = clear,
		[COPY_DIR_MADE] = list,
		[COPY_DIR_OWN] = set_owner,
		[COPY_DIR_FINISH] = finish,
		[COPY_DIR_GONE] = remove_gone,
		[COPY_DIR_LOOK_AGAIN] = copy_successor_of_dir,
	};

	switch (dir->state) {
	case COPY_DIR_BUSY:
		return 0;
	case COPY_DIR_LISTED:
		return step_listed(dir);
	case COPY_DIR_PRUNE:
		return copy_prune_step(dir);
	case COPY_DIR_DONE:
		copy_dir_close(dir);
		return 0;
	default:
		return copy_dir_called(dir, calls[dir->state](dir));
	}
}

/* A server changes one directory by one call at a time; deep ones make room. */
static bool is_better(const struct copy_dir *dir, const struct copy_dir *best)
{
	if (!best || dir->n_entries != best->n_entries)
		return !best || dir->n_entries < best->n_entries;
	return dir->depth > best->depth;
}

bool copy_dirs_step(struct copy_run *run)
{
	struct copy_dir *best = NULL, *dir;

	TAILQ_FOREACH (dir, &run->open, link)
		if (is_better(dir, best) && can_step(dir))
			best = dir;
	return best && step(best) == 0;
}
