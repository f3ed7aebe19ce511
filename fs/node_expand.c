/* SPDX-License-Identifier: Apache-2.0 */

/*
 * NodeExpandVolume. A directory on a share has no size of its own, so that nothing is
 * done but to remember: what `.meta` and the metrics tell of the volume is its new
 * capacity from the next reading on, in every pod that has it, and with a keeper in the
 * next process, too. statfs is the server's answer, before and after.
 *
 * The request that staged the volume stays what it was: whoever repeats it, with the
 * attributes that a PersistentVolume has for ever, finds the volume staged.
 */

#include <string.h>

#include "log.h"
#include "node.h"
#include "node_check.h"
#include "node_registry.h"

static enum rpc_status begin_locked(struct node *node, const char *id,
				    const char *path, struct node_entry **ret,
				    struct err *err)
{
	enum rpc_status status = node_find_locked(node, id, path, ret, err);

	if (status != RPC_OK)
		return status;
	if ((*ret)->is_busy)
		return node_refuse_busy(*ret, err);
	(*ret)->is_busy = true;
	return RPC_OK;
}

static void set_capacity(struct node *node, struct node_entry *entry,
			 uint64_t capacity)
{
	entry->capacity = capacity;
	volume_set_capacity(entry->volume, capacity);
	node_keep(node, entry);
	log_info("volume expanded", F_STR("volume", entry->name),
		 F_U64("capacity", capacity));
}

enum rpc_status node_expand(struct node *node, const char *volume_id,
			    const char *path, uint64_t required,
			    uint64_t *ret_capacity, struct err *err)
{
	struct node_entry *entry;
	enum rpc_status status;

	if (node_check_id(volume_id, err) < 0 ||
	    node_check_lookup("volume_path", path, err) < 0)
		return RPC_INVALID_ARGUMENT;
	pthread_mutex_lock(&node->lock);
	status = begin_locked(node, volume_id, path, &entry, err);
	pthread_mutex_unlock(&node->lock);
	if (status != RPC_OK)
		return status;
	if (required > volume_get_capacity(entry->volume))
		set_capacity(node, entry, required);
	*ret_capacity = volume_get_capacity(entry->volume);
	node_entry_end(node, entry);
	return RPC_OK;
}
