/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of the Controller service share; nobody else includes this.
 *
 * A handler is called with a decoded message of its method's request type, which it may
 * borrow from until it returns. It answers with RPC_OK and fills *response, or with
 * another status and sets *err to one sentence for the caller. csi_controller.c logs
 * refusals and counts calls, so handlers do neither.
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
#define CSI_ID_MAX    128 /* bytes; csi.proto: any string without its own limit */
#define CSI_NAME_MAX  128  /* bytes; the same for a name */
#define CSI_MAP_MAX   4096 /* bytes; csi.proto: all keys and values of a map */
#define CSI_CLASS_MAX 128  /* classes (csi_class.h) that may exist at a time */
/*
 * How long a call waits for work to be done. Orchestrators commonly give up after 10 s
 * (the default --timeout of the sidecars is 10 s or more), so they still get our answer.
 */
#define CSI_PATIENCE_NS (8 * NS_PER_S)

struct csi_controller {
	struct csi_controller_options options;
	struct rpc_method methods[CSI_METHODS];
	struct rpc_server *server; /* NULL until csi_controller_serve() */
	struct object_wait *wait;
	struct server_health health;
	/* Held while something is decided about one volume; taken by csi_lock(). */
	pthread_mutex_t locks[CSI_LOCKS];
	/*
	 * Read-locked from choosing a class until the claim that uses it is written;
	 * write-locked to remove classes that no claim uses.
	 */
	pthread_rwlock_t classes;
	atomic_bool is_ready; /* csi_controller_begin() */
	atomic_uint_fast64_t counts[CSI_METHODS][CSI_CODES];
};

typedef enum rpc_status (*csi_fn)(struct csi_controller *self,
				  const ProtobufCMessage *message,
				  struct rpc_response *response,
				  struct err *err);

/* The lock for a volume's name or id. Several names may share one lock. */
pthread_mutex_t *csi_lock(struct csi_controller *self, const char *name);

/* csi_status.c: sets *err to the sentence and returns the status. */
enum rpc_status csi_refuse(struct err *err, enum rpc_status status,
			   const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * The status for what struct cluster or the store returned: 0, a positive outcome, or
 * -errno. Their sentence is in *err already.
 */
enum rpc_status csi_status_of(int r);

/* Checks the name of a volume or snapshot: RPC_OK or RPC_INVALID_ARGUMENT. */
enum rpc_status csi_name_check(const char *name, struct err *err);

/*
 * csi_node_limit.c: how many volumes the node takes; UINT64_MAX = any number. Asks the
 * node's daemon and blocks for at most 1 s.
 */
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
