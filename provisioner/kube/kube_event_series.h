/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which of the events that are told are written, and how: the memory behind
 * kube_events. Pure but for that memory; belongs to one thread; times are the
 * caller's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "cleanup.h"

#define KUBE_SERIES_MAX	      1024
#define KUBE_SERIES_NOTES     10 /* different ones of an object and reason */
#define KUBE_SERIES_FORGET_S  360
#define KUBE_SERIES_REWRITE_S 30
#define KUBE_SERIES_BURST     25 /* writes about an object at once */
#define KUBE_SERIES_REFILL_S  300

struct kube_series {
	TAILQ_ENTRY(kube_series) entry;
	uint64_t key;	 /* object, what happened, and the note */
	uint64_t group;	 /* the same without the note */
	char *namespace; /* of the Event that was made; NULL = none yet */
	char *name;
	uint64_t count;
	uint64_t seen_ns; /* the last one */
	uint64_t written_ns;
	uint64_t written_count;
};

/* How much may still be written about an object. */
struct kube_series_object {
	uint64_t object;  /* hash; 0 = free */
	uint64_t full_ns; /* when its allowance is whole again */
};

struct kube_series_table {
	TAILQ_HEAD(kube_series_list, kube_series) series; /* oldest first */
	size_t n;
	struct kube_series_object objects[KUBE_SERIES_MAX];
};

/* What happened; hashes of what names it. */
struct kube_series_sight {
	uint64_t object;
	uint64_t group;
	uint64_t key;
};

enum kube_series_verdict {
	KUBE_SERIES_DROP,
	KUBE_SERIES_CREATE, /* an Event is to be made, and named here */
	KUBE_SERIES_CREATE_COMBINED, /* the same, for all other notes, too */
	KUBE_SERIES_WRITE,	     /* its count is to be written */
	KUBE_SERIES_LATER,	     /* as kube_series_due() says */
};

void kube_series_init(struct kube_series_table *table);
void kube_series_fini(struct kube_series_table *table);

/* *ret is borrowed; unset for KUBE_SERIES_DROP. */
enum kube_series_verdict kube_series_see(struct kube_series_table *table,
					 const struct kube_series_sight *sight,
					 uint64_t now_ns,
					 struct kube_series **ret);
/* Its count stands in the Event. */
void kube_series_written(struct kube_series *series, uint64_t now_ns);
/* The Event could not be made, or is there no more. */
void kube_series_forget(struct kube_series_table *table,
			struct kube_series *series);
/* The one whose count has to be written next and when (UINT64_MAX = none has to). */
struct kube_series *kube_series_due(struct kube_series_table *table,
				    uint64_t *ret_ns);

DEFINE_FINI(struct kube_series_table, kube_series_fini)
