/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A volume's attributes are the class parameters (server, share, subDir, ...),
 * whose parser refuses what it does not know and passes the cluster's own keys
 * over, plus `mountOptions`, which csi-driver-nfs accepts there for volumes
 * without a PV's mountOptions.
 */

#include "node_spec.h"

#include <string.h>
#include <strings.h>

#include "csi_origin.h"
#include "inline_record.h"
#include "inline_tree.h"
#include "node_check.h"
#include "parse.h"

#define KUBERNETES_PREFIX "storage.kubernetes.io/"
#define MOUNT_OPTIONS_KEY "mountOptions"
/* What our provisioner tells about a volume, for .meta. */
#define FACT_PREFIX "claimfs.io/"

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_information(const char *key)
{
	return csi_key_is_told(key) || has_prefix(key, KUBERNETES_PREFIX) ||
	       has_prefix(key, FACT_PREFIX);
}

/* NULL when there is none. */
static const char *find(const struct labels *context, const char *prefix,
			const char *key)
{
	for (size_t i = 0; context && i < context->n; i++) {
		const struct label *label = &context->items[i];

		if (has_prefix(label->key, prefix) &&
		    strcmp(label->key + strlen(prefix), key) == 0)
			return label->value;
	}
	return NULL;
}

const char *node_context_get(const struct labels *context, const char *key)
{
	const char *value = find(context, CSI_TOLD_PREFIX, key);

	return value ? value : "";
}

static bool is_mount_options(const char *key)
{
	return strcasecmp(key, MOUNT_OPTIONS_KEY) == 0;
}

int node_spec_mount_options(const struct labels *context,
			    const struct node_capability *capability,
			    struct mount_options *ret, struct err *err)
{
	int r;

	*ret = MOUNT_OPTIONS_INIT;
	for (size_t i = 0; context && i < context->n; i++) {
		if (!is_mount_options(context->items[i].key))
			continue;
		r = mount_options_parse(ret, context->items[i].value, err);
		if (r < 0)
			return err_wrap(err, "volume_context");
	}
	for (size_t i = 0; i < capability->n_mount_flags; i++) {
		r = mount_options_parse(ret, capability->mount_flags[i], err);
		if (r < 0)
			return err_wrap(err, "volume_capability.mount");
	}
	return 0;
}

/* The attributes for the class parameters' parser; items are borrowed. */
static int parameters_parse(const struct labels *context,
			    struct class_parameters *ret, struct err *err)
{
	_cleanup_(free) struct label *items = NULL;
	struct labels own = { 0 };
	size_t n = context ? context->n : 0;
	int r;

	items = calloc(n + 1, sizeof(*items));
	if (!items)
		return err_set_errno(err, -ENOMEM, "read volume_context");
	own.items = items;
	for (size_t i = 0; i < n; i++) {
		const struct label *label = &context->items[i];

		if (!is_mount_options(label->key))
			items[own.n++] = *label;
	}
	r = class_parameters_parse(&own, ret, err);
	return r < 0 ? err_wrap(err, "volume_context") : 0;
}

static int claim_name(const struct labels *context, char **ret)
{
	const char *name = node_context_get(context, "pvc/name");
	const char *namespace = node_context_get(context, "pvc/namespace");

	if (!*name || !*namespace)
		return 0;
	return asprintf(ret, "%s/%s", namespace, name) < 0 ? -ENOMEM : 0;
}

/* Facts are for information: one that makes no sense is as good as none. */
static void take_facts(const struct labels *context, struct volume_spec *spec)
{
	const char *capacity = find(context, FACT_PREFIX, "capacity");

	if (capacity)
		(void)parse_u64(capacity, 0, INT64_MAX, &spec->capacity);
	spec->class = find(context, FACT_PREFIX, "class");
	spec->reclaim_policy = find(context, FACT_PREFIX, "reclaim-policy");
	spec->access_modes = find(context, FACT_PREFIX, "access-modes");
}

static int take_identity(const struct node_stage_args *args,
			 const struct class_parameters *parameters,
			 struct identity *ret, struct err *err)
{
	uint64_t group;
	int r = identity_parse_group(args->capability.mount_group, &group, err);

	if (r < 0)
		return r;
	ret->squash = parameters->squash;
	ret->uid = parameters->uid;
	ret->gid = parameters->gid;
	atomic_store(&ret->mount_group, group);
	return 0;
}

