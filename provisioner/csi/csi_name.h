/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Names that CSI gives, and what they are called in the record. Pure; any thread. */

#include <stdbool.h>
#include <stdint.h>

#define CSI_OBJECT_NAME_MAX 64

/* UTF-8 without control characters, but for tab and line ends. */
bool csi_text_is_clean(const char *text);

/* The name itself where it can be an object's, else "csi-<hash>". */
void csi_object_name(const char *name, char ret[CSI_OBJECT_NAME_MAX]);
/* "csi-<hash>" */
void csi_hash_name(uint64_t hash, char ret[CSI_OBJECT_NAME_MAX]);
