/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Kubernetes' resource.Quantity for amounts of bytes: "1Gi", "1.5G", "100m", "1e3".
 * Exact: no floating point anywhere.
 */

#include <stdint.h>

#include "err.h"

/*
 * *ret is the amount rounded up to whole units, as Quantity.Value() does.
 * -EINVAL with Kubernetes' sentence for a bad form, -ERANGE for a negative amount
 * or one beyond 2^63-1.
 */
int quantity_parse(const char *text, uint64_t *ret, struct err *err);

#define QUANTITY_MAX 32
/* Canonical form in the binary suffix that divides it ("1Gi", "1500", "3Mi"). */
void quantity_format(uint64_t amount, char ret[QUANTITY_MAX]);
