/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The options of all verbs, each defined once, so that -n is the same everywhere;
 * a verb lists those that it has. Operands are read as kubectl reads them.
 */

#include <string.h>

#include "ctl.h"
#include "parse.h"

#define OPTIONS_MAX	   16
#define FREEZE_DEFAULT_S   60
#define FREEZE_LIMIT_MAX_S 600

static int set_server(void *userdata, const char *value, struct err *err)
{
	(void)err;
	((struct ctl_args *)userdata)->server = value;
	return 0;
}

static int set_namespace(void *userdata, const char *value, struct err *err)
{
	if (!*value)
		return err_set(err, -EINVAL, "a namespace has a name");
	((struct ctl_args *)userdata)->namespace = value;
	return 0;
}

static int set_all_namespaces(void *userdata, const char *value,
			      struct err *err)
{
	(void)value;
	(void)err;
	((struct ctl_args *)userdata)->is_all_namespaces = true;
	return 0;
}

static int set_output(void *userdata, const char *value, struct err *err)
{
	static const char *const names[] = { [CTL_TABLE] = "",
					     [CTL_WIDE] = "wide",
					     [CTL_JSON] = "json",
					     [CTL_YAML] = "yaml",
					     [CTL_NAME] = "name" };
	int r = parse_name(value, names, ARRAY_SIZE(names));

	if (r <= 0)
		return err_set(err, -EINVAL,
			       "\"%s\" is not one of json, yaml, wide, name",
			       value);
	((struct ctl_args *)userdata)->output = (enum ctl_output)r;
	return 0;
}

static int set_watch(void *userdata, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	((struct ctl_args *)userdata)->is_watch = true;
	return 0;
}

static int set_selector(void *userdata, const char *value, struct err *err)
{
	(void)err;
	((struct ctl_args *)userdata)->selector = value;
	return 0;
}

static int set_for(void *userdata, const char *value, struct err *err)
{
	(void)err;
	((struct ctl_args *)userdata)->about = value;
	return 0;
}

static int add_file(void *userdata, const char *value, struct err *err)
{
	struct ctl_args *args = userdata;

	if (args->n_files == CTL_FILES_MAX)
		return err_set(err, -E2BIG, "at most %d files can be given",
			       CTL_FILES_MAX);
	args->files[args->n_files++] = value;
	return 0;
}

static int set_wait(void *userdata, const char *value, struct err *err)
{
	bool is_true = strcmp(value, "true") == 0;

	if (!is_true && strcmp(value, "false") != 0)
		return err_set(err, -EINVAL, "\"%s\" is not true or false",
			       value);
	((struct ctl_args *)userdata)->is_not_waiting = !is_true;
	return 0;
}

static int set_dry_run(void *userdata, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	((struct ctl_args *)userdata)->is_dry_run = true;
	return 0;
}

static int set_overwrite(void *userdata, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	((struct ctl_args *)userdata)->is_overwriting = true;
	return 0;
}

/* "90", "90s", "2m", "1h" */
static int parse_time(const char *value, uint32_t *ret, struct err *err)
{
	static const struct {
		char letter;
		uint32_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 } };
	size_t len = strlen(value);
	char number[16];
	uint32_t n, unit = 1;

	for (size_t i = 0; len && i < ARRAY_SIZE(units); i++) {
		if (value[len - 1] == units[i].letter) {
			unit = units[i].seconds;
			len--;
			break;
		}
	}
	if (len < sizeof(number)) {
		memcpy(number, value, len);
		number[len] = '\0';
		if (parse_u32(number, 0, 86400 / unit * 30, &n) == 0) {
			*ret = n * unit;
			return 0;
		}
	}
	return err_set(err, -EINVAL,
		       "\"%s\" is not a duration such as 90s or 2m", value);
}

static int set_timeout(void *userdata, const char *value, struct err *err)
{
	return parse_time(value, &((struct ctl_args *)userdata)->timeout_s,
			  err);
}

static int set_freeze(void *userdata, const char *value, struct err *err)
{
	struct ctl_args *args = userdata;

	(void)value;
	(void)err;
	if (args->freeze_s == 0)
		args->freeze_s = FREEZE_DEFAULT_S;
	return 0;
}

static int set_freeze_limit(void *userdata, const char *value, struct err *err)
{
	struct ctl_args *args = userdata;
	int r = parse_time(value, &args->freeze_s, err);

	if (r == 0 &&
	    (args->freeze_s == 0 || args->freeze_s > FREEZE_LIMIT_MAX_S))
		return err_set(err, -EINVAL, "\"%s\" is not from 1s to 10m",
			       value);
	return r;
}

