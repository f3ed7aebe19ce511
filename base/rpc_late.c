/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The server is in a module, claimfs-rpc.so, which has err.c, log.c and rpc_status.c
 * from the program that loads it (export_dynamic): there is one log level only.
 *
 * Its path is absolute: the sanitizers' dlopen(3) does not know our RUNPATH.
 */

#include "rpc_late.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MODULE "claimfs-rpc.so"

/* Of a build: BUILD/fs/claimfs-node and BUILD/base/claimfs-rpc.so. */
static bool find_in_build(char path[static PATH_MAX])
{
	char program[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
	char *slash;
	int n;

	if (len < 0)
		return false;
	program[len] = '\0';
	slash = strrchr(program, '/');
	if (!slash)
		return false;
	*slash = '\0';
	n = snprintf(path, PATH_MAX, "%s/../base/" MODULE, program);
	return n > 0 && n < PATH_MAX && access(path, R_OK) == 0;
}

int rpc_late_load(struct rpc_late *ret, struct err *err)
{
	char in_build[PATH_MAX];
	const char *path =
		find_in_build(in_build) ? in_build : RPC_MODULE_DIR "/" MODULE;
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!module)
		return err_set(err, -ELIBACC, "load the gRPC server: %s",
			       dlerror());
	ret->server_new = dlsym(module, "rpc_server_new");
	ret->server_adopt = dlsym(module, "rpc_server_adopt");
	ret->server_free = dlsym(module, "rpc_server_free");
	if (!ret->server_new || !ret->server_adopt || !ret->server_free)
		return err_set(err, -ELIBBAD, "\"%s\" is of another version",
			       path);
	return 0;
}
