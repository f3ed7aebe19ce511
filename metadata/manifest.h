/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Manifests as people write them for kubectl: YAML (or JSON, a subset) with several
 * documents in a file, into JSON. Scalars follow YAML 1.1 as kubectl's parser reads
 * them; anchors and aliases are resolved; `kind: List` is flattened.
 *
 * Limits: 3 MiB per file, 64 levels, 100,000 nodes after aliases.
 */

#include <stddef.h>

#include "err.h"

struct cJSON;

struct manifest_document {
	struct cJSON *json;
	unsigned int line; /* first line of the document, from 1 */
};

struct manifest {
	struct manifest_document *documents;
	size_t n;
};

/* name is used in errors: "FILE:LINE: what". Empty documents are skipped. */
int manifest_parse(const char *name, const char *text, size_t len,
		   struct manifest *ret, struct err *err);
void manifest_fini(struct manifest *manifest);

/* JSON to block-style YAML for `-o yaml`; malloc'ed, NULL = no memory. */
char *manifest_to_yaml(const struct cJSON *json);

DEFINE_FINI(struct manifest, manifest_fini)
