/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl edit: the object as YAML in a file, an editor, and what was changed in it as
 * a merge patch (RFC 7386). Fields that were not touched are not sent, and the version
 * is, so that nobody's change in between is lost: it is refused with the server's
 * words. What was written is then kept, as it is where it makes no sense or the editor
 * failed.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "ctl.h"
#include "ctl_change.h"
#include "ctl_print.h"
#include "json_field.h"
#include "manifest.h"

#define TEXT_MAX (3u << 20)
#define HEADER                                                                    \
	"# What is changed here is changed in the object when the editor ends;\n" \
	"# nothing is if nothing was, or if the file is empty.\n#\n"

static const struct option_spec *const options[] = {
	&ctl_option_namespace,
	&ctl_option_server,
	NULL,
};

static const struct ctl_verb_spec spec = {
	.program = "claimctl edit",
	.usage = "[OPTIONS] KIND NAME",
	.summary =
		"Opens an object in an editor ($KUBE_EDITOR, $EDITOR, or vi), and changes it to what\n"
		"was written.",
	.options = options,
	.epilogue = "  EDITOR=nano claimctl edit pvc data\n",
};

struct edit {
	struct client *client;
	const struct ctl_args *args;
	const struct ctl_item *item;
	cJSON *before;
	cJSON *after;
	char *path;
	int fd;
};

static void edit_fini(struct edit *self)
{
	cJSON_Delete(self->before);
	cJSON_Delete(self->after);
	free(self->path);
	(void)fd_close(self->fd);
}

DEFINE_FINI(struct edit, edit_fini)

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

/* --- the file --------------------------------------------------------------------- */

static int write_file(struct edit *self, struct err *err)
{
	_cleanup_(free) char *yaml = NULL;
	const char *dir = getenv("TMPDIR");
	int r;

	ctl_sort(self->before);
	yaml = manifest_to_yaml(self->before);
	if (!yaml || asprintf(&self->path, "%s/claimctl-edit-XXXXXX.yaml",
			      dir && *dir ? dir : "/tmp") < 0) {
		self->path = NULL;
		return no_memory(err);
	}
	self->fd = mkostemps(self->path, strlen(".yaml"), O_CLOEXEC);
	if (self->fd >= 0 && dprintf(self->fd, HEADER "%s", yaml) >= 0)
		return 0;
	r = err_set_errno(err, -errno, "write \"%s\"", self->path);
	if (self->fd >= 0)
		(void)unlink(self->path);
	return r;
}

static int run_editor(const struct edit *self, struct err *err)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-c",
			    "exec ${KUBE_EDITOR:-${EDITOR:-vi}} \"$1\"", "sh",
			    self->path, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return err_set_errno(err, -errno, "start the editor");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(err, -ECANCELED,
		       "the editor failed: nothing is changed");
}

/* Editors write in place or put another file there: by its name. */
static int read_file(const struct edit *self, char **ret, size_t *ret_len,
		     struct err *err)
{
	_cleanup_(fd_close) int fd = open(self->path, O_RDONLY | O_CLOEXEC);
	_cleanup_(free) char *text = malloc(TEXT_MAX + 1);
	ssize_t len = 0, n = 1;

	if (!text)
		return no_memory(err);
	while (fd >= 0 && n > 0 && (size_t)len <= TEXT_MAX) {
		n = read(fd, text + len, TEXT_MAX + 1 - (size_t)len);
		len += n > 0 ? n : 0;
	}
	if (fd < 0 || n < 0)
		return err_set_errno(err, -errno, "read \"%s\"", self->path);
	/* What is cut off would be taken for removed. */
	if ((size_t)len > TEXT_MAX)
		return err_set(err, -EMSGSIZE, "\"%s\" is larger than %u MiB",
			       self->path, TEXT_MAX >> 20);
	*ret = TAKE_PTR(text);
	*ret_len = (size_t)len;
	return 0;
}

static int is_same(const struct edit *self, const char *path)
{
	return json_is_equal(json_at(self->before, path),
			     json_at(self->after, path));
}

/* *ret_n: documents; 0 = the file is empty. */
static int read_back(struct edit *self, size_t *ret_n, struct err *err)
{
	_cleanup_(manifest_fini) struct manifest manifest = { 0 };
	_cleanup_(free) char *text = NULL;
	size_t len;
	int r = read_file(self, &text, &len, err);

	if (r == 0)
		r = manifest_parse(self->path, text, len, &manifest, err);
	if (r < 0)
		return r;
	*ret_n = manifest.n;
	if (manifest.n == 0)
		return 0;
	self->after = manifest.documents[0].json;
	manifest.documents[0].json = NULL;
	if (manifest.n > 1)
		return err_set(err, -EINVAL, "there is more than one object");
	if (!is_same(self, "kind") || !is_same(self, "metadata.name") ||
	    !is_same(self, "metadata.namespace"))
		return err_set(err, -EINVAL,
			       "kind, name and namespace can't be edited");
	return 0;
}

