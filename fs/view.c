/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Views. Two names of the root are special: `.meta`, which is virtual, and, when
 * the view's root is the share itself, `.claimfs`, where the provisioner keeps its
 * descriptors and its trash. Neither is listed; the second does not even exist.
 */

#include "view.h"

#include <string.h>

#include "attr_cache.h"
#include "commit.h"
#include "file_state.h"
#include "freeze.h"
#include "inode.h"
#include "inode_layout.h"
#include "intent.h"
#include "meta.h"
#include "nfs_far.h"
#include "nfs_sent.h"
#include "request_log.h"
#include "trace.h"

#define RESERVED_NAME ".claimfs"

void view_init(struct view *view)
{
	pthread_mutex_init(&view->last_lock, NULL);
	parking_init(&view->appends);
	parking_init(&view->removals);
	gate_init(&view->gate);
}

int view_make_logs(struct view *view, struct arena *arena, bool has_locks)
{
	int r;

	if (!arena)
		return 0;
	r = intents_new(&view->intents, view->inodes);
	if (r == 0 && !has_locks) /* else it is not taken over */
		r = request_log_new(&view->requests, view->inodes, arena);
	return r;
}

void view_fini(struct view *view)
{
	view->freeze = freeze_free(view->freeze);
	view->commits = commits_free(view->commits);
	gate_fini(&view->gate);
	parking_fini(&view->removals);
	view->intents = intents_free(view->intents);
	view->requests = request_log_free(view->requests);
	parking_fini(&view->appends);
	pthread_mutex_destroy(&view->last_lock);
	free(view->shards);
	view->inodes = inode_table_free(view->inodes);
	view->trace = trace_unref(view->trace);
}

/* That which came from the port in a former process. */
static struct view_link *find_former_link(struct view *view, uint16_t port,
					  unsigned int *ret_shard)
{
	unsigned int n = shards_count(shard_siblings(shard_current()));

	for (unsigned int i = 0; i < n; i++) {
		struct view_shard *shard = &view->shards[i];

		for (unsigned int j = 0; j < shard->n_links; j++) {
			if (shard->links[j].former_port != port)
				continue;
			*ret_shard = i;
			return &shard->links[j];
		}
	}
	return NULL;
}

/* NULL: it can't be, and is like any other call. */
static struct nfs_client *submit_again(struct view *view, unsigned int shard,
				       struct nfs_call *call)
{
	unsigned int there;
	struct view_link *link = find_former_link(
		view, nfs_sent_port(call->sent_before), &there);

	if (!link)
		return NULL;
	if (there != shard)
		return nfs_far_submit(
			shards_get(shard_siblings(shard_current()), there),
			link->client, &link->flow, call);
	call->flow = &link->flow;
	nfs_client_submit(link->client, call);
	return link->client;
}

static struct view_link *choose_link(struct view *view, unsigned int shard,
				     const struct nfs_call *call)
{
	struct view_shard *own = &view->shards[shard];
	unsigned int n_lanes = own->n_links / VIEW_N_LINK_KINDS;
	unsigned int lane = n_lanes > 1 ? own->next_lane++ % n_lanes : 0;
	enum view_link_kind kind =
		nfs_call_is_bulk(call) ? VIEW_LINK_BULK : VIEW_LINK_SMALL;

	return &own->links[lane * VIEW_N_LINK_KINDS + kind];
}

struct nfs_client *view_submit(struct view *view, unsigned int shard,
			       struct nfs_call *call)
{
	struct nfs_client *client = NULL;
	struct view_link *link;

	if (call->sent_before)
		client = submit_again(view, shard, call);
	if (client)
		return client;
	call->sent_before = 0;
	link = choose_link(view, shard, call);
	call->flow = &link->flow;
	nfs_client_submit(link->client, call);
	return link->client;
}

bool view_is_meta(uint64_t dir, const char *name)
{
	return dir == INODE_ROOT && strcmp(name, META_DIR_NAME) == 0;
}

