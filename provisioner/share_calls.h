/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Several calls in flight on a connection of share_nfs.h, each answered by its
 * done function from within share_calls_wait(). Not to be mixed with the blocking
 * calls while some are in flight.
 *
 * Calling sequence: share_call_*() while share_calls_free() > 0, share_calls_wait(),
 * and so on; share_calls_abandon() before what the done functions refer to goes.
 * Threads: the connection's.
 */

#include "share_nfs.h"

#define SHARE_CALLS_MAX 64

/* Copied; what done gets. r: 0 or -errno. */
struct share_call {
	void (*done)(const struct share_call *call, int r);
	void *owner; /* the done function's */
	void *about;
	uint64_t value;
};

/*
 * A second connection to the same server for calls from now on, so that two of its
 * threads read them; port 0 = 2049. Without it, all go by the first.
 */
int share_calls_widen(struct share_nfs *nfs, const char *server, uint32_t port);

size_t share_calls_free(const struct share_nfs *nfs);
size_t share_calls_in_flight(const struct share_nfs *nfs);

/* 0, or -errno when it was not even sent: done is not called then. */
int share_call_list(struct share_nfs *nfs, const struct share_call *call,
		    const struct share_fh *dir, struct share_page *page);
int share_call_lookup(struct share_nfs *nfs, const struct share_call *call,
		      const struct share_fh *dir, const char *name,
		      struct share_listed *ret);
int share_call_remove(struct share_nfs *nfs, const struct share_call *call,
		      const struct share_fh *dir, const char *name);
int share_call_rmdir(struct share_nfs *nfs, const struct share_call *call,
		     const struct share_fh *dir, const char *name);
int share_call_rename(struct share_nfs *nfs, const struct share_call *call,
		      const struct share_fh *from, const char *from_name,
		      const struct share_fh *to, const char *to_name);

/*
 * Until something was answered. -ETIMEDOUT after SHARE_NFS_TIMEOUT_MS without any
 * answer, -ECONNRESET: the connection is of no more use.
 */
int share_calls_wait(struct share_nfs *nfs);
/*
 * The same for two that work together (other may be NULL), for at most so long:
 * -ETIMEDOUT when nothing was answered, after which it may be called again. With any
 * other error both are of no more use.
 */
int share_calls_wait_both(struct share_nfs *nfs, struct share_nfs *other,
			  uint32_t timeout_ms);
/* No done function is called any more; the connection is of no more use. */
void share_calls_abandon(struct share_nfs *nfs);
