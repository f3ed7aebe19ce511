/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The walk has a list of open directories; the one to remove is alone at depth 0. An
 * open directory has one page of its names. Its files are removed, its directories are
 * opened, then comes its next page; when all is gone it is removed from its parent. Up
 * to SHARE_CALLS_MAX calls are in flight, and the next is made for the directory that
 * has the fewest, the deepest first: a server changes one directory by one call at a
 * time, so calls for the same one wait for each other there (nfs-ganesha removes twice
 * as many files from sixteen directories as from one).
 *
 * Invariants:
 *  1. Entries are addressed by (handle of their directory, one component); what is
 *     opened is what the server said is a directory there, on the same file system.
 *     LOOKUP, REMOVE and RMDIR never follow symlinks (RFC 1813, 3.3.3, 3.3.12 and
 *     3.3.13). A pod that still has the directory mounted can make us remove more of
 *     its own files by moving them about, and nothing else.
 *  2. At most LEVEL_MAX directories are open at each depth and EXTRA_MAX besides, and
 *     none is deeper than DEPTH_MAX, so memory has a bound. A directory that finds no
 *     room for a child waits: those at the deepest level never do. What is deeper
 *     than DEPTH_MAX is moved to the top, where it is found again.
 *  3. A name that is in nobody's page is forgotten: whatever appears, moves, or is
 *     skipped by the server (which may lose its place when names go, 3.3.16) is
 *     found when RMDIR says "not empty", and the directory is read from its start.
 *     Nothing is remembered between calls either; what is left is on the server.
 *
 * Counting is the same walk without changes. A directory that is only emptied is done
 * when a round from its start finds nothing: there is no RMDIR that could tell.
 */

#include "share_tree.h"

#include <assert.h>
#include <string.h>
#include <sys/queue.h>

#include "clock.h"
#include "share_calls.h"

#define DEPTH_MAX 64
#define LEVEL_MAX 16
#define EXTRA_MAX 64
/* Rounds without anything to see in a directory that is said not to be empty. */
#define EMPTY_ROUNDS_MAX 16

enum directory_state {
	DIRECTORY_NEW,	   /* to be listed */
	DIRECTORY_BUSY,	   /* a call of its own is in flight */
	DIRECTORY_LISTED,  /* has a page */
	DIRECTORY_REMOVED, /* or gone */
};

struct directory {
	TAILQ_ENTRY(directory) link;
	struct directory *parent; /* NULL at depth 0 */
	struct share_fh fh;
	char *name; /* in the parent */
	size_t depth;
	enum directory_state state;
	struct share_page page;
	size_t next;	   /* of the page's items */
	size_t n_calls;	   /* for its entries, in flight */
	size_t n_children; /* that are open */
	bool has_seen;	   /* anything, in this round */
	unsigned int n_empty_rounds;
};

TAILQ_HEAD(directories, directory);

struct walk {
	struct share_nfs *nfs;
	const struct share_fh *top; /* what holds levels[0]'s one; borrowed */
	enum share_tree_task task;
	uint64_t fsid;
	struct directories open;  /* parents before children */
	struct directory *tree;	  /* at depth 0; NULL when it is closed */
	size_t n_open[DEPTH_MAX]; /* at each depth */
	size_t n_extra;		  /* of them, besides LEVEL_MAX at each */
	struct share_tree_progress progress;
	uint64_t n_moved; /* to the top, for their names */
	int r;		  /* the first error */
};

/* --- the table ------------------------------------------------------------------- */

static int open_directory(struct walk *walk, struct directory *parent,
			  const struct share_listed *listed)
{
	struct directory *dir = calloc(1, sizeof(*dir));

	if (dir)
		dir->name = strdup(listed->name);
	if (!dir || !dir->name) {
		free(dir);
		return -ENOMEM;
	}
	dir->parent = parent;
	dir->fh = listed->entry.fh;
	dir->depth = parent ? parent->depth + 1 : 0;
	TAILQ_INSERT_TAIL(&walk->open, dir, link);
	if (walk->n_open[dir->depth]++ >= LEVEL_MAX)
		walk->n_extra++;
	if (parent)
		parent->n_children++;
	else
		walk->tree = dir;
	return 0;
}

