/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A folder stands for its *.yaml, *.yml and *.json in the order of their names, not
 * for what is in folders below it (kubectl's rule without -R).
 *
 * Two documents that describe the same object are a mistake: which of them would
 * win is nobody's guess.
 */

#include "ctl_manifests.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "manifest.h"

#define FILE_MAX (3u << 20)

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "read manifests: out of memory");
}

static int read_all(FILE *in, const char *name, char **ret, size_t *ret_len,
		    struct err *err)
{
	_cleanup_(free) char *text = malloc(FILE_MAX + 1);
	size_t len;

	if (!text)
		return no_memory(err);
	len = fread(text, 1, FILE_MAX + 1, in);
	if (ferror(in))
		return err_set_errno(err, -EIO, "read \"%s\"", name);
	if (len > FILE_MAX)
		return err_set(err, -EFBIG, "\"%s\" is larger than 3 MiB",
			       name);
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

static bool is_same(const struct object *a, const struct object *b)
{
	return a->kind == b->kind && *a->name &&
	       strcmp(a->name, b->name) == 0 &&
	       strcmp(a->namespace, b->namespace) == 0;
}

static int add(struct ctl_manifests *manifests, struct object *take_object,
	       const char *name, unsigned int line, struct err *err)
{
	_cleanup_(object_unref) struct object *object = take_object;
	struct ctl_document *grown;

	for (size_t i = 0; i < manifests->n; i++) {
		if (is_same(manifests->documents[i].object, object))
			return err_set(
				err, -EINVAL,
				"%s:%u: %s \"%s\" is already described at %s",
				name, line,
				object_kind_info(object->kind)->name,
				object->name, manifests->documents[i].where);
	}
	grown = reallocarray(manifests->documents, manifests->n + 1,
			     sizeof(*grown));
	if (!grown)
		return no_memory(err);
	manifests->documents = grown;
	if (asprintf(&grown[manifests->n].where, "%s:%u", name, line) < 0)
		return no_memory(err);
	grown[manifests->n++].object = TAKE_PTR(object);
	return 0;
}

/* -n is for documents that name no namespace. */
static int settle_namespace(cJSON *json, const char *namespace)
{
	cJSON *metadata = cJSON_GetObjectItemCaseSensitive(json, "metadata");

	if (!cJSON_IsObject(metadata) ||
	    cJSON_HasObjectItem(metadata, "namespace"))
		return 0;
	return cJSON_AddStringToObject(metadata, "namespace", namespace)
		       ? 0
		       : -ENOMEM;
}

static int add_document(struct ctl_manifests *manifests,
			const struct ctl_args *args, const char *name,
			const struct manifest_document *document,
			struct err *err)
{
	struct object *object;
	cJSON *json = cJSON_Duplicate(document->json, true);
	int r;

	if (!json || settle_namespace(json, args->namespace) < 0) {
		cJSON_Delete(json);
		return no_memory(err);
	}
	r = object_new(&object, json, err);
	if (r < 0)
		return err_wrap(err, "%s:%u", name, document->line);
	return add(manifests, object, name, document->line, err);
}

static int read_stream(struct ctl_manifests *manifests,
		       const struct ctl_args *args, FILE *in, const char *name,
		       struct err *err)
{
	_cleanup_(manifest_fini) struct manifest manifest = { 0 };
	_cleanup_(free) char *text = NULL;
	size_t len;
	int r = read_all(in, name, &text, &len, err);

	if (r < 0)
		return r;
	r = manifest_parse(name, text, len, &manifest, err);
	for (size_t i = 0; r == 0 && i < manifest.n; i++)
		r = add_document(manifests, args, name, &manifest.documents[i],
				 err);
	return r;
}

static int read_file(struct ctl_manifests *manifests,
		     const struct ctl_args *args, const char *path,
		     struct err *err)
{
	_cleanup_(fclose) FILE *in = fopen(path, "re");

	if (!in)
		return err_set_errno(err, -errno, "open \"%s\"", path);
	return read_stream(manifests, args, in, path, err);
}

static int is_manifest(const struct dirent *entry)
{
	static const char *const suffixes[] = { ".yaml", ".yml", ".json" };
	size_t len = strlen(entry->d_name);

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t n = strlen(suffixes[i]);

		if (len > n &&
		    strcmp(entry->d_name + len - n, suffixes[i]) == 0)
			return 1;
	}
	return 0;
}

static int read_folder(struct ctl_manifests *manifests,
		       const struct ctl_args *args, const char *path,
		       struct err *err)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, is_manifest, alphasort);
	int r = 0;

	if (n < 0)
		return err_set_errno(err, -errno, "read folder \"%s\"", path);
	if (n == 0)
		r = err_set(err, -ENOENT,
			    "folder \"%s\" has no *.yaml, *.yml or *.json",
			    path);
	for (int i = 0; i < n; i++) {
		_cleanup_(free) char *file = NULL;

		if (asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0) {
			file = NULL;
			r = no_memory(err);
		}
		if (r == 0)
			r = read_file(manifests, args, file, err);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int read_path(struct ctl_manifests *manifests,
		     const struct ctl_args *args, const char *path,
		     struct err *err)
{
	struct stat st;

	if (strcmp(path, "-") == 0)
		return read_stream(manifests, args, stdin, "stdin", err);
	if (stat(path, &st) < 0)
		return err_set_errno(err, -errno, "open \"%s\"", path);
	return S_ISDIR(st.st_mode) ? read_folder(manifests, args, path, err)
				   : read_file(manifests, args, path, err);
}

int ctl_manifests_read(struct ctl_manifests *ret, const struct ctl_args *args,
		       struct err *err)
{
	_cleanup_(ctl_manifests_fini) struct ctl_manifests manifests = { 0 };

	for (size_t i = 0; i < args->n_files; i++) {
		int r = read_path(&manifests, args, args->files[i], err);

		if (r < 0)
			return r;
	}
	if (!manifests.n)
		return err_set(err, -EINVAL, "no objects in what -f names");
	*ret = manifests;
	manifests = (struct ctl_manifests){ 0 };
	return 0;
}

void ctl_manifests_fini(struct ctl_manifests *manifests)
{
	for (size_t i = 0; i < manifests->n; i++) {
		object_unref(manifests->documents[i].object);
		free(manifests->documents[i].where);
	}
	free(manifests->documents);
	*manifests = (struct ctl_manifests){ 0 };
}
