/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A kind of objects followed for as long as we live: listed once, watched from there,
 * resumed after every cut at the version that was seen last, listed again only when
 * the server no longer knows that version (410).
 *
 * Each watch has a thread; its callbacks run there, one at a time, and may block. What
 * arrived together is between begin_batch and end_batch. After a callback that fails
 * (negative) comes abort_batch: what was told since begin_batch is to be forgotten, and
 * the kind is listed again after a pause.
 *
 *	list:	begin_batch begin_list end_batch
 *		(begin_batch object* end_batch)* begin_batch end_list end_batch
 *	then:	(begin_batch event* version? end_batch)*
 *
 * begin_list comes before the server is asked; a list that fails is begun anew by it,
 * without an end_list.
 * Objects that are there no more are not told by a list: whoever mirrors removes at
 * end_list what was not named since begin_list. A repeated event is possible, a
 * lost one is not.
 */

#include "kube_api.h"

struct kube_watch;

enum kube_watch_event {
	KUBE_WATCH_ADDED,
	KUBE_WATCH_MODIFIED,
	KUBE_WATCH_DELETED, /* the object as it was last */
};

/* All may be NULL but object, end_list and event. */
struct kube_watch_ops {
	int (*begin_batch)(void *userdata, struct err *err);
	int (*end_batch)(void *userdata, struct err *err);
	void (*abort_batch)(void *userdata);
	int (*begin_list)(void *userdata, struct err *err);
	kube_object_fn object;
	int (*end_list)(void *userdata, uint64_t resource_version,
			struct err *err);
	int (*event)(void *userdata, enum kube_watch_event event,
		     struct object *object, struct err *err);
	/* All up to this version has been told (bookmarks, too). */
	int (*version)(void *userdata, uint64_t resource_version,
		       struct err *err);
};

struct kube_watch_options {
	struct kube_selection selection; /* copied */
	const struct kube_watch_ops *ops;
	void *userdata;
	/*
	 * A kind that the server may not serve (-EOPNOTSUPP) is an empty list then,
	 * and is looked for again every ten minutes.
	 */
	bool is_optional;
	/* Versions from here on are watched without a list; 0 = list. */
	uint64_t resource_version;
	/* For tests; 0 = the usual ones. */
	unsigned int silence_ms; /* 150 s */
	unsigned int pause_ms;	 /* 0.8 s, doubled up to 30 s */
	unsigned int stream_s;	 /* 300 to 600 s */
};

struct kube_watch_state {
	bool is_listed;		   /* once, at least */
	uint64_t in_sync_since_ns; /* clock_ns(); 0 = there is no open watch */
	uint64_t resource_version;
	uint64_t n_lists;
	uint64_t n_streams;
	uint64_t n_events;
};

/* api is borrowed until kube_watch_free(). */
int kube_watch_start(struct kube_watch **ret, struct kube_api *api,
		     const struct kube_watch_options *options, struct err *err);
/* Ends it in the middle of whatever it waits for; joins. Not from its callbacks. */
struct kube_watch *kube_watch_free(struct kube_watch *watch);

/* Any thread. */
void kube_watch_get_state(struct kube_watch *watch,
			  struct kube_watch_state *ret);

DEFINE_CLEANUP(struct kube_watch *, kube_watch_free)