static bool has_room(const struct walk *walk, size_t depth)
{
	return walk->n_open[depth] < LEVEL_MAX || walk->n_extra < EXTRA_MAX;
}

static void close_directory(struct walk *walk, struct directory *dir)
{
	TAILQ_REMOVE(&walk->open, dir, link);
	if (--walk->n_open[dir->depth] >= LEVEL_MAX)
		walk->n_extra--;
	if (dir->parent)
		dir->parent->n_children--;
	else
		walk->tree = NULL;
	share_page_fini(&dir->page);
	free(dir->name);
	free(dir);
}

/* Answers that are still to come refer to directories. */
static void walk_fini(struct walk *walk)
{
	if (share_calls_in_flight(walk->nfs) > 0)
		share_calls_abandon(walk->nfs);
	/* Children were opened after their parents. */
	while (!TAILQ_EMPTY(&walk->open))
		close_directory(walk, TAILQ_LAST(&walk->open, directories));
}

static void note_error(struct walk *walk, int r)
{
	if (r < 0 && walk->r == 0)
		walk->r = r;
}

/* Somebody else was faster. */
static bool is_gone(int r)
{
	return r == -ENOENT || r == -ESTALE || r == -ENOTDIR;
}

static bool is_not_empty(int r)
{
	return r == -ENOTEMPTY || r == -EEXIST;
}

/*
 * Of the root a stale handle proves nothing: the export may have gone, and come back
 * with all that is in the directory.
 */
static bool is_over(const struct directory *dir, int r)
{
	return r == -ENOENT || (dir->parent && is_gone(r));
}

/* --- answers ----------------------------------------------------------------------- */

static void begin_round(struct directory *dir)
{
	share_page_fini(&dir->page);
	dir->next = 0;
	dir->has_seen = false;
	dir->state = DIRECTORY_NEW;
}

static void on_listed(const struct share_call *call, int r)
{
	struct walk *walk = call->owner;
	struct directory *dir = call->about;

	dir->next = 0;
	dir->state = DIRECTORY_LISTED;
	if (r == 0) {
		dir->has_seen |= dir->page.n > 0;
	} else if (is_over(dir, r)) {
		dir->state = DIRECTORY_REMOVED;
	} else if (dir->page.cookie != 0 && r == -EINVAL &&
		   walk->task != SHARE_TREE_COUNT) {
		/* NFS3ERR_BAD_COOKIE: names went, and so did our place. */
		begin_round(dir);
	} else {
		note_error(walk, r);
	}
}

static void on_looked_up(const struct share_call *call, int r)
{
	struct walk *walk = call->owner;
	struct directory *dir = call->about;

	dir->state = DIRECTORY_LISTED;
	if (r == -ENOENT)
		dir->next++;
	else
		note_error(walk, r);
}

static void count(struct walk *walk, uint64_t n_bytes)
{
	walk->progress.n_files++;
	walk->progress.n_bytes += n_bytes;
}

static void on_removed(const struct share_call *call, int r)
{
	struct walk *walk = call->owner;
	struct directory *dir = call->about;

	dir->n_calls--;
	if (r == 0)
		count(walk, call->value);
	else if (!is_gone(r) && r != -EISDIR)
		note_error(walk, r);
}

/* Its new name is nobody's; should it be, the directory stays for the next round. */
static void on_moved(const struct share_call *call, int r)
{
	struct walk *walk = call->owner;
	struct directory *dir = call->about;

	dir->n_calls--;
	if (r < 0 && !is_gone(r) && !is_not_empty(r))
		note_error(walk, r);
}

static void on_rmdir(const struct share_call *call, int r)
{
	struct walk *walk = call->owner;
	struct directory *dir = call->about;

	dir->state = DIRECTORY_REMOVED;
	if (r == 0) {
		count(walk, 0);
	} else if (is_not_empty(r) &&
		   (dir->has_seen ||
		    dir->n_empty_rounds++ < EMPTY_ROUNDS_MAX)) {
		begin_round(dir);
	} else if (!is_over(dir, r)) {
		note_error(walk, r);
	}
}

