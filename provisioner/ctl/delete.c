/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl delete: all deletions are asked for first, then each object is waited
 * for: a claim in use is gone only after its pods, which may be among them.
 *
 * Gone means that the uid that was deleted is gone: an object made anew under the
 * same name is another one.
 */

#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "clock.h"
#include "ctl.h"
#include "ctl_manifests.h"
#include "json_field.h"

static const struct option_spec *const options[] = {
	&ctl_option_file,    &ctl_option_namespace, &ctl_option_server,
	&ctl_option_timeout, &ctl_option_wait,	    NULL,
};

static const struct ctl_verb_spec spec = {
	.program = "claimctl delete",
	.usage = "[OPTIONS] KIND NAME... | KIND/NAME... | -f FILE",
	.summary = "Deletes objects and waits until they are gone.",
	.options = options,
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

/* One failure does not keep the others from being deleted. */
static int delete_all(struct client *client, struct targets *targets,
		      struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < targets->n; i++) {
		_cleanup_(err_fini) struct err one = ERR_INIT;
		int r = delete_one(client, &targets->items[i], &one);

		if (r == 0)
			continue;
		if (result != 0)
			fprintf(stderr, "claimctl: %s\n", err_text(err));
		result = err_set(err, r, "%s", err_text(&one));
	}
	return result;
}

enum {
	IS_GONE = 1
};

static int on_event(void *userdata, const char *type, const cJSON *object,
		    struct err *err)
{
	const struct target *target = userdata;
	const char *uid = cJSON_GetStringValue(json_at(object, "metadata.uid"));

	(void)err;
	if (strcmp(type, "DELETED") == 0 || !uid ||
	    strcmp(uid, target->uid) != 0)
		return IS_GONE;
	return 0;
}

/* From a GET on: whatever happens after it is in the watch. */
static int watch_one(struct client *client, struct target *target,
		     const cJSON *json, unsigned int timeout_s, struct err *err)
{
	_cleanup_(free) char *path =
		client_path(target->kind, target->namespace, NULL);
	_cleanup_(free) char *url = NULL;
	const char *version =
		cJSON_GetStringValue(json_at(json, "metadata.resourceVersion"));
	struct client_request request = { .method = "GET" };

	if (!path ||
	    asprintf(
		    &url,
		    "%s?watch=1&fieldSelector=metadata.name%%3D%s&resourceVersion=%s",
		    path, target->name, version ? version : "") < 0) {
		url = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	request.path = url;
	return client_watch(client, &request, timeout_s, on_event, target, err);
}

/* Seconds that are left; 0 = no limit; false = none are left. */
static bool time_left(uint64_t deadline_ns, unsigned int *ret)
{
	uint64_t now = clock_ns();

	*ret = 0;
	if (!deadline_ns)
		return true;
	if (now >= deadline_ns)
		return false;
	*ret = (unsigned int)((deadline_ns - now + NS_PER_S - 1) / NS_PER_S);
	return true;
}

static int timed_out(const struct target *target, struct err *err)
{
	return err_set(err, -ETIMEDOUT,
		       "timed out waiting for the condition on %s/%s",
		       object_kind_info(target->kind)->plural, target->name);
}

static int wait_one(struct client *client, struct target *target,
		    uint64_t deadline_ns, struct err *err)
{
	_cleanup_(free) char *path =
		client_path(target->kind, target->namespace, target->name);
	const struct client_request request = { .method = "GET", .path = path };
	unsigned int left_s;
	int r = 0;

	if (!path)
		return err_set(err, -ENOMEM, "out of memory");
	/* The server ends watches from time to time: then it is asked again. */
	while (r == 0) {
		cJSON *json = NULL;

		if (!time_left(deadline_ns, &left_s))
			return timed_out(target, err);
		r = client_call(client, &request, &json, err);
		if (r == CLIENT_NOT_FOUND)
			err_fini(err);
		if (r == 0 && on_event(target, "", json, err) != IS_GONE)
			r = watch_one(client, target, json, left_s, err);
		else if (r == 0)
			r = IS_GONE;
		cJSON_Delete(json);
	}
	if (r == -ETIMEDOUT)
		return timed_out(target, err);
	return r < 0 ? r : 0;
}

static int wait_all(struct client *client, struct targets *targets,
		    unsigned int timeout_s, struct err *err)
{
	uint64_t deadline_ns =
		timeout_s ? clock_ns() + timeout_s * NS_PER_S : 0;

	for (size_t i = 0; i < targets->n; i++) {
		int r;

		if (!targets->items[i].uid)
			continue;
		r = wait_one(client, &targets->items[i], deadline_ns, err);
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
	result = delete_all(client, targets, err);
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
	} else {
		r = targets_from_operands(&targets, &args, argv + first,
					  argc - first, err);
	}
	return r < 0 ? r : run(&args, &targets, err);
}
