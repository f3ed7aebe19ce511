/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl delete: all deletions are asked for first, then each object is waited
 * for: a claim in use is gone only after its pods, which may be among them.
 *
 * With --dry-run the server is asked whether it would delete each, and what would
 * become of its directory.
 *
 * Gone means that the uid that was deleted is gone: an object made anew under the
 * same name is another one.
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "ctl.h"
#include "ctl_admin.h"
#include "ctl_manifests.h"
#include "ctl_snapshot.h"
#include "ctl_wait.h"
#include "json_field.h"

static const struct option_spec *const options[] = {
	&ctl_option_dry_run,
	&ctl_option_file,
	&ctl_option_namespace,
	&ctl_option_server,
	&ctl_option_timeout,
	&ctl_option_wait,
	NULL,
};

static const struct ctl_verb_spec spec = {
	.program = "claimctl delete",
	.usage = "[OPTIONS] KIND NAME... | KIND/NAME... | -f FILE",
	.summary = "Deletes objects and waits until they are gone.",
	.options = options,
	.epilogue =
		"Of a claim or volume, --dry-run says what its directory holds, and whether that\n"
		"would be removed, lie in the trash, or stay. What it holds is counted for 5 seconds.\n\n"
		"A snapshot is none any more at once; what it holds is removed in the background.\n\n"
		"  claimctl delete pvc data --dry-run\n"
		"  claimctl delete snapshot before-upgrade\n",
};

struct target {
	enum object_kind kind;
	const char *namespace; /* borrowed */
	const char *name;      /* borrowed */
	char *uid;	       /* NULL = not deleted: nothing to wait for */
};

struct targets {
	struct target items[CTL_ITEMS_MAX];
	size_t n;
};

static void targets_fini(struct targets *targets)
{
	for (size_t i = 0; i < targets->n; i++)
		free(targets->items[i].uid);
}

DEFINE_FINI(struct targets, targets_fini)

static int delete_one(struct client *client, struct target *target,
		      struct err *err)
{
	_cleanup_(free) char *path =
		client_path(target->kind, target->namespace, target->name);
	const struct client_request request = { .method = "DELETE",
						.path = path };
	const char *uid;
	cJSON *json = NULL;
	int r;

	if (!path)
		return err_set(err, -ENOMEM, "out of memory");
	r = client_call(client, &request, &json, err);
	if (r != 0)
		return r < 0 ? r : -ENOENT;
	printf("%s \"%s\" deleted\n", ctl_kind_label(target->kind),
	       target->name);
	(void)fflush(stdout);
	uid = cJSON_GetStringValue(json_at(json, "metadata.uid"));
	target->uid = uid ? strdup(uid) : NULL;
	cJSON_Delete(json);
	return 0;
}

static cJSON *make_body(const struct target *target)
{
	cJSON *body = cJSON_CreateObject();

	if (cJSON_AddStringToObject(body, "kind",
				    object_kind_info(target->kind)->name) &&
	    cJSON_AddStringToObject(body, "namespace", target->namespace) &&
	    cJSON_AddStringToObject(body, "name", target->name))
		return body;
	cJSON_Delete(body);
	return NULL;
}

/* What would become of its directory, if it has one. */
static int print_fate(struct client *client, const struct target *target,
		      struct err *err)
{
	const char *message;
	cJSON *answer = NULL;
	int r;

	if (target->kind != KIND_CLAIM &&
	    target->kind != KIND_PERSISTENT_VOLUME)
		return 0;
	r = ctl_admin_call(client, "fate", make_body(target), &answer, err);
	if (r < 0)
		return r;
	message = cJSON_GetStringValue(json_at(answer, "message"));
	printf("  %s\n", message ? message : "it has no volume");
	cJSON_Delete(answer);
	return 0;
}

static int try_one(struct client *client, struct target *target,
		   struct err *err)
{
	_cleanup_(free) char *path =
		client_path(target->kind, target->namespace, target->name);
	_cleanup_(free) char *dry_path = NULL;
	struct client_request request = { .method = "DELETE" };
	cJSON *json = NULL;
	int r;

