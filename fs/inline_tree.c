/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Removing is flat, because a pod may have made a tree of any depth and width: of a
 * directory in the volume's directory, what is no directory is removed, and what is
 * one is moved up beside its parent, under a name that nobody can have guessed. So
 * there are two levels at any time, no recursion, and whoever comes after a crash
 * starts anywhere.
 *
 * A page of names is read from the beginning each time, since all of its names are
 * gone then. If none of them could be removed, that is the error.
 *
 * Handles decide, not paths, and what is not said to be a directory is not entered:
 * a symlink leads nowhere.
 */

#include "inline_tree.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "clock.h"
#include "nfs_ask.h"
#include "nfs_export.h"

#define FOLDER_MODE 0700
#define PAGE_BYTES  8192
#define PAGE_MAX    256 /* an entry has 36 bytes at least */

struct name {
	char text[NFS_NAME_MAX + 1];
	bool is_dir;
};

struct page {
	struct name names[PAGE_MAX];
	uint32_t n;
};

struct removal {
	struct nfs_ask ask;
	const atomic_bool *is_stopped;
	struct nfs_fh top;
	uint64_t token; /* of names that are moved up */
	struct page top_page;
	struct page page;
	struct nfs_entry entries[PAGE_MAX];
};

/* INLINE_FOLDER from the share's directory. */
static const char *const folders[] = { ".claimfs", "inline" };

static int ask_call(struct nfs_ask *ask, struct nfs_call *call)
{
	ask->deadline_ns = clock_ns() + INLINE_CALL_MS * NS_PER_MS;
	return nfs_ask_call(ask, call);
}

/* To the share, and *ret_root is its directory. */
static int reach(const struct inline_place *place, struct nfs_ask *ask,
		 struct nfs_fh *ret_root, struct err *err)
{
	struct nfs_export export;
	int r = nfs_export_open(
		&export,
		&(struct nfs_export_spec){ .server = place->server,
					   .share = place->share,
					   .port = place->port,
					   .mount_port = place->mount_port,
					   .timeout_ms = INLINE_CALL_MS },
		err);

	if (r < 0)
		return r;
	r = nfs_ask_connect(ask, &export.addr, export.addr_len,
			    clock_ns() + INLINE_CALL_MS * NS_PER_MS);
	if (r < 0)
		return err_set_errno(err, r, "connect to %s", place->server);
	*ret_root = export.root;
	return 0;
}

/* -ENOTDIR for what is no directory. */
static int look_up(struct nfs_ask *ask, const struct nfs_fh *dir,
		   const char *name, struct nfs_fh *ret)
{
	struct nfs_call call = { .proc = NFS_LOOKUP,
				 .args.fh = *dir,
				 .args.name = name };
	struct nfs_call attributes = { .proc = NFS_GETATTR };
	int r = ask_call(ask, &call);

	if (r < 0)
		return r;
	attributes.args.fh = call.res.fh;
	r = ask_call(ask, &attributes);
	if (r < 0)
		return r;
	if (!S_ISDIR(attributes.res.attr.mode))
		return -ENOTDIR;
	*ret = call.res.fh;
	return 0;
}

/* --- making ---------------------------------------------------------------------- */

/* The server's umask may have had a say in the mode, so it is set once more. */
static int make_dir(struct nfs_ask *ask, const struct nfs_fh *parent,
		    const char *name, uint32_t mode, struct nfs_fh *ret)
{
	const struct nfs_set set = { .mask = NFS_SET_MODE, .mode = mode };
	struct nfs_call make = { .proc = NFS_MKDIR,
				 .args.fh = *parent,
				 .args.name = name,
				 .args.mkdir.set = set };
	struct nfs_call change = { .proc = NFS_SETATTR,
				   .args.setattr.set = set };
	bool is_new;
	int r = look_up(ask, parent, name, ret);

	is_new = r == -ENOENT;
	if (is_new)
		r = ask_call(ask, &make);
	/* Another node may have been faster with the folder. */
	if (is_new && (r == 0 || r == -EEXIST))
		r = look_up(ask, parent, name, ret);
	if (r < 0 || !is_new)
		return r;
	change.args.fh = *ret;
	return ask_call(ask, &change);
}

int inline_tree_check(const struct inline_place *place, struct err *err)
{
	_cleanup_(nfs_ask_fini) struct nfs_ask ask = NFS_ASK_INIT;
	struct nfs_fh root;

	return reach(place, &ask, &root, err);
}

int inline_tree_make(const struct inline_place *place, uint32_t mode,
		     struct err *err)
{
	_cleanup_(nfs_ask_fini) struct nfs_ask ask = NFS_ASK_INIT;
	struct nfs_fh parent, dir;
	int r = reach(place, &ask, &parent, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(folders) && r == 0; i++) {
		r = make_dir(&ask, &parent, folders[i], FOLDER_MODE, &dir);
		parent = dir;
	}
	if (r == 0)
		r = make_dir(&ask, &parent, place->name, mode, &dir);
	return r < 0 ? err_set_errno(err, r,
				     "make \"%s/" INLINE_FOLDER "/%s\" on %s",
				     place->share, place->name, place->server)
		     : 0;
}

/* --- removing -------------------------------------------------------------------- */

