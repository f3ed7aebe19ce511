/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The record as the mirror of an API server: objects as that server has them, with its
 * resourceVersions, for who reads much and often. Changes are announced like any other.
 *
 * What is older than what is there already is left out, so that an answer to a write
 * and the watch, which tell the same on two ways, may come in any order. That an object's
 * resourceVersions can be compared as numbers is the API's promise (KEP-5504), as long as
 * its etcd was not restored from a backup: what a list has is taken whatever its version.
 * What was removed does not come back but by a list.
 *
 * Threads and errors as in store.h.
 */

#include "store.h"

/*
 * 0 also when nothing is new. Another uid under this name: the old object was deleted,
 * and that is announced, too.
 */
int store_mirror_put(struct store *store, struct object *object,
		     struct err *err);
/* 0 also when there is none, or another one of that name by now. uid NULL = any. */
int store_mirror_remove(struct store *store, enum object_kind kind,
			const char *namespace, const char *name,
			const char *uid, struct err *err);

/*
 * A list of all objects of a kind, begun before it is asked for: each is put between the
 * two, in one transaction or in several; those that were not are removed at the end, unless
 * an answer told of them since the beginning, and of a later version than the list's.
 * One list of a kind at a time; one that is begun anew forgets what the last one had.
 */
int store_mirror_begin_list(struct store *store, enum object_kind kind,
			    struct err *err);
int store_mirror_put_listed(struct store *store, struct object *object,
			    struct err *err);
int store_mirror_end_list(struct store *store, enum object_kind kind,
			  uint64_t version, struct err *err);
