/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The file is a manifest with StorageClasses, as kubectl takes it: what an
 * administrator has for claims, he can name here. It is read for each volume, since a
 * ConfigMap's files change under whoever has them open.
 */

#include "inline_class.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "manifest.h"
#include "model_decode.h"

#define FILE_MAX (1u << 20)

DEFINE_CLEANUP(cJSON *, cJSON_Delete)

static int read_file(const char *path, char **ret, size_t *ret_len,
		     struct err *err)
{
	_cleanup_(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(free) char *text = malloc(FILE_MAX + 1);
	size_t len = 0;
	ssize_t n;

	if (!text)
		return err_set_errno(err, -ENOMEM, "read \"%s\"", path);
	do {
		n = fd < 0 ? -1 : read(fd, text + len, FILE_MAX + 1 - len);
		if (n < 0)
			return err_set_errno(err, -errno,
					     "read inline classes \"%s\"",
					     path);
		len += (size_t)n;
	} while (n > 0 && len <= FILE_MAX);
	if (len > FILE_MAX)
		return err_set(err, -EINVAL, "\"%s\" is longer than %u bytes",
			       path, FILE_MAX);
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

static bool has_name(const cJSON *json, const char *name)
{
	const cJSON *meta = cJSON_GetObjectItemCaseSensitive(json, "metadata");
	const char *found = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(meta, "name"));

	return found && strcmp(found, name) == 0;
}

static int decode(const char *path, const cJSON *json,
		  struct storage_class *ret, struct err *err)
{
	struct object *object = NULL;
	int r = object_new(&object, cJSON_Duplicate(json, true), err);

	if (r == 0 && object->kind != KIND_STORAGE_CLASS)
		r = err_set(err, -EINVAL, "\"%s\" is no StorageClass",
			    object->name);
	if (r == 0)
		r = storage_class_decode(object, ret, err);
	object_unref(object);
	return r < 0 ? err_wrap(err, "%s", path) : 0;
}

int inline_class_read(const char *path, const char *name,
		      struct storage_class *ret, struct err *err)
{
	_cleanup_(manifest_fini) struct manifest manifest = { 0 };
	_cleanup_(free) char *text = NULL;
	size_t len;
	int r = read_file(path, &text, &len, err);

	if (r == 0)
		r = manifest_parse(path, text, len, &manifest, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < manifest.n; i++) {
		if (has_name(manifest.documents[i].json, name))
			return decode(path, manifest.documents[i].json, ret,
				      err);
	}
	return err_set(err, -ENOENT,
		       "inline volumes can't have class \"%s\" on this node",
		       name);
}
