/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A page has an end whatever the server sends: LIST_MAX bytes are asked for, and
 * SHARE_PAGE_NAMES names are taken. What is left over is asked for again by the
 * cookie of the last that was.
 */

#include "share_wire.h"

#include <string.h>
#include <sys/stat.h>

#define LIST_NAMES 8192	 /* bytes of names and cookies in a reply */
#define LIST_MAX   32768 /* bytes of a reply */

/*
 * libnfs 4.0 takes DQUOT for ERANGE and BAD_COOKIE for EIO, later ones other numbers: what
 * somebody acts on has one of its own here.
 */
int wire_errno(const void *result)
{
	/* Every result starts with its status (RFC 1813, 2.5). */
	nfsstat3 status = *(const nfsstat3 *)result;

	switch (status) {
	case NFS3ERR_DQUOT:
		return -EDQUOT;
	case NFS3ERR_BAD_COOKIE:
		return -EINVAL;
	default:
		return nfsstat3_to_errno((int)status);
	}
}

nfs_fh3 wire_fh(const struct share_fh *fh)
{
	return (nfs_fh3){ .data = { .data_len = fh->len,
				    .data_val = (char *)fh->data } };
}

diropargs3 wire_dirop(const struct share_fh *dir, const char *name)
{
	return (diropargs3){ .dir = wire_fh(dir), .name = (char *)name };
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
	free(page->attributes);
	*page = (struct share_page){ 0 };
}

READDIRPLUS3args wire_list(const struct share_fh *dir, struct share_page *page)
{
	READDIRPLUS3args args = { .dir = wire_fh(dir),
				  .cookie = page->cookie,
				  .dircount = LIST_NAMES,
				  .maxcount = LIST_MAX };

	free_names(page);
	memcpy(args.cookieverf, page->verifier, sizeof(args.cookieverf));
	return args;
}

static struct timespec time_of(const nfstime3 *at)
{
	return (struct timespec){ .tv_sec = at->seconds,
				  .tv_nsec = at->nseconds };
}

static uint32_t type_bits(ftype3 type)
{
	static const uint32_t bits[] = {
		[NF3REG] = S_IFREG, [NF3DIR] = S_IFDIR, [NF3BLK] = S_IFBLK,
		[NF3CHR] = S_IFCHR, [NF3LNK] = S_IFLNK, [NF3SOCK] = S_IFSOCK,
		[NF3FIFO] = S_IFIFO
	};

	return (size_t)type < ARRAY_SIZE(bits) ? bits[type] : 0;
}

struct share_attributes wire_attributes(const fattr3 *attr)
{
	return (struct share_attributes){
		.mode = type_bits(attr->type) | (attr->mode & 07777),
		.n_links = attr->nlink,
		.uid = attr->uid,
		.gid = attr->gid,
		.major = attr->rdev.specdata1,
		.minor = attr->rdev.specdata2,
		.size = attr->size,
		.used = attr->used,
		.fsid = attr->fsid,
		.fileid = attr->fileid,
		.atime = time_of(&attr->atime),
		.mtime = time_of(&attr->mtime),
		.ctime = time_of(&attr->ctime),
	};
}

bool wire_take_fh(const nfs_fh3 *handle, struct share_fh *ret)
{
	if (handle->data.data_len == 0 ||
	    handle->data.data_len > sizeof(ret->data))
		return false;
	memcpy(ret->data, handle->data.data_val, handle->data.data_len);
	ret->len = handle->data.data_len;
	return true;
}

/* Both are optional in a reply (RFC 1813, 3.3.17): false if one is missing. */
static bool take_entry(const post_op_attr *attributes, const nfs_fh3 *handle,
		       struct share_listed *ret)
{
	const fattr3 *attr = &attributes->post_op_attr_u.attributes;

	if (!attributes->attributes_follow ||
	    !wire_take_fh(handle, &ret->entry.fh))
		return false;
	ret->entry.fileid = attr->fileid;
	ret->entry.is_directory = attr->type == NF3DIR;
	ret->fsid = attr->fsid;
	ret->used = attr->used / (attr->nlink ? attr->nlink : 1);
	return true;
}

int wire_take_lookup(const void *data, void *out)
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
	struct share_attributes *attributes;
	struct share_listed *items;

	if (page->n < page->n_allocated)
		return 0;
	items = reallocarray(page->items, n, sizeof(*items));
	if (!items)
		return -ENOMEM;
	page->items = items;
	if (page->wants_attributes) {
		attributes =
			reallocarray(page->attributes, n, sizeof(*attributes));
		if (!attributes)
			return -ENOMEM;
		page->attributes = attributes;
	}
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
	*item = (struct share_listed){ .name = strdup(entry->name),
				       .cookie = entry->cookie };
	if (!item->name)
		return -ENOMEM;
	page->n++;
	item->has_entry =
		entry->name_handle.handle_follows &&
		take_entry(&entry->name_attributes,
			   &entry->name_handle.post_op_fh3_u.handle, item);
	if (page->wants_attributes)
		page->attributes[page->n - 1] = wire_attributes(
			&entry->name_attributes.post_op_attr_u.attributes);
	return 0;
}

int wire_take_page(const void *data, void *out)
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
