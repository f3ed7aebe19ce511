/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Names that CSI gives, and what they are called in the record. Pure; any thread. */

#include <stdbool.h>
#include <stdint.h>

#define CSI_OBJECT_NAME_MAX 64

/* Whether it is UTF-8 without control characters other than tab and line ends. */
bool csi_text_is_clean(const char *text);

/*
 * What an object for this name is called in the record: the name itself if it is a DNS
 * label, else "csi-<hash of the name>".
 */
void csi_object_name(const char *name, char ret[CSI_OBJECT_NAME_MAX]);
/* "csi-" and the hash in 16 hexadecimal digits. */
void csi_hash_name(uint64_t hash, char ret[CSI_OBJECT_NAME_MAX]);
