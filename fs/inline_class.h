/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a pod may ask for as an inline volume: StorageClasses in a file of the
 * administrator's, by name. Threads: any.
 */

#include "model.h"

/*
 * Reads the file, which may have changed since. -ENOENT: there is no such class;
 * -EINVAL for a file or class that makes no sense; errors of the file.
 */
int inline_class_read(const char *path, const char *name,
		      struct storage_class *ret, struct err *err);