/* --- what a directory does next ------------------------------------------------------ */

static int own_call(struct directory *dir, int r)
{
	if (r == 0)
		dir->state = DIRECTORY_BUSY;
	return r;
}

static int entry_call(struct directory *dir, int r)
{
	if (r < 0)
		return r;
	dir->n_calls++;
	dir->next++;
	return 0;
}

static int list(struct walk *walk, struct directory *dir)
{
	struct share_call call = { .done = on_listed,
				   .owner = walk,
				   .about = dir };

	return own_call(
		dir, share_call_list(walk->nfs, &call, &dir->fh, &dir->page));
}

static int look_up(struct walk *walk, struct directory *dir,
		   struct share_listed *item)
{
	struct share_call call = { .done = on_looked_up,
				   .owner = walk,
				   .about = dir };

	return own_call(dir, share_call_lookup(walk->nfs, &call, &dir->fh,
					       item->name, item));
}

static int move_to_top(struct walk *walk, struct directory *dir,
		       const struct share_listed *item)
{
	struct share_call call = { .done = on_moved,
				   .owner = walk,
				   .about = dir };
	char name[64];

	(void)snprintf(name, sizeof(name), "claimfs-deep-%016llx-%llu",
		       (unsigned long long)clock_ns(),
		       (unsigned long long)walk->n_moved++);
	return entry_call(dir,
			  share_call_rename(walk->nfs, &call, &dir->fh,
					    item->name, &walk->tree->fh, name));
}

static int enter(struct walk *walk, struct directory *dir,
		 const struct share_listed *item)
{
	int r;

	if (dir->depth + 1 == DEPTH_MAX && walk->task != SHARE_TREE_COUNT)
		return move_to_top(walk, dir, item);
	if (dir->depth + 1 == DEPTH_MAX) {
		count(walk, 0);
		dir->next++;
		return 0;
	}
	r = open_directory(walk, dir, item);
	if (r < 0)
		return r;
	dir->next++;
	return 0;
}

static int leave_file(struct walk *walk, struct directory *dir,
		      const struct share_listed *item)
{
	struct share_call call = { .done = on_removed,
				   .owner = walk,
				   .about = dir,
				   .value = item->used };

	if (walk->task != SHARE_TREE_COUNT)
		return entry_call(dir, share_call_remove(walk->nfs, &call,
							 &dir->fh, item->name));
	count(walk, item->used);
	dir->next++;
	return 0;
}

static int take_item(struct walk *walk, struct directory *dir)
{
	struct share_listed *item = &dir->page.items[dir->next];

	if (!item->has_entry)
		return look_up(walk, dir, item);
	if (item->fsid != walk->fsid)
		return -EXDEV;
	if (item->entry.is_directory)
		return enter(walk, dir, item);
	return leave_file(walk, dir, item);
}

static int remove_emptied(struct walk *walk, struct directory *dir)
{
	struct share_call call = { .done = on_rmdir,
				   .owner = walk,
				   .about = dir };
	const struct share_fh *parent =
		dir->parent ? &dir->parent->fh : walk->top;

	return own_call(dir,
			share_call_rmdir(walk->nfs, &call, parent, dir->name));
}

/* All pages were read, and nothing of them is in flight any more. */
static int finish(struct walk *walk, struct directory *dir)
{
	if (walk->task == SHARE_TREE_COUNT)
		count(walk, 0);
	else if (walk->task == SHARE_TREE_REMOVE || dir->parent)
		return remove_emptied(walk, dir);
	else if (dir->has_seen) {
		/* It is empty when a round from its start finds nothing. */
		begin_round(dir);
		return 0;
	}
	dir->state = DIRECTORY_REMOVED;
	return 0;
}

static int step(struct walk *walk, struct directory *dir)
{
	switch (dir->state) {
	case DIRECTORY_NEW:
		return list(walk, dir);
	case DIRECTORY_LISTED:
		if (dir->next < dir->page.n)
			return take_item(walk, dir);
		/* The next page comes while entries of this one are in flight. */
		if (!dir->page.is_end)
			return list(walk, dir);
		return finish(walk, dir);
	case DIRECTORY_REMOVED:
		close_directory(walk, dir);
		return 0;
	case DIRECTORY_BUSY:
		break;
	}
	return 0;
}

