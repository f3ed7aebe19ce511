/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One connection, one call at a time: descriptors page by page, each file read and its
 * directory looked up, then the names at the top. A share without .claimfs has no
 * volumes of ours, which is no error.
 *
 * What tenants can write is not looked at: descriptors are in a directory that no pod
 * sees, and of a volume's directory only its attributes count.
 */

#include "share_survey.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "class_parameters.h"
#include "clock.h"
#include "parse.h"
#include "share_nfs.h"

#define DESCRIPTOR_MAX 65536
#define SUFFIX	       ".json"

struct visit {
	struct share_nfs *nfs;
	const struct share_volume *where;  /* borrowed */
	const struct share_survey *survey; /* borrowed */
	struct share_fh volumes;
	struct share_fh trash;
};

static int fail(const struct share_volume *where, int r, const char *what,
		struct err *err)
{
	return err_set_errno(err, r, "read %s on share %s of server %s", what,
			     where->share, where->server);
}

static int visit_open(struct visit *visit, struct err *err)
{
	struct share_nfs_options options = { .server = visit->where->server,
					     .share = visit->where->share,
					     .port = visit->where->port,
					     .mountport =
						     visit->where->mountport };

	return share_nfs_open(&visit->nfs, &options, err);
}

static void visit_fini(struct visit *visit)
{
	visit->nfs = share_nfs_close(visit->nfs);
}

DEFINE_FINI(struct visit, visit_fini)

/* Only real directories on the way: a symlink is -ENOTDIR. */
static int look_up(struct visit *visit, const char *path,
		   struct share_entry *ret)
{
	_cleanup_(free) char *copy = strdup(path);
	struct share_fh dir = *share_nfs_root(visit->nfs);
	char *rest = copy, *name;

	if (!copy)
		return -ENOMEM;
	while ((name = strsep(&rest, "/"))) {
		int r = share_nfs_lookup(visit->nfs, &dir, name, ret);

		if (r < 0)
			return r;
		if (!ret->is_directory)
			return -ENOTDIR;
		dir = ret->fh;
	}
	return 0;
}

/* --- descriptors ------------------------------------------------------------------ */

static const char *text_at(const cJSON *json, const char *key)
{
	const char *text = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(json, key));

	return text ? text : "";
}

static int read_json(struct visit *visit, const struct share_fh *dir,
		     const char *name, cJSON **ret)
{
	_cleanup_(free) char *text = malloc(DESCRIPTOR_MAX);
	struct share_entry entry;
	size_t len;
	int r;

	if (!text)
		return -ENOMEM;
	r = share_nfs_lookup(visit->nfs, dir, name, &entry);
	if (r >= 0)
		r = share_nfs_read_file(visit->nfs, &entry.fh, text,
					DESCRIPTOR_MAX, &len);
	if (r < 0)
		return r;
	*ret = cJSON_ParseWithLength(text, len);
	return *ret ? 0 : -EBADMSG;
}

static enum share_state state_of(const cJSON *json,
				 const struct share_entry *entry)
{
	const char *text = text_at(json, "fileid");
	uint64_t fileid;

	if (!*text)
		return SHARE_CREATING;
	if (parse_u64(text, 0, UINT64_MAX, &fileid) < 0)
		return SHARE_BROKEN;
	return fileid == entry->fileid ? SHARE_READY : SHARE_REPLACED;
}

static int find_state(struct visit *visit, const cJSON *json,
		      const struct share_found *found, enum share_state *ret)
{
	struct share_entry entry;
	int r = look_up(visit, found->path, &entry);

	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return r;
	*ret = r < 0 ? SHARE_GONE : state_of(json, &entry);
	return 0;
}

static void decode(const cJSON *json, struct share_found *ret)
{
	const cJSON *claim = cJSON_GetObjectItemCaseSensitive(json, "claim");
	const cJSON *record = cJSON_GetObjectItemCaseSensitive(json, "record");
	const cJSON *note = cJSON_GetObjectItemCaseSensitive(json, "trash");

	ret->path = text_at(json, "path");
	ret->claim_namespace = text_at(claim, "namespace");
	ret->claim_name = text_at(claim, "name");
	ret->claim_uid = text_at(claim, "uid");
	ret->class_name = text_at(json, "class");
	ret->is_adopted =
		cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "adopted"));
	ret->phase = text_at(json, "phase");
	ret->record = cJSON_IsObject(record) ? record : NULL;
	ret->note = cJSON_IsObject(note) ? note : NULL;
	if (parse_u64(text_at(json, "capacity"), 0, UINT64_MAX,
		      &ret->capacity) < 0)
		ret->capacity = 0;
}

