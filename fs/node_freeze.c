/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Freeze and Thaw of a volume that is staged here. They read the entry like
 * NodeGetVolumeStats does, so pods come and go meanwhile; whoever unstages the volume
 * ends what is under way (node_entry_shut_down()).
 */

#include <string.h>

#include "freeze.h"
#include "log.h"
#include "node_check.h"
#include "node_registry.h"

static enum rpc_status check_token(const char *token, struct err *err)
{
	if (*token && strlen(token) <= FREEZE_TOKEN_MAX)
		return RPC_OK;
	return node_refuse(err, RPC_INVALID_ARGUMENT,
			   "token has %zu bytes, allowed are 1 to %d",
			   strlen(token), FREEZE_TOKEN_MAX);
}

static enum rpc_status check_seconds(uint32_t seconds, struct err *err)
{
	if (seconds > 0 && seconds <= FREEZE_MAX_S)
		return RPC_OK;
	return node_refuse(err, RPC_INVALID_ARGUMENT,
			   "seconds is %u, allowed are 1 to %d", seconds,
			   FREEZE_MAX_S);
}

static enum rpc_status begin_locked(struct node *node, const char *id,
				    struct node_entry **ret, struct err *err)
{
	struct node_entry *entry = node_entries_find(&node->entries, id);

	if (!entry)
		return node_refuse(err, RPC_NOT_FOUND,
				   "volume \"%s\" is not staged here", id);
	if (!node_entry_is_readable(entry))
		return node_refuse_busy(entry, err);
	entry->n_readers++;
	*ret = entry;
	return RPC_OK;
}

static enum rpc_status begin(struct node *node, const char *id,
			     const char *token, struct node_entry **ret,
			     struct err *err)
{
	enum rpc_status status;

	if (node_check_id(id, err) < 0)
		return RPC_INVALID_ARGUMENT;
	status = check_token(token, err);
	if (status != RPC_OK)
		return status;
	pthread_mutex_lock(&node->lock);
	status = begin_locked(node, id, ret, err);
	pthread_mutex_unlock(&node->lock);
	return status;
}

static enum rpc_status status_of(int code)
{
	return code == -EBUSY || code == -ECANCELED ? RPC_ABORTED
						    : node_status(code);
}

enum rpc_status node_freeze(struct node *node, const char *volume_id,
			    const char *token, uint32_t seconds,
			    struct err *err)
{
	struct node_entry *entry;
	enum rpc_status status = check_seconds(seconds, err);
	int r;

	if (status == RPC_OK)
		status = begin(node, volume_id, token, &entry, err);
	if (status != RPC_OK)
		return status;
	r = volume_freeze(entry->volume, token, seconds, err);
	if (r < 0)
		(void)err_wrap(err, "freeze volume \"%s\"", volume_id);
	else
		log_info("volume frozen", F_STR("volume", entry->name),
			 F_U64("seconds", seconds));
	node_reader_end(node, entry);
	return status_of(r);
}

enum rpc_status node_thaw(struct node *node, const char *volume_id,
			  const char *token, bool *ret, struct err *err)
{
	struct node_entry *entry;
	enum rpc_status status = begin(node, volume_id, token, &entry, err);

	if (status != RPC_OK)
		return status;
	*ret = volume_thaw(entry->volume, token);
	log_info("volume thawed", F_STR("volume", entry->name),
		 F_STR("was_frozen", *ret ? "yes" : "no"));
	node_reader_end(node, entry);
	return RPC_OK;
}

void node_end_freezing(struct node *node)
{
	struct node_entry *entry = node_reader_next(node, NULL);

	while (entry) {
		struct node_entry *last = entry;

		volume_end_freezing(entry->volume);
		entry = node_reader_next(node, last->name);
		node_reader_end(node, last);
	}
}
