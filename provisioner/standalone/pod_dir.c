/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Names of nodes, pods' uids, drivers and PVs are single path components: the API
 * server takes nothing else. A volume's directory is made before its mount and
 * goes after it, so a crash leaves too much, never too little.
 */

#include "pod_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "json_field.h"

#define VOLUMES	  "volumes/kubernetes.io~csi"
#define DATA_FILE "vol_data.json"
#define DATA_MAX  8192
#define HALF	  ".tmp" /* what is not all of a file yet */
#define DIR_MODE  0750

void pod_dir_volume_fini(struct pod_dir_volume *volume)
{
	free(volume->pv);
	free(volume->driver);
	free(volume->handle);
	free(volume->target);
	free(volume->staging);
	*volume = (struct pod_dir_volume){ 0 };
}

void pod_dir_list_fini(struct pod_dir_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		pod_dir_volume_fini(&list->items[i]);
	free(list->items);
	*list = (struct pod_dir_list){ 0 };
}

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "no memory");
}

/* --- paths ------------------------------------------------------------------------ */

__attribute__((format(printf, 1, 2))) static char *path_of(const char *fmt, ...)
{
	va_list args;
	char *path;
	int r;

	va_start(args, fmt);
	r = vasprintf(&path, fmt, args);
	va_end(args);
	return r < 0 ? NULL : path;
}

static char *pod_path(const struct pod_dir *dir)
{
	return path_of("%s/nodes/%s/pods/%s", dir->state_dir, dir->node,
		       dir->uid);
}

static char *volume_path(const struct pod_dir *dir, const char *pv)
{
	return path_of("%s/nodes/%s/pods/%s/" VOLUMES "/%s", dir->state_dir,
		       dir->node, dir->uid, pv);
}

static char *staging_parent(const struct pod_dir *dir, const char *driver,
			    const char *pv)
{
	return path_of("%s/nodes/%s/plugins/kubernetes.io/csi/%s/%s",
		       dir->state_dir, dir->node, driver, pv);
}

static int make_directories(const char *path, struct err *err)
{
	_cleanup_(free) char *copy = strdup(path);

	if (!copy)
		return no_memory(err);
	for (char *slash = strchr(copy + 1, '/');;
	     slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (mkdir(copy, DIR_MODE) < 0 && errno != EEXIST)
			return err_set_errno(err, -errno, "make directory %s",
					     copy);
		if (!slash)
			return 0;
		*slash = '/';
	}
}

/* --- vol_data.json ------------------------------------------------------------------ */

static int write_text(const char *path, const char *text, struct err *err)
{
	_cleanup_(free) char *temporary = path_of("%s" HALF, path);
	_cleanup_(fd_close) int fd = -1;
	size_t len = strlen(text);

	if (!temporary)
		return no_memory(err);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(err, -errno, "write %s", temporary);
	if (write(fd, text, len) != (ssize_t)len)
		return err_set(err, -EIO, "write %s: short write", temporary);
	/* After a power failure it must not be there and empty. */
	if (fsync(fd) < 0)
		return err_set_errno(err, -errno, "write %s", temporary);
	if (rename(temporary, path) < 0)
		return err_set_errno(err, -errno, "rename %s", temporary);
	return 0;
}

static int write_data(const char *folder, const struct pod_dir *dir,
		      const struct pod_dir_volume *volume, struct err *err)
{
	_cleanup_(free) char *path = path_of("%s/" DATA_FILE, folder);
	_cleanup_(free) char *text = NULL;
	cJSON *json = cJSON_CreateObject();

	if (json &&
	    cJSON_AddStringToObject(json, "driverName", volume->driver) &&
	    cJSON_AddStringToObject(json, "nodeName", dir->node) &&
	    cJSON_AddStringToObject(json, "specVolID", volume->pv) &&
	    cJSON_AddStringToObject(json, "volumeHandle", volume->handle) &&
	    cJSON_AddStringToObject(json, "volumeLifecycleMode", "Persistent"))
		text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	return path && text ? write_text(path, text, err) : no_memory(err);
}

static int read_text(const char *path, char *text, size_t size)
{
	_cleanup_(fclose) FILE *file = fopen(path, "re");
	size_t len;

	if (!file)
		return -errno;
	len = fread(text, 1, size - 1, file);
	text[len] = '\0';
	return 0;
}

