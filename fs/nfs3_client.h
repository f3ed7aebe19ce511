/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of the NFSv3 client share: the calls (nfs3.c, whose essay says
 * where a call may be) and their time (nfs3_time.c). Nobody else includes it.
 *
 * Threads: the shard's.
 */

#include "clock.h"
#include "fair.h"
#include "nfs3.h"
#include "nfs3_owed.h"
#include "nfs3_window.h"
#include "nfs_conn.h"
#include "nfs_socket.h"

/* A call that is on the wire for so long says that the server is slow. */
#define NFS3_OVERDUE_NS (5 * NS_PER_S)

struct nfs3_client {
	struct nfs_client client; /* what callers have */
	struct nfs3_options options;
	struct loop *loop;	  /* borrowed */
	struct buffer_pool *pool; /* borrowed */
	struct nfs_conn *conn;
	uint16_t former_port;	   /* 0 = nobody had our origin before */
	struct fair_queue waiting; /* for a slot */
	struct fair_flow own;	   /* of calls that are nobody's */
	struct fair_calls delayed; /* by JUKEBOX, until the next tick */
	struct nfs_call probe;	   /* the NULL of our own */
	bool is_owed;	     /* a call was given up, and nothing came since */
	uint64_t replied_ns; /* when the server last said anything */
	struct timer tick;
	struct timer wake; /* what is held back may be sent then */
	char name[NFS_SOCKADDR_NAME_SIZE]; /* for logs */
	struct nfs3_owed owed;
	struct nfs3_window window;
};

/* Calls are under way. */
static inline bool nfs3_has_work(const struct nfs3_client *c)
{
	return c->client.n_in_flight > 0;
}

/* Takes the call out of its place, wherever that is, and finishes it. */
void nfs3_call_abandon(struct nfs3_client *c, struct nfs_call *call,
		       int status);

/* Any call that was submitted before before_ns; NULL if there is none. */
struct nfs_call *nfs3_call_expired(const struct nfs3_client *c,
				   uint64_t before_ns);

/* The tick's timer is armed while calls are under way, and cancelled by c's end. */
void nfs3_time_init(struct nfs3_client *c);
void nfs3_time_arm(struct nfs3_client *c);
/* Has the client flushed at that time. */
void nfs3_time_wake(struct nfs3_client *c, uint64_t when_ns);