static bool is_reserved(const struct view *view, uint64_t dir, const char *name)
{
	return dir == INODE_ROOT && view->is_share_root &&
	       strcmp(name, RESERVED_NAME) == 0;
}

bool view_is_hidden(const struct view *view, uint64_t dir, const char *name)
{
	return view_is_meta(dir, name) || is_reserved(view, dir, name);
}

static int check_component(const char *name)
{
	/*
	 * The kernel resolves these itself and never sends them; one that came
	 * through would let the server walk out of the view.
	 */
	if (name[0] == '\0' || strchr(name, '/') || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return -EINVAL;
	return strlen(name) > NFS_NAME_MAX ? -ENAMETOOLONG : 0;
}

int view_check_name(const struct view *view, uint64_t dir, const char *name)
{
	int r = check_component(name);

	if (r < 0)
		return r;
	return is_reserved(view, dir, name) ? -ENOENT : 0;
}

int view_check_change(const struct view *view, uint64_t dir, const char *name)
{
	int r = check_component(name);

	if (r < 0)
		return r;
	/* Nothing is made or removed among the virtual nodes. */
	return meta_is_node(dir) || view_is_hidden(view, dir, name) ? -EPERM
								    : 0;
}

/* A call that was not answered well may have done anything. */
static void learn_state_after(struct view *view, uint64_t nodeid,
			      const struct nfs_call *call,
			      const struct nfs_wcc *wcc)
{
	bool is_known = call->status == 0 && wcc->has_after;

	attr_cache_changed(view->inodes, nodeid, is_known ? &wcc->after : NULL,
			   call->start_ns);
}

void view_names_change(struct view *view, uint64_t dir,
		       const struct nfs_call *call, const struct nfs_wcc *wcc)
{
	/* Who has been made is told to the kernel; who has another name is not known. */
	if (call->status < 0 || call->proc == NFS_REMOVE ||
	    call->proc == NFS_RENAME || call->proc == NFS_LINK)
		attr_cache_names_changed(view->inodes,
					 call->proc == NFS_RENAME);
	learn_state_after(view, dir, call, wcc);
}

/* Servers may leave the state before it out; with one node it is no secret. */
void view_own_change(struct view *view, uint64_t nodeid,
		     const struct nfs_call *call)
{
	const struct nfs_wcc *wcc = &call->res.wcc;

	learn_state_after(view, nodeid, call, wcc);
	if (call->status < 0)
		return;
	if (!view->has_one_node)
		file_changed(view->inodes, nodeid, wcc);
	else if (wcc->has_after)
		file_advanced(view->inodes, nodeid, &wcc->after);
}

void view_set_root(struct view *view, const struct nfs_attr *attr)
{
	pthread_mutex_lock(&view->last_lock);
	view->last_root = *attr;
	pthread_mutex_unlock(&view->last_lock);
}

void view_get_root(struct view *view, struct nfs_attr *ret)
{
	pthread_mutex_lock(&view->last_lock);
	*ret = view->last_root;
	pthread_mutex_unlock(&view->last_lock);
}

void view_set_statvfs(struct view *view, const struct statvfs *st)
{
	struct table_header *header = inode_table_header(view->inodes);

	pthread_mutex_lock(&view->last_lock);
	atomic_store(&header->has_statvfs, 0);
	header->statvfs = *st;
	atomic_store(&header->has_statvfs, 1);
	pthread_mutex_unlock(&view->last_lock);
}

bool view_get_statvfs(struct view *view, struct statvfs *ret)
{
	const struct table_header *header = inode_table_header(view->inodes);
	bool is_known;

	pthread_mutex_lock(&view->last_lock);
	is_known = atomic_load(&header->has_statvfs);
	*ret = header->statvfs;
	pthread_mutex_unlock(&view->last_lock);
	return is_known;
}
