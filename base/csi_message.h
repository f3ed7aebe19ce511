/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * CSI's messages (csi.proto) from and to the bytes that rpc_server and rpc_client
 * carry. A message is known by its protobuf-c descriptor,
 * csi__v1__<name>__descriptor. No state; any thread.
 */

#include <protobuf-c/protobuf-c.h>

#include "err.h"
#include "rpc_server.h"

/*
 * The longest message that is decoded. Every field of CSI has a limit, and all of
 * them together are far from it; what it bounds is the memory that a crowd of tiny
 * repeated fields is blown up to.
 */
#define CSI_MESSAGE_MAX (1 << 20)

/* One entry of a map<string, string>. */
struct csi_pair {
	const char *key;
	const char *value;
};

/* NULL and a sentence when data is no message of that type. */
ProtobufCMessage *csi_decode(const ProtobufCMessageDescriptor *type,
			     const uint8_t *data, size_t len, struct err *err);
ProtobufCMessage *csi_message_free(ProtobufCMessage *message);

/* *ret is malloc'ed; it is NULL for an empty message. -ENOMEM. */
int csi_encode(const ProtobufCMessage *message, uint8_t **ret, size_t *ret_len);

/* The end of a handler: RPC_OK with the message in *response. */
enum rpc_status csi_reply(const ProtobufCMessage *message,
			  struct rpc_response *response, struct err *err);

/*
 * protobuf-c has a type for the entries of every map; they are all alike. The pair
 * is borrowed, by both.
 */
struct csi_pair csi_map_get(const ProtobufCMessage *entry);
void csi_map_set(ProtobufCMessage *entry, struct csi_pair pair);

/* n empty entries of that type in one piece for free(); NULL: out of memory. */
ProtobufCMessage **csi_map_new(const ProtobufCMessageDescriptor *type,
			       size_t n);

DEFINE_CLEANUP(ProtobufCMessage *, csi_message_free)