/* Only a volume that nobody has may have no claim. */
static bool is_whole(const cJSON *json, const struct share_found *found)
{
	return strcmp(text_at(json, "volume"), found->volume) == 0 &&
	       subdir_check(found->path, NULL) == 0 &&
	       ((*found->claim_name && *found->claim_namespace) ||
		strcmp(found->phase, pv_phase_names[PV_AVAILABLE]) == 0);
}

static int report(struct visit *visit, const cJSON *json, const char *volume,
		  struct err *err)
{
	struct share_found found = { .volume = volume, .state = SHARE_BROKEN };
	int r = 0;

	decode(json, &found);
	if (is_whole(json, &found))
		r = find_state(visit, json, &found, &found.state);
	if (r < 0)
		return fail(visit->where, r, found.path, err);
	return visit->survey->on_volume(visit->survey->userdata, &found, err);
}

static int visit_descriptor(struct visit *visit, const char *name,
			    struct err *err)
{
	size_t len = strlen(name);
	_cleanup_(free) char *volume = NULL;
	cJSON *json = NULL;
	int r;

	if (len <= strlen(SUFFIX) ||
	    strcmp(name + len - strlen(SUFFIX), SUFFIX) != 0)
		return 0;
	volume = strndup(name, len - strlen(SUFFIX));
	if (!volume)
		return err_set(err, -ENOMEM, "no memory");
	r = read_json(visit, &visit->volumes, name, &json);
	if (r == -ENOENT)
		return 0;
	if (r < 0 && r != -EBADMSG)
		return fail(visit->where, r, name, err);
	r = report(visit, json, volume, err);
	cJSON_Delete(json);
	return r;
}

/* --- the trash --------------------------------------------------------------------- */