static int set_patch(void *userdata, const char *value, struct err *err)
{
	(void)err;
	((struct ctl_args *)userdata)->patch = value;
	return 0;
}

static int set_patch_type(void *userdata, const char *value, struct err *err)
{
	static const char *const names[] = { "merge", "json", "strategic" };

	if (parse_name(value, names, ARRAY_SIZE(names)) < 0)
		return err_set(err, -EINVAL,
			       "\"%s\" is not one of merge, json, strategic",
			       value);
	((struct ctl_args *)userdata)->patch_type = value;
	return 0;
}

const struct option_spec ctl_option_server = {
	.name = "server",
	.letter = 's',
	.value = "URL",
	.help = "unix:///PATH or http://HOST:PORT (default $CLAIMFS_SERVER or " CLIENT_SERVER_DEFAULT
		")",
	.fn = set_server,
};
const struct option_spec ctl_option_namespace = {
	.name = "namespace",
	.letter = 'n',
	.value = "NAME",
	.help = "namespace (default \"default\")",
	.fn = set_namespace,
};
const struct option_spec ctl_option_all_namespaces = {
	.name = "all-namespaces",
	.letter = 'A',
	.help = "objects of all namespaces",
	.fn = set_all_namespaces,
};
const struct option_spec ctl_option_output = {
	.name = "output",
	.letter = 'o',
	.value = "FORM",
	.help = "json, yaml, wide or name (default a table)",
	.fn = set_output,
};
const struct option_spec ctl_option_watch = {
	.name = "watch",
	.letter = 'w',
	.help = "go on and print every change",
	.fn = set_watch,
};
const struct option_spec ctl_option_selector = {
	.name = "selector",
	.letter = 'l',
	.value = "LABELS",
	.help = "only objects with these labels, e.g. app=web,tier!=test",
	.fn = set_selector,
};
const struct option_spec ctl_option_for = {
	.name = "for",
	.value = "KIND/NAME",
	.help = "only events about this object",
	.fn = set_for,
};
const struct option_spec ctl_option_file = {
	.name = "filename",
	.letter = 'f',
	.value = "FILE",
	.help = "a manifest, a folder of *.yaml, *.yml, *.json, or - for stdin; may be repeated",
	.fn = add_file,
};
const struct option_spec ctl_option_patch = {
	.name = "patch",
	.letter = 'p',
	.value = "PATCH",
	.help = "what to change, in JSON or YAML",
	.fn = set_patch,
};
const struct option_spec ctl_option_patch_type = {
	.name = "type",
	.value = "TYPE",
	.help = "merge, json or strategic (default strategic)",
	.fn = set_patch_type,
};
const struct option_spec ctl_option_overwrite = {
	.name = "overwrite",
	.help = "change values that are there already",
	.fn = set_overwrite,
};
const struct option_spec ctl_option_dry_run = {
	.name = "dry-run",
	.help = "say what would be done, and do nothing",
	.fn = set_dry_run,
};
const struct option_spec ctl_option_condition = {
	.name = "for",
	.value = "WHAT",
	.help = "delete, jsonpath={.status.phase}=Bound, or condition=NAME[=VALUE]",
	.fn = set_for,
};
const struct option_spec ctl_option_wait = {
	.name = "wait",
	.value = "BOOL",
	.help = "wait until it is done (default true)",
	.fn = set_wait,
};
const struct option_spec ctl_option_freeze = {
	.name = "freeze",
	.help = "let nobody write meanwhile, for a minute at most",
	.fn = set_freeze,
};
const struct option_spec ctl_option_freeze_limit = {
	.name = "freeze-limit",
	.value = "TIME",
	.help = "the same for so long at most, e.g. 90s or 5m (10m at most)",
	.fn = set_freeze_limit,
};
const struct option_spec ctl_option_timeout = {
	.name = "timeout",
	.value = "TIME",
	.help = "how long to wait, e.g. 90s or 2m (default 0, no limit)",
	.fn = set_timeout,
};

int ctl_parse(const struct ctl_verb_spec *spec, int argc, char **argv,
	      struct ctl_args *ret, int *ret_first, struct err *err)
{
	struct option_spec options[OPTIONS_MAX];
	struct options_spec parsed = { .program = spec->program,
				       .usage = spec->usage,
				       .summary = spec->summary,
				       .options = options,
				       .epilogue = spec->epilogue };
	const char *server = getenv("CLAIMFS_SERVER");
	int r;

