/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A connection has SHARE_CALLS_MAX slots. A call that is in flight has one, which
 * lives as long as the connection: libnfs calls back for all that is queued when its
 * context is destroyed, and by then nobody may be there any more who asked. Such a
 * slot was abandoned and says nothing.
 */

#include "share_calls.h"

#include <poll.h>
#include <string.h>

/* libnfs.h comes first: the others need its EXTERN. */
/* clang-format off */
#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <nfsc/libnfs-raw-nfs.h>
/* clang-format on */

#include "clock.h"
#include "share_connect.h"

#define LIST_NAMES 8192	 /* bytes of names and cookies in a reply */
#define LIST_MAX   32768 /* bytes of a reply */

struct share_slot {
	struct share_nfs *nfs; /* borrowed */
	bool is_busy;
	struct share_call call; /* done is NULL when it was abandoned */
	int (*take)(const void *res, void *out);
	void *out;
};

size_t share_calls_in_flight(const struct share_nfs *nfs)
{
	return nfs->n_in_flight;
}

size_t share_calls_free(const struct share_nfs *nfs)
{
	return nfs->is_broken ? 0 : SHARE_CALLS_MAX - nfs->n_in_flight;
}

static struct share_slot *find_slot(struct share_nfs *nfs)
{
	if (nfs->is_broken)
		return NULL;
	if (!nfs->slots)
		nfs->slots = calloc(SHARE_CALLS_MAX, sizeof(*nfs->slots));
	for (size_t i = 0; nfs->slots && i < SHARE_CALLS_MAX; i++)
		if (!nfs->slots[i].is_busy)
			return &nfs->slots[i];
	return NULL;
}

static struct share_slot *begin(struct share_nfs *nfs,
				const struct share_call *call,
				int (*take)(const void *res, void *out),
				void *out)
{
	struct share_slot *slot = find_slot(nfs);

	if (slot)
		*slot = (struct share_slot){
			.nfs = nfs, .call = *call, .take = take, .out = out
		};
	return slot;
}

static int end(struct share_slot *slot, int queued)
{
	if (queued != 0)
		return -ENOMEM;
	slot->is_busy = true;
	slot->nfs->n_in_flight++;
	return 0;
}

static void on_done(struct rpc_context *rpc, int status, void *data,
		    void *userdata)
{
	struct share_slot *slot = userdata;
	struct share_call call = slot->call;
	int r;

	slot->is_busy = false;
	slot->nfs->n_in_flight--;
	if (!call.done)
		return;
	if (status != RPC_STATUS_SUCCESS) {
		slot->nfs->is_broken = true;
		r = status == RPC_STATUS_TIMEOUT ? -ETIMEDOUT : -ECONNRESET;
	} else {
		/* Every result starts with its status (RFC 1813, 2.5). */
		r = nfsstat3_to_errno((int)*(const nfsstat3 *)data);
		if (r == 0 && slot->take)
			r = slot->take(data, slot->out);
	}
	call.done(&call, r);
}

/* --- what replies tell ------------------------------------------------------------ */

static nfs_fh3 fh_arg(const struct share_fh *fh)
{
	return (nfs_fh3){ .data = { .data_len = fh->len,
				    .data_val = (char *)fh->data } };
}

static diropargs3 dirop_arg(const struct share_fh *dir, const char *name)
{
	return (diropargs3){ .dir = fh_arg(dir), .name = (char *)name };
}

/* Both are optional in a reply (RFC 1813, 3.3.17): false if one is missing. */
static bool take_entry(const post_op_attr *attributes, const nfs_fh3 *handle,
		       struct share_listed *ret)
{
	const fattr3 *attr = &attributes->post_op_attr_u.attributes;

	if (!attributes->attributes_follow || handle->data.data_len == 0 ||
	    handle->data.data_len > sizeof(ret->entry.fh.data))
		return false;
	memcpy(ret->entry.fh.data, handle->data.data_val,
	       handle->data.data_len);
	ret->entry.fh.len = handle->data.data_len;
	ret->entry.fileid = attr->fileid;
	ret->entry.is_directory = attr->type == NF3DIR;
	ret->fsid = attr->fsid;
	ret->used = attr->nlink > 1 ? 0 : attr->used;
	return true;
}

static int take_lookup(const void *data, void *out)
{
	const LOOKUP3resok *res =
		&((const LOOKUP3res *)data)->LOOKUP3res_u.resok;
	struct share_listed *listed = out;

	listed->has_entry =
		take_entry(&res->obj_attributes, &res->object, listed);
	return listed->has_entry ? 0 : -EPROTO;
}

static int make_room(struct share_page *page)
{
	size_t n = page->n_allocated ? page->n_allocated * 2 : 16;
	struct share_listed *items;

	if (page->n < page->n_allocated)
		return 0;
	items = reallocarray(page->items, n, sizeof(*items));
	if (!items)
		return -ENOMEM;
	page->items = items;
	page->n_allocated = n;
	return 0;
}

static int take_name(const entryplus3 *entry, struct share_page *page)
{
	struct share_listed *item;

	page->cookie = entry->cookie;
	if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
		return 0;
	/* A name with a slash would be a path to whoever uses it as one. */
	if (!*entry->name || strchr(entry->name, '/'))
		return -EPROTO;
	if (make_room(page) < 0)
		return -ENOMEM;
	item = &page->items[page->n];
	*item = (struct share_listed){ .name = strdup(entry->name) };
	if (!item->name)
		return -ENOMEM;
	page->n++;
	item->has_entry =
		entry->name_handle.handle_follows &&
		take_entry(&entry->name_attributes,
			   &entry->name_handle.post_op_fh3_u.handle, item);
	return 0;
}

