/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl tree: what is made of what: class, volume, claim, pod. Four lists of the
 * API, of which those that are looked up are sorted by what they are looked up by.
 *
 * Everything is shown once: a claim below its volume, or below its class as long as
 * it is not bound. A class that is only named, or that was deleted, is shown by its name.
 */

#include <locale.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <libsmartcols.h>

#include "ctl.h"
#include "ctl_colour.h"
#include "json_field.h"

static const struct option_spec *const options[] = { &ctl_option_server, NULL };

static const struct ctl_verb_spec spec = {
	.program = "claimctl tree",
	.usage = "[OPTIONS] [CLASS...]",
	.summary =
		"Shows classes, their volumes, the claims of those, and the pods that use them.",
	.options = options,
	.epilogue = "  claimctl tree\n"
		    "  claimctl tree fast\n",
};

static void table_unref(struct libscols_table *table)
{
	scols_unref_table(table);
}

DEFINE_CLEANUP(struct libscols_table *, table_unref)

/* --- lists, sorted by a key ------------------------------------------------------- */

struct entry {
	char *key;
	const cJSON *object;
};

struct sorted {
	struct entry *entries;
	size_t n;
	size_t n_max;
};

static const char *text_at(const cJSON *json, const char *path)
{
	const char *text = cJSON_GetStringValue(json_at(json, path));

	return text ? text : "";
}

static bool add(struct sorted *sorted, const char *key, const cJSON *object)
{
	if (sorted->n == sorted->n_max) {
		size_t n_max = sorted->n_max ? 2 * sorted->n_max : 64;
		struct entry *grown =
			reallocarray(sorted->entries, n_max, sizeof(*grown));

		if (!grown)
			return false;
		sorted->entries = grown;
		sorted->n_max = n_max;
	}
	sorted->entries[sorted->n].key = strdup(key);
	sorted->entries[sorted->n].object = object;
	return sorted->entries[sorted->n++].key;
}

static int by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = strcmp(x->key, y->key);

	return r ? r
		 : strcmp(text_at(x->object, "metadata.name"),
			  text_at(y->object, "metadata.name"));
}

static void sort(struct sorted *sorted)
{
	if (sorted->n)
		qsort(sorted->entries, sorted->n, sizeof(*sorted->entries),
		      by_key);
}

