/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Snapshots on a share. One is a directory .claimfs/snapshots/<id> with its descriptor,
 * which comes there whole, by one rename, and goes by one, as a copy does: to a name
 * where nobody takes it for anything, and then it is removed. Half of one must never be
 * found where it was: what is left looks finished.
 *
 *	keep: copies/<name>/snapshot.json -> rename to snapshots/<id>
 *	drop: rename to copies/<name>.dropped -> remove that
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "share.h"
#include "share_calls.h"
#include "share_copy_place.h"

#define SNAPSHOT_FILE  "snapshot.json"
#define DROPPED	       ".dropped"
#define DESCRIPTOR_MAX 65536

static int open_snapshots(struct session *session,
			  const struct share_volume *where,
			  struct share_fh *ret, struct err *err)
{
	int r = session_open(session, where, err);

	if (r != 0)
		return r;
	r = copy_ensure_private(session, SNAPSHOTS, ret);
	return r < 0 ? copy_fail(session, r, "make directory .claimfs/",
				 SNAPSHOTS, err)
		     : 0;
}

/* --- becoming one ------------------------------------------------------------------ */

static char *encode(const struct share_snapshot *snapshot, uint64_t fileid)
{
	cJSON *json = cJSON_CreateObject();
	char number[24];
	char *text = NULL;

	(void)snprintf(number, sizeof(number), "%llu",
		       (unsigned long long)fileid);
	if (cJSON_AddStringToObject(json, "snapshot", snapshot->id) &&
	    cJSON_AddStringToObject(json, "fileid", number) &&
	    (!snapshot->record ||
	     cJSON_AddRawToObject(json, "record", snapshot->record)))
		text = cJSON_Print(json);
	cJSON_Delete(json);
	return text;
}

static int keep(struct session *session, const struct share_fh *snapshots,
		const char *copy, const struct share_snapshot *snapshot)
{
	_cleanup_(free) char *text = NULL;
	struct copy_place place;
	struct share_entry tree;
	int r = copy_place_find(session, copy, &place);

	if (r < 0)
		return r;
	if (!place.is_whole)
		return -EBUSY;
	/* It may have become a volume. */
	r = share_nfs_lookup(session->nfs, &place.dir, COPY_TREE, &tree);
	if (r < 0)
		return r;
	text = encode(snapshot, place.fileid);
	if (!text)
		return -ENOMEM;
	r = copy_write_file(session, &place.dir, SNAPSHOT_FILE, text);
	if (r < 0)
		return r;
	return share_nfs_rename(session->nfs, &place.all, copy, snapshots,
				snapshot->id);
}

int share_keep_snapshot(const struct share_volume *where, const char *copy,
			const struct share_snapshot *snapshot, struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	struct share_fh snapshots;
	struct share_entry entry;
	int r = copy_name_check("snapshot", snapshot->id, err);

	if (r == 0)
		r = copy_name_check("copy", copy, err);
	if (r == 0)
		r = open_snapshots(&session, where, &snapshots, err);
	if (r != 0)
		return r;
	r = share_nfs_lookup(session.nfs, &snapshots, snapshot->id, &entry);
	if (r == 0)
		return 0;
	if (r == -ENOENT)
		r = keep(&session, &snapshots, copy, snapshot);
	if (r == -EBUSY)
		return copy_refuse(&session, "keep copy", copy,
				   "it is not whole", err);
	return r < 0 ? copy_fail(&session, r, "keep snapshot", snapshot->id,
				 err)
		     : 0;
}

/* --- going --------------------------------------------------------------------------- */

struct dropping {
	struct session *session;
	const struct share_fh *dir; /* where it is, under name */
	const char *name;
	share_tree_fn go_on;
	void *userdata;
};

static int remove_tree(const struct dropping *dropping,
		       const struct share_fh *copies, const char *name)
{
	struct session *session = dropping->session;
	const struct share_volume *where = session->volume;
	int r;

	/* It goes without, too. */
	(void)share_calls_widen(session->nfs, where->server, where->port);
	r = share_tree_walk(session->nfs, copies, name, SHARE_TREE_REMOVE,
			    dropping->go_on, dropping->userdata);
	return r == SHARE_TREE_MORE ? SHARE_MORE : r;
}

/* First what is left of a former one; then there is nothing in the way of the next. */
static int drop_as(const struct dropping *dropping,
		   const struct share_fh *copies, const char *dropped)
{
	int r = remove_tree(dropping, copies, dropped);

	if (r != 0)
		return r;
	r = share_nfs_rename(dropping->session->nfs, dropping->dir,
			     dropping->name, copies, dropped);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return remove_tree(dropping, copies, dropped);
}

