/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

struct cJSON;

/* The conditions in a claim's status, as kubectl shows them; nothing without any. */
void describe_conditions(const struct cJSON *object, FILE *out);
