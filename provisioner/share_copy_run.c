/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The copy of a tree: the source's connection lists, looks up and reads, the target's
 * makes and writes, each with up to SHARE_CALLS_MAX calls in flight. This file lets
 * everybody step until all wait for answers, and waits for one.
 *
 *	directories (share_copy_dir.c)  open each other and begin entries
 *	entries (share_copy_entry.c)    go from call to call until they are done
 *	content (share_copy_data.c)     many chunks of a file at once
 *
 * A READ in flight is going to need a slot of the target when it is answered; so many
 * are not given to anybody else.
 *
 * When told to stop nothing new is begun. What was begun is completed, except for the
 * content of large files, which ends where it is and is marked.
 *
 * Memory: entries and chunks are in the run; directories have a bound
 * (share_copy_dir.c); content in flight is at most COPY_BYTES_MAX in calls, and as much
 * once more for files with holes.
 */

#include <malloc.h>
#include <string.h>

#include "clock.h"
#include "share_copy_parts.h"
#include "share_probe.h"

#define SLICE_MS   500
#define SILENCE_NS (60 * NS_PER_S) /* a disk that is slow to commit has time */
#define LINKS_MODE 0700

void copy_fault_fini(struct copy_fault *fault)
{
	free(fault->path);
	*fault = (struct copy_fault){ 0 };
}

/* --- what is asked of everywhere --------------------------------------------------------- */

bool copy_can_ask_source(const struct copy_run *run)
{
	return share_calls_free(run->job->from) > 0;
}

bool copy_can_ask_target(const struct copy_run *run)
{
	return share_calls_free(run->job->to) > run->n_reading;
}

static char *path_of(const struct copy_dir *dir, const char *name)
{
	char *path = strdup(name ? name : "");

	for (; path && dir && dir->parent; dir = dir->parent) {
		char *longer = NULL;

		if (asprintf(&longer, *path ? "%s/%s" : "%s%s", dir->name,
			     path) < 0)
			longer = NULL;
		free(path);
		path = longer;
	}
	return path;
}

int copy_note_error(struct copy_run *run, int r, const struct copy_dir *dir,
		    const char *name, const char *what, bool is_at_source)
{
	if (r >= 0 || run->r < 0)
		return r;
	run->r = r;
	*run->fault = (struct copy_fault){
		.path = path_of(dir, name),
		.what = what,
		.is_at_source = is_at_source,
		.step = strcmp(what, COPY_SET_OWNER) == 0 ? SHARE_STEP_OWNER
							  : SHARE_STEP_CHANGE,
	};
	return r;
}

bool copy_is_gone(int r)
{
	return r == -ENOENT || r == -ESTALE;
}

/* --- attributes ---------------------------------------------------------------------------- */

static bool is_same_content(const struct share_attributes *source,
			    const struct share_attributes *target)
{
	switch (source->mode & S_IFMT) {
	case S_IFREG:
	case S_IFLNK:
		return source->size == target->size;
	case S_IFCHR:
	case S_IFBLK:
		return source->major == target->major &&
		       source->minor == target->minor;
	default:
		return true;
	}
}

/* Servers keep times in units of 100 ns, a microsecond, a millisecond, or a second. */
static bool is_same_time(const struct timespec *source,
			 const struct timespec *target)
{
	static const long units[] = { 1, 100, 1000, 1000000, 1000000000 };

	if (source->tv_sec != target->tv_sec)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (target->tv_nsec ==
		    source->tv_nsec - source->tv_nsec % units[i])
			return true;
	return false;
}

bool copy_is_whole(const struct share_attributes *source,
		   const struct share_attributes *target)
{
	/* Nobody can change a symlink's mode. */
	uint32_t mask = S_ISLNK(source->mode) ? S_IFMT : S_IFMT | 07777;

	return (source->mode & mask) == (target->mode & mask) &&
	       source->uid == target->uid && source->gid == target->gid &&
	       is_same_time(&source->mtime, &target->mtime) &&
	       is_same_content(source, target);
}

/* One with which we can go on, even where root is somebody else. */
uint32_t copy_half_mode(const struct share_attributes *source)
{
	uint32_t mode = source->mode & 07777;

	if (S_ISDIR(source->mode))
		return mode == 0700 ? 0710 : 0700;
	return mode == 0600 ? 0640 : 0600;
}

static bool has_owner(const struct share_attributes *source,
		      const struct share_object *target)
{
	return target->has_attributes &&
	       target->attributes.uid == source->uid &&
	       target->attributes.gid == source->gid;
}

/* A change of owner takes these bits away, on some servers after a mode came with it. */
bool copy_needs_owner_first(const struct share_attributes *source,
			    const struct share_object *target)
{
	return !S_ISLNK(source->mode) && (source->mode & (S_ISUID | S_ISGID)) &&
	       !has_owner(source, target);
}

unsigned int copy_last_changes(const struct share_attributes *source,
			       const struct share_object *target)
{
	unsigned int flags = SHARE_CHANGE_ATIME | SHARE_CHANGE_MTIME;

	if (!S_ISLNK(source->mode))
		flags |= SHARE_CHANGE_MODE;
	if (!has_owner(source, target))
		flags |= SHARE_CHANGE_OWNER;
	return flags;
}

