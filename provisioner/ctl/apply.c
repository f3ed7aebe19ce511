/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl apply: POST what is not there, PATCH (merge) what is. The annotation
 * kubectl.kubernetes.io/last-applied-configuration is kept as kubectl keeps it, so
 * that both can be used in turn: a field that was in the last manifest and is not in
 * this one is removed.
 *
 * "unchanged" is the server's word: an update that changes nothing leaves the
 * resourceVersion as it was.
 *
 * Everything is tried with dryRun=All first, so that one bad document means that
 * nothing is changed.
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "ctl.h"
#include "ctl_manifests.h"
#include "ctl_print.h"
#include "json_field.h"

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

static const struct option_spec *const options[] = {
	&ctl_option_file,
	&ctl_option_namespace,
	&ctl_option_server,
	NULL,
};

static const struct ctl_verb_spec spec = {
	.program = "claimctl apply",
	.usage = "[OPTIONS] -f FILE",
	.summary =
		"Creates the objects that manifests describe, or changes them to match.\n"
		"If any document is not acceptable, nothing is changed.",
	.options = options,
};

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "apply: out of memory");
}

/* The object as it was applied: the annotation's text. Malloc'ed. */
static char *last_applied_text(const struct object *object)
{
	cJSON *json = object_edit(object);
	cJSON *metadata = cJSON_GetObjectItemCaseSensitive(json, "metadata");
	cJSON *annotations =
		cJSON_GetObjectItemCaseSensitive(metadata, "annotations");
	_cleanup_(free) char *plain = NULL;
	char *text = NULL;

	cJSON_DeleteItemFromObjectCaseSensitive(annotations, LAST_APPLIED);
	if (!annotations) /* kubectl's own text has it, too */
		(void)cJSON_AddObjectToObject(metadata, "annotations");
	ctl_sort(json);
	plain = json ? cJSON_PrintUnformatted(json) : NULL;
	cJSON_Delete(json);
	if (!plain || asprintf(&text, "%s\n", plain) < 0)
		return NULL;
	return text;
}

/* The manifest with the annotation. */
static cJSON *annotated(const struct object *object)
{
	_cleanup_(free) char *text = last_applied_text(object);
	cJSON *json = object_edit(object);
	cJSON *metadata = cJSON_GetObjectItemCaseSensitive(json, "metadata");
	cJSON *annotations =
		cJSON_GetObjectItemCaseSensitive(metadata, "annotations");

	if (!annotations)
		annotations = cJSON_AddObjectToObject(metadata, "annotations");
	cJSON_DeleteItemFromObjectCaseSensitive(annotations, LAST_APPLIED);
	if (text && cJSON_AddStringToObject(annotations, LAST_APPLIED, text))
		return json;
	cJSON_Delete(json);
	return NULL;
}

/* Nulls in the patch for what the last manifest had and this one has not. */
static void add_removals(cJSON *patch, const cJSON *last)
{
	const cJSON *was;

	cJSON_ArrayForEach (was, last) {
		cJSON *now =
			cJSON_GetObjectItemCaseSensitive(patch, was->string);

		if (!now)
			(void)cJSON_AddNullToObject(patch, was->string);
		else if (cJSON_IsObject(now) && cJSON_IsObject(was))
			add_removals(now, was);
	}
}

static char *make_patch(const struct object *object, const cJSON *live)
{
	cJSON *patch = annotated(object);
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(
			json_at(live, "metadata.annotations"), LAST_APPLIED));
	cJSON *last = text ? cJSON_Parse(text) : NULL;
	char *result;

	if (patch && last)
		add_removals(patch, last);
	cJSON_Delete(last);
	result = patch ? cJSON_PrintUnformatted(patch) : NULL;
	cJSON_Delete(patch);
	return result;
}

struct apply {
	struct client *client;
	bool is_dry_run;
};

static int send(const struct apply *apply, const char *method, const char *path,
		const char *type, const char *body, cJSON **ret,
		struct err *err)
{
	_cleanup_(free) char *url = NULL;
	struct client_request request = { .method = method,
					  .content_type = type,
					  .body = body };
	int r;

