/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The record's table of snapshots. One that is being removed is none any more: it is
 * found by nobody, and its name is free; it has a row until its share says the same.
 * Outcomes and threads as in store.h.
 */

#include "store_copy.h"

enum snapshot_state {
	SNAPSHOT_COPYING,
	SNAPSHOT_READY,
	SNAPSHOT_REMOVING,
	SNAPSHOT_STATE_N,
};

extern const char *const snapshot_state_names[SNAPSHOT_STATE_N];

struct store_snapshot {
	char *id;
	char *namespace; /* of the claim, or CLAIMFS_CSI_NAMESPACE */
	char *name;	 /* whoever wanted it calls it so */
	char *volume;	 /* PV's name */
	char *handle;	 /* the PV's volumeHandle */
	char *detail;	 /* volume_place_to_detail() of the volume */
	enum snapshot_state state;
	int64_t created_ns;	   /* Unix time: when it was asked for */
	uint64_t capacity;	   /* of the volume then, in bytes */
	uint64_t n_files, n_bytes; /* that it holds, or that are copied */
	/* While it is being copied: */
	bool is_stopped;
	bool is_counted;
	uint64_t n_total_files, n_total_bytes;
	int code;    /* of the last try; 0 = no error */
	char *error; /* the same in words; NULL = none */
};

struct store_snapshot_list {
	struct store_snapshot *items;
	size_t n;
};

/* Members that are NULL (0 for limit) do not restrict. */
struct snapshot_filter {
	const char *namespace;
	const char *name;
	const char *handle;
	const char *id;
	const char *after; /* an id: those behind it */
	size_t limit;
};

/*
 * A new one with its copy, together. STORE_EXISTS when there is one of that name in
 * that namespace.
 */
int store_snapshot_create(struct store *store,
			  const struct store_snapshot *snapshot,
			  const struct store_copy *copy, struct err *err);
/* One that is there already; STORE_EXISTS, also of its copy. For who recovers it. */
int store_snapshot_put(struct store *store,
		       const struct store_snapshot *snapshot, struct err *err);
int store_snapshot_get(struct store *store, const char *id,
		       struct store_snapshot *ret, struct err *err);
/* Ordered by id. */
int store_snapshot_list(struct store *store,
			const struct snapshot_filter *filter,
			struct store_snapshot_list *ret, struct err *err);
/* It is whole, and its copy is one no longer; copy: with the counts. */
int store_snapshot_ready(struct store *store, const struct store_copy *copy,
			 struct err *err);
/*
 * It is none any more, and a copy that drops what is left of it: copy, for one that has
 * none. STORE_CONFLICT while a volume is made from it.
 */
int store_snapshot_drop(struct store *store, const char *id,
			const struct store_copy *copy, struct err *err);

/* 1: it is dropped, and its share may still have it as a snapshot. */
int store_snapshot_is_removing(struct store *store, const char *id,
			       struct err *err);
/* Its share has it no more: its row goes; STORE_NOT_FOUND when it went before. */
int store_snapshot_gone(struct store *store, const char *id, struct err *err);

void store_snapshot_fini(struct store_snapshot *snapshot);
void store_snapshot_list_fini(struct store_snapshot_list *list);

DEFINE_FINI(struct store_snapshot, store_snapshot_fini)
DEFINE_FINI(struct store_snapshot_list, store_snapshot_list_fini)