/* The first entry with this key; there may be more behind it. */
static size_t find(const struct sorted *sorted, const char *key)
{
	size_t low = 0, high = sorted->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(sorted->entries[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct sorted *sorted, size_t i, const char *key)
{
	return i < sorted->n && strcmp(sorted->entries[i].key, key) == 0;
}

static void sorted_fini(struct sorted *sorted)
{
	for (size_t i = 0; i < sorted->n; i++)
		free(sorted->entries[i].key);
	free(sorted->entries);
}

/* --- the tree --------------------------------------------------------------------- */

#define KEY_MAX 520 /* a namespace and a name, of 253 bytes each */

struct tree {
	cJSON *lists[KIND_STANDALONE_N];
	struct sorted classes; /* by name; also those that are only named */
	struct sorted volumes; /* by class */
	struct sorted claims;  /* by namespace/name */
	struct sorted waiting; /* claims without a volume, by class */
	struct sorted pods;    /* by namespace/claim */
	struct libscols_table *out;
	bool has_no_memory;
};

static void tree_fini(struct tree *tree)
{
	for (size_t i = 0; i < KIND_STANDALONE_N; i++)
		cJSON_Delete(tree->lists[i]);
	sorted_fini(&tree->classes);
	sorted_fini(&tree->volumes);
	sorted_fini(&tree->claims);
	sorted_fini(&tree->waiting);
	sorted_fini(&tree->pods);
	table_unrefp(&tree->out);
}

DEFINE_FINI(struct tree, tree_fini)

static void make_key(char key[KEY_MAX], const char *namespace, const char *name)
{
	(void)snprintf(key, KEY_MAX, "%s/%s", namespace, name);
}

static void note(struct tree *tree, bool is_added)
{
	tree->has_no_memory |= !is_added;
}

static void add_class_name(struct tree *tree, const char *name)
{
	sort(&tree->classes);
	if (!is_at(&tree->classes, find(&tree->classes, name), name))
		note(tree, add(&tree->classes, name, NULL));
}

static bool is_bound(const cJSON *claim)
{
	return strcmp(text_at(claim, "status.phase"), "Bound") == 0;
}

static void index_claims(struct tree *tree)
{
	const cJSON *claim;

	cJSON_ArrayForEach (claim, json_at(tree->lists[KIND_CLAIM], "items")) {
		char key[KEY_MAX];

		make_key(key, text_at(claim, "metadata.namespace"),
			 text_at(claim, "metadata.name"));
		note(tree, add(&tree->claims, key, claim));
		if (!is_bound(claim))
			note(tree, add(&tree->waiting,
				       text_at(claim, "spec.storageClassName"),
				       claim));
	}
	sort(&tree->claims);
	sort(&tree->waiting);
}

static void index_pods(struct tree *tree)
{
	const cJSON *pod, *volume;

	cJSON_ArrayForEach (pod, json_at(tree->lists[KIND_POD], "items")) {
		cJSON_ArrayForEach (volume, json_at(pod, "spec.volumes")) {
			const char *claim = text_at(
				volume, "persistentVolumeClaim.claimName");
			char key[KEY_MAX];

			if (!*claim)
				continue;
			make_key(key, text_at(pod, "metadata.namespace"),
				 claim);
			note(tree, add(&tree->pods, key, pod));
		}
	}
	sort(&tree->pods);
}

static void index_classes(struct tree *tree)
{
	const cJSON *object;

	cJSON_ArrayForEach (object,
			    json_at(tree->lists[KIND_STORAGE_CLASS], "items"))
		note(tree, add(&tree->classes, text_at(object, "metadata.name"),
			       object));
	cJSON_ArrayForEach (
		object, json_at(tree->lists[KIND_PERSISTENT_VOLUME], "items"))
		note(tree,
		     add(&tree->volumes,
			 text_at(object, "spec.storageClassName"), object));
	sort(&tree->volumes);
	for (size_t i = 0; i < tree->volumes.n; i++)
		if (i == 0 || strcmp(tree->volumes.entries[i].key,
				     tree->volumes.entries[i - 1].key) != 0)
			add_class_name(tree, tree->volumes.entries[i].key);
	for (size_t i = 0; i < tree->waiting.n; i++)
		add_class_name(tree, tree->waiting.entries[i].key);
	sort(&tree->classes);
}

/* --- lines ------------------------------------------------------------------------ */

enum column {
	COLUMN_NAME,
	COLUMN_STATUS,
	COLUMN_CAPACITY,
	COLUMN_MODES,
	COLUMN_NODE,
};

static void set(struct tree *tree, struct libscols_line *line,
		enum column column, const char *text)
{
	note(tree, line && scols_line_set_data(line, column, text) == 0);
}

static const char *status_of(const cJSON *object)
{
	const char *reason = text_at(object, "status.reason");

	if (*text_at(object, "metadata.deletionTimestamp"))
		return "Terminating";
	return *reason ? reason : text_at(object, "status.phase");
}

static enum ctl_colour colour_of(const char *status)
{
	static const struct {
		const char *status;
		enum ctl_colour colour;
	} colours[] = {
		{ "Bound", CTL_GREEN },	    { "Running", CTL_GREEN },
		{ "Available", CTL_GREEN }, { "Pending", CTL_YELLOW },
		{ "Released", CTL_YELLOW }, { "Terminating", CTL_YELLOW },
		{ "Lost", CTL_RED },	    { "Failed", CTL_RED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(colours); i++)
		if (strcmp(colours[i].status, status) == 0)
			return colours[i].colour;
	return CTL_PLAIN;
}

static void set_status(struct tree *tree, struct libscols_line *line,
		       const char *status)
{
	const char *sequence = ctl_colour(stdout, colour_of(status));

	set(tree, line, COLUMN_STATUS, status);
	if (line && *sequence)
		(void)scols_cell_set_color(
			scols_line_get_cell(line, COLUMN_STATUS), sequence);
}

static void set_modes(struct tree *tree, struct libscols_line *line,
		      const cJSON *modes)
{
	char text[64] = "";
	size_t len = 0;
	const cJSON *item;

	cJSON_ArrayForEach (item, modes) {
		enum access_mode mode;

		if (!cJSON_IsString(item) ||
		    access_mode_parse(item->valuestring, &mode) < 0 ||
		    len + 8 > sizeof(text))
			continue;
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
					len ? "," : "",
					access_mode_short(mode));
	}
	set(tree, line, COLUMN_MODES, text);
}

static struct libscols_line *add_line(struct tree *tree,
				      struct libscols_line *parent,
				      const char *kind, const cJSON *object)
{
	const char *namespace = text_at(object, "metadata.namespace");
	struct libscols_line *line = scols_table_new_line(tree->out, parent);
	char name[KEY_MAX + 8];

	(void)snprintf(name, sizeof(name), "%s/%s%s%s", kind, namespace,
		       *namespace ? "/" : "", text_at(object, "metadata.name"));
	set(tree, line, COLUMN_NAME, name);
	set_status(tree, line, status_of(object));
	return line;
}

static void show_claim(struct tree *tree, struct libscols_line *parent,
		       const cJSON *claim)
{
	struct libscols_line *line = add_line(tree, parent, "pvc", claim);
	char key[KEY_MAX];

	set(tree, line, COLUMN_CAPACITY,
	    *text_at(claim, "status.capacity.storage")
		    ? text_at(claim, "status.capacity.storage")
		    : text_at(claim, "spec.resources.requests.storage"));
	set_modes(tree, line, json_at(claim, "spec.accessModes"));
	make_key(key, text_at(claim, "metadata.namespace"),
		 text_at(claim, "metadata.name"));
	for (size_t i = find(&tree->pods, key); is_at(&tree->pods, i, key);
	     i++) {
		const cJSON *pod = tree->pods.entries[i].object;

		set(tree, add_line(tree, line, "pod", pod), COLUMN_NODE,
		    text_at(pod, "spec.nodeName"));
	}
}

static void show_volume(struct tree *tree, struct libscols_line *parent,
			const cJSON *volume)
{
	struct libscols_line *line = add_line(tree, parent, "pv", volume);
	char key[KEY_MAX];
	size_t i;

	set(tree, line, COLUMN_CAPACITY,
	    text_at(volume, "spec.capacity.storage"));
	set_modes(tree, line, json_at(volume, "spec.accessModes"));
	make_key(key, text_at(volume, "spec.claimRef.namespace"),
		 text_at(volume, "spec.claimRef.name"));
	i = find(&tree->claims, key);
	/* A claim that was made anew under the name is not the volume's. */
	if (is_at(&tree->claims, i, key) &&
	    is_bound(tree->claims.entries[i].object) &&
	    strcmp(text_at(tree->claims.entries[i].object, "spec.volumeName"),
		   text_at(volume, "metadata.name")) == 0)
		show_claim(tree, line, tree->claims.entries[i].object);
}

static void show_class(struct tree *tree, const struct entry *class)
{
	struct libscols_line *line = scols_table_new_line(tree->out, NULL);
	const char *key = class->key;
	const char *is_default =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(
			json_at(class->object, "metadata.annotations"),
			"storageclass.kubernetes.io/is-default-class"));
	char name[KEY_MAX];

	(void)snprintf(name, sizeof(name), "sc/%s", *key ? key : "<none>");
	set(tree, line, COLUMN_NAME, name);
	if (!class->object && *key)
		set_status(tree, line, "absent");
	else if (is_default && strcmp(is_default, "true") == 0)
		set_status(tree, line, "default");
	for (size_t i = find(&tree->volumes, key);
	     is_at(&tree->volumes, i, key); i++)
		show_volume(tree, line, tree->volumes.entries[i].object);
	for (size_t i = find(&tree->waiting, key);
	     is_at(&tree->waiting, i, key); i++)
		show_claim(tree, line, tree->waiting.entries[i].object);
}

/* --- the verb --------------------------------------------------------------------- */

static int fetch(struct tree *tree, const struct ctl_args *args,
		 struct err *err)
{
	static const enum object_kind kinds[] = { KIND_STORAGE_CLASS,
						  KIND_PERSISTENT_VOLUME,
						  KIND_CLAIM, KIND_POD };
	_cleanup_(client_free) struct client *client = NULL;
	int r = client_new(&client, args->server, err);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(kinds); i++) {
		_cleanup_(free) char *path = client_path(kinds[i], NULL, NULL);
		struct client_request request = { .method = "GET",
						  .path = path };

		if (!path)
			return err_set(err, -ENOMEM, "out of memory");
		r = client_call(client, &request, &tree->lists[kinds[i]], err);
	}
	return r > 0 ? -ENOENT : r;
}

