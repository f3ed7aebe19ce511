/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Empties the trash in the background: what has expired is removed, what is new is
 * counted, what is wanted back is restored. What there is to do stands in the record
 * (store_trash.h), so a restart goes on where it was; who changes a row calls
 * remover_wake().
 *
 * Threads: its own, as many as things at a time; its functions may be called by any.
 */

#include "cluster.h"
#include "share.h"
#include "store_trash.h"
#include "trash.h"

struct remover;

struct remover_options {
	struct store *store;	       /* borrowed */
	struct cluster *cluster;       /* borrowed */
	const struct share_ops *share; /* borrowed */
	unsigned int n_threads;	       /* 0 = 4 */
	/* The last of a volume is gone. */
	void (*done)(void *userdata, const char *volume);
	void *userdata;
};

int remover_new(struct remover **ret, const struct remover_options *options,
		struct err *err);
int remover_start(struct remover *remover, struct err *err);
/* Waits for its threads: a walk ends when what it has asked for is answered. */
void remover_stop(struct remover *remover);
struct remover *remover_free(struct remover *remover);

/* Rows of the trash are new or changed. NULL is nobody's and does nothing. */
void remover_wake(struct remover *remover);
/* What is being done to this volume is ended soon, and looked at again. */
void remover_interrupt(struct remover *remover, const char *volume);
/* How fast it goes at present. */
struct trash_speed remover_look(struct remover *remover, const char *volume);
/* Until nothing is being restored or removed of it, at most that long. */
void remover_wait(struct remover *remover, const char *volume,
		  unsigned int timeout_s);

DEFINE_CLEANUP(struct remover *, remover_free)
