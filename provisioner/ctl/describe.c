/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl describe: a kind is a table of labelled lines, each with a function or a
 * path that makes its text; the order and the words are kubectl's. Events come last,
 * oldest first, for the object's uid.
 *
 * A pod shows where each of its volumes is on its node, which the provisioner
 * leaves in the annotation claimfs.io/path.<volume>.
 */

#include <ctype.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>

#include "ctl.h"
#include "json_field.h"
#include "timestamp.h"

#define PATH_ANNOTATION "claimfs.io/path."
#define LAST_APPLIED	"kubectl.kubernetes.io/last-applied-configuration"

static const struct option_spec *const options[] = {
	&ctl_option_all_namespaces,
	&ctl_option_namespace,
	&ctl_option_server,
	NULL,
};

static const struct ctl_verb_spec spec = {
	.program = "claimctl describe",
	.usage = "[OPTIONS] KIND [NAME...] | KIND/NAME...",
	.summary = "Shows everything about objects, and their events.",
	.options = options,
};

struct line {
	const char *label;
	const char *path; /* a string; or, with fn, what fn is given */
	void (*fn)(const struct line *line, const cJSON *json, FILE *out);
};

static const char *text_at(const cJSON *json, const char *path)
{
	const char *text = cJSON_GetStringValue(json_at(json, path));

	return text ? text : "";
}

static void put_label(const struct line *line, FILE *out)
{
	char label[64];

	(void)snprintf(label, sizeof(label), "%s:", line->label);
	fprintf(out, "%-23s", label);
}

static void put_text(const struct line *line, const char *text, FILE *out)
{
	put_label(line, out);
	fprintf(out, "%s\n", text);
}

/* Annotations and labels: one a line, the first beside the label. */
static void put_map(const struct line *line, const cJSON *json, FILE *out)
{
	const char *separator =
		strcmp(line->label, "Annotations") == 0 ? ": " : "=";
	const cJSON *item;
	bool is_first = true;

	put_label(line, out);
	cJSON_ArrayForEach (item, json_at(json, line->path)) {
		if (!cJSON_IsString(item) ||
		    strcmp(item->string, LAST_APPLIED) == 0)
			continue;
		fprintf(out, "%*s%s%s%s\n", is_first ? 0 : 23, "", item->string,
			separator, item->valuestring);
		is_first = false;
	}
	if (is_first)
		fputs("<none>\n", out);
}

static void put_list(const struct line *line, const cJSON *json, FILE *out)
{
	const cJSON *item;
	bool is_first = true;

	put_label(line, out);
	fputc('[', out);
	cJSON_ArrayForEach (item, json_at(json, line->path)) {
		fprintf(out, "%s%s", is_first ? "" : " ",
			cJSON_IsString(item) ? item->valuestring : "");
		is_first = false;
	}
	fputs("]\n", out);
}

static void put_options(const struct line *line, const cJSON *json, FILE *out)
{
	const cJSON *item;
	bool is_first = true;

	put_label(line, out);
	cJSON_ArrayForEach (item, json_at(json, line->path)) {
		fprintf(out, "%s%s", is_first ? "" : ",",
			cJSON_IsString(item) ? item->valuestring : "");
		is_first = false;
	}
	fputs(is_first ? "<none>\n" : "\n", out);
}

static void put_modes(const struct line *line, const cJSON *json, FILE *out)
{
	const cJSON *item;
	bool is_first = true;

	put_label(line, out);
	cJSON_ArrayForEach (item, json_at(json, line->path)) {
		enum access_mode mode;

		if (!cJSON_IsString(item) ||
		    access_mode_parse(item->valuestring, &mode) < 0)
			continue;
		fprintf(out, "%s%s", is_first ? "" : ",",
			access_mode_short(mode));
		is_first = false;
	}
	fputc('\n', out);
}