static int take_page(const void *data, void *out)
{
	const READDIRPLUS3resok *res =
		&((const READDIRPLUS3res *)data)->READDIRPLUS3res_u.resok;
	struct share_page *page = out;
	const void *next = res->reply.entries;

	memcpy(page->verifier, res->cookieverf, sizeof(page->verifier));
	while (next && page->n < SHARE_PAGE_NAMES) {
		entryplus3 entry;
		int r;

		/* libnfs's decoder does not align what it allocates. */
		memcpy(&entry, next, sizeof(entry));
		r = take_name(&entry, page);
		if (r < 0)
			return r;
		next = entry.nextentry;
	}
	page->is_end = !next && res->reply.eof;
	return 0;
}

static void free_names(struct share_page *page)
{
	for (size_t i = 0; i < page->n; i++)
		free(page->items[i].name);
	page->n = 0;
}

void share_page_fini(struct share_page *page)
{
	free_names(page);
	free(page->items);
	*page = (struct share_page){ 0 };
}

/* --- the calls ------------------------------------------------------------------------ */

int share_call_list(struct share_nfs *nfs, const struct share_call *call,
		    const struct share_fh *dir, struct share_page *page)
{
	READDIRPLUS3args args = { .dir = fh_arg(dir),
				  .cookie = page->cookie,
				  .dircount = LIST_NAMES,
				  .maxcount = LIST_MAX };
	struct share_slot *slot = begin(nfs, call, take_page, page);

	if (!slot)
		return -ENOTCONN;
	free_names(page);
	memcpy(args.cookieverf, page->verifier, sizeof(args.cookieverf));
	return end(slot,
		   rpc_nfs3_readdirplus_async(nfs->rpc, on_done, &args, slot));
}

int share_call_lookup(struct share_nfs *nfs, const struct share_call *call,
		      const struct share_fh *dir, const char *name,
		      struct share_listed *ret)
{
	LOOKUP3args args = { .what = dirop_arg(dir, name) };
	struct share_slot *slot = begin(nfs, call, take_lookup, ret);

	if (!slot)
		return -ENOTCONN;
	return end(slot, rpc_nfs3_lookup_async(nfs->rpc, on_done, &args, slot));
}

int share_call_remove(struct share_nfs *nfs, const struct share_call *call,
		      const struct share_fh *dir, const char *name)
{
	REMOVE3args args = { .object = dirop_arg(dir, name) };
	struct share_slot *slot = begin(nfs, call, NULL, NULL);

	if (!slot)
		return -ENOTCONN;
	return end(slot, rpc_nfs3_remove_async(nfs->rpc, on_done, &args, slot));
}

int share_call_rmdir(struct share_nfs *nfs, const struct share_call *call,
		     const struct share_fh *dir, const char *name)
{
	RMDIR3args args = { .object = dirop_arg(dir, name) };
	struct share_slot *slot = begin(nfs, call, NULL, NULL);

	if (!slot)
		return -ENOTCONN;
	return end(slot, rpc_nfs3_rmdir_async(nfs->rpc, on_done, &args, slot));
}

int share_call_rename(struct share_nfs *nfs, const struct share_call *call,
		      const struct share_fh *from, const char *from_name,
		      const struct share_fh *to, const char *to_name)
{
	RENAME3args args = { .from = dirop_arg(from, from_name),
			     .to = dirop_arg(to, to_name) };
	struct share_slot *slot = begin(nfs, call, NULL, NULL);

	if (!slot)
		return -ENOTCONN;
	return end(slot, rpc_nfs3_rename_async(nfs->rpc, on_done, &args, slot));
}

/* --- waiting ---------------------------------------------------------------------------- */

static int wait_once(struct share_nfs *nfs, uint64_t deadline_ns)
{
	struct pollfd pfd = { .fd = rpc_get_fd(nfs->rpc),
			      .events = (short)rpc_which_events(nfs->rpc) };
	uint64_t now = clock_ns();
	int r;

	if (now >= deadline_ns)
		return -ETIMEDOUT;
	r = poll(&pfd, 1, (int)((deadline_ns - now) / NS_PER_MS) + 1);
	if (r < 0 && errno != EINTR)
		return -errno;
	if (r > 0 && rpc_service(nfs->rpc, pfd.revents) < 0)
		return -ECONNRESET;
	return nfs->is_broken ? -ECONNRESET : 0;
}

int share_calls_wait(struct share_nfs *nfs)
{
	uint64_t deadline =
		clock_ns() + SHARE_NFS_TIMEOUT_MS * (uint64_t)NS_PER_MS;
	size_t before = nfs->n_in_flight;
	int r = nfs->is_broken ? -ENOTCONN : 0;

	while (r == 0 && before > 0 && nfs->n_in_flight >= before)
		r = wait_once(nfs, deadline);
	if (r < 0)
		nfs->is_broken = true;
	return r;
}

void share_calls_abandon(struct share_nfs *nfs)
{
	nfs->is_broken = true;
	for (size_t i = 0; nfs->slots && i < SHARE_CALLS_MAX; i++)
		nfs->slots[i].call.done = NULL;
}
