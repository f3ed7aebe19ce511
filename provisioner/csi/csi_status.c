/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which gRPC code an error is. The specification has a table of codes for each call (its
 * sections "... Errors"), which the handlers follow; here are the errors that those tables
 * do not speak of.
 */

#include <stdarg.h>
#include <string.h>

#include "csi_calls.h"
#include "csi_name.h"

enum rpc_status csi_refuse(struct err *err, enum rpc_status status,
			   const char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	int r;

	va_start(args, fmt);
	r = vasprintf(&text, fmt, args);
	va_end(args);
	(void)err_set(err, -EINVAL, "%s", r < 0 ? "no memory" : text);
	if (r >= 0)
		free(text);
	return status;
}

enum rpc_status csi_name_check(const char *name, struct err *err)
{
	if (!*name)
		return csi_refuse(err, RPC_INVALID_ARGUMENT, "name is missing");
	if (strlen(name) > CSI_NAME_MAX)
		return csi_refuse(err, RPC_INVALID_ARGUMENT,
				  "name has %zu bytes: at most %d are allowed",
				  strlen(name), CSI_NAME_MAX);
	if (!csi_text_is_clean(name))
		return csi_refuse(
			err, RPC_INVALID_ARGUMENT,
			"name has control characters or is not UTF-8");
	return RPC_OK;
}

enum rpc_status csi_status_of(int r)
{
	switch (r) {
	case 0:
		return RPC_OK;
	case CLUSTER_NOT_FOUND:
		return RPC_NOT_FOUND;
	case CLUSTER_EXISTS:
		return RPC_ALREADY_EXISTS;
	case CLUSTER_CONFLICT:
		return RPC_ABORTED;
	case CLUSTER_INVALID:
	case -EINVAL:
		return RPC_INVALID_ARGUMENT;
	case CLUSTER_FORBIDDEN:
		return RPC_FAILED_PRECONDITION;
	case -ENOSPC:
	case -EDQUOT:
		return RPC_RESOURCE_EXHAUSTED;
	case -EAGAIN:
	case -ETIMEDOUT:
	case -EHOSTDOWN:
	case -ECONNREFUSED:
	case -EHOSTUNREACH:
		return RPC_UNAVAILABLE;
	default:
		return RPC_INTERNAL;
	}
}