static int begin_table(struct tree *tree)
{
	static const char *const names[] = { [COLUMN_NAME] = "NAME",
					     [COLUMN_STATUS] = "STATUS",
					     [COLUMN_CAPACITY] = "CAPACITY",
					     [COLUMN_MODES] = "ACCESS MODES",
					     [COLUMN_NODE] = "NODE" };

	/* Lines of a tree are drawn in the terminal's characters. */
	(void)setlocale(LC_CTYPE, "");
	tree->out = scols_new_table();
	if (!tree->out)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!scols_table_new_column(tree->out, names[i], 1,
					    i == 0 ? SCOLS_FL_TREE : 0))
			return -ENOMEM;
	(void)scols_table_set_column_separator(tree->out, "   ");
	(void)scols_table_set_termforce(tree->out, SCOLS_TERMFORCE_NEVER);
	(void)scols_table_enable_minout(tree->out, 1);
	(void)scols_table_enable_colors(tree->out,
					*ctl_colour(stdout, CTL_PLAIN) != 0);
	return 0;
}

static bool is_chosen(const char *class, char **names, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], class) == 0)
			return true;
	return n == 0;
}

static int show(struct tree *tree, char **names, int n, struct err *err)
{
	int n_shown = 0;
	int r = begin_table(tree);

	for (size_t i = 0; r == 0 && i < tree->classes.n; i++) {
		if (!is_chosen(tree->classes.entries[i].key, names, n))
			continue;
		show_class(tree, &tree->classes.entries[i]);
		n_shown++;
	}
	if (r < 0 || tree->has_no_memory)
		return err_set(err, -ENOMEM, "print a tree: out of memory");
	if (!n_shown && n)
		return err_set(err, -ENOENT, "there is no class \"%s\"",
			       names[0]);
	if (!n_shown)
		fputs("No resources found\n", stderr);
	else if (scols_print_table(tree->out) < 0)
		return err_set(err, -EIO, "print a tree");
	return 0;
}

int verb_tree(int argc, char **argv, struct err *err)
{
	_cleanup_(tree_fini) struct tree tree = { 0 };
	struct ctl_args args;
	int first, r;

	r = ctl_parse(&spec, argc, argv, &args, &first, err);
	if (r != 0)
		return r;
	r = fetch(&tree, &args, err);
	if (r < 0)
		return r;
	index_claims(&tree);
	index_pods(&tree);
	index_classes(&tree);
	return show(&tree, argv + first, argc - first, err);
}
