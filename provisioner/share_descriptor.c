/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Descriptors are small JSON files for people and for us. What we decide on is
 * volume, path and fileid; the claim, class and capacity are there so that the
 * record can be rebuilt. The file id is a string, because JSON's numbers end at
 * 2^53.
 */

#include "share_descriptor.h"

#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "class_parameters.h"
#include "parse.h"

#define MAX_SIZE 65536
#define SUFFIX	 ".json"
#define HALF	 ".tmp" /* what an interrupted write leaves */

static char *file_name(const char *volume, const char *suffix)
{
	char *name;

	if (asprintf(&name, "%s%s", volume, suffix) < 0)
		return NULL;
	return name;
}

void share_owner_fini(struct share_owner *owner)
{
	free(owner->volume);
	free(owner->claim_namespace);
	free(owner->claim_name);
	free(owner->phase);
	*owner = (struct share_owner){ 0 };
}

void share_descriptor_fini(struct share_descriptor *descriptor)
{
	share_owner_fini(&descriptor->owner);
	free(descriptor->path);
	free(descriptor->claim_uid);
	*descriptor = (struct share_descriptor){ 0 };
}

/* --- reading ------------------------------------------------------------------- */

static char *copy_string(const cJSON *json, const char *key)
{
	const char *value =
		cJSON_GetStringValue(cJSON_GetObjectItem(json, key));

	return value ? strdup(value) : NULL;
}

/* What nobody decides on may be missing: it is "" then. */
static char *copy_text(const cJSON *json, const char *key)
{
	const char *value =
		cJSON_GetStringValue(cJSON_GetObjectItem(json, key));

	return strdup(value ? value : "");
}

static int decode_owner(const cJSON *json, struct share_owner *ret)
{
	const cJSON *claim = cJSON_GetObjectItem(json, "claim");

	ret->volume = copy_string(json, "volume");
	ret->claim_namespace = copy_text(claim, "namespace");
	ret->claim_name = copy_text(claim, "name");
	ret->phase = copy_text(json, "phase");
	if (!ret->claim_namespace || !ret->claim_name || !ret->phase)
		return -ENOMEM;
	return ret->volume ? 0 : -EBADMSG;
}

static int decode(const cJSON *json, struct share_descriptor *ret)
{
	const char *fileid =
		cJSON_GetStringValue(cJSON_GetObjectItem(json, "fileid"));
	int r = decode_owner(json, &ret->owner);

	if (r < 0)
		return r;
	ret->path = copy_string(json, "path");
	ret->claim_uid = copy_string(cJSON_GetObjectItem(json, "claim"), "uid");
	ret->is_adopted = cJSON_IsTrue(cJSON_GetObjectItem(json, "adopted"));
	ret->is_shared = cJSON_IsTrue(cJSON_GetObjectItem(json, "shared"));
	if (!ret->path || !ret->claim_uid)
		return -EBADMSG;
	if (!fileid)
		return 0;
	ret->has_fileid = true;
	if (parse_u64(fileid, 0, UINT64_MAX, &ret->fileid) < 0)
		return -EBADMSG;
	return 0;
}

static int read_file(struct share_nfs *nfs, const struct share_fh *dir,
		     const char *name, struct share_descriptor *ret)
{
	_cleanup_(share_descriptor_fini) struct share_descriptor found = { 0 };
	_cleanup_(free) char *text = malloc(MAX_SIZE);
	struct share_entry entry;
	cJSON *json;
	size_t len;
	int r;

	if (!text)
		return -ENOMEM;
	r = share_nfs_lookup(nfs, dir, name, &entry);
	if (r < 0)
		return r;
	r = share_nfs_read_file(nfs, &entry.fh, text, MAX_SIZE, &len);
	if (r < 0)
		return r;
	json = cJSON_ParseWithLength(text, len);
	if (!json)
		return -EBADMSG;
	r = decode(json, &found);
	cJSON_Delete(json);
	if (r < 0)
		return r;
	*ret = found;
	found = (struct share_descriptor){ 0 };
	return 0;
}

int share_descriptor_read(struct share_nfs *nfs, const struct share_fh *dir,
			  const char *volume, struct share_descriptor *ret)
{
	_cleanup_(free) char *name = file_name(volume, SUFFIX);
	_cleanup_(share_descriptor_fini) struct share_descriptor found = { 0 };
	int r;

	if (!name)
		return -ENOMEM;
	r = read_file(nfs, dir, name, &found);
	if (r < 0)
		return r;
	if (strcmp(found.owner.volume, volume) != 0)
		return -EBADMSG;
	*ret = found;
	found = (struct share_descriptor){ 0 };
	return 0;
}

/* --- writing ------------------------------------------------------------------- */

static bool encode_claim(cJSON *json, const struct share_volume *volume)
{
	cJSON *claim = cJSON_AddObjectToObject(json, "claim");

	return claim &&
	       cJSON_AddStringToObject(claim, "namespace",
				       volume->claim_namespace) &&
	       cJSON_AddStringToObject(claim, "name", volume->claim_name) &&
	       cJSON_AddStringToObject(claim, "uid", volume->claim_uid);
}