	if (!body || asprintf(&url, "%s?fieldValidation=Strict%s", path,
			      apply->is_dry_run ? "&dryRun=All" : "") < 0) {
		url = NULL;
		return no_memory(err);
	}
	request.path = url;
	r = client_call(apply->client, &request, ret, err);
	return r > 0 ? -ENOENT : r;
}

static int create(const struct apply *apply, const struct object *object,
		  struct err *err)
{
	_cleanup_(free) char *path =
		client_path(object->kind, object->namespace, NULL);
	_cleanup_(free) char *body = NULL;
	cJSON *json = annotated(object), *answer = NULL;
	int r;

	body = json ? cJSON_PrintUnformatted(json) : NULL;
	cJSON_Delete(json);
	if (!path)
		return no_memory(err);
	r = send(apply, "POST", path, NULL, body, &answer, err);
	if (r == 0 && !apply->is_dry_run)
		printf("%s/%s created\n", ctl_kind_label(object->kind),
		       cJSON_GetStringValue(json_at(answer, "metadata.name")));
	cJSON_Delete(answer);
	return r;
}

static int change(const struct apply *apply, const struct object *object,
		  const char *path, const cJSON *live, struct err *err)
{
	_cleanup_(free) char *body = make_patch(object, live);
	cJSON *answer = NULL;
	int r = send(apply, "PATCH", path, "application/merge-patch+json", body,
		     &answer, err);

	if (r == 0 && !apply->is_dry_run)
		printf("%s/%s %s\n", ctl_kind_label(object->kind), object->name,
		       cJSON_Compare(
			       json_at(live, "metadata.resourceVersion"),
			       json_at(answer, "metadata.resourceVersion"),
			       true)
			       ? "unchanged"
			       : "configured");
	cJSON_Delete(answer);
	return r;
}

static int apply_one(const struct apply *apply, const struct object *object,
		     struct err *err)
{
	_cleanup_(free) char *path = NULL;
	struct client_request request = { .method = "GET" };
	cJSON *live = NULL;
	int r;

	if (!*object->name)
		return err_set(
			err, -EINVAL,
			"metadata.name: Required value: apply can't use generateName");
	path = client_path(object->kind, object->namespace, object->name);
	if (!path)
		return no_memory(err);
	request.path = path;
	r = client_call(apply->client, &request, &live, err);
	if (r == CLIENT_NOT_FOUND) {
		err_fini(err);
		return create(apply, object, err);
	}
	if (r == 0)
		r = change(apply, object, path, live, err);
	cJSON_Delete(live);
	return r;
}

static int apply_all(const struct apply *apply,
		     const struct ctl_manifests *manifests, struct err *err)
{
	for (size_t i = 0; i < manifests->n; i++) {
		const struct ctl_document *document = &manifests->documents[i];
		int r = apply_one(apply, document->object, err);

		if (r < 0)
			return err_wrap(err, "%s", document->where);
	}
	return 0;
}

int verb_apply(int argc, char **argv, struct err *err)
{
	_cleanup_(ctl_manifests_fini) struct ctl_manifests manifests = { 0 };
	_cleanup_(client_free) struct client *client = NULL;
	struct apply apply;
	struct ctl_args args;
	int first, r;

	r = ctl_parse(&spec, argc, argv, &args, &first, err);
	if (r != 0)
		return r;
	if (!args.n_files || first < argc) {
		(void)err_set(err, CTL_USAGE,
			      "say which manifests to apply with -f FILE");
		return CTL_USAGE;
	}
	r = ctl_manifests_read(&manifests, &args, err);
	if (r < 0)
		return r;
	r = client_new(&client, args.server, err);
	if (r < 0)
		return r;
	apply = (struct apply){ .client = client, .is_dry_run = true };
	r = apply_all(&apply, &manifests, err);
	apply.is_dry_run = false;
	return r < 0 ? r : apply_all(&apply, &manifests, err);
}