static void put_status(const struct line *line, const cJSON *json, FILE *out)
{
	const char *since = text_at(json, "metadata.deletionTimestamp");
	char age[AGE_MAX];

	put_label(line, out);
	if (*since) {
		age_of(since, age);
		fprintf(out, "Terminating (lasts %s)\n", age);
	} else {
		fprintf(out, "%s\n", text_at(json, line->path));
	}
}

static void put_bool(const struct line *line, const cJSON *json, FILE *out)
{
	const cJSON *item = json_at(json, line->path);

	put_text(line,
		 !item		      ? "<unset>"
		 : cJSON_IsTrue(item) ? "True"
				      : "False",
		 out);
}

static void put_default(const struct line *line, const cJSON *json, FILE *out)
{
	const char *value =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(
			json_at(json, "metadata.annotations"),
			"storageclass.kubernetes.io/is-default-class"));

	put_text(line, value && strcmp(value, "true") == 0 ? "Yes" : "No", out);
}

static void put_claim(const struct line *line, const cJSON *json, FILE *out)
{
	put_label(line, out);
	if (json_at(json, "spec.claimRef"))
		fprintf(out, "%s/%s", text_at(json, "spec.claimRef.namespace"),
			text_at(json, "spec.claimRef.name"));
	fputc('\n', out);
}

static void put_field(const char *label, const char *text, FILE *out)
{
	fprintf(out, "    %-18s %s\n", label, text);
}

static void put_attributes(const cJSON *attributes, FILE *out)
{
	const cJSON *item;
	bool is_first = true;

	cJSON_ArrayForEach (item, attributes) {
		char text[1024];

		(void)snprintf(text, sizeof(text), "%s=%s", item->string,
			       cJSON_IsString(item) ? item->valuestring : "");
		put_field(is_first ? "VolumeAttributes:" : "", text, out);
		is_first = false;
	}
}

static void put_source(const struct line *line, const cJSON *json, FILE *out)
{
	fprintf(out, "%s:\n", line->label);
	if (json_at(json, "spec.nfs")) {
		put_field("Type:", "NFS", out);
		put_field("Server:", text_at(json, "spec.nfs.server"), out);
		put_field("Path:", text_at(json, "spec.nfs.path"), out);
		return;
	}
	put_field("Type:", "CSI", out);
	put_field("Driver:", text_at(json, "spec.csi.driver"), out);
	put_field("VolumeHandle:", text_at(json, "spec.csi.volumeHandle"), out);
	put_field("ReadOnly:",
		  cJSON_IsTrue(json_at(json, "spec.csi.readOnly")) ? "true"
								   : "false",
		  out);
	put_attributes(json_at(json, "spec.csi.volumeAttributes"), out);
}

static void put_volumes(const struct line *line, const cJSON *json, FILE *out)
{
	const cJSON *annotations = json_at(json, "metadata.annotations");
	const cJSON *volume;

	fprintf(out, "%s:\n", line->label);
	cJSON_ArrayForEach (volume, json_at(json, "spec.volumes")) {
		const char *name = text_at(volume, "name");
		const char *path;
		char key[300];

		fprintf(out, "  %s:\n", name);
		if (!json_at(volume, "persistentVolumeClaim"))
			continue;
		(void)snprintf(key, sizeof(key), PATH_ANNOTATION "%s", name);
		path = cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(annotations, key));
		fprintf(out,
			"    Type:       PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)\n"
			"    ClaimName:  %s\n    ReadOnly:   %s\n    Path:       %s\n",
			text_at(volume, "persistentVolumeClaim.claimName"),
			cJSON_IsTrue(json_at(volume,
					     "persistentVolumeClaim.readOnly"))
				? "true"
				: "false",
			path ? path : "<none>");
	}
}

static const struct line claim_lines[] = {
	{ "Name", "metadata.name", NULL },
	{ "Namespace", "metadata.namespace", NULL },
	{ "StorageClass", "spec.storageClassName", NULL },
	{ "Status", "status.phase", put_status },
	{ "Volume", "spec.volumeName", NULL },
	{ "Labels", "metadata.labels", put_map },
	{ "Annotations", "metadata.annotations", put_map },
	{ "Finalizers", "metadata.finalizers", put_list },
	{ "Capacity", "status.capacity.storage", NULL },
	{ "Access Modes", "status.accessModes", put_modes },
	{ "VolumeMode", "spec.volumeMode", NULL },
	{ 0 },
};