/* Without the file nothing was mounted yet: it is written first. */
static int read_data(const char *folder, struct pod_dir_volume *volume,
		     struct err *err)
{
	_cleanup_(free) char *path = path_of("%s/" DATA_FILE, folder);
	char text[DATA_MAX];
	cJSON *json;
	int r;

	if (!path)
		return no_memory(err);
	r = read_text(path, text, sizeof(text));
	if (r < 0)
		return r == -ENOENT ? r
				    : err_set_errno(err, r, "read %s", path);
	r = json_parse(text, strlen(text), &json, err);
	if (r < 0)
		return err_wrap(err, "read %s", path);
	r = json_string_dup(json, "driverName", "", &volume->driver, err);
	if (r >= 0)
		r = json_string_dup(json, "volumeHandle", "", &volume->handle,
				    err);
	cJSON_Delete(json);
	return r;
}

/* --- one volume ------------------------------------------------------------------------ */

static int fill_paths(const struct pod_dir *dir, const char *folder,
		      struct pod_dir_volume *volume, struct err *err)
{
	_cleanup_(free) char *parent =
		staging_parent(dir, volume->driver, volume->pv);

	if (!parent)
		return no_memory(err);
	volume->target = path_of("%s/mount", folder);
	volume->staging = path_of("%s/globalmount", parent);
	return volume->target && volume->staging ? 0 : no_memory(err);
}

int pod_dir_add(const struct pod_dir *dir, const char *pv, const char *driver,
		const char *handle, struct pod_dir_volume *ret, struct err *err)
{
	_cleanup_(free) char *folder = volume_path(dir, pv);
	_cleanup_(pod_dir_volume_fini) struct pod_dir_volume volume = {
		.pv = strdup(pv),
		.driver = strdup(driver),
		.handle = strdup(handle),
	};
	int r;

	if (!folder || !volume.pv || !volume.driver || !volume.handle)
		return no_memory(err);
	r = fill_paths(dir, folder, &volume, err);
	if (r >= 0)
		r = make_directories(folder, err);
	if (r >= 0)
		r = write_data(folder, dir, &volume, err);
	/* CSI: the staging path exists before NodeStageVolume. */
	if (r >= 0)
		r = make_directories(volume.staging, err);
	if (r < 0)
		return r;
	*ret = volume;
	volume = (struct pod_dir_volume){ 0 };
	return 0;
}

static int remove_one(int r, const char *path, struct err *err)
{
	if (r == 0 || errno == ENOENT)
		return 0;
	return err_set_errno(err, -errno, "remove %s", path);
}

int pod_dir_remove(const struct pod_dir *dir,
		   const struct pod_dir_volume *volume, struct err *err)
{
	_cleanup_(free) char *folder = volume_path(dir, volume->pv);
	_cleanup_(free) char *data =
		folder ? path_of("%s/" DATA_FILE, folder) : NULL;
	_cleanup_(free) char *half = data ? path_of("%s" HALF, data) : NULL;
	int r;

	if (!half)
		return no_memory(err);
	/* The daemon removes the target; one that is still there is a mount. */
	r = remove_one(rmdir(volume->target), volume->target, err);
	if (r >= 0)
		r = remove_one(unlink(data), data, err);
	/* Writing it was interrupted. */
	if (r >= 0)
		r = remove_one(unlink(half), half, err);
	if (r >= 0)
		r = remove_one(rmdir(folder), folder, err);
	return r;
}

int pod_dir_remove_pod(const struct pod_dir *dir, struct err *err)
{
	static const char *const parts[] = { "/" VOLUMES, "/volumes", "" };
	_cleanup_(free) char *pod = pod_path(dir);
	int r = 0;

	for (size_t i = 0; pod && r >= 0 && i < sizeof(parts) / sizeof(*parts);
	     i++) {
		_cleanup_(free) char *path = path_of("%s%s", pod, parts[i]);

		r = path ? remove_one(rmdir(path), path, err) : -ENOMEM;
	}
	return pod ? r : no_memory(err);
}

/* --- many ---------------------------------------------------------------------------------- */

DEFINE_CLEANUP(DIR *, closedir)