/* --- beginning ------------------------------------------------------------------------------- */

static int begin_links(struct copy_run *run)
{
	struct share_made made;
	int r = share_nfs_ensure_directory(run->job->to, run->job->place,
					   COPY_LINKS, LINKS_MODE, &made);

	if (r < 0)
		return copy_note_error(run, r, NULL, NULL, "make", false);
	run->links = made.entry.fh;
	return 0;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* As much as both servers take, and a whole number of blocks. */
static int find_chunk_size(struct copy_run *run)
{
	const struct copy_job *job = run->job;
	struct share_limits from, to;
	int r = share_probe_limits(job->from, job->source, &from);

	if (r < 0)
		return copy_note_error(run, r, NULL, NULL, "look at", true);
	r = share_probe_limits(job->to, job->place, &to);
	if (r < 0)
		return copy_note_error(run, r, NULL, NULL, "look at", false);
	run->chunk_size =
		smaller(COPY_CHUNK_MAX, smaller(from.read_max, to.write_max)) &
		~4095u;
	return run->chunk_size > 0 ? 0
				   : copy_note_error(run, -EPROTO, NULL, NULL,
						     "look at", true);
}

static int begin(struct copy_run *run)
{
	const struct copy_job *job = run->job;
	struct share_attributes attributes;
	int r = share_probe_getattr(job->from, job->source, &attributes);

	if (r < 0)
		return copy_note_error(run, r, NULL, NULL, "look at", true);
	run->fsid = attributes.fsid;
	r = begin_links(run);
	if (r == 0)
		r = find_chunk_size(run);
	if (r < 0)
		return r;
	return copy_note_error(
		run,
		copy_dir_open(run, NULL, COPY_TREE, job->source, &attributes),
		NULL, NULL, "copy", true);
}

/* --- running ----------------------------------------------------------------------------------- */

/* Until all wait for answers. */
static void step_all(struct copy_run *run)
{
	bool has_done = true;

	while (run->r == 0 && has_done) {
		has_done = copy_entries_step(run);
		while (run->r == 0 && copy_dirs_step(run))
			has_done = true;
	}
}

static size_t n_in_flight(const struct copy_run *run)
{
	return share_calls_in_flight(run->job->from) +
	       share_calls_in_flight(run->job->to);
}

static int wait_for_answer(struct copy_run *run, uint64_t *since_ns)
{
	const struct copy_job *job = run->job;
	int r = share_calls_wait_both(job->from, job->to, SLICE_MS);

	if (r == 0)
		*since_ns = clock_ns();
	if (r == -ETIMEDOUT && clock_ns() - *since_ns < SILENCE_NS)
		r = 0;
	return copy_note_error(run, r, NULL, NULL, "copy",
			       !share_nfs_is_broken(job->to));
}

static void ask(struct copy_run *run)
{
	const struct copy_job *job = run->job;

	if (job->go_on && !job->go_on(job->userdata, &run->progress))
		run->is_stopping = true;
}

static int run_all(struct copy_run *run)
{
	uint64_t since_ns = clock_ns();

	for (;;) {
		step_all(run);
		if (run->r < 0)
			return run->r;
		if (n_in_flight(run) == 0)
			break;
		if (wait_for_answer(run, &since_ns) < 0)
			return run->r;
		ask(run);
	}
	ask(run);
	if (!run->tree)
		return 0;
	return run->is_stopping ? SHARE_MORE
				: copy_note_error(run, -EDEADLK, NULL, NULL,
						  "copy", false);
}

/* Answers that are still to come refer to what goes here. */
static void run_fini(struct copy_run *run)
{
	if (n_in_flight(run) > 0) {
		share_calls_abandon(run->job->from);
		share_calls_abandon(run->job->to);
	}
	for (size_t i = 0; i < COPY_CHUNKS_MAX; i++)
		free(run->chunks[i].text);
	for (size_t i = 0; i < COPY_ENTRIES_MAX; i++) {
		free(run->entries[i].symlink);
		free(run->entries[i].compared);
	}
	/* Children were opened after their parents. */
	while (!TAILQ_EMPTY(&run->open))
		copy_dir_close(TAILQ_LAST(&run->open, copy_dirs));
	free(run->n_open);
	free(run);
}

/*
 * libnfs takes the memory of each call and reply from malloc(), which by default gives
 * pieces of this size back to the kernel at once: a page fault for every 4 KiB that are
 * copied took more than half of our time.
 */
static void keep_memory(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, 4 << 20);
	(void)mallopt(M_TRIM_THRESHOLD, 16 << 20);
}

int copy_run(const struct copy_job *job, struct copy_fault *fault)
{
	struct copy_run *run = calloc(1, sizeof(*run));
	int r;

	if (!run)
		return -ENOMEM;
	keep_memory();
	run->job = job;
	run->fault = fault;
	TAILQ_INIT(&run->open);
	run->n_open = calloc(COPY_DEPTH_MAX, sizeof(*run->n_open));
	r = run->n_open ? begin(run) : -ENOMEM;
	if (r == 0)
		r = run_all(run);
	run_fini(run);
	(void)malloc_trim(0);
	return r;
}
