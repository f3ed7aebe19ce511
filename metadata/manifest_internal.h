/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Plain scalars of YAML 1.1 as kubectl's parser (sigs.k8s.io/yaml on a fork of
 * go-yaml v2) reads them; shared by the reader and by the writer, which quotes
 * what would be read as something else than a string.
 */

struct cJSON;

/* A new node, NULL = no memory; .inf and .nan, which JSON lacks, are strings. */
struct cJSON *manifest_plain_scalar(const char *text);
