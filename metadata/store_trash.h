/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The record's table of what lies in the trash: a row from the moment that a
 * volume's directory is out of its place until it is removed or back. Outcomes and
 * threads as in store.h.
 */

#include "store.h"

enum trash_state {
	TRASH_KEPT,	 /* until it expires */
	TRASH_REMOVING,	 /* it is being removed, or will be in a moment */
	TRASH_STOPPED,	 /* somebody said so, or wanted it back and did not get
			    it: until he says otherwise */
	TRASH_RESTORING, /* it is on its way back */
	TRASH_STATE_N,
};

extern const char *const trash_state_names[TRASH_STATE_N];

struct store_trash {
	char *volume; /* PV's name */
	char *detail; /* volume_place_to_detail() */
	char *object; /* the PV; NULL = not known */
	char *error;  /* of the last try; NULL = none */
	enum trash_state state;
	int64_t trashed_s; /* Unix time */
	int64_t expires_s;
	bool is_counted; /* n_files and n_bytes are known */
	uint64_t n_files, n_bytes;
	uint64_t n_files_removed, n_bytes_removed;
};

struct store_trash_list {
	struct store_trash *items;
	size_t n;
};

/* A row that is there already stays as it is. */
int store_trash_put(struct store *store, const struct store_trash *trash,
		    struct err *err);
int store_trash_get(struct store *store, const char *volume,
		    struct store_trash *ret, struct err *err);
/* Ordered by when they expire; without object. */
int store_trash_list(struct store *store, struct store_trash_list *ret,
		     struct err *err);
/*
 * What there is to do: to remove or to restore, or to count. At most 1,000, without
 * object: what somebody waits for comes first, what has failed last. *ret_next_s: when the next one expires; INT64_MAX = none does.
 */
int store_trash_due(struct store *store, int64_t now_s,
		    struct store_trash_list *ret, int64_t *ret_next_s,
		    struct err *err);
/* STORE_CONFLICT when its state is none of `from`, a mask of 1 << state. */
int store_trash_set_state(struct store *store, const char *volume,
			  unsigned int from, enum trash_state to,
			  struct err *err);
int store_trash_set_expiry(struct store *store, const char *volume,
			   int64_t expires_s, struct err *err);
/* Counts, progress and error. */
int store_trash_note(struct store *store, const struct store_trash *trash,
		     struct err *err);
int store_trash_remove(struct store *store, const char *volume,
		       struct err *err);

void store_trash_fini(struct store_trash *trash);
void store_trash_list_fini(struct store_trash_list *list);

DEFINE_FINI(struct store_trash, store_trash_fini)
DEFINE_FINI(struct store_trash_list, store_trash_list_fini)
