/* SPDX-License-Identifier: Apache-2.0 */

/*
 * FOLDER/<id>.made, .live and .gone are JSON. A record comes by rename(2), and changes
 * by it, and the folder is synced after each: there is no half of a record, and none
 * before which a directory is made.
 */

#include "inline_record.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "node.h"

#define MADE   ".made"
#define LIVE   ".live"
#define GONE   ".gone"
#define MAKING ".making"
/* CSI's limit of identifiers. */
#define ID_LEN_MAX   128
#define RECORD_BYTES 8192

DEFINE_CLEANUP(cJSON *, cJSON_Delete)
DEFINE_CLEANUP(DIR *, closedir)

int inline_record_check_id(const char *id, struct err *err)
{
	size_t len = strlen(id);

	if (len > 0 && len <= ID_LEN_MAX &&
	    len == strspn(id, "abcdefghijklmnopqrstuvwxyz"
			      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"))
		return 0;
	return err_set(
		err, -EINVAL,
		"volume_id \"%s\" of an inline volume is not 1 to %d letters, digits, \"-\" and \"_\"",
		id, ID_LEN_MAX);
}

/* For free(); NULL: out of memory. */
static char *path_of(const char *folder, const char *id, const char *suffix)
{
	char *path;

	return asprintf(&path, "%s/%s%s", folder, id, suffix) < 0 ? NULL : path;
}

static bool exists(const char *folder, const char *id, const char *suffix)
{
	_cleanup_(free) char *path = path_of(folder, id, suffix);

	return path && access(path, F_OK) == 0;
}

bool inline_record_is_live(const char *folder, const char *id)
{
	return exists(folder, id, LIVE);
}

bool inline_record_is_there(const char *folder, const char *id)
{
	return exists(folder, id, MADE) || exists(folder, id, LIVE);
}

bool inline_record_is_retired(const char *folder, const char *id)
{
	return exists(folder, id, GONE);
}

static int sync_folder(const char *folder)
{
	_cleanup_(fd_close) int fd =
		open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int rename_record(const char *folder, const char *id, const char *from,
			 const char *to)
{
	_cleanup_(free) char *from_path = path_of(folder, id, from);
	_cleanup_(free) char *to_path = path_of(folder, id, to);

	if (!from_path || !to_path)
		return -ENOMEM;
	if (rename(from_path, to_path) < 0)
		return -errno;
	return sync_folder(folder);
}

int inline_record_serve(const char *folder, const char *id, struct err *err)
{
	int r = inline_record_is_live(folder, id)
			? 0
			: rename_record(folder, id, MADE, LIVE);

	return r < 0 ? err_set_errno(err, r, "write inline volume \"%s\" down",
				     id)
		     : 0;
}

int inline_record_retire(const char *folder, const char *id, struct err *err)
{
	int r = rename_record(folder, id, LIVE, GONE);

	if (r == -ENOENT)
		r = rename_record(folder, id, MADE, GONE);
	if (r == -ENOENT && inline_record_is_retired(folder, id))
		return 0;
	return r < 0 ? err_set_errno(err, r, "retire inline volume \"%s\"", id)
		     : 0;
}

void inline_record_drop(const char *folder, const char *id)
{
	_cleanup_(free) char *path = path_of(folder, id, GONE);

	if (path)
		(void)unlink(path);
}

/* --- writing --------------------------------------------------------------------- */

static char *print(const struct inline_record *record)
{
	_cleanup_(cJSON_Delete) cJSON *json = cJSON_CreateObject();

	if (!cJSON_AddStringToObject(json, "server", record->server) ||
	    !cJSON_AddStringToObject(json, "share", record->share) ||
	    !cJSON_AddNumberToObject(json, "port", record->port) ||
	    !cJSON_AddNumberToObject(json, "mountPort", record->mount_port))
		return NULL;
	return cJSON_PrintUnformatted(json);
}

static int write_file(const char *path, const char *text)
{
	_cleanup_(fd_close) int fd = open(
		path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		0600);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n < 0 || fsync(fd) < 0)
		return -errno;
	return (size_t)n == strlen(text) ? 0 : -ENOSPC;
}

static int make_folder(const char *folder)
{
	_cleanup_(closedir) DIR *dir = NULL;
	size_t n = 0;

	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return -errno;
	dir = opendir(folder);
	if (!dir)
		return -errno;
	while (readdir(dir))
		n++;
	return n < INLINE_RECORDS_MAX + 2 ? 0 : -ENOSPC; /* "." and ".." */
}

static int read_file(const char *path, char text[static RECORD_BYTES + 1])
{
	_cleanup_(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, RECORD_BYTES);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

/* The data is where the record says, and will be removed there. */
static int check_same(const char *folder, const char *id, const char *text,
		      struct err *err)
{
	const char *suffix = inline_record_is_live(folder, id) ? LIVE : MADE;
	_cleanup_(free) char *path = path_of(folder, id, suffix);
	char present[RECORD_BYTES + 1];
	int r = path ? read_file(path, present) : -ENOMEM;

	if (r < 0)
		return err_set_errno(err, r, "read inline volume \"%s\"", id);
	if (strcmp(present, text) == 0)
		return 0;
	return err_set(
		err, -EINVAL,
		"inline volume \"%s\" has its data at %s: its class may have another server, share or port only for new volumes",
		id, present);
}

int inline_record_write(const char *folder, const char *id,
			const struct inline_record *record, struct err *err)
{
	_cleanup_(free) char *text = print(record);
	_cleanup_(free) char *path = path_of(folder, id, MAKING);
	int r = text && path ? 0 : -ENOMEM;

	if (r == 0 && inline_record_is_there(folder, id))
		return check_same(folder, id, text, err);
	if (r == 0)
		r = make_folder(folder);
	if (r == -ENOSPC)
		return err_set(
			err, r,
			"this node has %d inline volumes, or has yet to remove so many",
			INLINE_RECORDS_MAX);
	if (r == 0)
		r = write_file(path, text);
	if (r == 0)
		r = rename_record(folder, id, MAKING, MADE);
	return r < 0 ? err_set_errno(err, r, "write inline volume \"%s\" down",
				     id)
		     : 0;
}

/* --- reading --------------------------------------------------------------------- */

static int take_string(const cJSON *json, const char *key, char **ret)
{
	const char *text = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(json, key));

	if (!text)
		return -EINVAL;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int take_port(const cJSON *json, const char *key, uint32_t *ret)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	if (!cJSON_IsNumber(item) || item->valuedouble < 0 ||
	    item->valuedouble > UINT16_MAX)
		return -EINVAL;
	*ret = (uint32_t)item->valuedouble;
	return 0;
}

int inline_record_read(const char *folder, const char *id,
		       struct inline_record *ret, struct err *err)
{
	_cleanup_(inline_record_fini) struct inline_record record = { 0 };
	_cleanup_(free) char *path = path_of(folder, id, GONE);
	_cleanup_(cJSON_Delete) cJSON *json = NULL;
	char text[RECORD_BYTES + 1];
	int r = path ? read_file(path, text) : -ENOMEM;

	if (r == 0)
		json = cJSON_Parse(text);
	if (r == 0)
		r = take_string(json, "server", &record.server);
	if (r == 0)
		r = take_string(json, "share", &record.share);
	if (r == 0)
		r = take_port(json, "port", &record.port);
	if (r == 0)
		r = take_port(json, "mountPort", &record.mount_port);
	if (r < 0)
		return err_set_errno(err, r, "read inline volume \"%s\"", id);
	*ret = record;
	record = (struct inline_record){ 0 };
	return 0;
}

void inline_record_fini(struct inline_record *record)
{
	free(record->server);
	free(record->share);
	*record = (struct inline_record){ 0 };
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name);

	return len > strlen(suffix) &&
	       strcmp(name + len - strlen(suffix), suffix) == 0;
}

static int add_id(char ***ids, size_t *n, const char *name)
{
	char **grown = realloc(*ids, (*n + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*ids = grown;
	grown[*n] = strndup(name, strlen(name) - strlen(GONE));
	return grown[*n] ? (*n)++, 0 : -ENOMEM;
}

int inline_record_list(const char *folder, char ***ret, size_t *ret_n)
{
	_cleanup_(closedir) DIR *dir = opendir(folder);
	const struct dirent *entry;
	char **ids = NULL;
	size_t n = 0;
	int r = 0;

	if (!dir && errno != ENOENT)
		return -errno;
	while (dir && r == 0 && (entry = readdir(dir))) {
		if (has_suffix(entry->d_name, GONE))
			r = add_id(&ids, &n, entry->d_name);
	}
	if (r < 0) {
		inline_record_free_ids(ids, n);
		return r;
	}
	*ret = ids;
	*ret_n = n;
	return 0;
}

void inline_record_sweep(const char *folder)
{
	_cleanup_(closedir) DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (has_suffix(entry->d_name, MAKING))
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	}
}

void inline_record_free_ids(char **ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(ids[i]);
	free(ids);
}
