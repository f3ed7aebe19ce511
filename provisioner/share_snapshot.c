/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Snapshots on a share. One is a directory .claimfs/snapshots/<id> with its descriptor,
 * which comes there whole, by one rename, and goes by one, as a copy does: to a name
 * where nobody takes it for anything, and then it is removed. Half of one must never be
 * found where it was: what is left looks finished.
 *
 *	keep: copies/<name>/snapshot.json -> rename to snapshots/<id>
 *	drop: rename to copies/<name>.dropped, and it is none any more
 *	      -> drop the copy: remove that
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "share.h"
#include "share_calls.h"
#include "share_copy_place.h"

#define SNAPSHOT_FILE  "snapshot.json"
#define DROPPED	       ".dropped"
#define DESCRIPTOR_MAX 65536

/* what: SNAPSHOTS or COPIES. */
static int open_at(struct session *session, const struct share_volume *where,
		   const char *what, struct share_fh *ret, struct err *err)
{
	int r = session_open(session, where, err);

	if (r != 0)
		return r;
	r = copy_ensure_private(session, what, ret);
	return r < 0 ? copy_fail(session, r, "make directory .claimfs/", what,
				 err)
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
		r = open_at(&session, where, SNAPSHOTS, &snapshots, err);
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

static bool is_dropped(const char *name)
{
	size_t len = strlen(name), end = strlen(DROPPED);

	return len > end && strcmp(name + len - end, DROPPED) == 0;
}

struct dropping {
	struct session *session;
	const struct share_fh *copies;
	char *dropped; /* what it is called in there from then on */
	share_tree_fn go_on;
	void *userdata;
};

static void dropping_fini(struct dropping *dropping)
{
	free(dropping->dropped);
}

DEFINE_FINI(struct dropping, dropping_fini)

static int remove_tree(const struct dropping *dropping)
{
	struct session *session = dropping->session;
	const struct share_volume *where = session->volume;
	int r;

	/* It goes without, too. */
	(void)share_calls_widen(session->nfs, where->server, where->port);
	r = share_tree_walk(session->nfs, dropping->copies, dropping->dropped,
			    SHARE_TREE_REMOVE, dropping->go_on,
			    dropping->userdata);
	return r == SHARE_TREE_MORE ? SHARE_MORE : r;
}

static int rename_away(const struct dropping *dropping,
		       const struct share_fh *dir, const char *name)
{
	int r = share_nfs_rename(dropping->session->nfs, dir, name,
				 dropping->copies, dropping->dropped);

	return r == -ENOENT ? 0 : r;
}

/* What is left of a former one may be in its way. */
static int put_away(const struct dropping *dropping, const struct share_fh *dir,
		    const char *name)
{
	int r = rename_away(dropping, dir, name);

	if (r != -EEXIST && r != -ENOTEMPTY)
		return r;
	r = remove_tree(dropping);
	return r == 0 ? rename_away(dropping, dir, name) : r;
}

static int open_copies(const struct share_volume *where, const char *name,
		       struct dropping *dropping, struct share_fh *copies,
		       struct err *err)
{
	int r = copy_name_check("copy", name, err);

	if (r < 0)
		return r;
	if (asprintf(&dropping->dropped, "%s%s", name,
		     is_dropped(name) ? "" : DROPPED) < 0) {
		dropping->dropped = NULL;
		return err_set(err, -ENOMEM, "no memory");
	}
	dropping->copies = copies;
	return open_at(dropping->session, where, COPIES, copies, err);
}

int share_drop_copy(const struct share_volume *where, const char *name,
		    share_tree_fn go_on, void *userdata, struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	_cleanup_(dropping_fini) struct dropping dropping = {
		.session = &session, .go_on = go_on, .userdata = userdata
	};
	struct share_fh copies;
	int r = open_copies(where, name, &dropping, &copies, err);

	if (r != 0)
		return r;
	r = put_away(&dropping, &copies, name);
	if (r == 0)
		r = remove_tree(&dropping);
	return r < 0 ? copy_fail(&session, r, "remove copy", name, err) : r;
}

int share_drop_snapshot(const struct share_volume *where, const char *id,
			share_tree_fn go_on, void *userdata, struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	_cleanup_(dropping_fini) struct dropping dropping = {
		.session = &session, .go_on = go_on, .userdata = userdata
	};
	struct share_fh copies, snapshots;
	int r = open_copies(where, id, &dropping, &copies, err);

	if (r != 0)
		return r;
	r = copy_ensure_private(&session, SNAPSHOTS, &snapshots);
	if (r == 0)
		r = put_away(&dropping, &snapshots, id);
	if (r == 0)
		r = put_away(&dropping, &copies, id);
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

struct look {
	struct session *session;
	struct share_fh dir; /* .claimfs/what */
	const char *what;
	int (*report)(const struct look *look, const char *name,
		      struct err *err);
	share_snapshot_fn on_snapshot;
	share_copy_found_fn on_copy;
	void *userdata;
};

static int look_at_all(struct look *look, const struct share_volume *where,
		       struct err *err)
{
	_cleanup_(session_fini) struct session session = { 0 };
	_cleanup_(share_page_fini) struct share_page page = { 0 };
	int r = open_at(&session, where, look->what, &look->dir, err);

	look->session = &session;
	while (r == 0 && !page.is_end) {
		r = share_nfs_list(session.nfs, &look->dir, &page);
		if (r < 0)
			return copy_fail(&session, r,
					 "read directory .claimfs/", look->what,
					 err);
		for (size_t i = 0; r == 0 && i < page.n; i++)
			r = look->report(look, page.items[i].name, err);
	}
	return r;
}

static int report_snapshot(const struct look *look, const char *id,
			   struct err *err)
{
	struct session *session = look->session;
	struct share_snapshot_found found = { .id = id };
	struct share_entry entry;
	cJSON *json;
	int r = share_nfs_lookup(session->nfs, &look->dir, id, &entry);

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
	r = look->on_snapshot(look->userdata, &found, err);
	cJSON_Delete(json);
	return r;
}

int share_each_snapshot(const struct share_volume *where, share_snapshot_fn fn,
			void *userdata, struct err *err)
{
	struct look look = { .what = SNAPSHOTS,
			     .report = report_snapshot,
			     .on_snapshot = fn,
			     .userdata = userdata };

	return look_at_all(&look, where, err);
}

/* What can't be a copy's name is somebody else's. */
static int report_copy(const struct look *look, const char *name,
		       struct err *err)
{
	struct share_copy_found found = { .name = name,
					  .is_dropped = is_dropped(name) };
	_cleanup_(free) char *copy = strdup(name);

	if (copy_name_check("copy", name, NULL) < 0)
		return 0;
	if (!copy)
		return err_set(err, -ENOMEM, "no memory");
	if (found.is_dropped)
		copy[strlen(name) - strlen(DROPPED)] = '\0';
	found.copy = copy;
	return look->on_copy(look->userdata, &found, err);
}

int share_each_copy(const struct share_volume *where, share_copy_found_fn fn,
		    void *userdata, struct err *err)
{
	struct look look = { .what = COPIES,
			     .report = report_copy,
			     .on_copy = fn,
			     .userdata = userdata };

	return look_at_all(&look, where, err);
}
