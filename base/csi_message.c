/* SPDX-License-Identifier: Apache-2.0 */

/*
 * protobuf-c does the work and knows no errors, only NULL. It checks wire types and
 * lengths, skips unknown fields, and needs no limit of depth, since no message of
 * CSI contains itself.
 */

#include "csi_message.h"

ProtobufCMessage *csi_decode(const ProtobufCMessageDescriptor *type,
			     const uint8_t *data, size_t len, struct err *err)
{
	ProtobufCMessage *message;

	if (len > CSI_MESSAGE_MAX) {
		(void)err_set(err, -EMSGSIZE, "%s is longer than %d bytes",
			      type->short_name, CSI_MESSAGE_MAX);
		return NULL;
	}
	message = protobuf_c_message_unpack(type, NULL, len, data);
	if (!message)
		(void)err_set(err, -EBADMSG, "malformed %s", type->short_name);
	return message;
}

ProtobufCMessage *csi_message_free(ProtobufCMessage *message)
{
	protobuf_c_message_free_unpacked(message, NULL);
	return NULL;
}

int csi_encode(const ProtobufCMessage *message, uint8_t **ret, size_t *ret_len)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	uint8_t *data = NULL;

	if (len > 0) {
		data = malloc(len);
		if (!data)
			return -ENOMEM;
		(void)protobuf_c_message_pack(message, data);
	}
	*ret = data;
	*ret_len = len;
	return 0;
}

enum rpc_status csi_reply(const ProtobufCMessage *message,
			  struct rpc_response *response, struct err *err)
{
	int r = csi_encode(message, &response->data, &response->len);

	if (r == 0)
		return RPC_OK;
	(void)err_set_errno(err, r, "encode the answer");
	return RPC_INTERNAL;
}

/* Field 1 is the key, 2 the value (protobuf's encoding of maps). */
static const char **entry_text(const ProtobufCMessage *entry,
			       unsigned int number)
{
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field(entry->descriptor,
							number);

	return (const char **)((uintptr_t)entry + field->offset);
}

struct csi_pair csi_map_get(const ProtobufCMessage *entry)
{
	return (struct csi_pair){ *entry_text(entry, 1),
				  *entry_text(entry, 2) };
}

void csi_map_set(ProtobufCMessage *entry, struct csi_pair pair)
{
	*entry_text(entry, 1) = pair.key;
	*entry_text(entry, 2) = pair.value;
}

/* First the pointers, behind them what they point to. */
ProtobufCMessage **csi_map_new(const ProtobufCMessageDescriptor *type, size_t n)
{
	size_t size = sizeof(ProtobufCMessage *) + type->sizeof_message;
	ProtobufCMessage **list = calloc(n + 1, size);
	char *entry = (char *)(list + n);

	for (size_t i = 0; list && i < n; i++) {
		list[i] = (ProtobufCMessage *)entry;
		protobuf_c_message_init(type, list[i]);
		entry += type->sizeof_message;
	}
	return list;
}