static int drop(const struct dropping *dropping)
{
	_cleanup_(free) char *dropped = NULL;
	struct share_fh copies;
	int r;

	if (asprintf(&dropped, "%s" DROPPED, dropping->name) < 0) {
		dropped = NULL;
		return -ENOMEM;
	}
	r = copy_ensure_private(dropping->session, COPIES, &copies);
	return r < 0 ? r : drop_as(dropping, &copies, dropped);
}

int share_drop_copy(const struct share_volume *where, const char *name,
		    share_tree_fn go_on, void *userdata, struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	struct share_fh copies;
	const struct dropping dropping = { .session = &session,
					   .dir = &copies,
					   .name = name,
					   .go_on = go_on,
					   .userdata = userdata };
	int r = copy_name_check("copy", name, err);

	if (r == 0)
		r = session_open(&session, where, err);
	if (r != 0)
		return r;
	r = copy_ensure_private(&session, COPIES, &copies);
	if (r == 0)
		r = drop(&dropping);
	return r < 0 ? copy_fail(&session, r, "remove copy", name, err) : r;
}

int share_drop_snapshot(const struct share_volume *where, const char *id,
			share_tree_fn go_on, void *userdata, struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	struct share_fh snapshots;
	const struct dropping dropping = { .session = &session,
					   .dir = &snapshots,
					   .name = id,
					   .go_on = go_on,
					   .userdata = userdata };
	int r = copy_name_check("snapshot", id, err);

	if (r == 0)
		r = open_snapshots(&session, where, &snapshots, err);
	if (r != 0)
		return r;
	r = drop(&dropping);
	return r < 0 ? copy_fail(&session, r, "remove snapshot", id, err) : r;
}

/* --- what there is ------------------------------------------------------------------- */

static cJSON *read_descriptor(struct session *session,
			      const struct share_fh *dir)
{
	_cleanup_(free) char *text = malloc(DESCRIPTOR_MAX);
	struct share_entry entry;
	size_t len;

	if (!text ||
	    share_nfs_lookup(session->nfs, dir, SNAPSHOT_FILE, &entry) < 0 ||
	    share_nfs_read_file(session->nfs, &entry.fh, text, DESCRIPTOR_MAX,
				&len) < 0)
		return NULL;
	return cJSON_ParseWithLength(text, len);
}

static bool is_whole(struct session *session, const struct share_fh *dir,
		     const cJSON *json, const char *id)
{
	const char *named =
		cJSON_GetStringValue(cJSON_GetObjectItem(json, "snapshot"));
	struct share_entry tree;

	return named && strcmp(named, id) == 0 &&
	       share_nfs_lookup(session->nfs, dir, COPY_TREE, &tree) == 0 &&
	       tree.is_directory;
}

static int report(struct session *session, const struct share_fh *snapshots,
		  const char *id, share_snapshot_fn fn, void *userdata,
		  struct err *err)
{
	struct share_snapshot_found found = { .id = id };
	struct share_entry entry;
	cJSON *json;
	int r = share_nfs_lookup(session->nfs, snapshots, id, &entry);

	if (r < 0)
		return r == -ENOENT ? 0
				    : copy_fail(session, r, "look up snapshot",
						id, err);
	if (!entry.is_directory)
		return 0;
	json = read_descriptor(session, &entry.fh);
	if (share_nfs_is_broken(session->nfs)) {
		cJSON_Delete(json);
		return copy_fail(session, -ECONNRESET, "read snapshot", id,
				 err);
	}
	found.is_whole = is_whole(session, &entry.fh, json, id);
	found.record = cJSON_GetObjectItem(json, "record");
	r = fn(userdata, &found, err);
	cJSON_Delete(json);
	return r;
}

int share_each_snapshot(const struct share_volume *where, share_snapshot_fn fn,
			void *userdata, struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	_cleanup_(share_page_fini) struct share_page page = { 0 };
	struct share_fh snapshots;
	int r = open_snapshots(&session, where, &snapshots, err);

	while (r == 0 && !page.is_end) {
		r = share_nfs_list(session.nfs, &snapshots, &page);
		if (r < 0)
			return copy_fail(&session, r,
					 "read directory .claimfs/", SNAPSHOTS,
					 err);
		for (size_t i = 0; r == 0 && i < page.n; i++)
			r = report(&session, &snapshots, page.items[i].name, fn,
				   userdata, err);
	}
	return r;
}
