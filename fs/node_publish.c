/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Publishing and unpublishing: binds of a staged volume at the pods' target paths
 * (node.c has the picture).
 *
 * A mount group belongs to the volume's one mount on this node, not to a bind: a
 * request does not tell through which it came, and what one pod made would be in
 * the cache that all of them share. So targets that ask for a group have to agree,
 * as pods with SELinux labels have to (Kubernetes' SELinuxMount), and whoever comes
 * with another is refused until the others are gone: the kubelet tries again. Who
 * asks for none takes what there is.
 */

#include <inttypes.h>
#include <string.h>

#include "log.h"
#include "mount.h"
#include "mountpoint.h"
#include "node_check.h"
#include "node_inline.h"
#include "node_registry.h"

static int publish_check(const struct node_publish_args *args, struct err *err)
{
	int r;

	r = node_check_id(args->volume_id, err);
	if (r < 0)
		return r;
	r = node_check_path("target_path", args->target_path, err);
	if (r < 0)
		return r;
	return node_check_mode(args->capability.access_mode, err);
}

static enum rpc_status group_check(const struct node_entry *entry,
				   uint64_t group, struct err *err)
{
	for (size_t i = 0; group && i < entry->n_targets; i++) {
		const struct node_target *target = &entry->targets[i];

		if (target->mount_group && target->mount_group != group)
			return node_refuse(
				err, RPC_FAILED_PRECONDITION,
				"volume \"%s\" is published at \"%s\" with volume_mount_group \"%" PRIu64
				"\", not \"%" PRIu64
				"\": a node can have one group per volume at a time",
				entry->id, target->path,
				target->mount_group - 1, group - 1);
	}
	return RPC_OK;
}

static enum rpc_status target_check_locked(struct node *node,
					   struct node_entry *entry,
					   const struct node_publish_args *args,
					   uint64_t group, struct err *err)
{
	struct node_entry *other;

	if (entry->mode != args->capability.access_mode)
		return node_refuse(
			err, RPC_FAILED_PRECONDITION,
			"volume \"%s\" is staged as %s, not %s", entry->id,
			node_mode_name(entry->mode),
			node_mode_name(args->capability.access_mode));
	other = node_entries_find_path(&node->entries, args->target_path);
	if (other)
		return node_refuse(err, RPC_ALREADY_EXISTS,
				   "\"%s\" is in use by volume \"%s\"",
				   args->target_path, other->id);
	if (entry->n_targets > 0 && node_mode_is_exclusive(entry->mode))
		return node_refuse(
			err, RPC_FAILED_PRECONDITION,
			"volume \"%s\" has access mode %s and is published at \"%s\"",
			entry->id, node_mode_name(entry->mode),
			entry->targets[0].path);
	return group_check(entry, group, err);
}

static enum rpc_status staging_check(const struct node_entry *entry,
				     const struct node_publish_args *args,
				     struct err *err)
{
	if (!entry)
		return node_refuse(err, RPC_FAILED_PRECONDITION,
				   "volume \"%s\" is not staged",
				   args->volume_id);
	if (entry->is_busy)
		return node_refuse_busy(entry, err);
	if (!args->staging_path || !*args->staging_path)
		return node_refuse(err, RPC_FAILED_PRECONDITION,
				   "staging_target_path is missing");
	if (strcmp(entry->staging_path, args->staging_path) != 0)
		return node_refuse(err, RPC_FAILED_PRECONDITION,
				   "volume \"%s\" is staged at \"%s\"",
				   entry->id, entry->staging_path);
	return RPC_OK;
}

static enum rpc_status target_again(const struct node_target *target,
				    const struct node_publish_args *args,
				    struct err *err)
{
	_cleanup_(free) char *fingerprint = node_fingerprint(
		&args->capability, args->context, args->is_read_only);

	if (!fingerprint)
		return node_status(err_set_errno(err, -ENOMEM, "publish"));
	if (strcmp(fingerprint, target->fingerprint) != 0)
		return node_refuse(
			err, RPC_ALREADY_EXISTS,
			"volume \"%s\" is published at \"%s\" with another access mode, readonly, mount flags or volume_context",
			args->volume_id, target->path);
	return RPC_OK;
}

/* What publishing is about to do. */
struct publish {
	struct node_entry *entry;
	uint64_t mount_group;
	enum mount_flags flags;
	bool is_new; /* the target was not there before */
};

static enum rpc_status publish_begin_locked(
	struct node *node, const struct node_publish_args *args,
	struct publish *publish, struct err *err)
{
	struct node_entry *entry =
		node_entries_find(&node->entries, args->volume_id);
	struct node_target *target;
	enum rpc_status status;
	int r;

	status = staging_check(entry, args, err);
	if (status != RPC_OK)
		return status;
	target = node_entry_find_target(entry, args->target_path);
	status = target ? target_again(target, args, err)
			: target_check_locked(node, entry, args,
					      publish->mount_group, err);
	if (status != RPC_OK)
		return status;
	if (!target) {
		r = node_entry_add_target(entry, args, publish->mount_group,
					  publish->flags & MOUNT_RO);
		if (r < 0)
			return node_status(err_set_errno(err, r,
							 "publish at \"%s\"",
							 args->target_path));
	}
	publish->entry = entry;
	publish->is_new = !target;
	entry->is_busy = true;
	if (publish->mount_group)
		volume_set_mount_group(entry->volume, publish->mount_group);
	return RPC_OK;
}

/* The volume is bound at path already, by an equal request. */
static bool target_is_mounted(const struct node_entry *entry, const char *path)
{
	_cleanup_(mount_entry_fini) struct mount_entry found = { 0 };

	return mount_find(path, &found) == 1 && found.major == 0 &&
	       found.minor == volume_get_dev_minor(entry->volume);
}

static int publish_work(const struct publish *publish, const char *path,
			struct err *err)
{
	const struct node_entry *entry = publish->entry;
	int r;

	if (!publish->is_new && target_is_mounted(entry, path))
		return 0;
	r = mountpoint_make(path, 0, err);
	if (r < 0)
		return r;
	r = mount_bind(entry->staging_path, path, publish->flags, err);
	if (r < 0)
		(void)rmdir(path);
	return r;
}

static void publish_end(struct node *node, const struct publish *publish,
			const char *path, int r)
{
	pthread_mutex_lock(&node->lock);
	if (r < 0 && publish->is_new)
		node_entry_remove_target(publish->entry, path);
	pthread_mutex_unlock(&node->lock);
	if (r == 0 && publish->is_new)
		node_keep(node, publish->entry);
	node_entry_end(node, publish->entry);
}

static int publish_flags(const struct node_publish_args *args,
			 enum mount_flags *ret, struct err *err)
{
	struct mount_options options;
	int r;

	r = node_spec_mount_options(args->context, &args->capability, &options,
				    err);
	if (r < 0)
		return r;
	*ret = options.is_noatime ? MOUNT_NOATIME : 0;
	*ret |= options.is_nodiratime ? MOUNT_NODIRATIME : 0;
	/* Kubernetes' `readonly` is the pod's wish only; the mode comes first. */
	if (args->is_read_only || options.is_ro ||
	    node_mode_is_read_only(args->capability.access_mode))
		*ret |= MOUNT_RO;
	return 0;
}

enum rpc_status node_publish(struct node *node,
			     const struct node_publish_args *args,
			     struct err *err)
{
	struct publish publish = { 0 };
	enum rpc_status status;
	int r;

	r = publish_check(args, err);
	if (r < 0)
		return node_status(r);
	if (node_inline_is_asked(args->context))
		return node_inline_publish(node, args, err);
	r = publish_flags(args, &publish.flags, err);
	if (r == 0)
		r = identity_parse_group(args->capability.mount_group,
					 &publish.mount_group, err);
	if (r < 0)
		return node_status(r);
	pthread_mutex_lock(&node->lock);
	status = publish_begin_locked(node, args, &publish, err);
	pthread_mutex_unlock(&node->lock);
	if (status != RPC_OK)
		return status;
	r = publish_work(&publish, args->target_path, err);
	if (r == 0 && publish.is_new)
		log_info("volume published",
			 F_STR("volume", publish.entry->name),
			 F_STR("mode", publish.flags & MOUNT_RO ? "ro" : "rw"),
			 F_STR("path", args->target_path));
	publish_end(node, &publish, args->target_path, r);
	return r < 0 ? RPC_INTERNAL : RPC_OK;
}

/* *ret is NULL when the volume is not published there. */
static enum rpc_status unpublish_begin_locked(struct node *node, const char *id,
					      const char *path,
					      struct node_entry **ret,
					      struct err *err)
{
	struct node_entry *entry = node_entries_find(&node->entries, id);

	*ret = NULL;
	if (entry && entry->is_busy)
		return node_refuse_busy(entry, err);
	if (!entry || !node_entry_find_target(entry, path)) {
		entry = node_entries_find_path(&node->entries, path);
		if (!entry)
			return RPC_OK;
		return node_refuse(err, RPC_FAILED_PRECONDITION,
				   "\"%s\" is in use by volume \"%s\"", path,
				   entry->id);
	}
	entry->is_busy = true;
	*ret = entry;
	return RPC_OK;
}

enum rpc_status node_unpublish(struct node *node, const char *volume_id,
			       const char *target_path, struct err *err)
{
	struct node_entry *entry;
	enum rpc_status status;
	int r;

	if (node_check_id(volume_id, err) < 0 ||
	    node_check_path("target_path", target_path, err) < 0)
		return RPC_INVALID_ARGUMENT;
	if (node_inline_is_known(node, volume_id))
		return node_inline_unpublish(node, volume_id, target_path, err);
	pthread_mutex_lock(&node->lock);
	status = unpublish_begin_locked(node, volume_id, target_path, &entry,
					err);
	pthread_mutex_unlock(&node->lock);
	if (status != RPC_OK)
		return status;
	r = mountpoint_remove(target_path, err);
	if (!entry)
		return r < 0 ? RPC_INTERNAL : RPC_OK;
	if (r == 0) {
		log_info("volume unpublished", F_STR("volume", entry->name),
			 F_STR("path", target_path));
		pthread_mutex_lock(&node->lock);
		node_entry_remove_target(entry, target_path);
		pthread_mutex_unlock(&node->lock);
		node_keep(node, entry);
	}
	node_entry_end(node, entry);
	return r < 0 ? RPC_INTERNAL : RPC_OK;
}