static bool is_unused(const struct directory *dir)
{
	return dir->n_calls == 0 && dir->n_children == 0;
}

/* Whether its next item is one that needs no room, or there is some. */
static bool can_take_item(const struct walk *walk, const struct directory *dir)
{
	const struct share_listed *item = &dir->page.items[dir->next];

	return !item->has_entry || !item->entry.is_directory ||
	       dir->depth + 1 == DEPTH_MAX || has_room(walk, dir->depth + 1);
}

static bool can_step(const struct walk *walk, const struct directory *dir)
{
	switch (dir->state) {
	case DIRECTORY_NEW:
		return true;
	case DIRECTORY_LISTED:
		if (dir->next < dir->page.n)
			return can_take_item(walk, dir);
		return !dir->page.is_end || is_unused(dir);
	case DIRECTORY_REMOVED:
		return is_unused(dir);
	case DIRECTORY_BUSY:
		break;
	}
	return false;
}

/* --- the walk --------------------------------------------------------------------------- */

static bool is_better(const struct directory *dir, const struct directory *best)
{
	if (!best || dir->n_calls != best->n_calls)
		return !best || dir->n_calls < best->n_calls;
	return dir->depth > best->depth;
}

/* NULL: all wait. */
static struct directory *choose(const struct walk *walk)
{
	struct directory *best = NULL, *dir;

	TAILQ_FOREACH (dir, &walk->open, link)
		if (is_better(dir, best) && can_step(walk, dir))
			best = dir;
	return best;
}

/* Until all slots are in use, or everybody waits. */
static void fill(struct walk *walk)
{
	struct directory *dir;

	while (walk->r == 0 && share_calls_free(walk->nfs) > 0 &&
	       (dir = choose(walk)))
		note_error(walk, step(walk, dir));
}

/* What is in flight will be done: it counts, too. */
static int stop(struct walk *walk, share_tree_fn go_on, void *userdata)
{
	int r = 0;

	while (r == 0 && share_calls_in_flight(walk->nfs) > 0)
		r = share_calls_wait(walk->nfs);
	(void)go_on(userdata, &walk->progress);
	return SHARE_TREE_MORE;
}

static int run(struct walk *walk, share_tree_fn go_on, void *userdata)
{
	for (;;) {
		int r;

		fill(walk);
		if (walk->r < 0)
			return walk->r;
		if (!walk->tree) {
			/* What was counted without a call is news, too. */
			if (go_on)
				(void)go_on(userdata, &walk->progress);
			return 0;
		}
		assert(share_calls_in_flight(walk->nfs) > 0);
		r = share_calls_wait(walk->nfs);
		if (r < 0)
			return walk->r < 0 ? walk->r : r;
		if (go_on && !go_on(userdata, &walk->progress))
			return stop(walk, go_on, userdata);
	}
}

static void on_found(const struct share_call *call, int r)
{
	*(int *)call->owner = r;
}

static int find(struct share_nfs *nfs, const struct share_fh *parent,
		const char *name, struct share_listed *ret)
{
	int found = -EIO;
	struct share_call call = { .done = on_found, .owner = &found };
	int r = share_call_lookup(nfs, &call, parent, name, ret);

	if (r == 0)
		r = share_calls_wait(nfs);
	if (r < 0) {
		share_calls_abandon(nfs);
		return r;
	}
	if (found < 0)
		return found;
	return ret->entry.is_directory ? 0 : -ENOTDIR;
}

int share_tree_walk(struct share_nfs *nfs, const struct share_fh *parent,
		    const char *name, enum share_tree_task task,
		    share_tree_fn go_on, void *userdata)
{
	struct share_listed listed = { .name = (char *)name };
	struct walk walk = { .nfs = nfs, .top = parent, .task = task };
	int r = find(nfs, parent, name, &listed);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	walk.fsid = listed.fsid;
	TAILQ_INIT(&walk.open);
	r = open_directory(&walk, NULL, &listed);
	if (r == 0)
		r = run(&walk, go_on, userdata);
	walk_fini(&walk);
	return r;
}
