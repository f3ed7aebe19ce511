/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl describe: a kind is a table of labelled lines, each with a function or a
 * path that makes its text; the order and the words are kubectl's. Events come last,
 * oldest first, for the object's uid. All is written into memory first: a label ends
 * with a mark, and how wide the labels are is known at the end.
 *
 * A pod shows where each of its volumes is on its node, which the provisioner
 * leaves in the annotation claimfs.io/path.<volume>.
 */

#include <ctype.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>

#include "ctl.h"
#include "ctl_print.h"
#include "describe_conditions.h"
#include "describe_events.h"
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
	fprintf(out, "%s:%c", line->label, DESCRIBE_MARK);
}

/* Of a list's further lines, which have no label. */
static void put_no_label(FILE *out)
{
	fputc(DESCRIBE_MARK, out);
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
		if (!is_first)
			put_no_label(out);
		fprintf(out, "%s%s%s\n", item->string, separator,
			item->valuestring);
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

static void put_affinity(const struct line *line, const cJSON *json, FILE *out)
{
	put_text(line,
		 json_at(json, line->path) ? "given (see -o yaml)" : "<none>",
		 out);
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
	put_field("Type:",
		  "CSI (a Container Storage Interface (CSI) volume source)",
		  out);
	put_field("Driver:", text_at(json, "spec.csi.driver"), out);
	put_field("FSType:", text_at(json, "spec.csi.fsType"), out);
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
	{ "Node Affinity", "spec.nodeAffinity", put_affinity },
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

static const struct line *const descriptions[KIND_STANDALONE_N] = {
	[KIND_CLAIM] = claim_lines,
	[KIND_PERSISTENT_VOLUME] = volume_lines,
	[KIND_STORAGE_CLASS] = class_lines,
	[KIND_POD] = pod_lines,
	[KIND_EVENT] = event_lines,
};

/* --- the page ---------------------------------------------------------------------- */

/* Labels as wide as the widest, and two blanks. */
static void print_page(const char *text)
{
	int width = 0;

	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		int len = (int)strcspn(line, "\v\n");

		if (line[len] == DESCRIBE_MARK && len > width)
			width = len;
	}
	while (*text) {
		size_t len = strcspn(text, "\v\n");

		if (text[len] == DESCRIBE_MARK) {
			printf("%-*.*s", width + 2, (int)len, text);
			text += len + 1;
			len = strcspn(text, "\n");
		}
		printf("%.*s\n", (int)len, text);
		text += len + 1;
	}
}

static bool uses(const cJSON *pod, const char *claim)
{
	const cJSON *volume;

	cJSON_ArrayForEach (volume, json_at(pod, "spec.volumes"))
		if (strcmp(text_at(volume, "persistentVolumeClaim.claimName"),
			   claim) == 0)
			return true;
	return false;
}

static int put_users(struct client *client, const cJSON *claim, FILE *out,
		     struct err *err)
{
	static const struct line line = { "Used By", NULL, NULL };
	_cleanup_(free) char *path = client_path(
		KIND_POD, text_at(claim, "metadata.namespace"), NULL);
	const struct client_request request = { .method = "GET", .path = path };
	cJSON *list = NULL;
	const cJSON *pod;
	bool is_first = true;
	int r = path ? client_call(client, &request, &list, err) : -ENOMEM;

	if (r != 0)
		return r > 0 ? -ENOENT : r;
	put_label(&line, out);
	cJSON_ArrayForEach (pod, json_at(list, "items")) {
		if (!uses(pod, text_at(claim, "metadata.name")))
			continue;
		if (!is_first)
			put_no_label(out);
		fprintf(out, "%s\n", text_at(pod, "metadata.name"));
		is_first = false;
	}
	fputs(is_first ? "<none>\n" : "", out);
	cJSON_Delete(list);
	return 0;
}

static int put_page(struct client *client, enum object_kind kind,
		    const cJSON *object, FILE *out, struct err *err)
{
	int r = 0;

	for (const struct line *line = descriptions[kind]; line->label;
	     line++) {
		if (line->fn)
			line->fn(line, object, out);
		else
			put_text(line, text_at(object, line->path), out);
	}
	if (kind == KIND_CLAIM)
		r = put_users(client, object, out, err);
	if (r == 0 && kind == KIND_CLAIM)
		describe_conditions(object, out);
	if (r < 0 || kind == KIND_EVENT)
		return r;
	return describe_events(client, object, out, err);
}

static int describe(struct client *client, enum object_kind kind,
		    const cJSON *object, struct err *err)
{
	_cleanup_(free) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int r;

	if (!out)
		return err_set(err, -ENOMEM, "out of memory");
	r = put_page(client, kind, object, out, err);
	if (fclose(out) != 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (r == 0)
		print_page(text);
	return r;
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
	/* Labels and annotations by their names, as kubectl has them. */
	ctl_sort(json);
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
	int r;

	r = ctl_parse_items(&spec, argc, argv, &args, &items, err);
	if (r != 0)
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
