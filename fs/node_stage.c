/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Staging and unstaging: a volume's start and end on this node (node.c has the
 * picture).
 */

#include <string.h>

#include "log.h"
#include "meta.h"
#include "mount.h"
#include "mountpoint.h"
#include "node_check.h"
#include "node_registry.h"

static int stage_check(const struct node_stage_args *args, struct err *err)
{
	int r;

	r = node_check_id(args->volume_id, err);
	if (r < 0)
		return r;
	r = node_check_path("staging_target_path", args->staging_path, err);
	if (r < 0)
		return r;
	return node_check_mode(args->capability.access_mode, err);
}

static enum rpc_status staged_again(const struct node_entry *entry,
				    const struct node_entry *wish,
				    struct err *err)
{
	if (entry->is_busy)
		return node_refuse_busy(entry, err);
	if (strcmp(entry->staging_path, wish->staging_path) != 0)
		return node_refuse(err, RPC_ALREADY_EXISTS,
				   "volume \"%s\" is staged at \"%s\"",
				   entry->id, entry->staging_path);
	if (strcmp(entry->fingerprint, wish->fingerprint) != 0)
		return node_refuse(
			err, RPC_ALREADY_EXISTS,
			"volume \"%s\" is staged with another volume_context, access mode or mount flags",
			entry->id);
	return RPC_OK;
}

/* Puts the entry in as busy; *ret_is_staged: there is nothing to do. */
static enum rpc_status stage_begin_locked(struct node *node,
					  struct node_entry *entry,
					  bool *ret_is_staged, struct err *err)
{
	struct node_entry *other;
	int r;

	other = node_entries_find(&node->entries, entry->id);
	*ret_is_staged = other != NULL;
	if (other)
		return staged_again(other, entry, err);
	other = node_entries_find_path(&node->entries, entry->staging_path);
	if (other)
		return node_refuse(err, RPC_ALREADY_EXISTS,
				   "\"%s\" is in use by volume \"%s\"",
				   entry->staging_path, other->id);
	if (node->n_entries >= node->max_volumes)
		return node_refuse(err, RPC_RESOURCE_EXHAUSTED,
				   "this node has %zu volumes, and may have %u",
				   node->n_entries, node->max_volumes);
	r = node_entries_insert(&node->entries, entry);
	if (r < 0)
		return node_status(
			err_set_errno(err, r, "stage \"%s\"", entry->id));
	entry->is_busy = true;
	node->n_entries++;
	return RPC_OK;
}

/*
 * Lets the kernel know the name `.meta` while the server is well: to look it up
 * takes the root's lock, which whoever makes a file there holds until the server
 * has answered.
 */
static void meta_prime(const char *mountpoint)
{
	_cleanup_(free) char *path = NULL;

	if (asprintf(&path, "%s/%s", mountpoint, META_DIR_NAME) < 0)
		path = NULL;
	else
		mount_look_up(path);
}

static enum rpc_status stage_work(struct node *node,
				  const struct volume_spec *spec,
				  struct volume **ret, struct err *err)
{
	int r;

	if (mountpoint_make(spec->mountpoint, MOUNTPOINT_MAY_ABORT, err) < 0)
		return RPC_INTERNAL;
	r = volume_start(ret, node->shards, node->meta, spec, err);
	if (r == 0)
		meta_prime(spec->mountpoint);
	return node_status(r);
}

/* The provisioner has an event for it, if the volume came by one. */
static void log_version(const struct volume_spec *spec)
{
	if (spec->options.nfsvers_major > 3)
		log_info("volume is served by nfs version 3",
			 F_STR("volume", spec->pv),
			 F_U64("asked_major", spec->options.nfsvers_major),
			 F_U64("asked_minor", spec->options.nfsvers_minor));
}

static void stage_end(struct node *node, struct node_entry *entry,
		      struct volume *take_volume)
{
	pthread_mutex_lock(&node->lock);
	entry->volume = take_volume;
	pthread_mutex_unlock(&node->lock);
	node_keep(node, entry);
	node_entry_end(node, entry);
}