/* --- what was changed --------------------------------------------------------------- */

static bool add_difference(cJSON *patch, const cJSON *old, const cJSON *item);

static cJSON *difference(const cJSON *before, const cJSON *after)
{
	cJSON *patch = cJSON_CreateObject();
	const cJSON *item;
	bool ok = patch;

	cJSON_ArrayForEach (item, after)
		ok = ok && add_difference(patch,
					  cJSON_GetObjectItemCaseSensitive(
						  before, item->string),
					  item);
	cJSON_ArrayForEach (item, before)
		if (!cJSON_GetObjectItemCaseSensitive(after, item->string))
			ok = ok && cJSON_AddNullToObject(patch, item->string);
	if (ok)
		return patch;
	cJSON_Delete(patch);
	return NULL;
}

static bool add_difference(cJSON *patch, const cJSON *old, const cJSON *item)
{
	cJSON *change;

	if (old && json_is_equal(old, item))
		return true;
	change = cJSON_IsObject(old) && cJSON_IsObject(item)
			 ? difference(old, item)
			 : cJSON_Duplicate(item, /* recurse= */ true);
	return change && cJSON_AddItemToObject(patch, item->string, change);
}

static int make_patch(const struct edit *self, char **ret, struct err *err)
{
	cJSON *patch = difference(self->before, self->after);
	const cJSON *version =
		json_at(self->before, "metadata.resourceVersion");
	cJSON *metadata = cJSON_GetObjectItemCaseSensitive(patch, "metadata");

	if (!metadata)
		metadata = cJSON_AddObjectToObject(patch, "metadata");
	cJSON_DeleteItemFromObjectCaseSensitive(metadata, "resourceVersion");
	(void)cJSON_AddStringToObject(metadata, "resourceVersion",
				      cJSON_GetStringValue(version));
	*ret = cJSON_PrintUnformatted(patch);
	cJSON_Delete(patch);
	return *ret ? 0 : no_memory(err);
}

static int send(const struct edit *self, struct err *err)
{
	_cleanup_(free) char *body = NULL;
	struct ctl_change change = {
		.namespace = self->args->namespace,
		.item = self->item,
		.content_type = "application/merge-patch+json",
	};
	bool is_changed;
	int r = make_patch(self, &body, err);

	change.body = body;
	if (r == 0)
		r = ctl_change(self->client, &change, &is_changed, err);
	if (r == 0)
		printf("%s/%s edited\n", ctl_kind_label(self->item->kind),
		       self->item->name);
	return r;
}

/* --- the verb ----------------------------------------------------------------------- */

static int apply(struct edit *self, struct err *err)
{
	size_t n = 0;
	int r = read_back(self, &n, err);

	if (r == 0 && (n == 0 || json_is_equal(self->before, self->after)))
		puts("nothing was changed");
	else if (r == 0)
		r = send(self, err);
	return r;
}

static int edit(const struct ctl_args *args, const struct ctl_item *item,
		struct err *err)
{
	_cleanup_(client_free) struct client *client = NULL;
	_cleanup_(edit_fini) struct edit self = { .args = args,
						  .item = item,
						  .fd = -1 };
	int r = client_new(&client, args->server, err);

	self.client = client;
	if (r == 0)
		r = ctl_read(client, args->namespace, item, &self.before, err);
	if (r == 0)
		r = write_file(&self, err);
	if (r < 0)
		return r;
	r = run_editor(&self, err);
	if (r == 0)
		r = apply(&self, err);
	if (r < 0)
		return err_wrap(err, "what was written is kept in %s",
				self.path);
	(void)unlink(self.path);
	return 0;
}

int verb_edit(int argc, char **argv, struct err *err)
{
	struct ctl_items items;
	struct ctl_args args;
	int r = ctl_parse_items(&spec, argc, argv, &args, &items, err);

	if (r != 0)
		return r;
	r = ctl_items_need_names(&items, err);
	if (r == 0 && items.n != 1)
		r = err_set(err, CTL_USAGE, "one object at a time");
	return r < 0 ? r : edit(&args, &items.items[0], err);
}
