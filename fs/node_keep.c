/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the keeper is told of the node's volumes, and what a new process makes of
 * what it is given: an entry as if it had been staged and published here.
 *
 * A verb tells the keeper before it answers, so that what was answered is never
 * lost. What was told and not answered is harmless: the kubelet asks again.
 *
 * Volumes with mount option `lock` are not kept: who holds which lock is known to
 * this process alone, and the next one would neither refuse a lock that is taken nor
 * reclaim one from a server that restarts. They end with the process, and their
 * locks are given back when they are staged again (lock_journal.c).
 */

#include <inttypes.h>
#include <string.h>

#include "arena.h"
#include "inode.h"
#include "inode_layout.h"
#include "keeper.h"
#include "log.h"
#include "node_left.h"
#include "node_record.h"
#include "node_registry.h"

bool node_is_kept(const struct node_entry *entry)
{
	return entry->volume &&
	       !volume_get_spec(entry->volume)->options.has_locks;
}

/* --- telling ---------------------------------------------------------------- */

void node_keep(struct node *node, const struct node_entry *entry)
{
	_cleanup_(fd_close) int record_fd = -1;
	struct volume_state state;
	int r;

	if (!node->keeper || !node_is_kept(entry))
		return;
	r = node_record_write(entry, &record_fd);
	if (r < 0) {
		log_error("the keeper can't be told of a volume",
			  F_STR("volume", entry->name),
			  F_STR("error", strerror(-r)));
		return;
	}
	volume_get_state(entry->volume, &state);
	keeper_hold(node->keeper, state.dev_minor,
		    &(struct keeper_fds){ { [KEEPER_FUSE] = state.fuse_fd,
					    [KEEPER_TABLE] = state.table_fd,
					    [KEEPER_RECORD] = record_fd,
					    [KEEPER_DATA] = state.data_fd } });
}

/* Not while a verb changes it; that verb tells the keeper itself. */
static bool entry_make_busy(struct node *node, struct node_entry *entry)
{
	bool is_free;

	pthread_mutex_lock(&node->lock);
	is_free = !entry->is_busy;
	entry->is_busy = true;
	pthread_mutex_unlock(&node->lock);
	return is_free;
}

void node_keep_all(struct node *node)
{
	struct node_entry *entry = node_reader_next(node, NULL);

	while (entry) {
		struct node_entry *last = entry;

		if (entry_make_busy(node, entry)) {
			node_keep(node, entry);
			node_entry_end(node, entry);
		}
		entry = node_reader_next(node, last->name);
		node_reader_end(node, last);
	}
}

bool node_has_keeper(const struct node *node)
{
	return node->keeper && keeper_is_connected(node->keeper);
}

/* --- taking over --------------------------------------------------------------- */

static const struct part {
	const char *name;
	enum keeper_fd place;
	uint32_t version; /* that we read */
	int (*read_version)(int fd, uint32_t *ret);
} parts[] = {
	{ "node table", KEEPER_TABLE, TABLE_VERSION, inode_table_read_version },
	{ "record", KEEPER_RECORD, NODE_RECORD_VERSION,
	  node_record_read_version },
	{ "data", KEEPER_DATA, ARENA_VERSION, arena_read_version },
};

int node_check_left(const struct keeper_fds *fds, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const struct part *part = &parts[i];
		uint32_t version;

		if (part->read_version(fds->fd[part->place], &version) < 0 ||
		    version == part->version)
			continue;
		return err_set(
			err, -EPROTONOSUPPORT,
			"volumes are here of another claimfs-node, whose %s has version %u, and this one reads %u: start that one again",
			part->name, version, part->version);
	}
	return 0;
}

static int insert(struct node *node, struct node_entry *entry)
{
	int r = -ENOSPC;

	pthread_mutex_lock(&node->lock);
	if (node->n_entries < NODE_VOLUMES_MAX)
		r = node_entries_insert(&node->entries, entry);
	if (r == 0) {
		node->n_entries++;
		entry->is_busy = true;
	}
	pthread_mutex_unlock(&node->lock);
	return r;
}

static uint64_t mount_group(const struct node_entry *entry)
{
	for (size_t i = 0; i < entry->n_targets; i++) {
		if (entry->targets[i].mount_group)
			return entry->targets[i].mount_group;
	}
	return 0;
}

static void resumed(struct node *node, struct node_entry *entry,
		    struct volume *take_volume)
{
	uint64_t group = mount_group(entry);

	if (group)
		volume_set_mount_group(take_volume, group);
	if (entry->capacity)
		volume_set_capacity(take_volume, entry->capacity);
	pthread_mutex_lock(&node->lock);
	entry->volume = take_volume;
	entry->is_busy = false;
	pthread_mutex_unlock(&node->lock);
}

/* *ret stays in the node, whatever becomes of its volume. */
static int make_entry(struct node *node, struct node_record *record,
		      const struct volume_spec *spec, struct node_entry **ret,
		      struct err *err)
{
	_cleanup_(node_entry_free) struct node_entry *made = NULL;
	int r = node_entry_new(&made, &record->stage, spec->pv);

	if (r == 0) {
		node_entry_set_targets(made, TAKE_PTR(record->targets),
				       record->n_targets);
		record->n_targets = 0;
		made->capacity = record->capacity;
		r = insert(node, made);
	}
	if (r < 0)
		return err_set_errno(err, r, "take over volume \"%s\"",
				     spec->handle);
	*ret = TAKE_PTR(made);
	return 0;
}

static int resume(struct node *node, const struct volume_spec *spec,
		  struct node_left *left, struct node_left_volume *volume,
		  struct volume **ret, struct err *err)
{
	const struct volume_state state = {
		.fuse_fd = volume->fds.fd[KEEPER_FUSE],
		.table_fd = volume->fds.fd[KEEPER_TABLE],
		.dev_minor = volume->key,
	};
	struct inode_table *table;
	int r = node_left_map(left, volume, &table);

	if (r == -EBADMSG)
		return err_set(err, r, "the node table of volume %s is damaged",
			       spec->handle);
	if (r < 0)
		return err_set_errno(err, r, "map the node table of volume %s",
				     spec->handle);
	return volume_resume(ret, node->shards, spec, &state, table, err);
}

static int take_over(struct node *node, struct node_left *left,
		     struct node_left_volume *volume, struct err *err)
{
	_cleanup_(node_record_fini) struct node_record record = { 0 };
	_cleanup_(node_spec_fini) struct node_spec spec = { 0 };
	struct node_entry *entry;
	struct volume *taken;
	int r;

	r = node_record_read(volume->fds.fd[KEEPER_RECORD], &record, err);
	if (r == 0)
		r = node_spec_parse(&record.stage, &spec, err);
	spec.volume.node = node->name;
	spec.volume.state_dir = node->state_dir;
	spec.volume.never_resends = node->never_resends;
	if (r == 0)
		r = make_entry(node, &record, &spec.volume, &entry, err);
	if (r < 0)
		return r;
	r = resume(node, &spec.volume, left, volume, &taken, err);
	if (r < 0)
		node_entry_shut_down(node, entry);
	else
		resumed(node, entry, taken);
	return r;
}

bool node_take_over(struct node *node, struct node_left *left,
		    struct node_left_volume *volume)
{
	_cleanup_(err_fini) struct err why = ERR_INIT;

	if (take_over(node, left, volume, &why) == 0)
		return true;
	log_error("a volume is given up", F_STR("error", err_text(&why)));
	keeper_drop(node->keeper, volume->key);
	return false;
}
