/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The history of objects: what was done, by whom and when. The store writes it in
 * the transaction of the change itself; nobody else does.
 *
 * Of an object the last 200 rows are kept, of all objects together the last
 * 50,000, and none for longer than 90 days.
 *
 * Threads: any.
 */

#include "store.h"

/*
 * Who writes to the record on this thread from now on: "reconciler", "kubectl".
 * Copied; at most 63 bytes of it count. Threads that said nothing are "claimfs".
 */
void store_act_as(struct store *store, const char *who);

struct store_history {
	char *at; /* RFC 3339 with milliseconds */
	char *uid;
	char *who;
	char *what;   /* "created", "phase Bound", "provision begun", ... */
	char *detail; /* "" = none */
};

struct store_history_list {
	struct store_history *items;
	size_t n;
};

/* Oldest first; namespace "" for cluster-scoped kinds. None is no error. */
int store_history_read(struct store *store, enum object_kind kind,
		       const char *namespace, const char *name,
		       struct store_history_list *ret, struct err *err);
void store_history_list_fini(struct store_history_list *list);

DEFINE_FINI(struct store_history_list, store_history_list_fini)
