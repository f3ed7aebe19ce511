/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verbs of the Node service. Each has three parts:
 *
 *	begin	under the lock: is the request allowed, is there anything to do?
 *		If so the entry is made or found, and marked busy.
 *	work	without the lock: directories, mounts, the server.
 *	end	under the lock: the outcome is recorded, busy is taken away.
 *
 * An entry's life:
 *
 *	(none)   -- stage_begin -->          starting
 *	starting -- stage_end -->            staged
 *	starting -- node_entry_shut_down --> (none)	the start failed
 *	staged   -- publish, unpublish -->   staged
 *	staged   -- node_entry_shut_down --> (none)	unstage, node_free
 *
 * 1. The lock is never held over I/O; shards take it for .meta (node_for_each_volume).
 * 2. Targets and staging paths are in the registry before they are mounted and
 *    until they are unmounted, so two volumes never work on one path.
 * 3. What a former run of the daemon left at a path is cleared away first. Only
 *    FUSE mounts of our own type are: a stranger's mount is an error.
 *
 * Without a keeper nothing of this survives the daemon: the next run starts with no
 * volumes. With one, it starts with those that it is given (node_keep.c).
 */

#include "node.h"

#include <string.h>

#include "keeper.h"
#include "meta.h"
#include "mount.h"
#include "node_check.h"
#include "node_inline.h"
#include "node_registry.h"
#include "trace.h"

/* NodeGetVolumeStats waits so long for the server, then says what is known. */
#define STATS_TIMEOUT_MS  1000
#define SHUT_DOWN_THREADS 32

int node_new(struct node **ret, const struct node_options *options,
	     struct err *err)
{
	_cleanup_(node_free) struct node *node = calloc(1, sizeof(*node));
	int r;

	if (!node)
		return err_set_errno(err, -ENOMEM, "start the node");
	(void)pthread_mutex_init(&node->lock, NULL);
	(void)pthread_cond_init(&node->reader_gone, NULL);
	TAILQ_INIT(&node->entries);
	node->shards = options->shards;
	node->keeper = options->keeper;
	node->registration = options->registration;
	node->max_volumes =
		options->max_volumes ? options->max_volumes : NODE_VOLUMES_MAX;
	node->never_resends = options->never_resends;
	node->name = strdup(options->name);
	node->driver = strdup(options->driver);
	node->state_dir = strdup(options->state_dir);
	if (!node->name || !node->driver || !node->state_dir)
		return err_set_errno(err, -ENOMEM, "start the node");
	r = node_inline_new(&node->inline_volumes, options->state_dir,
			    options->inline_classes, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(node);
	return 0;
}

int node_mount_meta(struct node *node, struct err *err)
{
	return meta_new(&node->meta, node, node->shards, node->state_dir, err);
}

/* An entry that nobody else takes down; NULL = there is none left. */
static struct node_entry *entry_claim(struct node *node)
{
	struct node_entry *entry;

	pthread_mutex_lock(&node->lock);
	TAILQ_FOREACH (entry, &node->entries, link) {
		if (!entry->is_busy)
			break;
	}
	if (entry)
		entry->is_busy = true;
	pthread_mutex_unlock(&node->lock);
	return entry;
}

/* The entry keeps its path while that is being unmounted (invariant 2). */
static void entry_remove(struct node *node, struct node_entry *take_entry,
			 struct volume *(*end)(struct volume *volume))
{
	struct volume *volume;

	pthread_mutex_lock(&node->lock);
	take_entry->is_ending = true;
	pthread_mutex_unlock(&node->lock);
	if (take_entry->volume)
		volume_end_freezing(take_entry->volume);
	pthread_mutex_lock(&node->lock);
	while (take_entry->n_readers > 0)
		(void)pthread_cond_wait(&node->reader_gone, &node->lock);
	volume = TAKE_PTR(take_entry->volume);
	pthread_mutex_unlock(&node->lock);
	(void)end(volume);
	pthread_mutex_lock(&node->lock);
	TAILQ_REMOVE(&node->entries, take_entry, link);
	node->n_entries--;
	pthread_mutex_unlock(&node->lock);
	(void)node_entry_free(take_entry);
}

void node_entry_shut_down(struct node *node, struct node_entry *take_entry)
{
	uint32_t key = take_entry->volume
			       ? volume_get_dev_minor(take_entry->volume)
			       : 0;

	entry_remove(node, take_entry, volume_stop);
	if (node->keeper && key)
		keeper_drop(node->keeper, key);
}

static void take_down(struct node *node, struct node_entry *take_entry)
{
	for (size_t i = 0; i < take_entry->n_targets; i++)
		(void)mount_remove(take_entry->targets[i].path, 0, NULL);
	node_entry_shut_down(node, take_entry);
}

static void *shut_down_run(void *userdata)
{
	struct node *node = userdata;
	struct node_entry *entry;

	while ((entry = entry_claim(node)))
		take_down(node, entry);
	return NULL;
}

static void *hand_over_run(void *userdata)
{
	struct node *node = userdata;
	struct node_entry *entry;

	while ((entry = entry_claim(node))) {
		if (node_is_kept(entry))
			entry_remove(node, entry, volume_hand_over);
		else
			take_down(node, entry);
	}
	return NULL;
}

/*
 * A volume of a dead server takes seconds, so many are ended at a time. No verb
 * runs any more; shards may still read .meta.
 */
static void end_all(struct node *node, void *(*run)(void *userdata))
{
	pthread_t threads[SHUT_DOWN_THREADS];
	const size_t n_entries = node->n_entries; /* threads count it down */
	size_t n = 0;

	while (n < SHUT_DOWN_THREADS && n + 1 < n_entries &&
	       pthread_create(&threads[n], NULL, run, node) == 0)
		n++;
	(void)run(node);
	while (n > 0)
		(void)pthread_join(threads[--n], NULL);
}

static void node_destroy(struct node *node)
{
	(void)meta_free(node->meta);
	(void)node_inline_free(node->inline_volumes);
	(void)pthread_cond_destroy(&node->reader_gone);
	(void)pthread_mutex_destroy(&node->lock);
	free(node->driver);
	free(node->state_dir);
	free(node->name);
	free(node);
}

struct node *node_free(struct node *node)
{
	if (!node)
		return NULL;
	end_all(node, shut_down_run);
	node_destroy(node);
	return NULL;
}

struct node *node_hand_over(struct node *node)
{
	if (!node)
		return NULL;
	end_all(node, hand_over_run);
	node_destroy(node);
	return NULL;
}

struct shards *node_shards(const struct node *node)
{
	return node->shards;
}

const char *node_name(const struct node *node)
{
	return node->name;
}

const char *node_driver(const struct node *node)
{
	return node->driver;
}

struct registration *node_registration(const struct node *node)
{
	return node->registration;
}

unsigned int node_max_volumes(const struct node *node)
{
	return node->max_volumes;
}

enum rpc_status node_refuse_busy(const struct node_entry *entry,
				 struct err *err)
{
	return node_refuse(err, RPC_ABORTED,
			   "an operation on volume \"%s\" is in progress",
			   entry->id);
}

void node_entry_end(struct node *node, struct node_entry *entry)
{
	pthread_mutex_lock(&node->lock);
	entry->is_busy = false;
	pthread_mutex_unlock(&node->lock);
}

void node_reader_end(struct node *node, struct node_entry *entry)
{
	pthread_mutex_lock(&node->lock);
	if (--entry->n_readers == 0)
		(void)pthread_cond_broadcast(&node->reader_gone);
	pthread_mutex_unlock(&node->lock);
}

struct node_entry *node_reader_next(struct node *node, const char *after)
{
	struct node_entry *entry;

