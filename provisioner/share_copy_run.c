/* SPDX-License-Identifier: Apache-2.0 */

/* Directories and the content of files, one call at a time. */

#include <string.h>

#include "share_copy.h"
#include "share_copy_place.h"

#define FILE_MAX ((size_t)1 << 20)

struct run {
	const struct copy_job *job;
	struct share_copy_progress progress;
};

void copy_fault_fini(struct copy_fault *fault)
{
	free(fault->path);
	*fault = (struct copy_fault){ 0 };
}

static int copy_file(struct run *run, const struct share_fh *source,
		     const struct share_fh *dir, const char *name)
{
	_cleanup_(free) char *text = malloc(FILE_MAX);
	size_t len = 0;
	int r = text ? share_nfs_read_file(run->job->from, source, text,
					   FILE_MAX, &len)
		     : -ENOMEM;

	run->progress.n_bytes += len;
	return r < 0 ? r
		     : share_nfs_write_file(run->job->to, dir, name, text, len);
}

static int copy_directory(struct run *run, const struct share_fh *source,
			  const struct share_fh *to, const char *name);

static int copy_page(struct run *run, const struct share_page *page,
		     const struct share_fh *dir)
{
	for (size_t i = 0; i < page->n; i++) {
		const struct share_listed *item = &page->items[i];
		const struct share_fh *fh = &item->entry.fh;
		int r = item->entry.is_directory
				? copy_directory(run, fh, dir, item->name)
				: copy_file(run, fh, dir, item->name);

		if (r != 0)
			return r;
		run->progress.n_entries++;
		if (run->job->go_on &&
		    !run->job->go_on(run->job->userdata, &run->progress))
			return SHARE_MORE;
	}
	return 0;
}

static int copy_directory(struct run *run, const struct share_fh *source,
			  const struct share_fh *to, const char *name)
{
	_cleanup_(share_page_fini) struct share_page page = { 0 };
	struct share_entry entry;
	int r = share_nfs_mkdir(run->job->to, to, name, 0777);

	if (r == 0 || r == -EEXIST)
		r = share_nfs_lookup(run->job->to, to, name, &entry);
	while (r == 0 && !page.is_end) {
		r = share_nfs_list(run->job->from, source, &page);
		if (r == 0)
			r = copy_page(run, &page, &entry.fh);
	}
	return r;
}

int copy_run(const struct copy_job *job, struct copy_fault *fault)
{
	struct run run = { .job = job };

	return copy_directory(&run, job->source, job->place, COPY_TREE);
}
