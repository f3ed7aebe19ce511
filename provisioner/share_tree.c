/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The walk keeps a stack of open directories, the one to remove at its bottom.
 * In each round it reads the first page of the top one: everything that is not
 * a directory is removed, the first directory found is pushed, and an empty one is
 * popped and removed from its parent. Always the first page, because removing
 * entries makes cookies worthless on some servers (RFC 1813, 3.3.16).
 *
 * Safety: entries are addressed by (handle of their directory, one component),
 * and LOOKUP and REMOVE never follow symlinks (RFC 1813, 3.3.3 and 3.3.12). A pod
 * that still has the directory mounted can make us remove more of its own files
 * by moving them about, and nothing else. It can't keep us busy for ever, either:
 * each call ends at its deadline.
 *
 * Nothing is remembered between calls; what is left is on the server. So that each
 * call gets to the bottom in time, however deep somebody has dug, a directory that
 * is MAX_DEPTH levels down is moved to the top and dealt with there.
 */

#include "share_tree.h"

#include <string.h>

#include "clock.h"

#define MAX_DEPTH 64

struct level {
	struct share_fh fh;
	char *name; /* in the directory below in the stack */
};

struct walk {
	struct share_nfs *nfs;
	const struct share_fh *parent; /* of levels[0]; borrowed */
	struct level *levels;
	size_t n;
	size_t n_allocated;
};

static void walk_fini(struct walk *walk)
{
	while (walk->n > 0)
		free(walk->levels[--walk->n].name);
	free(walk->levels);
	walk->levels = NULL;
}

DEFINE_FINI(struct walk, walk_fini)

static int push(struct walk *walk, const struct share_fh *fh, const char *name)
{
	struct level *levels;
	char *copy;

	if (walk->n == walk->n_allocated) {
		size_t n = walk->n_allocated ? walk->n_allocated * 2 : 16;

		levels = reallocarray(walk->levels, n, sizeof(*levels));
		if (!levels)
			return -ENOMEM;
		walk->levels = levels;
		walk->n_allocated = n;
	}
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	walk->levels[walk->n++] = (struct level){ .fh = *fh, .name = copy };
	return 0;
}

/* Somebody else was faster. */
static int ignore_gone(int r)
{
	return r == -ENOENT ? 0 : r;
}

static int pop(struct walk *walk)
{
	struct level *top = &walk->levels[walk->n - 1];
	const struct share_fh *below =
		walk->n > 1 ? &walk->levels[walk->n - 2].fh : walk->parent;
	int r = ignore_gone(share_nfs_rmdir(walk->nfs, below, top->name));

	/* It was filled again meanwhile, and stays on top. */
	if (r == -ENOTEMPTY || r == -EEXIST)
		return 0;
	if (r < 0)
		return r;
	free(top->name);
	walk->n--;
	return 0;
}

/*
 * Its new name is nobody's; should somebody have taken it all the same, the
 * directory stays where it is until the next round.
 */
static int move_to_top(struct walk *walk, const struct share_fh *dir,
		       const char *name)
{
	char new_name[40];
	int r;

	(void)snprintf(new_name, sizeof(new_name), "claimfs-deep-%016llx",
		       (unsigned long long)clock_ns());
	r = share_nfs_rename(walk->nfs, dir, name, &walk->levels[0].fh,
			     new_name);
	if (r == -EEXIST || r == -ENOTEMPTY || r == -ENOTDIR)
		return 0;
	return ignore_gone(r);
}

/* *ret_pushed: a directory, which is on the stack now. */
static int remove_entry(struct walk *walk, const struct share_fh *dir,
			const char *name, bool *ret_pushed)
{
	struct share_entry entry;
	int r = share_nfs_lookup(walk->nfs, dir, name, &entry);

	*ret_pushed = false;
	if (r < 0)
		return ignore_gone(r);
	if (!entry.is_directory)
		return ignore_gone(share_nfs_remove(walk->nfs, dir, name));
	if (walk->n == MAX_DEPTH)
		return move_to_top(walk, dir, name);
	*ret_pushed = true;
	return push(walk, &entry.fh, name);
}

static int walk_round(struct walk *walk, uint64_t deadline_ns)
{
	_cleanup_(share_names_fini) struct share_names page = { 0 };
	struct share_fh dir = walk->levels[walk->n - 1].fh;
	int r = share_nfs_readdir(walk->nfs, &dir, &page);

	if (r < 0)
		return r;
	if (page.n == 0 && page.is_end)
		return pop(walk);
	for (size_t i = 0; i < page.n && clock_ns() < deadline_ns; i++) {
		bool is_pushed;

		r = remove_entry(walk, &dir, page.names[i], &is_pushed);
		if (r < 0 || is_pushed)
			return r;
	}
	return 0;
}

int share_tree_remove(struct share_nfs *nfs, const struct share_fh *parent,
		      const char *name, uint64_t deadline_ns)
{
	_cleanup_(walk_fini) struct walk walk = { .nfs = nfs,
						  .parent = parent };
	struct share_entry entry;
	int r;

	r = share_nfs_lookup(nfs, parent, name, &entry);
	if (r < 0)
		return ignore_gone(r);
	if (!entry.is_directory)
		return -ENOTDIR;
	r = push(&walk, &entry.fh, name);
	while (r >= 0 && walk.n > 0) {
		if (clock_ns() >= deadline_ns)
			return SHARE_TREE_MORE;
		r = walk_round(&walk, deadline_ns);
	}
	return r;
}