static const struct line volume_lines[] = {
	{ "Name", "metadata.name", NULL },
	{ "Labels", "metadata.labels", put_map },
	{ "Annotations", "metadata.annotations", put_map },
	{ "Finalizers", "metadata.finalizers", put_list },
	{ "StorageClass", "spec.storageClassName", NULL },
	{ "Status", "status.phase", put_status },
	{ "Claim", "spec.claimRef", put_claim },
	{ "Reclaim Policy", "spec.persistentVolumeReclaimPolicy", NULL },
	{ "Access Modes", "spec.accessModes", put_modes },
	{ "VolumeMode", "spec.volumeMode", NULL },
	{ "Capacity", "spec.capacity.storage", NULL },
	{ "Message", "status.message", NULL },
	{ "Source", NULL, put_source },
	{ 0 },
};

static const struct line class_lines[] = {
	{ "Name", "metadata.name", NULL },
	{ "IsDefaultClass", NULL, put_default },
	{ "Annotations", "metadata.annotations", put_map },
	{ "Provisioner", "provisioner", NULL },
	{ "Parameters", "parameters", put_map },
	{ "AllowVolumeExpansion", "allowVolumeExpansion", put_bool },
	{ "MountOptions", "mountOptions", put_options },
	{ "ReclaimPolicy", "reclaimPolicy", NULL },
	{ "VolumeBindingMode", "volumeBindingMode", NULL },
	{ 0 },
};

static const struct line pod_lines[] = {
	{ "Name", "metadata.name", NULL },
	{ "Namespace", "metadata.namespace", NULL },
	{ "Node", "spec.nodeName", NULL },
	{ "Labels", "metadata.labels", put_map },
	{ "Annotations", "metadata.annotations", put_map },
	{ "Status", "status.phase", put_status },
	{ "Reason", "status.reason", NULL },
	{ "Message", "status.message", NULL },
	{ "Volumes", "spec.volumes", put_volumes },
	{ 0 },
};

static const struct line event_lines[] = {
	{ "Name", "metadata.name", NULL },
	{ "Namespace", "metadata.namespace", NULL },
	{ "Object", "involvedObject.name", NULL },
	{ "Type", "type", NULL },
	{ "Reason", "reason", NULL },
	{ "Message", "message", NULL },
	{ "First Seen", "firstTimestamp", NULL },
	{ "Last Seen", "lastTimestamp", NULL },
	{ "Source", "source.component", NULL },
	{ 0 },
};

static const struct line *const descriptions[KIND_N] = {
	[KIND_CLAIM] = claim_lines,
	[KIND_PERSISTENT_VOLUME] = volume_lines,
	[KIND_STORAGE_CLASS] = class_lines,
	[KIND_POD] = pod_lines,
	[KIND_EVENT] = event_lines,
};

static void put_event(const cJSON *event, FILE *out)
{
	const cJSON *count = json_at(event, "count");
	char first[AGE_MAX], last[AGE_MAX], age[2 * AGE_MAX + 40];

	age_of(text_at(event, "firstTimestamp"), first);
	age_of(text_at(event, "lastTimestamp"), last);
	if (cJSON_IsNumber(count) && count->valuedouble > 1)
		(void)snprintf(age, sizeof(age), "%s (x%.0f over %s)", last,
			       count->valuedouble, first);
	else
		(void)snprintf(age, sizeof(age), "%s", last);
	fprintf(out, "  %-8s %-22s %-20s %-28s %s\n", text_at(event, "type"),
		text_at(event, "reason"), age,
		text_at(event, "source.component"), text_at(event, "message"));
}

static int by_last_seen(const void *a, const void *b)
{
	return strcmp(text_at(*(cJSON *const *)a, "lastTimestamp"),
		      text_at(*(cJSON *const *)b, "lastTimestamp"));
}

