/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * CSI's Node service of one node daemon and our own Volume service, typed and blocking, as
 * the kubelet calls it. Any thread may call, several at a time; a call ends after its timeout at the
 * latest, and at once with RPC_UNAVAILABLE when nobody listens on the socket.
 *
 * Unless a call returns RPC_OK, err holds the daemon's sentence. Arguments are
 * borrowed for the call.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "model.h"
#include "rpc_status.h"

struct node_client;

/* As the kubelet waits (csiTimeout). */
#define NODE_CLIENT_TIMEOUT_MS 120000

/* timeout_ms is for every call; 0 = NODE_CLIENT_TIMEOUT_MS. Connects later. */
int node_client_new(struct node_client **ret, const char *socket_path,
		    unsigned int timeout_ms, struct err *err);
struct node_client *node_client_free(struct node_client *client);

/* Ends every call, now or later, with RPC_CANCELLED; what it did may be unknown. */
void node_client_cancel(struct node_client *client);

/* What NodeStageVolume and NodePublishVolume say about a volume. */
struct node_client_volume {
	const char *handle;
	enum access_mode access_mode;
	const char *fs_type; /* NULL = not said */
	char *const *mount_flags;
	size_t n_mount_flags;
	const char *mount_group;      /* a group id; NULL = none */
	const struct labels *context; /* volume_context; NULL = empty */
};

enum rpc_status node_client_stage(struct node_client *client,
				  const struct node_client_volume *volume,
				  const char *staging_path, struct err *err);

enum rpc_status node_client_unstage(struct node_client *client,
				    const char *handle,
				    const char *staging_path, struct err *err);

/* Where a volume is published, and how. */
struct node_client_target {
	const char *staging_path;
	const char *target_path;
	bool is_read_only; /* the pod's wish */
};

enum rpc_status node_client_publish(struct node_client *client,
				    const struct node_client_volume *volume,
				    const struct node_client_target *target,
				    struct err *err);

enum rpc_status node_client_unpublish(struct node_client *client,
				      const char *handle,
				      const char *target_path, struct err *err);

/* The volume has that many bytes from now on. target_path: where it is published. */
enum rpc_status node_client_expand(struct node_client *client,
				   const struct node_client_volume *volume,
				   const struct node_client_target *target,
				   uint64_t capacity, struct err *err);

/*
 * The volume stands still on the node for seconds at most, and goes on; token is the
 * caller's word for it (claimfs.proto). *ret: it stood still all the time until now.
 */
enum rpc_status node_client_freeze(struct node_client *client,
				   const char *handle, const char *token,
				   uint32_t seconds, struct err *err);
enum rpc_status node_client_thaw(struct node_client *client, const char *handle,
				 const char *token, bool *ret, struct err *err);

struct node_client_usage {
	bool is_known;
	int64_t total, available, used;
};

struct node_client_stats {
	struct node_client_usage bytes;
	struct node_client_usage inodes;
	bool is_abnormal;
	char *condition; /* "ok", or what is wrong; "" = not said */
};

#define NODE_CLIENT_STATS_INIT ((struct node_client_stats){ 0 })

/* path: the staging path or a target. */
enum rpc_status node_client_stats(struct node_client *client,
				  const char *handle, const char *path,
				  struct node_client_stats *ret,
				  struct err *err);
void node_client_stats_fini(struct node_client_stats *stats);

/* How many volumes the node takes at a time; 0 = it does not say. */
enum rpc_status node_client_max_volumes(struct node_client *client,
					uint64_t *ret, struct err *err);

/* RPC_OK: the daemon lives; waits at most 3 s. */
enum rpc_status node_client_probe(struct node_client *client, struct err *err);

DEFINE_CLEANUP(struct node_client *, node_client_free)
DEFINE_FINI(struct node_client_stats, node_client_stats_fini)
