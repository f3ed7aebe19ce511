/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of the Controller service share; nobody else includes this.
 *
 * A handler gets a message of its method's type. What it refuses it says in *err;
 * csi_controller.c logs and counts.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "csi.pb-c.h"
#include "csi_controller.h"
#include "csi_message.h"
#include "model.h"
#include "object_wait.h"
#include "rpc_status.h"
#include "server_health.h"

#define CSI_METHODS   18
#define CSI_CODES     17
#define CSI_LOCKS     64
#define CSI_ID_MAX    128 /* csi.proto: of any string without a limit of its own */
#define CSI_NAME_MAX  128
#define CSI_MAP_MAX   4096 /* csi.proto: of keys and values together */
#define CSI_CLASS_MAX 128  /* classes that are there at a time */
/* How long a call blocks. A CO that waits 10 s still gets the answer. */
#define CSI_PATIENCE_NS (8 * NS_PER_S)

struct csi_controller {
	struct csi_controller_options options;
	struct rpc_method methods[CSI_METHODS];
	struct rpc_server *server; /* NULL until csi_controller_serve() */
	struct object_wait *wait;
	struct server_health health;
	/* Of what is decided about one volume; by csi_lock(). */
	pthread_mutex_t locks[CSI_LOCKS];
	/* Written by who removes classes, so that nobody begins to use one then. */
	pthread_rwlock_t classes;
	atomic_bool is_ready; /* csi_controller_begin() */
	atomic_uint_fast64_t counts[CSI_METHODS][CSI_CODES];
};

typedef enum rpc_status (*csi_fn)(struct csi_controller *self,
				  const ProtobufCMessage *message,
				  struct rpc_response *response,
				  struct err *err);

/* One lock for all that is called so; others may share it. */
pthread_mutex_t *csi_lock(struct csi_controller *self, const char *name);

/* csi_status.c: sets the sentence, returns the status. */
enum rpc_status csi_refuse(struct err *err, enum rpc_status status,
			   const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Of an outcome of struct cluster or store, or -errno, whose sentence err has. */
enum rpc_status csi_status_of(int r);

/* RPC_INVALID_ARGUMENT: a volume or snapshot can't be called so. */
enum rpc_status csi_name_check(const char *name, struct err *err);

/* csi_node_limit.c: volumes that the node takes; UINT64_MAX = any number. Blocks for 1 s. */
uint64_t csi_node_limit(const struct csi_controller_options *options,
			const char *node);

/* csi_identity.c */
enum rpc_status csi_plugin_info(struct csi_controller *self,
				const ProtobufCMessage *message,
				struct rpc_response *response, struct err *err);
enum rpc_status csi_plugin_capabilities(struct csi_controller *self,
					const ProtobufCMessage *message,
					struct rpc_response *response,
					struct err *err);
enum rpc_status csi_probe(struct csi_controller *self,
			  const ProtobufCMessage *message,
			  struct rpc_response *response, struct err *err);
enum rpc_status csi_controller_capabilities(struct csi_controller *self,
					    const ProtobufCMessage *message,
					    struct rpc_response *response,
					    struct err *err);

/* csi_volume.c */
enum rpc_status csi_create_volume(struct csi_controller *self,
				  const ProtobufCMessage *message,
				  struct rpc_response *response,
				  struct err *err);
/* csi_publish.c */
enum rpc_status csi_publish_volume(struct csi_controller *self,
				   const ProtobufCMessage *message,
				   struct rpc_response *response,
				   struct err *err);
enum rpc_status csi_unpublish_volume(struct csi_controller *self,
				     const ProtobufCMessage *message,
				     struct rpc_response *response,
				     struct err *err);
/* csi_list.c, csi_get.c, csi_capacity.c */
enum rpc_status csi_list_volumes(struct csi_controller *self,
				 const ProtobufCMessage *message,
				 struct rpc_response *response,
				 struct err *err);
enum rpc_status csi_get_volume(struct csi_controller *self,
			       const ProtobufCMessage *message,
			       struct rpc_response *response, struct err *err);
enum rpc_status csi_get_capacity(struct csi_controller *self,
				 const ProtobufCMessage *message,
				 struct rpc_response *response,
				 struct err *err);
/* csi_expand.c, csi_modify.c */
enum rpc_status csi_expand_volume(struct csi_controller *self,
				  const ProtobufCMessage *message,
				  struct rpc_response *response,
				  struct err *err);
enum rpc_status csi_modify_volume(struct csi_controller *self,
				  const ProtobufCMessage *message,
				  struct rpc_response *response,
				  struct err *err);
/* csi_snapshot.c, csi_snapshot_list.c */
enum rpc_status csi_create_snapshot(struct csi_controller *self,
				    const ProtobufCMessage *message,
				    struct rpc_response *response,
				    struct err *err);
enum rpc_status csi_delete_snapshot(struct csi_controller *self,
				    const ProtobufCMessage *message,
				    struct rpc_response *response,
				    struct err *err);
enum rpc_status csi_get_snapshot(struct csi_controller *self,
				 const ProtobufCMessage *message,
				 struct rpc_response *response,
				 struct err *err);
enum rpc_status csi_list_snapshots(struct csi_controller *self,
				   const ProtobufCMessage *message,
				   struct rpc_response *response,
				   struct err *err);
/* csi_delete.c */
enum rpc_status csi_delete_volume(struct csi_controller *self,
				  const ProtobufCMessage *message,
				  struct rpc_response *response,
				  struct err *err);
/* csi_validate.c */
enum rpc_status csi_validate_volume(struct csi_controller *self,
				    const ProtobufCMessage *message,
				    struct rpc_response *response,
				    struct err *err);