static void put_events(const cJSON *list, FILE *out)
{
	const cJSON *items = json_at(list, "items");
	size_t n = 0;
	_cleanup_(free) const cJSON **sorted = NULL;
	const cJSON *item;

	sorted = calloc((size_t)cJSON_GetArraySize(items) + 1, sizeof(*sorted));
	if (!sorted || !items || !items->child) {
		fputs("Events:                <none>\n", out);
		return;
	}
	cJSON_ArrayForEach (item, items)
		sorted[n++] = item;
	qsort((void *)sorted, n, sizeof(*sorted), by_last_seen);
	fputs("Events:\n", out);
	fprintf(out, "  %-8s %-22s %-20s %-28s %s\n", "Type", "Reason", "Age",
		"From", "Message");
	for (size_t i = 0; i < n; i++)
		put_event(sorted[i], out);
}

static int fetch_events(struct client *client, const cJSON *object, cJSON **ret,
			struct err *err)
{
	const char *namespace = text_at(object, "metadata.namespace");
	_cleanup_(free) char *path = client_path(
		KIND_EVENT, *namespace ? namespace : "default", NULL);
	_cleanup_(free) char *url = NULL;
	struct client_request request = { .method = "GET" };
	int r;

	if (!path || asprintf(&url, "%s?fieldSelector=involvedObject.uid%%3D%s",
			      path, text_at(object, "metadata.uid")) < 0) {
		url = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	request.path = url;
	r = client_call(client, &request, ret, err);
	return r > 0 ? -ENOENT : r;
}

static int describe(struct client *client, enum object_kind kind,
		    const cJSON *object, struct err *err)
{
	cJSON *events = NULL;
	int r = 0;

	if (kind != KIND_EVENT)
		r = fetch_events(client, object, &events, err);
	if (r < 0)
		return r;
	for (const struct line *line = descriptions[kind]; line->label;
	     line++) {
		if (line->fn)
			line->fn(line, object, stdout);
		else
			put_text(line, text_at(object, line->path), stdout);
	}
	if (kind != KIND_EVENT)
		put_events(events, stdout);
	cJSON_Delete(events);
	return 0;
}

static int describe_item(struct client *client, const struct ctl_args *args,
			 const struct ctl_item *item, size_t *n_shown,
			 struct err *err)
{
	_cleanup_(free) char *path =
		client_path(item->kind, ctl_namespace(args), item->name);
	const struct client_request request = { .method = "GET", .path = path };
	const cJSON *object;
	cJSON *json = NULL;
	int r;

	if (!path)
		return err_set(err, -ENOMEM, "out of memory");
	r = client_call(client, &request, &json, err);
	if (r != 0)
		return r < 0 ? r : -ENOENT;
	if (item->name) {
		fputs((*n_shown)++ ? "\n\n" : "", stdout);
		r = describe(client, item->kind, json, err);
	} else {
		cJSON_ArrayForEach (object, json_at(json, "items")) {
			fputs((*n_shown)++ ? "\n\n" : "", stdout);
			r = describe(client, item->kind, object, err);
			if (r < 0)
				break;
		}
	}
	cJSON_Delete(json);
	return r;
}

int verb_describe(int argc, char **argv, struct err *err)
{
	_cleanup_(client_free) struct client *client = NULL;
	struct ctl_items items;
	struct ctl_args args;
	size_t n_shown = 0;
	int first, r;

	r = ctl_parse(&spec, argc, argv, &args, &first, err);
	if (r != 0)
		return r;
	r = ctl_items_parse(&items, argv + first, argc - first, err);
	if (r < 0)
		return r;
	r = client_new(&client, args.server, err);
	for (size_t i = 0; r == 0 && i < items.n; i++)
		r = describe_item(client, &args, &items.items[i], &n_shown,
				  err);
	if (r == 0 && !n_shown)
		fprintf(stderr, "No resources found in %s namespace.\n",
			args.namespace);
	return r;
}