/* The value is the volume's id once more, so that none can have another's directory. */
static int take_inline_dir(const struct node_stage_args *args,
			   struct node_spec *spec, struct err *err)
{
	const char *id = find(args->context, FACT_PREFIX, "inline");
	int r;

	if (!id)
		return 0;
	r = inline_record_check_id(args->volume_id, err);
	if (r < 0)
		return r;
	if (strcmp(id, args->volume_id) != 0 || spec->parameters.subdir)
		return err_set(err, -EINVAL,
			       "volume_context: " NODE_INLINE_KEY
			       " is for inline volumes only");
	if (asprintf(&spec->inline_dir, INLINE_FOLDER "/%s", id) < 0) {
		spec->inline_dir = NULL;
		return err_set_errno(err, -ENOMEM, "read volume_context");
	}
	return 0;
}

/* Below the share. */
static const char *dir_of(const struct node_spec *spec)
{
	if (spec->inline_dir)
		return spec->inline_dir;
	return spec->parameters.subdir ? spec->parameters.subdir : "";
}

static int spec_fill(const struct node_stage_args *args, struct node_spec *spec,
		     struct err *err)
{
	const char *pv = node_context_get(args->context, "pv/name");
	int r;

	r = parameters_parse(args->context, &spec->parameters, err);
	if (r < 0)
		return r;
	if (spec->parameters.subdir) {
		r = subdir_check(spec->parameters.subdir, err);
		if (r < 0)
			return err_wrap(err, "volume_context: subDir");
	}
	r = take_inline_dir(args, spec, err);
	if (r < 0)
		return r;
	r = claim_name(args->context, &spec->claim);
	if (r < 0)
		return err_set_errno(err, r, "read volume_context");
	spec->volume = (struct volume_spec){
		.handle = args->volume_id,
		.pv = *pv ? pv : args->volume_id,
		.claim = spec->claim,
		.server = spec->parameters.server,
		.share = spec->parameters.share,
		.subdir = dir_of(spec),
		.mountpoint = args->staging_path,
		.access_mode = node_mode_access(args->capability.access_mode),
	};
	take_facts(args->context, &spec->volume);
	r = take_identity(args, &spec->parameters, &spec->volume.identity, err);
	if (r < 0)
		return r;
	return node_spec_mount_options(args->context, &args->capability,
				       &spec->volume.options, err);
}

int node_spec_parse(const struct node_stage_args *args, struct node_spec *ret,
		    struct err *err)
{
	int r;

	*ret = (struct node_spec){ 0 };
	r = spec_fill(args, ret, err);
	if (r < 0)
		node_spec_fini(ret);
	return r;
}

void node_spec_fini(struct node_spec *spec)
{
	class_parameters_fini(&spec->parameters);
	free(spec->claim);
	free(spec->inline_dir);
	*spec = (struct node_spec){ 0 };
}

static int label_compare(const void *a, const void *b)
{
	const struct label *const *left = a;
	const struct label *const *right = b;

	return strcmp((*left)->key, (*right)->key);
}

/* Lengths make the text unambiguous whatever a value contains. */
static void print_counted(FILE *out, const char *text)
{
	(void)fprintf(out, "%zu:%s,", strlen(text), text);
}

static int print_context(FILE *out, const struct labels *context)
{
	_cleanup_(free) const struct label **sorted = NULL;
	size_t n = 0;

	sorted = calloc((context ? context->n : 0) + 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; context && i < context->n; i++) {
		if (!is_information(context->items[i].key))
			sorted[n++] = &context->items[i];
	}
	qsort(sorted, n, sizeof(*sorted), label_compare);
	for (size_t i = 0; i < n; i++) {
		print_counted(out, sorted[i]->key);
		print_counted(out, sorted[i]->value);
	}
	return 0;
}

char *node_fingerprint(const struct node_capability *capability,
		       const struct labels *context, bool is_read_only)
{
	_cleanup_(free) char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int r;

	if (!out)
		return NULL;
	(void)fprintf(out, "%d %d %zu ", (int)capability->access_mode,
		      is_read_only, capability->n_mount_flags);
	print_counted(out,
		      capability->mount_group ? capability->mount_group : "");
	for (size_t i = 0; i < capability->n_mount_flags; i++)
		print_counted(out, capability->mount_flags[i]);
	r = print_context(out, context);
	/* fclose() writes the rest, and tells if memory was short. */
	if (fclose(out) != 0 || r < 0)
		return NULL;
	return TAKE_PTR(text);
}
