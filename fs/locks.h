/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A volume's locks between nodes: who asks for one, the server's lock manager that
 * grants it, and what has to be given back. `lock` makes a volume have them.
 *
 * Threads: start and stop are for control threads, the rest says so.
 */

#include "err.h"
#include "nfs3.h"
#include "op.h"

struct locks;

struct locks_options {
	struct shards *shards;	    /* borrowed */
	struct nfs3_options server; /* the lock manager; NLM_NULL */
	/* Copied. */
	const char *state_dir; /* where the journal is */
	const char *volume;    /* the id */
	const char *node;      /* our name to the server */
};

/*
 * Unlocks what a process before us has left, for at most 5 s. Errors: the journal
 * can't be opened, no memory, the lock manager can't be connected to.
 */
int locks_start(struct locks **ret, const struct locks_options *options,
		struct err *err);
/*
 * No request of the volume runs any more: unlocks all, for at most 1 s; what it
 * can't is in the journal. Frees.
 */
struct locks *locks_stop(struct locks *locks);

/* Ranges that are held. Any thread. */
size_t locks_count(const struct locks *locks);
/* False: nobody holds or waits for any, as far as this thread can know. */
bool locks_has_owners(const struct locks *locks);

/*
 * Does what op->lock says, on op->node and op->call.args.fh; done(op) runs later,
 * with op->call.status 0, -EAGAIN when another owner has the lock, or an error.
 * An op that is given up leaves nothing behind. Op's shard.
 */
void locks_request(struct op *op, op_fn done);

DEFINE_CLEANUP(struct locks *, locks_stop)
