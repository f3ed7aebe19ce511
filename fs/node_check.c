/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Two tables, access modes and errno -> status, and the checks of what a caller
 * sends. Paths come from the kubelet or from whoever else can write to the CSI
 * socket, that is from root; they are checked because a mistake there would be
 * mounted over or removed.
 */

#include "node_check.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

enum mode_rule {
	MODE_READ_ONLY = 1u << 0,
	MODE_EXCLUSIVE = 1u << 1,
};

static const struct {
	const char *name;
	enum access_mode access;
	unsigned int rules; /* enum mode_rule */
} modes[] = {
	[NODE_SINGLE_NODE_WRITER] = { "SINGLE_NODE_WRITER", ACCESS_RWO,
				      MODE_EXCLUSIVE },
	[NODE_SINGLE_NODE_READER_ONLY] = { "SINGLE_NODE_READER_ONLY",
					   ACCESS_ROX,
					   MODE_READ_ONLY | MODE_EXCLUSIVE },
	[NODE_MULTI_NODE_READER_ONLY] = { "MULTI_NODE_READER_ONLY", ACCESS_ROX,
					  MODE_READ_ONLY },
	/* One writer among many nodes: the others have to see what it writes. */
	[NODE_MULTI_NODE_SINGLE_WRITER] = { "MULTI_NODE_SINGLE_WRITER",
					    ACCESS_RWX, 0 },
	[NODE_MULTI_NODE_MULTI_WRITER] = { "MULTI_NODE_MULTI_WRITER",
					   ACCESS_RWX, 0 },
	[NODE_SINGLE_NODE_SINGLE_WRITER] = { "SINGLE_NODE_SINGLE_WRITER",
					     ACCESS_RWOP, MODE_EXCLUSIVE },
	[NODE_SINGLE_NODE_MULTI_WRITER] = { "SINGLE_NODE_MULTI_WRITER",
					    ACCESS_RWO, 0 },
};

static bool mode_is_known(enum node_access_mode mode)
{
	return mode < ARRAY_SIZE(modes) && modes[mode].name;
}

int node_check_mode(enum node_access_mode mode, struct err *err)
{
	if (mode_is_known(mode))
		return 0;
	return err_set(err, -EINVAL,
		       "volume_capability.access_mode %d is not one of CSI's",
		       (int)mode);
}

const char *node_mode_name(enum node_access_mode mode)
{
	return mode_is_known(mode) ? modes[mode].name : "UNKNOWN";
}

enum access_mode node_mode_access(enum node_access_mode mode)
{
	return modes[mode].access;
}

bool node_mode_is_read_only(enum node_access_mode mode)
{
	return modes[mode].rules & MODE_READ_ONLY;
}

bool node_mode_is_exclusive(enum node_access_mode mode)
{
	return modes[mode].rules & MODE_EXCLUSIVE;
}

static bool has_control_character(const char *text)
{
	for (; *text; text++) {
		if (iscntrl((unsigned char)*text))
			return true;
	}
	return false;
}

int node_check_id(const char *id, struct err *err)
{
	if (!id || !*id)
		return err_set(err, -EINVAL, "volume_id is missing");
	if (strlen(id) > NODE_ID_MAX)
		return err_set(err, -EINVAL,
			       "volume_id is longer than %d bytes",
			       NODE_ID_MAX);
	if (has_control_character(id))
		return err_set(err, -EINVAL,
			       "volume_id has a control character");
	return 0;
}

static bool has_dot_dot(const char *path)
{
	for (const char *at = strstr(path, ".."); at;
	     at = strstr(at + 1, "..")) {
		if ((at == path || at[-1] == '/') &&
		    (at[2] == '/' || at[2] == '\0'))
			return true;
	}
	return false;
}

int node_check_lookup(const char *field, const char *path, struct err *err)
{
	if (!path || !*path)
		return err_set(err, -EINVAL, "%s is missing", field);
	if (strlen(path) >= NODE_PATH_MAX)
		return err_set(err, -EINVAL, "%s is longer than %d bytes",
			       field, NODE_PATH_MAX - 1);
	if (has_control_character(path))
		return err_set(err, -EINVAL, "%s has a control character",
			       field);
	return 0;
}

int node_check_path(const char *field, const char *path, struct err *err)
{
	int r = node_check_lookup(field, path, err);

	if (r < 0)
		return r;
	if (path[0] != '/')
		return err_set(err, -EINVAL, "%s \"%s\" is not absolute", field,
			       path);
	if (path[strspn(path, "/")] == '\0')
		return err_set(err, -EINVAL, "%s \"%s\" is the root directory",
			       field, path);
	if (has_dot_dot(path))
		return err_set(err, -EINVAL, "%s \"%s\" has a \"..\" component",
			       field, path);
	return 0;
}

enum rpc_status node_status(int code)
{
	static const struct {
		int code;
		enum rpc_status status;
	} table[] = {
		{ 0, RPC_OK },
		{ -ENOENT, RPC_NOT_FOUND },
		{ -EACCES, RPC_PERMISSION_DENIED },
		{ -EPERM, RPC_PERMISSION_DENIED },
		{ -EINVAL, RPC_INVALID_ARGUMENT },
		{ -ENOSPC, RPC_RESOURCE_EXHAUSTED },
		{ -EAGAIN, RPC_UNAVAILABLE }, /* NFS3ERR_JUKEBOX */
		{ -ETIMEDOUT, RPC_UNAVAILABLE },
		{ -ECONNREFUSED, RPC_UNAVAILABLE },
		{ -ECONNRESET, RPC_UNAVAILABLE },
		{ -EHOSTUNREACH, RPC_UNAVAILABLE },
		{ -ENETUNREACH, RPC_UNAVAILABLE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].code == code)
			return table[i].status;
	}
	return RPC_INTERNAL;
}

enum rpc_status node_refuse(struct err *err, enum rpc_status status,
			    const char *fmt, ...)
{
	_cleanup_(free) char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	/* The status says what kind it is; no errno fits better than another. */
	err_set(err, -EBUSY, "%s", text ? text : rpc_status_name(status));
	return status;
}
