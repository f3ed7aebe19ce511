/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Tables that claimctl makes itself, of what claimfs' own verbs answer. Threads: one. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct cJSON;

/* "" and 0 for what is not there. */
const char *ctl_text_at(const struct cJSON *json, const char *key);
uint64_t ctl_number_at(const struct cJSON *json, const char *key);
/* "1.5GiB" */
void ctl_write_size(char *buffer, size_t size, uint64_t bytes);

/* A Table without rows; NULL = no memory, which all of these take. */
struct cJSON *ctl_rows_new(const char *const *names, size_t n);
/* As many cells as there are names. */
bool ctl_rows_add(struct cJSON *table, const char *const *cells, size_t n);
/* empty: said where there are no rows. */
int ctl_rows_print(struct cJSON *take_table, const char *empty,
		   struct err *err);
