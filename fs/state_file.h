/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Files of volumes in the state directory, which survive this process. They are not
 * synced: what a host forgets when it goes down, it forgets with the rest of /run.
 */

#include "err.h"

/*
 * Opens dir's file of that kind for a volume, made if need be. *ret_path is freed by
 * the caller.
 */
int state_file_open(const char *dir, const char *kind, const char *volume,
		    char **ret_path, int *ret_fd, struct err *err);