	if (!path || asprintf(&dry_path, "%s?dryRun=All", path) < 0) {
		dry_path = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	request.path = dry_path;
	r = client_call(client, &request, &json, err);
	if (r != 0)
		return r < 0 ? r : -ENOENT;
	cJSON_Delete(json);
	printf("%s \"%s\" would be deleted\n", ctl_kind_label(target->kind),
	       target->name);
	return print_fate(client, target, err);
}

typedef int (*target_fn)(struct client *client, struct target *target,
			 struct err *err);

/* One failure does not keep the others from being deleted. */
static int for_each(struct client *client, struct targets *targets,
		    target_fn fn, struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < targets->n; i++) {
		_cleanup_(err_fini) struct err one = ERR_INIT;
		int r = fn(client, &targets->items[i], &one);

		if (r == 0)
			continue;
		if (result != 0)
			fprintf(stderr, "claimctl: %s\n", err_text(err));
		result = err_set(err, r, "%s", err_text(&one));
	}
	return result;
}

static int is_gone(void *userdata, const cJSON *json, struct err *err)
{
	const struct target *target = userdata;
	const char *uid = cJSON_GetStringValue(json_at(json, "metadata.uid"));

	(void)err;
	return uid && strcmp(uid, target->uid) == 0 ? 0 : CTL_WAIT_DONE;
}

static int wait_all(struct client *client, struct targets *targets,
		    unsigned int timeout_s, struct err *err)
{
	uint64_t deadline_ns = ctl_deadline(timeout_s);

	for (size_t i = 0; i < targets->n; i++) {
		struct target *target = &targets->items[i];
		struct ctl_object object = { .kind = target->kind,
					     .namespace = target->namespace,
					     .name = target->name };
		int r;

		if (!target->uid)
			continue;
		r = ctl_wait(client, &object, deadline_ns, is_gone, target,
			     err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int usage(const char *text, struct err *err)
{
	(void)err_set(err, CTL_USAGE, "%s", text);
	return CTL_USAGE;
}

static int targets_from_operands(struct targets *targets,
				 const struct ctl_args *args, char **operands,
				 int n, struct err *err)
{
	struct ctl_items items;
	int r = ctl_items_parse(&items, operands, n, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < items.n; i++) {
		if (!items.items[i].name)
			return usage("say which object to delete by its name",
				     err);
		targets->items[targets->n++] =
			(struct target){ .kind = items.items[i].kind,
					 .namespace = args->namespace,
					 .name = items.items[i].name };
	}
	return 0;
}

static int targets_from_files(struct targets *targets,
			      const struct ctl_manifests *manifests,
			      struct err *err)
{
	if (manifests->n > CTL_ITEMS_MAX)
		return usage("at most 256 objects can be deleted at once", err);
	for (size_t i = 0; i < manifests->n; i++) {
		const struct object *object = manifests->documents[i].object;

		if (!*object->name)
			return err_set(err, -EINVAL,
				       "%s: metadata.name: Required value",
				       manifests->documents[i].where);
		targets->items[targets->n++] =
			(struct target){ .kind = object->kind,
					 .namespace = object->namespace,
					 .name = object->name };
	}
	return 0;
}

static int run(const struct ctl_args *args, struct targets *targets,
	       struct err *err)
{
	_cleanup_(client_free) struct client *client = NULL;
	_cleanup_(err_fini) struct err waiting = ERR_INIT;
	int r = client_new(&client, args->server, err);
	int result;

	if (r < 0)
		return r;
	if (args->is_dry_run)
		return for_each(client, targets, try_one, err);
	result = for_each(client, targets, delete_one, err);
	if (args->is_not_waiting)
		return result;
	r = wait_all(client, targets, args->timeout_s, &waiting);
	if (r < 0 && result == 0)
		result = err_set(err, r, "%s", err_text(&waiting));
	return result;
}

int verb_delete(int argc, char **argv, struct err *err)
{
	_cleanup_(ctl_manifests_fini) struct ctl_manifests manifests = { 0 };
	_cleanup_(targets_fini) struct targets targets = { 0 };
	struct ctl_args args;
	int first, r;

	r = ctl_parse(&spec, argc, argv, &args, &first, err);
	if (r != 0)
		return r;
	if (args.n_files && first < argc)
		return usage("name the objects or give -f, not both", err);
	if (args.n_files) {
		r = ctl_manifests_read(&manifests, &args, err);
		if (r == 0)
			r = targets_from_files(&targets, &manifests, err);
	} else if (ctl_snapshot_is_meant(argv + first, argc - first)) {
		return ctl_snapshot_delete(&args, argv + first, argc - first,
					   err);
	} else {
		r = targets_from_operands(&targets, &args, argv + first,
					  argc - first, err);
	}
	return r < 0 ? r : run(&args, &targets, err);
}
