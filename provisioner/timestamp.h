/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Wall-clock times as API objects carry them (RFC 3339 in UTC, whole seconds) and
 * ages as kubectl words them.
 */

#include <stdint.h>

#define TIMESTAMP_MAX 32
#define AGE_MAX	      48

void timestamp_format(int64_t unix_s, char ret[TIMESTAMP_MAX]);
void timestamp_now(char ret[TIMESTAMP_MAX]);
/* With six digits behind the second: MicroTime, as leases and events have it. */
void timestamp_micro_now(char ret[TIMESTAMP_MAX]);
/* A fraction of a second is accepted and dropped; -EINVAL for other forms. */
int timestamp_parse(const char *text, int64_t *ret_unix_s);

/* "45s", "5m3s", "2d4h": k8s.io/apimachinery's duration.HumanDuration(). */
void age_format(int64_t seconds, char ret[AGE_MAX]);
/* The age of a timestamp now; "<unknown>" for NULL and bad ones. */
void age_of(const char *timestamp, char ret[AGE_MAX]);
