/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The record's table of copies: a row from before the first directory of a copy is made
 * until nothing is left of it but the snapshot or the volume that it has become.
 * Outcomes and threads as in store.h.
 */

#include "store.h"

enum copy_state {
	COPY_RUNNING,  /* it is being made, or tried again in a while */
	COPY_STOPPED,  /* somebody said so: until he says otherwise */
	COPY_WHOLE,    /* a snapshot or a volume may be made of it */
	COPY_DROPPING, /* what is left of it is being removed */
	COPY_STATE_N,
};

extern const char *const copy_state_names[COPY_STATE_N];

struct store_copy {
	char *name;	/* of the tree: a snapshot's id, or the new PV's name */
	char *volume;	/* PV's name: the source, or what a snapshot was of */
	char *snapshot; /* its id, if that is the source; NULL = the volume */
	char *source;	/* volume_place_to_detail() of the volume's place */
	char *target;	/* the same, of what it is for */
	char *error;	/* of the last try; NULL = none */
	int code;	/* its errno, negative; 0 = none */
	enum copy_state state;
	bool is_snapshot; /* it is to become one */
	bool is_counted;  /* the totals are known */
	uint32_t
		freeze_s; /* its volume stands still meanwhile; 0 = it need not */
	uint64_t n_files, n_bytes; /* copied */
	uint64_t n_total_files, n_total_bytes;
};

struct store_copy_list {
	struct store_copy *items;
	size_t n;
};

/*
 * A new one. STORE_EXISTS when there is one of that name; STORE_NOT_FOUND when the
 * snapshot that it is made from is not, or not ready.
 */
int store_copy_put(struct store *store, const struct store_copy *copy,
		   struct err *err);
int store_copy_get(struct store *store, const char *name,
		   struct store_copy *ret, struct err *err);
/* Ordered by name. */
int store_copy_list(struct store *store, struct store_copy_list *ret,
		    struct err *err);
/*
 * What there is to do: RUNNING, DROPPING, and snapshots' that are WHOLE; at most 1,000,
 * behind the others those that failed when they were last tried.
 */
int store_copy_due(struct store *store, struct store_copy_list *ret,
		   struct err *err);
/* One that reads this volume's directory (RUNNING or STOPPED). */
int store_copy_find_source(struct store *store, const char *volume,
			   struct store_copy *ret, struct err *err);
/* STORE_CONFLICT when its state is none of `from`, a mask of 1 << state. */
int store_copy_set_state(struct store *store, const char *name,
			 unsigned int from, enum copy_state to,
			 struct err *err);
/* Counts, totals and error. */
int store_copy_note(struct store *store, const struct store_copy *copy,
		    struct err *err);
int store_copy_remove(struct store *store, const char *name, struct err *err);

void store_copy_fini(struct store_copy *copy);
void store_copy_list_fini(struct store_copy_list *list);

DEFINE_FINI(struct store_copy, store_copy_fini)
DEFINE_FINI(struct store_copy_list, store_copy_list_fini)
