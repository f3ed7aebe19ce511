/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the node remembers of one volume, and the list of them. Memory only: no
 * mount is made here, nothing blocks.
 *
 * Threads: everything is guarded by the node's lock. A verb that needs the entry
 * while it does I/O without the lock sets is_busy; then nobody else changes or
 * frees it. Whoever only reads `volume` counts himself in n_readers.
 */

#include <sys/queue.h>

#include "node_spec.h"

struct node_entry {
	char *id;
	char *staging_path;
	char *name; /* see struct node_volume */
	char *fingerprint;
	char *stage; /* the request, for the record (node_record.h) */
	enum node_access_mode mode;
	uint64_t capacity;     /* what it grew to; 0 = as it was staged */
	struct volume *volume; /* NULL while it is started or stopped */
	struct node_target *targets;
	size_t n_targets;
	unsigned int n_readers;
	bool is_ending; /* there are no new ones */
	bool is_busy;
	TAILQ_ENTRY(node_entry) link;
};

TAILQ_HEAD(node_entries, node_entry); /* in order of name */

/* pv: what the entry is to be called. -ENOMEM. */
int node_entry_new(struct node_entry **ret, const struct node_stage_args *args,
		   const char *pv);
/* The volume must have been stopped. */
struct node_entry *node_entry_free(struct node_entry *entry);

/* Whether one may begin to read `volume`. */
static inline bool node_entry_is_readable(const struct node_entry *entry)
{
	return entry->volume && !entry->is_ending;
}

/* Gives the entry a name that no other has, and its place. -ENOMEM. */
int node_entries_insert(struct node_entries *entries, struct node_entry *entry);
struct node_entry *node_entries_find(struct node_entries *entries,
				     const char *id);
struct node_entry *node_entries_find_name(struct node_entries *entries,
					  const char *name);
/* The volume that is staged or published at path; NULL = nobody's path. */
struct node_entry *node_entries_find_path(struct node_entries *entries,
					  const char *path);

struct node_target *node_entry_find_target(struct node_entry *entry,
					   const char *path);
/* -ENOMEM, or -ENOSPC past NODE_TARGETS_MAX. */
int node_entry_add_target(struct node_entry *entry,
			  const struct node_publish_args *args,
			  uint64_t mount_group, bool is_read_only);
/* Those of a former process, instead of none. */
void node_entry_set_targets(struct node_entry *entry,
			    struct node_target *take_targets, size_t n);
/* Idempotent. */
void node_entry_remove_target(struct node_entry *entry, const char *path);

void node_target_fini(struct node_target *target);

DEFINE_CLEANUP(struct node_entry *, node_entry_free)
