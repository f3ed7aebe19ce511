/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The gRPC server for a program that has more urgent things to do at its start:
 * gRPC brings fifty libraries, and what is linked with them does not get to main()
 * before 35 ms have gone.
 *
 * Threads: any. What was loaded stays.
 */

#include "rpc_server.h"

struct rpc_late {
	typeof(rpc_server_new) *server_new;
	typeof(rpc_server_adopt) *server_adopt;
	typeof(rpc_server_free) *server_free;
};

/* The module is beside the program's folder in a build, else installed. */
int rpc_late_load(struct rpc_late *ret, struct err *err);