/* Its descriptor there; the volume's own, as long as there is none. */
static int read_trashed(struct visit *visit, const char *volume, cJSON **ret)
{
	_cleanup_(free) char *name = NULL;
	int r;

	if (asprintf(&name, "%s" SUFFIX, volume) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	r = read_json(visit, &visit->trash, name, ret);
	return r == -ENOENT ? read_json(visit, &visit->volumes, name, ret) : r;
}

static int report_trashed(struct visit *visit, const cJSON *json,
			  const char *volume, const struct share_entry *entry,
			  struct err *err)
{
	struct share_found found = { .volume = volume, .state = SHARE_BROKEN };

	decode(json, &found);
	if (is_whole(json, &found))
		found.state = state_of(json, entry);
	return visit->survey->on_trashed(visit->survey->userdata, &found, err);
}

static int visit_trashed(struct visit *visit, const char *name, struct err *err)
{
	struct share_entry entry;
	cJSON *json = NULL;
	int r = share_nfs_lookup(visit->nfs, &visit->trash, name, &entry);

	if (r == -ENOENT || (r == 0 && !entry.is_directory))
		return 0;
	if (r == 0)
		r = read_trashed(visit, name, &json);
	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return fail(visit->where, r, name, err);
	r = report_trashed(visit, json, name, &entry, err);
	cJSON_Delete(json);
	return r;
}

/* --- directories of names --------------------------------------------------------- */

typedef int (*name_fn)(struct visit *visit, const char *name, struct err *err);

static int for_each_name(struct visit *visit, const struct share_fh *dir,
			 name_fn fn, struct err *err)
{
	_cleanup_(share_page_fini) struct share_page page = { 0 };
	int r;

	do {
		r = share_nfs_list(visit->nfs, dir, &page);
		if (r < 0)
			return fail(visit->where, r, "a directory", err);
		for (size_t i = 0; i < page.n && r == 0; i++)
			r = fn(visit, page.items[i].name, err);
	} while (r == 0 && !page.is_end && page.n > 0);
	return r;
}

static int visit_top(struct visit *visit, const char *name, struct err *err)
{
	struct share_entry entry;
	int r;

	if (strcmp(name, ".claimfs") == 0)
		return 0;
	r = share_nfs_lookup(visit->nfs, share_nfs_root(visit->nfs), name,
			     &entry);
	if (r == -ENOENT || (r == 0 && !entry.is_directory))
		return 0;
	if (r < 0)
		return fail(visit->where, r, name, err);
	return visit->survey->on_directory(visit->survey->userdata, name, err);
}

/* --- the survey ------------------------------------------------------------------- */

/* fn NULL = none. One that was not made yet has nothing in it. */
static int visit_own(struct visit *visit, const char *path,
		     struct share_fh *ret_dir, name_fn fn, struct err *err)
{
	struct share_entry entry;
	int r = look_up(visit, path, &entry);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return fail(visit->where, r, path, err);
	*ret_dir = entry.fh;
	return fn ? for_each_name(visit, ret_dir, fn, err) : 0;
}

int share_survey(const struct share_volume *where,
		 const struct share_survey *survey, struct err *err)
{
	_cleanup_(visit_fini) struct visit visit = { .where = where,
						     .survey = survey };
	int r = visit_open(&visit, err);

	if (r >= 0 && (survey->on_volume || survey->on_trashed))
		r = visit_own(&visit, ".claimfs/volumes", &visit.volumes,
			      survey->on_volume ? visit_descriptor : NULL, err);
	if (r == 0 && survey->on_trashed)
		r = visit_own(&visit, ".claimfs/trash", &visit.trash,
			      visit_trashed, err);
	if (r == 0 && survey->on_directory)
		r = for_each_name(&visit, share_nfs_root(visit.nfs), visit_top,
				  err);
	return r;
}

int share_survey_path(const struct share_volume *where, const char *path,
		      struct err *err)
{
	_cleanup_(visit_fini) struct visit visit = { .where = where };
	struct share_entry entry;
	int r = visit_open(&visit, err);

	if (r < 0)
		return r;
	r = look_up(&visit, path, &entry);
	if (r == -ENOENT || r == -ENOTDIR)
		return err_set(
			err, r,
			"there is no directory \"%s\" on share %s of server %s",
			path, where->share, where->server);
	return r < 0 ? fail(where, r, path, err) : 0;
}

/* --- one volume -------------------------------------------------------------------- */

static int read_own(struct visit *visit, struct share_inside *ret)
{
	_cleanup_(free) char *name = NULL;
	struct share_found found = { 0 };
	struct share_entry entry;
	cJSON *json = NULL;
	int r = look_up(visit, ".claimfs/volumes", &entry);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (asprintf(&name, "%s" SUFFIX, visit->where->name) < 0)
		name = NULL;
	r = name ? read_json(visit, &entry.fh, name, &json) : -ENOMEM;
	decode(json, &found);
	ret->is_adopted = found.is_adopted;
	ret->is_described = strcmp(found.path, visit->where->path) == 0;
	cJSON_Delete(json);
	return r == -ENOENT || r == -EBADMSG ? 0 : r;
}

struct counting {
	struct share_tree_progress *progress;
	uint64_t deadline_ns;
};

static bool on_counted(void *userdata,
		       const struct share_tree_progress *progress)
{
	const struct counting *counting = userdata;

	*counting->progress = *progress;
	return clock_ns() < counting->deadline_ns;
}

int share_survey_inside(const struct share_volume *volume, uint64_t deadline_ns,
			struct share_inside *ret, struct err *err)
{
	_cleanup_(visit_fini) struct visit visit = { .where = volume };
	struct share_inside inside = { 0 };
	struct counting counting = { .progress = &inside.counted,
				     .deadline_ns = deadline_ns };
	struct share_entry entry;
	int r = visit_open(&visit, err);

	if (r < 0)
		return r;
	r = read_own(&visit, &inside);
	if (r == 0)
		r = look_up(&visit, volume->path, &entry);
	if (r == 0)
		r = share_tree_walk(visit.nfs, &entry.fh, ".", SHARE_TREE_COUNT,
				    on_counted, &counting);
	if (r < 0)
		return fail(volume, r, volume->path, err);
	inside.is_complete = r == 0;
	*ret = inside;
	return 0;
}