static enum rpc_status stage_spec(struct node *node,
				  const struct node_stage_args *args,
				  const struct volume_spec *spec,
				  struct err *err)
{
	_cleanup_(node_entry_free) struct node_entry *made = NULL;
	struct node_entry *entry;
	struct volume *volume = NULL;
	enum rpc_status status;
	bool is_staged;
	int r;

	r = node_entry_new(&made, args, spec->pv);
	if (r < 0)
		return node_status(
			err_set_errno(err, r, "stage \"%s\"", spec->handle));
	pthread_mutex_lock(&node->lock);
	status = stage_begin_locked(node, made, &is_staged, err);
	pthread_mutex_unlock(&node->lock);
	if (status != RPC_OK || is_staged)
		return status;
	entry = TAKE_PTR(made);
	status = stage_work(node, spec, &volume, err);
	if (status != RPC_OK) {
		node_entry_shut_down(node, entry);
		return status;
	}
	stage_end(node, entry, volume);
	log_info("volume staged", F_STR("volume", spec->pv),
		 F_STR("server", spec->server), F_STR("share", spec->share),
		 F_STR("subdir", spec->subdir),
		 F_STR("path", spec->mountpoint));
	log_version(spec);
	return RPC_OK;
}

enum rpc_status node_stage(struct node *node,
			   const struct node_stage_args *args, struct err *err)
{
	_cleanup_(node_spec_fini) struct node_spec spec = { 0 };
	int r;

	r = stage_check(args, err);
	if (r < 0)
		return node_status(r);
	r = node_spec_parse(args, &spec, err);
	if (r < 0)
		return node_status(r);
	spec.volume.node = node->name;
	spec.volume.state_dir = node->state_dir;
	spec.volume.never_resends = node->never_resends;
	return stage_spec(node, args, &spec.volume, err);
}

/* *ret is NULL when the volume is not staged there. */
static enum rpc_status unstage_begin_locked(struct node *node, const char *id,
					    const char *path,
					    struct node_entry **ret,
					    struct err *err)
{
	struct node_entry *entry = node_entries_find(&node->entries, id);

	*ret = NULL;
	if (entry && entry->is_busy)
		return node_refuse_busy(entry, err);
	if (!entry || strcmp(entry->staging_path, path) != 0) {
		entry = node_entries_find_path(&node->entries, path);
		if (!entry)
			return RPC_OK;
		return node_refuse(err, RPC_FAILED_PRECONDITION,
				   "\"%s\" is in use by volume \"%s\"", path,
				   entry->id);
	}
	if (entry->n_targets > 0)
		return node_refuse(err, RPC_FAILED_PRECONDITION,
				   "volume \"%s\" is still published at \"%s\"",
				   id, entry->targets[0].path);
	entry->is_busy = true;
	*ret = entry;
	return RPC_OK;
}

enum rpc_status node_unstage(struct node *node, const char *volume_id,
			     const char *staging_path, struct err *err)
{
	struct node_entry *entry;
	enum rpc_status status;
	int r;

	if (node_check_id(volume_id, err) < 0 ||
	    node_check_path("staging_target_path", staging_path, err) < 0)
		return RPC_INVALID_ARGUMENT;
	pthread_mutex_lock(&node->lock);
	status = unstage_begin_locked(node, volume_id, staging_path, &entry,
				      err);
	pthread_mutex_unlock(&node->lock);
	if (status != RPC_OK)
		return status;
	if (!entry) {
		r = mountpoint_clear(staging_path, MOUNTPOINT_MAY_ABORT, err);
		return r < 0 ? RPC_INTERNAL : RPC_OK;
	}
	log_info("volume unstaged", F_STR("volume", entry->name));
	node_entry_shut_down(node, entry);
	return RPC_OK;
}
