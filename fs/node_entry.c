/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A node has hundreds of volumes with a few targets each, and asks for one a few
 * times per second: lists and arrays are enough.
 */

#include "node_entry.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "node_record.h"

/* Volumes of one name: the handles of other drivers may be alike once cleaned. */
#define NAME_SUFFIX_MAX 1000
/* Room for the suffix within NAME_MAX. */
#define NAME_LEN_MAX (NAME_MAX - 8)

/* PV names are fit for file names; handles, which stand in for them, may not be. */
static char *name_clean(const char *pv)
{
	char *name = strndup(pv, NAME_LEN_MAX);

	if (!name)
		return NULL;
	for (char *c = name; *c; c++) {
		if (*c == '/' || iscntrl((unsigned char)*c))
			*c = '_';
	}
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		name[0] = '_';
	return name;
}

int node_entry_new(struct node_entry **ret, const struct node_stage_args *args,
		   const char *pv)
{
	_cleanup_(node_entry_free) struct node_entry *entry = NULL;
	struct node_capability capability = args->capability;

	/* Of that the targets decide, and they come and go. */
	capability.mount_group = NULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->mode = args->capability.access_mode;
	entry->id = strdup(args->volume_id);
	entry->staging_path = strdup(args->staging_path);
	entry->name = name_clean(pv);
	entry->fingerprint =
		node_fingerprint(&capability, args->context, false);
	entry->stage = node_record_stage(args);
	if (!entry->id || !entry->staging_path || !entry->name ||
	    !entry->fingerprint || !entry->stage)
		return -ENOMEM;
	*ret = TAKE_PTR(entry);
	return 0;
}

void node_target_fini(struct node_target *target)
{
	free(target->path);
	free(target->pod_namespace);
	free(target->pod_name);
	free(target->pod_uid);
	free(target->fingerprint);
	*target = (struct node_target){ 0 };
}

DEFINE_FINI(struct node_target, node_target_fini)

struct node_entry *node_entry_free(struct node_entry *entry)
{
	if (!entry)
		return NULL;
	for (size_t i = 0; i < entry->n_targets; i++)
		node_target_fini(&entry->targets[i]);
	free(entry->targets);
	free(entry->id);
	free(entry->staging_path);
	free(entry->name);
	free(entry->fingerprint);
	free(entry->stage);
	free(entry);
	return NULL;
}

static int name_make_unique(struct node_entries *entries,
			    struct node_entry *entry)
{
	_cleanup_(free) char *base = strdup(entry->name);

	if (!base)
		return -ENOMEM;
	for (int i = 2; node_entries_find_name(entries, entry->name); i++) {
		if (i > NAME_SUFFIX_MAX)
			return -ENOSPC;
		free(TAKE_PTR(entry->name));
		if (asprintf(&entry->name, "%s~%d", base, i) < 0) {
			entry->name = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

int node_entries_insert(struct node_entries *entries, struct node_entry *entry)
{
	struct node_entry *other;
	int r;

	r = name_make_unique(entries, entry);
	if (r < 0)
		return r;
	TAILQ_FOREACH (other, entries, link) {
		if (strcmp(other->name, entry->name) > 0) {
			TAILQ_INSERT_BEFORE(other, entry, link);
			return 0;
		}
	}
	TAILQ_INSERT_TAIL(entries, entry, link);
	return 0;
}

struct node_entry *node_entries_find(struct node_entries *entries,
				     const char *id)
{
	struct node_entry *entry;

	TAILQ_FOREACH (entry, entries, link) {
		if (strcmp(entry->id, id) == 0)
			return entry;
	}
	return NULL;
}

struct node_entry *node_entries_find_name(struct node_entries *entries,
					  const char *name)
{
	struct node_entry *entry;

	TAILQ_FOREACH (entry, entries, link) {
		if (strcmp(entry->name, name) == 0)
			return entry;
	}
	return NULL;
}

struct node_entry *node_entries_find_path(struct node_entries *entries,
					  const char *path)
{
	struct node_entry *entry;

	TAILQ_FOREACH (entry, entries, link) {
		if (strcmp(entry->staging_path, path) == 0 ||
		    node_entry_find_target(entry, path))
			return entry;
	}
	return NULL;
}

struct node_target *node_entry_find_target(struct node_entry *entry,
					   const char *path)
{
	for (size_t i = 0; i < entry->n_targets; i++) {
		if (strcmp(entry->targets[i].path, path) == 0)
			return &entry->targets[i];
	}
	return NULL;
}

static int target_init(struct node_target *target,
		       const struct node_publish_args *args, bool is_read_only)
{
	const struct labels *context = args->context;

	*target = (struct node_target){
		.path = strdup(args->target_path),
		.pod_namespace =
			strdup(node_context_get(context, "pod.namespace")),
		.pod_name = strdup(node_context_get(context, "pod.name")),
		.pod_uid = strdup(node_context_get(context, "pod.uid")),
		.fingerprint = node_fingerprint(&args->capability, context,
						args->is_read_only),
		.is_read_only = is_read_only,
	};
	if (!target->path || !target->pod_namespace || !target->pod_name ||
	    !target->pod_uid || !target->fingerprint)
		return -ENOMEM;
	return 0;
}

int node_entry_add_target(struct node_entry *entry,
			  const struct node_publish_args *args,
			  uint64_t mount_group, bool is_read_only)
{
	_cleanup_(node_target_fini) struct node_target target = { 0 };
	struct node_target *targets;

	if (entry->n_targets >= NODE_TARGETS_MAX)
		return -ENOSPC;
	if (target_init(&target, args, is_read_only) < 0)
		return -ENOMEM;
	target.mount_group = mount_group;
	targets = realloc(entry->targets,
			  (entry->n_targets + 1) * sizeof(*targets));
	if (!targets)
		return -ENOMEM;
	entry->targets = targets;
	targets[entry->n_targets++] = target;
	target = (struct node_target){ 0 };
	return 0;
}

void node_entry_set_targets(struct node_entry *entry,
			    struct node_target *take_targets, size_t n)
{
	entry->targets = take_targets;
	entry->n_targets = n;
}

void node_entry_remove_target(struct node_entry *entry, const char *path)
{
	struct node_target *target = node_entry_find_target(entry, path);
	struct node_target *last;

	if (!target)
		return;
	node_target_fini(target);
	last = &entry->targets[--entry->n_targets];
	if (target != last)
		*target = *last;
}