static int list_add(struct pod_dir_list *list, const struct pod_dir *dir,
		    const char *pv, struct err *err)
{
	_cleanup_(free) char *folder = volume_path(dir, pv);
	_cleanup_(pod_dir_volume_fini) struct pod_dir_volume volume = {
		.pv = strdup(pv),
	};
	struct pod_dir_volume *items;
	int r;

	items = reallocarray(list->items, list->n + 1, sizeof(*items));
	if (!items)
		return no_memory(err);
	list->items = items;
	if (!folder || !volume.pv)
		return no_memory(err);
	r = read_data(folder, &volume, err);
	if (r == -ENOENT) {
		volume.driver = strdup("");
		volume.handle = strdup("");
		r = volume.driver && volume.handle ? 0 : no_memory(err);
	}
	if (r >= 0)
		r = fill_paths(dir, folder, &volume, err);
	if (r < 0)
		return r;
	list->items[list->n++] = volume;
	volume = (struct pod_dir_volume){ 0 };
	return 0;
}

int pod_dir_list(const struct pod_dir *dir, struct pod_dir_list *ret,
		 struct err *err)
{
	_cleanup_(pod_dir_list_fini) struct pod_dir_list list = { 0 };
	_cleanup_(free) char *pod = pod_path(dir);
	_cleanup_(free) char *path = pod ? path_of("%s/" VOLUMES, pod) : NULL;
	_cleanup_(closedir) DIR *stream = NULL;
	struct dirent *entry;

	if (!path)
		return no_memory(err);
	stream = opendir(path);
	if (!stream && errno != ENOENT)
		return err_set_errno(err, -errno, "list %s", path);
	while (stream && (entry = readdir(stream))) {
		int r = 0;

		if (entry->d_name[0] != '.')
			r = list_add(&list, dir, entry->d_name, err);
		if (r < 0)
			return r;
	}
	*ret = list;
	list = (struct pod_dir_list){ 0 };
	return 0;
}

static bool has_volume(const struct pod_dir *dir, const char *pv)
{
	_cleanup_(free) char *path = volume_path(dir, pv);

	return !path || access(path, F_OK) == 0;
}

int pod_dir_find_user(const struct pod_dir *dir, const char *pv,
		      struct err *err)
{
	_cleanup_(free) char *path =
		path_of("%s/nodes/%s/pods", dir->state_dir, dir->node);
	_cleanup_(closedir) DIR *stream = NULL;
	struct dirent *entry;

	if (!path)
		return no_memory(err);
	stream = opendir(path);
	if (!stream)
		return errno == ENOENT
			       ? 0
			       : err_set_errno(err, -errno, "list %s", path);
	while ((entry = readdir(stream))) {
		struct pod_dir other = { .state_dir = dir->state_dir,
					 .node = dir->node,
					 .uid = entry->d_name };

		if (entry->d_name[0] != '.' &&
		    strcmp(entry->d_name, dir->uid) != 0 &&
		    has_volume(&other, pv))
			return 1;
	}
	return 0;
}

static int uids_add(char ***uids, size_t *n, const char *uid)
{
	char **grown = reallocarray(*uids, *n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*uids = grown;
	grown[*n] = strdup(uid);
	if (!grown[*n])
		return -ENOMEM;
	(*n)++;
	return 0;
}

int pod_dir_uids(const char *state_dir, const char *node, char ***ret,
		 size_t *ret_n, struct err *err)
{
	_cleanup_(free) char *path =
		path_of("%s/nodes/%s/pods", state_dir, node);
	_cleanup_(closedir) DIR *stream = path ? opendir(path) : NULL;
	struct dirent *entry;
	char **uids = NULL;
	size_t n = 0;
	int r = 0;

	if (!path)
		return no_memory(err);
	if (!stream && errno != ENOENT)
		return err_set_errno(err, -errno, "list %s", path);
	while (r == 0 && stream && (entry = readdir(stream)))
		if (entry->d_name[0] != '.')
			r = uids_add(&uids, &n, entry->d_name);
	if (r < 0) {
		json_strings_free(uids, n);
		return no_memory(err);
	}
	*ret = uids;
	*ret_n = n;
	return 0;
}

bool pod_dir_exists(const struct pod_dir *dir)
{
	_cleanup_(free) char *path = pod_path(dir);

	return !path || access(path, F_OK) == 0;
}
