/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What rpc_server and rpc_client share of gRPC's C core: the life of the library,
 * messages as bytes, and deadlines. Included by rpc_*.c only.
 */

#include <stdint.h>

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/slice.h>

#include "cleanup.h"

/* The longest message that is received; grpc-go's default as well. */
#define RPC_MESSAGE_MAX (4 << 20)

/*
 * Counts users of the library, whose log goes to ours at level debug. gRPC's
 * threads have the signal mask of the first caller.
 */
void rpc_grpc_init(void);
void rpc_grpc_exit(void);

/* A copy of data as a message. */
grpc_byte_buffer *rpc_message_new(const uint8_t *data, size_t len);

/* The message in one piece; the caller drops *ret. -EBADMSG: can't be read. */
int rpc_message_read(grpc_byte_buffer *message, grpc_slice *ret);

/* timeout_ms from now. */
gpr_timespec rpc_deadline(unsigned int timeout_ms);

/* An integer among the arguments of a server or channel. */
grpc_arg rpc_arg_int(const char *key, int value);

DEFINE_CLEANUP(grpc_byte_buffer *, grpc_byte_buffer_destroy)

static inline void grpc_slice_unrefp(grpc_slice *slice)
{
	grpc_slice_unref(*slice);
}