	pthread_mutex_lock(&node->lock);
	TAILQ_FOREACH (entry, &node->entries, link) {
		if (node_entry_is_readable(entry) &&
		    (!after || strcmp(entry->name, after) > 0))
			break;
	}
	if (entry)
		entry->n_readers++;
	pthread_mutex_unlock(&node->lock);
	return entry;
}

enum rpc_status node_find_locked(struct node *node, const char *id,
				 const char *path, struct node_entry **ret,
				 struct err *err)
{
	struct node_entry *entry = node_entries_find(&node->entries, id);

	if (!entry || (strcmp(entry->staging_path, path) != 0 &&
		       !node_entry_find_target(entry, path)))
		return node_refuse(err, RPC_NOT_FOUND,
				   "volume \"%s\" is not at \"%s\"", id, path);
	*ret = entry;
	return RPC_OK;
}

static enum rpc_status stats_begin_locked(struct node *node, const char *id,
					  const char *path,
					  struct node_entry **ret,
					  struct err *err)
{
	enum rpc_status status = node_find_locked(node, id, path, ret, err);

	if (status != RPC_OK)
		return status;
	if (!node_entry_is_readable(*ret))
		return node_refuse_busy(*ret, err);
	(*ret)->n_readers++;
	return RPC_OK;
}

enum rpc_status node_volume_stats(struct node *node, const char *volume_id,
				  const char *path,
				  struct node_volume_stats *ret,
				  struct err *err)
{
	struct node_entry *entry = NULL;
	enum rpc_status status;

	if (node_check_id(volume_id, err) < 0 ||
	    node_check_lookup("volume_path", path, err) < 0)
		return RPC_INVALID_ARGUMENT;
	pthread_mutex_lock(&node->lock);
	status = stats_begin_locked(node, volume_id, path, &entry, err);
	pthread_mutex_unlock(&node->lock);
	if (status != RPC_OK)
		return status;
	volume_get_health(entry->volume, &ret->health);
	/* A server that is away would cost the time-out for each of its volumes. */
	volume_get_usage(entry->volume,
			 ret->health.health == NFS_HEALTH_OK ? STATS_TIMEOUT_MS
							     : 0,
			 &ret->usage);
	node_reader_end(node, entry);
	return RPC_OK;
}

int node_drop_caches(struct node *node, const char *name)
{
	struct node_entry *entry;

	pthread_mutex_lock(&node->lock);
	entry = node_entries_find_name(&node->entries, name);
	if (entry && node_entry_is_readable(entry))
		entry->n_readers++;
	else
		entry = NULL;
	pthread_mutex_unlock(&node->lock);
	if (!entry)
		return -ENOENT;
	volume_drop_caches(entry->volume);
	node_reader_end(node, entry);
	return 0;
}

int node_get_trace(struct node *node, const char *name, struct trace **ret)
{
	struct node_entry *entry;
	int r = -ENOENT;

	pthread_mutex_lock(&node->lock);
	entry = node_entries_find_name(&node->entries, name);
	if (entry && entry->volume) {
		*ret = trace_ref(volume_get_trace(entry->volume));
		r = 0;
	}
	pthread_mutex_unlock(&node->lock);
	return r;
}

bool node_for_each_volume(struct node *node, node_visit_fn fn, void *userdata)
{
	struct node_entry *entry;
	bool is_stopped = false;

	pthread_mutex_lock(&node->lock);
	TAILQ_FOREACH (entry, &node->entries, link) {
		const struct node_volume volume = {
			.name = entry->name,
			.volume = entry->volume,
			.targets = entry->targets,
			.n_targets = entry->n_targets,
		};

		if (!entry->volume)
			continue;
		is_stopped = fn(&volume, userdata);
		if (is_stopped)
			break;
	}
	pthread_mutex_unlock(&node->lock);
	return is_stopped;
}
