/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A node's metrics file (fs writes it, README lists it) as numbers per volume. */

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define TOP_NAME_MAX 256

struct top_volume {
	char name[TOP_NAME_MAX];
	double n_operations; /* since the volume was mounted, all kinds */
	double seconds;	     /* that they took, together */
	double errors;
	double read_bytes;
	double written_bytes;
	double n_in_flight;
	bool is_healthy;
};

struct top_sample {
	char node[TOP_NAME_MAX];
	uint64_t at_ns;
	struct top_volume *volumes;
	size_t n;
};

/* Reads FOLDER/metrics, FOLDER being a node's meta/. */
int top_sample_read(struct top_sample *ret, const char *folder,
		    struct err *err);
void top_sample_fini(struct top_sample *sample);
/* NULL: it has no such volume. */
const struct top_volume *top_sample_find(const struct top_sample *sample,
					 const char *name);

/* One line of the file, for tests. */
int top_sample_take(struct top_sample *sample, const char *line);

DEFINE_FINI(struct top_sample, top_sample_fini)
