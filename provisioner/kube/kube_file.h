/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Small text files: tokens, certificates, kubeconfigs. */

#include <stddef.h>

#include "err.h"

#define KUBE_FILE_MAX (1u << 20)

/* The whole file and a NUL, malloc'ed; -EFBIG beyond KUBE_FILE_MAX. */
int kube_file_read(const char *path, char **ret, size_t *ret_len,
		   struct err *err);
