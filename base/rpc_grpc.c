/* SPDX-License-Identifier: Apache-2.0 */

/*
 * gRPC's C core is the library below grpc++ and Python's grpcio; it is used
 * directly, because CSI needs unary calls over a unix socket and nothing else.
 *
 * Its own log lines are for people who debug gRPC: what goes wrong with a call is
 * in the call's status. They are shown at level debug.
 *
 * gRPC starts a thread for every CPU, up to 32 (event_engine/thread_pool), and has
 * no setting for that; a node with 64 CPUs would spend them on a dozen calls a
 * minute. So its view of the machine is replaced: the two functions of its
 * portability layer that speak of CPUs are defined here, and the dynamic linker
 * prefers the program's own. They must agree with each other, because one sizes
 * arrays and the other is an index of them.
 */

#include "rpc_grpc.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/support/cpu.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>

#include "log.h"

__attribute__((visibility("default"))) unsigned gpr_cpu_num_cores(void)
{
	return 1;
}

__attribute__((visibility("default"))) unsigned gpr_cpu_current_cpu(void)
{
	return 0;
}

static void on_log(gpr_log_func_args *args)
{
	log_debug("message of a library", F_STR("src", "grpc"),
		  F_STR("text", args->message), F_STR("file", args->file),
		  F_I64("line", args->line));
}

void rpc_grpc_init(void)
{
	gpr_set_log_function(on_log);
	grpc_init();
}

void rpc_grpc_exit(void)
{
	grpc_shutdown();
}

grpc_byte_buffer *rpc_message_new(const uint8_t *data, size_t len)
{
	grpc_slice slice =
		grpc_slice_from_copied_buffer((const char *)data, len);
	grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&slice, 1);

	grpc_slice_unref(slice);
	return message;
}

int rpc_message_read(grpc_byte_buffer *message, grpc_slice *ret)
{
	grpc_byte_buffer_reader reader;

	if (!grpc_byte_buffer_reader_init(&reader, message))
		return -EBADMSG;
	*ret = grpc_byte_buffer_reader_readall(&reader);
	grpc_byte_buffer_reader_destroy(&reader);
	return 0;
}

gpr_timespec rpc_deadline(unsigned int timeout_ms)
{
	return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
			    gpr_time_from_millis(timeout_ms, GPR_TIMESPAN));
}

grpc_arg rpc_arg_int(const char *key, int value)
{
	return (grpc_arg){
		.type = GRPC_ARG_INTEGER,
		.key = (char *)key, /* only read */
		.value.integer = value,
	};
}