	*ret = (struct ctl_args){
		.server = server && *server ? server : CLIENT_SERVER_DEFAULT,
		.namespace = "default",
		.patch_type = "strategic",
	};
	while (spec->options[parsed.n_options] &&
	       parsed.n_options < OPTIONS_MAX) {
		options[parsed.n_options] = *spec->options[parsed.n_options];
		parsed.n_options++;
	}
	r = options_parse(&parsed, argc, argv, ret, ret_first, err);
	return r < 0 ? CTL_USAGE : r;
}

static int unknown_kind(const char *word, struct err *err)
{
	(void)err_set(
		err, CTL_USAGE,
		"the server doesn't have a resource type \"%s\" (storageclass, persistentvolume, persistentvolumeclaim, pod, event)",
		word);
	return CTL_USAGE;
}

/* Also "storageclasses.storage.k8s.io", as kubectl prints and takes it. */
static int parse_kind(const char *word, size_t len, enum object_kind *ret,
		      struct err *err)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%.*s", (int)len, word);
	text[strcspn(text, ".")] = '\0';
	return object_kind_from_word(text, ret) < 0 ? unknown_kind(text, err)
						    : 0;
}

static int add_item(struct ctl_items *items, enum object_kind kind,
		    const char *name, struct err *err)
{
	bool is_new = true;

	if (items->n == CTL_ITEMS_MAX) {
		(void)err_set(err, CTL_USAGE, "at most %d objects can be named",
			      CTL_ITEMS_MAX);
		return CTL_USAGE;
	}
	for (size_t i = 0; i < items->n; i++)
		is_new = is_new && items->items[i].kind != kind;
	items->n_kinds += is_new;
	items->items[items->n++] =
		(struct ctl_item){ .kind = kind, .name = name };
	return 0;
}

static int parse_pairs(struct ctl_items *ret, char **operands, int n,
		       struct err *err)
{
	for (int i = 0; i < n; i++) {
		const char *slash = strchr(operands[i], '/');
		enum object_kind kind;
		int r;

		if (!slash || !slash[1]) {
			(void)err_set(err, CTL_USAGE,
				      "\"%s\" must be KIND/NAME", operands[i]);
			return CTL_USAGE;
		}
		r = parse_kind(operands[i], (size_t)(slash - operands[i]),
			       &kind, err);
		if (r == 0)
			r = add_item(ret, kind, slash + 1, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* One kind with all the names that follow, or without any. */
static int parse_names(struct ctl_items *ret, const char *word, size_t len,
		       char **names, int n_names, struct err *err)
{
	enum object_kind kind;
	int r = parse_kind(word, len, &kind, err);

	if (r < 0)
		return r;
	if (!n_names)
		return add_item(ret, kind, NULL, err);
	for (int i = 0; i < n_names && r == 0; i++)
		r = add_item(ret, kind, names[i], err);
	return r;
}

int ctl_items_parse(struct ctl_items *ret, char **operands, int n,
		    struct err *err)
{
	const char *kinds;

	*ret = (struct ctl_items){ 0 };
	if (n == 0) {
		(void)err_set(err, CTL_USAGE, "say which kind of object");
		return CTL_USAGE;
	}
	if (strchr(operands[0], '/'))
		return parse_pairs(ret, operands, n, err);
	for (kinds = operands[0];;) {
		size_t len = strcspn(kinds, ",");
		int r = parse_names(ret, kinds, len, operands + 1, n - 1, err);

		if (r < 0 || !kinds[len])
			return r;
		kinds += len + 1;
	}
}

int ctl_parse_items(const struct ctl_verb_spec *spec, int argc, char **argv,
		    struct ctl_args *ret, struct ctl_items *ret_items,
		    struct err *err)
{
	int first, r = ctl_parse(spec, argc, argv, ret, &first, err);

	return r != 0 ? r
		      : ctl_items_parse(ret_items, argv + first, argc - first,
					err);
}

const char *ctl_kind_label(enum object_kind kind)
{
	if (kind == KIND_STORAGE_CLASS)
		return "storageclass.storage.k8s.io";
	return object_kind_info(kind)->singular;
}

const char *ctl_namespace(const struct ctl_args *args)
{
	return args->is_all_namespaces ? NULL : args->namespace;
}

int ctl_items_need_names(const struct ctl_items *items, struct err *err)
{
	for (size_t i = 0; i < items->n; i++) {
		if (items->items[i].name)
			continue;
		(void)err_set(err, CTL_USAGE, "say which object by its name");
		return CTL_USAGE;
	}
	return 0;
}
