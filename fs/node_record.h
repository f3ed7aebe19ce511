/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the node remembers of a volume, as a text that outlives the process: the
 * NodeStageVolume request and the targets. It is JSON in a memory file that the
 * keeper holds; each change is a new file, so that none is ever half written.
 */

#include "node_entry.h"

struct cJSON;

struct node_record {
	struct node_stage_args stage; /* borrows from the members below */
	struct labels context;
	char **mount_flags;
	size_t n_mount_flags;
	uint64_t capacity; /* as struct node_entry's */
	struct node_target *targets;
	size_t n_targets;
	struct cJSON *json;
};

/* The request's part of the record; NULL when out of memory. */
char *node_record_stage(const struct node_stage_args *args);

/* A new file with the whole; the caller closes *ret_fd. -ENOMEM, -errno. */
int node_record_write(const struct node_entry *entry, int *ret_fd);

#define NODE_RECORD_VERSION 1

/* That of the record in a file (borrowed), which may be another; -EINVAL. */
int node_record_read_version(int fd, uint32_t *ret);

/* fd is borrowed. -EINVAL with a sentence for what is no such record. */
int node_record_read(int fd, struct node_record *ret, struct err *err);
void node_record_fini(struct node_record *record);

DEFINE_FINI(struct node_record, node_record_fini)