static bool encode(cJSON *json, const struct share_volume *volume,
		   const struct share_descriptor *descriptor)
{
	char number[24];

	if (!cJSON_AddStringToObject(json, "volume", volume->name) ||
	    !encode_claim(json, volume) ||
	    !cJSON_AddStringToObject(json, "class", volume->class_name) ||
	    !cJSON_AddStringToObject(json, "path", volume->path) ||
	    !cJSON_AddStringToObject(json, "state",
				     descriptor->has_fileid ? "ready"
							    : "creating") ||
	    !cJSON_AddBoolToObject(json, "adopted", descriptor->is_adopted) ||
	    (descriptor->is_shared && !cJSON_AddTrueToObject(json, "shared")))
		return false;
	(void)snprintf(number, sizeof(number), "%" PRIu64, volume->capacity);
	if (!cJSON_AddStringToObject(json, "capacity", number))
		return false;
	if (volume->note && !cJSON_AddRawToObject(json, "trash", volume->note))
		return false;
	if (volume->phase &&
	    !cJSON_AddStringToObject(json, "phase", volume->phase))
		return false;
	if (volume->record &&
	    !cJSON_AddRawToObject(json, "record", volume->record))
		return false;
	(void)snprintf(number, sizeof(number), "%" PRIu64, descriptor->fileid);
	return !descriptor->has_fileid ||
	       cJSON_AddStringToObject(json, "fileid", number);
}

int share_descriptor_write(struct share_nfs *nfs, const struct share_fh *dir,
			   const struct share_volume *volume,
			   const struct share_descriptor *descriptor)
{
	_cleanup_(free) char *name = file_name(volume->name, SUFFIX);
	_cleanup_(free) char *temporary = file_name(volume->name, HALF);
	_cleanup_(free) char *text = NULL;
	cJSON *json = cJSON_CreateObject();
	int r;

	if (json && encode(json, volume, descriptor))
		text = cJSON_Print(json);
	cJSON_Delete(json);
	if (!name || !temporary || !text)
		return -ENOMEM;
	r = share_nfs_write_file(nfs, dir, temporary, text, strlen(text));
	if (r < 0) {
		/* A full share has no room for half of it, either. */
		(void)share_nfs_remove(nfs, dir, temporary);
		return r;
	}
	return share_nfs_rename(nfs, dir, temporary, dir, name);
}

int share_descriptor_move(struct share_nfs *nfs, const struct share_fh *from,
			  const struct share_fh *to, const char *volume)
{
	_cleanup_(free) char *name = file_name(volume, SUFFIX);

	return name ? share_nfs_rename(nfs, from, name, to, name) : -ENOMEM;
}

static int remove_file(struct share_nfs *nfs, const struct share_fh *dir,
		       const char *volume, const char *suffix)
{
	_cleanup_(free) char *name = file_name(volume, suffix);
	int r = name ? share_nfs_remove(nfs, dir, name) : -ENOMEM;

	return r == -ENOENT ? 0 : r;
}

int share_descriptor_remove(struct share_nfs *nfs, const struct share_fh *dir,
			    const char *volume)
{
	int r = remove_file(nfs, dir, volume, SUFFIX);

	return r < 0 ? r : remove_file(nfs, dir, volume, HALF);
}

/* --- who has a path -------------------------------------------------------------- */

static bool is_descriptor(const char *name)
{
	size_t len = strlen(name);

	return len > strlen(SUFFIX) &&
	       strcmp(name + len - strlen(SUFFIX), SUFFIX) == 0;
}

static int find_in_page(struct share_nfs *nfs, const struct share_fh *dir,
			const struct share_page *page,
			const struct share_volume *volume,
			struct share_descriptor *ret)
{
	for (size_t i = 0; i < page->n; i++) {
		_cleanup_(
			share_descriptor_fini) struct share_descriptor found = {
			0
		};
		int r;

		if (!is_descriptor(page->items[i].name))
			continue;
		r = read_file(nfs, dir, page->items[i].name, &found);
		if (r == -ENOENT || r == -EBADMSG)
			continue;
		if (r < 0)
			return r;
		if (strcmp(found.owner.volume, volume->name) != 0 &&
		    paths_overlap(volume->path, found.path)) {
			*ret = found;
			found = (struct share_descriptor){ 0 };
			return 0;
		}
	}
	return -ENOENT;
}

int share_descriptor_find(struct share_nfs *nfs, const struct share_fh *dir,
			  const struct share_volume *volume,
			  struct share_descriptor *ret)
{
	_cleanup_(share_page_fini) struct share_page page = { 0 };
	int r;

	do {
		r = share_nfs_list(nfs, dir, &page);
		if (r < 0)
			return r;
		r = find_in_page(nfs, dir, &page, volume, ret);
	} while (r == -ENOENT && !page.is_end && page.n > 0);
	return r;
}