static int check_stop(const struct removal *removal)
{
	return atomic_load(removal->is_stopped) ? -EINTR : 0;
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The first names of a directory, copied: the answer's are gone with the next call. */
static int read_page(struct removal *removal, const struct nfs_fh *dir,
		     struct page *page)
{
	struct nfs_call call = { .proc = NFS_READDIRPLUS,
				 .args.fh = *dir,
				 .args.readdir.count = PAGE_BYTES };
	int r;

	page->n = 0;
	do {
		removal->ask.deadline_ns =
			clock_ns() + INLINE_CALL_MS * NS_PER_MS;
		r = nfs_ask_list(&removal->ask, &call, removal->entries,
				 PAGE_MAX);
		if (r < 0)
			return r;
		for (uint32_t i = 0; i < call.res.readdir.n_entries; i++) {
			const struct nfs_entry *entry =
				&call.res.readdir.entries[i];
			struct name *name = &page->names[page->n];

			call.args.readdir.cookie = entry->cookie;
			if (is_dot(entry->name))
				continue;
			(void)snprintf(name->text, sizeof(name->text), "%s",
				       entry->name);
			name->is_dir =
				!entry->has_attr || S_ISDIR(entry->attr.mode);
			page->n++;
		}
		call.args.readdir.cookieverf = call.res.readdir.cookieverf;
	} while (page->n == 0 && call.res.readdir.n_entries > 0 &&
		 !call.res.readdir.is_eof);
	return 0;
}

static int remove_name(struct removal *removal, const struct nfs_fh *dir,
		       const char *name, enum nfs_proc proc)
{
	struct nfs_call call = { .proc = proc,
				 .args.fh = *dir,
				 .args.name = name };
	int r = ask_call(&removal->ask, &call);

	return r == -ENOENT ? 0 : r;
}

static int move_up(struct removal *removal, const struct nfs_fh *dir,
		   const char *name)
{
	char to_name[32];
	struct nfs_call call = { .proc = NFS_RENAME,
				 .args.fh = *dir,
				 .args.name = name,
				 .args.rename = { .to_fh = removal->top,
						  .to_name = to_name } };

	(void)snprintf(to_name, sizeof(to_name), "up-%016" PRIx64,
		       removal->token++);
	return ask_call(&removal->ask, &call);
}

/* What has no attributes is moved up as well, and looked at there. */
static int empty_name(struct removal *removal, const struct nfs_fh *dir,
		      const struct name *name)
{
	int r = check_stop(removal);

	if (r < 0)
		return r;
	return name->is_dir ? move_up(removal, dir, name->text)
			    : remove_name(removal, dir, name->text, NFS_REMOVE);
}

/* Of a directory at the top. */
static int empty_dir(struct removal *removal, const struct nfs_fh *dir)
{
	for (;;) {
		uint32_t n_gone = 0;
		int error = 0;
		int r = read_page(removal, dir, &removal->page);

		if (r < 0 || removal->page.n == 0)
			return r;
		for (uint32_t i = 0; i < removal->page.n; i++) {
			r = empty_name(removal, dir, &removal->page.names[i]);
			if (r == -EINTR)
				return r;
			n_gone += r == 0;
			error = r < 0 ? r : error;
		}
		if (n_gone == 0)
			return error;
	}
}

static int remove_top_name(struct removal *removal, const struct name *name)
{
	struct nfs_fh dir;
	int r = name->is_dir ? look_up(&removal->ask, &removal->top, name->text,
				       &dir)
			     : -ENOTDIR;

	if (r == -ENOTDIR)
		return remove_name(removal, &removal->top, name->text,
				   NFS_REMOVE);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = empty_dir(removal, &dir);
	return r < 0 ? r
		     : remove_name(removal, &removal->top, name->text,
				   NFS_RMDIR);
}

static int empty_top(struct removal *removal)
{
	for (;;) {
		uint32_t n_gone = 0;
		int error = 0;
		int r = read_page(removal, &removal->top, &removal->top_page);

		if (r < 0 || removal->top_page.n == 0)
			return r;
		for (uint32_t i = 0; i < removal->top_page.n; i++) {
			r = check_stop(removal);
			if (r == 0)
				r = remove_top_name(
					removal, &removal->top_page.names[i]);
			if (r == -EINTR)
				return r;
			n_gone += r == 0;
			error = r < 0 ? r : error;
		}
		if (n_gone == 0)
			return error;
	}
}

static int remove_all(struct removal *removal, const struct nfs_fh *root,
		      const char *name)
{
	struct nfs_fh folder = *root;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(folders) && r == 0; i++)
		r = look_up(&removal->ask, &folder, folders[i], &folder);
	if (r == 0)
		r = look_up(&removal->ask, &folder, name, &removal->top);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	(void)!getrandom(&removal->token, sizeof(removal->token), 0);
	r = empty_top(removal);
	return r < 0 ? r : remove_name(removal, &folder, name, NFS_RMDIR);
}

int inline_tree_remove(const struct inline_place *place,
		       const atomic_bool *is_stopped, struct err *err)
{
	_cleanup_(free) struct removal *removal = calloc(1, sizeof(*removal));
	struct nfs_fh root;
	int r;

	if (!removal)
		return err_set_errno(err, -ENOMEM, "remove a volume");
	removal->ask = NFS_ASK_INIT;
	removal->is_stopped = is_stopped;
	r = reach(place, &removal->ask, &root, err);
	if (r == 0) {
		r = remove_all(removal, &root, place->name);
		if (r < 0)
			(void)err_set_errno(
				err, r,
				"remove \"%s/" INLINE_FOLDER "/%s\" on %s",
				place->share, place->name, place->server);
	}
	nfs_ask_fini(&removal->ask);
	return r;
}
