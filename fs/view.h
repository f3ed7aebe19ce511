/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the requests of a volume see: the only place that decides what a view may
 * reach, and what every operation needs to know of its volume.
 *
 * A view is confined by its handles: the kernel resolves `..` and symlinks inside
 * the pod's mount namespace and asks us for names below a node that it knows, and
 * every node comes from the root by such names.
 *
 * Threads: constant after the volume's start, but for the atomics and what names
 * its lock.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/statvfs.h>

#include "attr.h"
#include "fair.h"
#include "fair_server.h"
#include "gate.h"
#include "identity.h"
#include "lane.h"
#include "nfs_call.h"
#include "parking.h"
#include "shard.h"
#include "stats.h"

struct arena;
struct commits;
struct freeze;
struct inode_table;
struct intents;
struct leftovers;
struct locks;
struct request_log;
struct trace;

#define VIEW_LANES_MAX 16 /* nconnect */

/*
 * The connections of a lane. File data has its own, since whatever is small would
 * have to wait behind it: a MiB takes longer than a small call as a whole.
 */
enum view_link_kind {
	VIEW_LINK_SMALL,
	VIEW_LINK_BULK, /* nfs_call_is_bulk() */
	VIEW_N_LINK_KINDS,
};

/* A connection that others may use, too, and the view's share of it. */
struct view_link {
	struct nfs_client *client;
	uint16_t former_port; /* what it came from in a former process, or 0 */
	struct fair_flow flow;
};

/* What a shard has of a view; shard's thread. */
struct view_shard {
	struct view_link *links; /* a lane's are neighbours */
	unsigned int n_links;
	unsigned int next_lane;
	struct gate_door door;
};

/* A thread whose open came too late, and who tries once more. */
#define TURNED_AWAY_MAX 8
struct turned_away {
	pid_t thread;
	uint64_t until_ns;
};

struct view {
	struct inode_table *inodes;
	struct view_shard *shards; /* one for each; NULL = no links yet */
	struct fair_volume fair;   /* its share of the server */
	struct attr_timeouts timeouts;
	struct identity identity;
	bool has_one_node;  /* nobody else changes files */
	bool is_nocto;	    /* open believes attributes that are fresh */
	bool is_sync;	    /* writes are stable when they are answered */
	bool is_write_back; /* the kernel keeps written pages back */
	bool writes_behind; /* we do (behind.h) */
	bool is_share_root; /* the view's root is the share's */
	uint32_t read_max;  /* bytes per READ and WRITE call */
	uint32_t write_max;
	struct volume_stats stats;
	_Atomic bool has_no_readdirplus;
	_Atomic bool loses_atime;    /* that a CREATE sets */
	_Atomic uint32_t n_opens;    /* file handles of the whole volume */
	_Atomic uint32_t n_silly;    /* names set aside that are still there */
	struct leftovers *leftovers; /* NULL = nobody writes them down */

	pthread_mutex_t last_lock; /* of the last known answers */
	struct nfs_attr last_root;

	struct gate gate;	   /* of changes */
	struct freeze *freeze;	   /* who closes it */
	struct parking appends;	   /* whose turn has not come */
	struct parking removals;   /* opens that wait for one (opens.h) */
	uint32_t n_blind_removals; /* its lock; of whatever file */
	struct turned_away turned_away[TURNED_AWAY_MAX]; /* its lock */
	struct commits *commits;
	struct intents *intents;      /* NULL = there is no next process */
	struct request_log *requests; /* the same; used on some kernels */
	struct locks *locks;	      /* NULL = the kernel keeps them */
	struct trace *trace;	      /* shared with its readers */
};

void view_init(struct view *view);
void view_fini(struct view *view);

/* What the next process has to know of requests, if there can be one: an arena. */
int view_make_logs(struct view *view, struct arena *arena, bool has_locks);

/*
 * Submits a call of the view's on this shard, which is the thread's. What a former
 * process has sent goes by the connection that it went by there. Returns the client
 * that has it, to cancel it.
 */
struct nfs_client *view_submit(struct view *view, unsigned int shard,
			       struct nfs_call *call);

/*
 * A name that a program looks up in dir: 0, -ENAMETOOLONG, or -ENOENT for what a
 * view never shows. `.meta` in the root is not ours but meta's (view_is_meta()).
 */
int view_check_name(const struct view *view, uint64_t dir, const char *name);

/* A name that a program makes, removes or renames: -EPERM for reserved ones. */
int view_check_change(const struct view *view, uint64_t dir, const char *name);

/* Not listed in dir. */
bool view_is_hidden(const struct view *view, uint64_t dir, const char *name);

/* `.meta` of the view's root. */
bool view_is_meta(uint64_t dir, const char *name);

/*
 * A call that changes the node's data or attributes is done, whatever it came to:
 * cached pages, and what is known of attributes, are of the state after it.
 */
void view_own_change(struct view *view, uint64_t nodeid,
		     const struct nfs_call *call);
/* A call that changes names in dir is done; wcc is the part of it that tells of dir. */
void view_names_change(struct view *view, uint64_t dir,
		       const struct nfs_call *call, const struct nfs_wcc *wcc);

/* Last known attributes of the root, and statfs. */
void view_set_root(struct view *view, const struct nfs_attr *attr);
void view_get_root(struct view *view, struct nfs_attr *ret);
void view_set_statvfs(struct view *view, const struct statvfs *st);
bool view_get_statvfs(struct view *view, struct statvfs *ret);
