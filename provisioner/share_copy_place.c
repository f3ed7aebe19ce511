/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A copy is whole when copy.json says so, and then it never changes any more: that
 * file is written after all else is stable. Its file id is that of the tree, by which
 * a rename is known again that was made before a crash.
 */

#include "share_copy_place.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "parse.h"

#define COPY_FILE    "copy.json"
#define COPY_HALF    "half.tmp" /* what an interrupted write leaves */
#define PRIVATE_MODE 0700
#define NAME_MAX_LEN 200
#define MARK_MAX     256

static bool is_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MAX_LEN || *name == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-.", name[i]))
			return false;
	return true;
}

int copy_name_check(const char *what, const char *name, struct err *err)
{
	if (is_valid(name))
		return 0;
	return err_set(err, -EINVAL,
		       "%s '%s': use 1 to 200 letters, digits, '-' and '.'",
		       what, name);
}

int copy_fail(struct session *session, int r, const char *what,
	      const char *name, struct err *err)
{
	const struct share_volume *volume = session->volume;

	session->is_doubtful = true;
	(void)err_set_errno(err, r, "%s %s on share %s of server %s", what,
			    name, volume->share, volume->server);
	share_fault_explain(err, SHARE_STEP_CHANGE, volume->share);
	return r;
}

int copy_refuse(const struct session *session, const char *what,
		const char *name, const char *why, struct err *err)
{
	const struct share_volume *volume = session->volume;

	return err_set(err, -EPERM, "%s %s on share %s of server %s: %s", what,
		       name, volume->share, volume->server, why);
}

int copy_ensure_private(struct session *session, const char *name,
			struct share_fh *ret)
{
	struct share_entry entry;
	int r = session_ensure_directory(session, &session->private, name,
					 PRIVATE_MODE, &entry);

	if (r == 0)
		*ret = entry.fh;
	return r;
}

/* 0 also for a copy that is not whole. */
static int read_mark(struct session *session, struct copy_place *place)
{
	struct share_entry entry;
	char text[MARK_MAX];
	cJSON *json;
	size_t len;
	int r = share_nfs_lookup(session->nfs, &place->dir, COPY_FILE, &entry);

	place->is_whole = false;
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = share_nfs_read_file(session->nfs, &entry.fh, text, sizeof(text),
				&len);
	if (r < 0)
		return r;
	json = cJSON_ParseWithLength(text, len);
	const char *fileid =
		cJSON_GetStringValue(cJSON_GetObjectItem(json, "fileid"));
	r = fileid ? parse_u64(fileid, 0, UINT64_MAX, &place->fileid) : -EINVAL;
	cJSON_Delete(json);
	place->is_whole = r == 0;
	return r == 0 ? 0 : -EBADMSG;
}

static int open_place(struct session *session, struct copy_place *place,
		      const struct share_entry *entry)
{
	if (!entry->is_directory)
		return -ENOTDIR;
	place->dir = entry->fh;
	return read_mark(session, place);
}

int copy_place_find(struct session *session, const char *name,
		    struct copy_place *ret)
{
	struct share_entry entry;
	int r = copy_ensure_private(session, COPIES, &ret->all);

	if (r == 0)
		r = share_nfs_lookup(session->nfs, &ret->all, name, &entry);
	return r < 0 ? r : open_place(session, ret, &entry);
}

int copy_place_make(struct session *session, const char *name,
		    struct copy_place *ret)
{
	struct share_entry entry;
	int r = copy_ensure_private(session, COPIES, &ret->all);

	if (r == 0)
		r = session_ensure_directory(session, &ret->all, name,
					     PRIVATE_MODE, &entry);
	return r < 0 ? r : open_place(session, ret, &entry);
}

int copy_write_file(struct session *session, const struct share_fh *dir,
		    const char *name, const char *text)
{
	int r = share_nfs_write_file(session->nfs, dir, COPY_HALF, text,
				     strlen(text));

	return r < 0 ? r
		     : share_nfs_rename(session->nfs, dir, COPY_HALF, dir,
					name);
}

int copy_place_finish(struct session *session, struct copy_place *place)
{
	struct share_entry tree;
	char text[MARK_MAX];
	int r = share_nfs_lookup(session->nfs, &place->dir, COPY_TREE, &tree);

	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text),
		       "{\"state\": \"whole\", \"fileid\": \"%" PRIu64 "\"}\n",
		       tree.fileid);
	r = copy_write_file(session, &place->dir, COPY_FILE, text);
	if (r < 0)
		return r;
	place->is_whole = true;
	place->fileid = tree.fileid;
	return 0;
}
