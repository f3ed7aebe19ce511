/* SPDX-License-Identifier: Apache-2.0 */

/*
 * All that is no directory. An entry that is under way has one of COPY_ENTRIES_MAX
 * records and goes from call to call:
 *
 *	LOOK -> (REMOVE) -> (READLINK) -> MAKE -> DATA -> (SIZE) -> (OWN) -> FINISH -> LINK
 *
 * What is gone at the source when it is read may have a successor of its name: LOOK_AGAIN.
 *
 * LOOK only where something can be. What is there half made has a mode that its source
 * has not; FINISH gives it the right one, together with mtime, after all else. So type,
 * size, mode, owner and mtime say that an entry is whole, and a crash leaves nothing
 * that looks so and is not.
 */

#include <inttypes.h>
#include <string.h>

#include "fnv1a.h"
#include "share_copy_parts.h"

static const struct share_fh *target_dir(const struct copy_entry *entry)
{
	return entry->is_linked ? &entry->run->links : &entry->dir->target.fh;
}

static const char *target_name(const struct copy_entry *entry)
{
	return entry->is_linked ? entry->link_name : entry->name;
}

static uint32_t type_of(const struct share_attributes *attributes)
{
	return attributes->mode & S_IFMT;
}

int copy_entry_fail(struct copy_entry *entry, int r, const char *what,
		    bool is_at_source)
{
	return copy_note_error(entry->run, r, entry->dir, entry->name, what,
			       is_at_source);
}

/* --- beginning and end -------------------------------------------------------------------- */

/* Two names of one file wait for each other. */
static bool is_under_way(const struct copy_run *run, uint64_t fileid)
{
	for (size_t i = 0; i < COPY_ENTRIES_MAX; i++)
		if (run->entries[i].state != COPY_ENTRY_FREE &&
		    run->entries[i].attributes.fileid == fileid)
			return true;
	return false;
}

bool copy_entry_can_begin(const struct copy_run *run,
			  const struct share_attributes *attributes)
{
	return run->n_entries < COPY_ENTRIES_MAX &&
	       (attributes->n_links <= 1 ||
		!is_under_way(run, attributes->fileid));
}

static struct copy_entry *find_free(struct copy_run *run)
{
	for (size_t i = 0; i < COPY_ENTRIES_MAX; i++)
		if (run->entries[i].state == COPY_ENTRY_FREE)
			return &run->entries[i];
	return NULL;
}

void copy_entry_make_next(struct copy_entry *entry)
{
	entry->state = S_ISLNK(entry->attributes.mode) ? COPY_ENTRY_READLINK
						       : COPY_ENTRY_MAKE;
}

/* A file id may be another file's later, a handle is not. */
void copy_entry_name_links(struct copy_entry *entry)
{
	const struct share_fh *source = &entry->source;

	(void)snprintf(entry->link_name, sizeof(entry->link_name),
		       "%016" PRIx64 "-%016" PRIx64, entry->attributes.fileid,
		       fnv1a(FNV1A_START, source->data, source->len));
}

int copy_entry_begin(struct copy_run *run, struct copy_dir *dir,
		     const char *name, const struct share_fh *source,
		     const struct share_attributes *attributes)
{
	struct copy_entry *entry = find_free(run);

	if (strlen(name) >= COPY_NAME_SIZE)
		return copy_note_error(run, -ENAMETOOLONG, dir, name, "copy",
				       true);
	*entry = (struct copy_entry){ .run = run,
				      .dir = dir,
				      .source = *source,
				      .attributes = *attributes,
				      .is_linked = attributes->n_links > 1,
				      .state = COPY_ENTRY_LOOK };
	(void)snprintf(entry->name, sizeof(entry->name), "%s", name);
	copy_entry_name_links(entry);
	if (dir->is_fresh && !entry->is_linked)
		copy_entry_make_next(entry);
	run->n_entries++;
	dir->n_entries++;
	return 0;
}

static void end(struct copy_entry *entry)
{
	free(entry->symlink);
	free(entry->compared);
	entry->dir->n_entries--;
	entry->run->n_entries--;
	*entry = (struct copy_entry){ 0 };
}

void copy_entry_count(struct copy_entry *entry)
{
	entry->run->progress.n_entries++;
	entry->state = COPY_ENTRY_DONE;
}

/* --- what is there ------------------------------------------------------------------------- */

/* What is not whole is made again in its place, so that its other names stay its own. */
static void take_over(struct copy_entry *entry)
{
	uint64_t from = copy_data_marked(entry);

	if (from > 0)
		copy_data_begin(entry, from);
	else
		entry->state = COPY_ENTRY_TRUNCATE;
}

/* What had other names when it was copied may still be theirs. */
static bool is_its_own(const struct copy_entry *entry)
{
	const struct share_attributes *target = &entry->target.attributes;

	if (entry->is_linked)
		return (target->mode & 07777) ==
		       copy_half_mode(&entry->attributes);
	return target->n_links == 1;
}

static void judge(struct copy_entry *entry)
{
	const struct share_attributes *source = &entry->attributes;
	const struct share_attributes *target = &entry->target.attributes;

	if (copy_is_whole(source, target))
		entry->state =
			entry->is_linked ? COPY_ENTRY_LINK : COPY_ENTRY_DONE;
	else if (S_ISREG(source->mode) && S_ISREG(target->mode) &&
		 is_its_own(entry))
		take_over(entry);
	else if (S_ISLNK(source->mode) && S_ISLNK(target->mode))
		entry->state = COPY_ENTRY_READLINK;
	else if (S_ISDIR(target->mode))
		entry->state = COPY_ENTRY_SET_ASIDE;
	else
		entry->state = COPY_ENTRY_REMOVE;
}

static void on_looked(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;

	if (r == 0)
		judge(entry);
	else if (r == -ENOENT)
		copy_entry_make_next(entry);
	else
		(void)copy_entry_fail(entry, r, "look up", false);
}

static int look(struct copy_entry *entry)
{
	struct share_call call = { .done = on_looked, .about = entry };

	return share_call_find(entry->run->job->to, &call, target_dir(entry),
			       target_name(entry), &entry->target);
}

static void on_removed(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;

	entry->target.fh.len = 0;
	if (r < 0 && r != -ENOENT)
		(void)copy_entry_fail(entry, r, "replace", false);
	else if (entry->symlink)
		entry->state = COPY_ENTRY_MAKE;
	else
		copy_entry_make_next(entry);
}

static int remove_other(struct copy_entry *entry)
{
	struct share_call call = { .done = on_removed, .about = entry };

	return share_call_remove(entry->run->job->to, &call, target_dir(entry),
				 target_name(entry));
}

/* --- making it ------------------------------------------------------------------------------ */

static void finish_next(struct copy_entry *entry)
{
	entry->state =
		copy_needs_owner_first(&entry->attributes, &entry->target)
			? COPY_ENTRY_OWN
			: COPY_ENTRY_FINISH;
}

static void on_readlink(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;

	if (r == 0)
		entry->state = entry->target.fh.len ? COPY_ENTRY_COMPARE
						    : COPY_ENTRY_MAKE;
	else if (copy_is_gone(r))
		entry->state = COPY_ENTRY_LOOK_AGAIN;
	else
		(void)copy_entry_fail(entry, r, "read", true);
}

static void on_compared(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;

	if (r < 0)
		(void)copy_entry_fail(entry, r, "look at", false);
	else if (strcmp(entry->symlink, entry->compared) == 0)
		finish_next(entry);
	else
		entry->state = COPY_ENTRY_REMOVE;
}

/* Not every server can set the times of a symlink, by which others are known. */
static int compare(struct copy_entry *entry)
{
	struct share_call call = { .done = on_compared, .about = entry };

	return share_call_readlink(entry->run->job->to, &call,
				   &entry->target.fh, &entry->compared);
}

static int read_link(struct copy_entry *entry)
{
	struct share_call call = { .done = on_readlink, .about = entry };

	return share_call_readlink(entry->run->job->from, &call, &entry->source,
				   &entry->symlink);
}

static void fill(struct copy_entry *entry)
{
	if (S_ISREG(entry->attributes.mode) && entry->attributes.size > 0)
		copy_data_begin(entry, 0);
	else
		copy_entry_filled(entry);
}

static void on_made(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;

	if (r < 0)
		(void)copy_entry_fail(entry, r, "make", false);
	else if (entry->target.fh.len == 0)
		entry->state = COPY_ENTRY_FIND;
	else
		fill(entry);
}

static int make(struct copy_entry *entry)
{
	struct share_call call = { .done = on_made, .about = entry };
	struct share_nfs *to = entry->run->job->to;
	struct share_attributes half = entry->attributes;

	half.mode = type_of(&half) | copy_half_mode(&half);
	switch (type_of(&half)) {
	case S_IFREG:
		return share_call_create(to, &call, target_dir(entry),
					 target_name(entry), half.mode,
					 &entry->target);
	case S_IFLNK:
		return share_call_symlink(to, &call, target_dir(entry),
					  target_name(entry), entry->symlink,
					  &entry->target);
	case S_IFIFO:
	case S_IFSOCK:
	case S_IFCHR:
	case S_IFBLK:
		return share_call_mknod(to, &call, target_dir(entry),
					target_name(entry), &half,
					&entry->target);
	default:
		return -EPROTO;
	}
}

static void on_found(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;

	if (r < 0)
		(void)copy_entry_fail(entry, r, "look up", false);
	else
		fill(entry);
}

static int find(struct copy_entry *entry)
{
	struct share_call call = { .done = on_found, .about = entry };

	return share_call_find(entry->run->job->to, &call, target_dir(entry),
			       target_name(entry), &entry->target);
}

static void on_truncated(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;

	if (r < 0)
		(void)copy_entry_fail(entry, r, "replace", false);
	else
		fill(entry);
}

/* No longer whole, whatever it was, and without a mark of how far it is. */
static int truncate_it(struct copy_entry *entry)
{
	struct share_call call = { .done = on_truncated, .about = entry };
	struct share_attributes half = { .mode = copy_half_mode(
						 &entry->attributes) };

	return share_call_setattr(entry->run->job->to, &call, &entry->target.fh,
				  SHARE_CHANGE_MODE | SHARE_CHANGE_SIZE |
					  SHARE_CHANGE_ATIME,
				  &half);
}

/* --- attributes ------------------------------------------------------------------------------ */

void copy_entry_filled(struct copy_entry *entry)
{
	const struct copy_data *data = &entry->data;

	if (entry->state == COPY_ENTRY_DATA &&
	    (data->is_sparse || data->is_second ||
	     data->end != entry->attributes.size))
		entry->state = COPY_ENTRY_SIZE;
	else
		finish_next(entry);
}

static void on_sized(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;

	if (r < 0)
		(void)copy_entry_fail(entry, r, "set the size of", false);
	else
		finish_next(entry);
}

static int set_size(struct copy_entry *entry)
{
	struct share_call call = { .done = on_sized, .about = entry };
	struct share_attributes sized = { .size = entry->data.end };

	return share_call_setattr(entry->run->job->to, &call, &entry->target.fh,
				  SHARE_CHANGE_SIZE, &sized);
}

static void on_owned(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;

	if (r < 0) {
		(void)copy_entry_fail(entry, r, COPY_SET_OWNER, false);
		return;
	}
	entry->target.attributes.uid = entry->attributes.uid;
	entry->target.attributes.gid = entry->attributes.gid;
	entry->state = COPY_ENTRY_FINISH;
}

static int set_owner(struct copy_entry *entry)
{
	struct share_call call = { .done = on_owned, .about = entry };

	return share_call_setattr(entry->run->job->to, &call, &entry->target.fh,
				  SHARE_CHANGE_OWNER, &entry->attributes);
}

static void on_finished(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;

	if (r < 0)
		(void)copy_entry_fail(entry, r,
				      call->value & SHARE_CHANGE_OWNER
					      ? COPY_SET_OWNER
					      : "set the attributes of",
				      false);
	else if (entry->is_linked)
		entry->state = COPY_ENTRY_LINK;
	else
		copy_entry_count(entry);
}

static int finish(struct copy_entry *entry)
{
	unsigned int flags =
		copy_last_changes(&entry->attributes, &entry->target);
	struct share_call call = { .done = on_finished,
				   .about = entry,
				   .value = flags };

	return share_call_setattr(entry->run->job->to, &call, &entry->target.fh,
				  flags, &entry->attributes);
}

/* --- it is gone ------------------------------------------------------------------------------ */

static void on_dropped(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;

	if (r < 0 && r != -ENOENT)
		(void)copy_entry_fail(entry, r, "remove", false);
	else
		entry->state = COPY_ENTRY_DONE;
}

static int drop(struct copy_entry *entry)
{
	struct share_call call = { .done = on_dropped, .about = entry };

	return share_call_remove(entry->run->job->to, &call, target_dir(entry),
				 target_name(entry));
}

/* --- step by step ------------------------------------------------------------------------------ */

static int (*const calls[])(struct copy_entry *entry) = {
	[COPY_ENTRY_LOOK] = look,
	[COPY_ENTRY_REMOVE] = remove_other,
	[COPY_ENTRY_SET_ASIDE] = copy_name_set_aside,
	[COPY_ENTRY_READLINK] = read_link,
	[COPY_ENTRY_COMPARE] = compare,
	[COPY_ENTRY_MAKE] = make,
	[COPY_ENTRY_FIND] = find,
	[COPY_ENTRY_TRUNCATE] = truncate_it,
	[COPY_ENTRY_SIZE] = set_size,
	[COPY_ENTRY_OWN] = set_owner,
	[COPY_ENTRY_FINISH] = finish,
	[COPY_ENTRY_LINK] = copy_name_link,
	[COPY_ENTRY_LOOK_NAME] = copy_name_look,
	[COPY_ENTRY_REMOVE_NAME] = copy_name_remove,
	[COPY_ENTRY_LOOK_AGAIN] = copy_successor_of_entry,
	[COPY_ENTRY_DROP] = drop,
};

static bool call(struct copy_entry *entry)
{
	enum copy_entry_state state = entry->state;
	bool is_at_source =
		state == COPY_ENTRY_READLINK || state == COPY_ENTRY_LOOK_AGAIN;
	int r;

	if (!(is_at_source ? copy_can_ask_source(entry->run)
			   : copy_can_ask_target(entry->run)))
		return false;
	r = calls[state](entry);
	if (r < 0)
		return copy_entry_fail(entry, r, "copy", is_at_source), false;
	entry->state = COPY_ENTRY_BUSY;
	return true;
}

static bool step(struct copy_entry *entry)
{
	switch (entry->state) {
	case COPY_ENTRY_FREE:
	case COPY_ENTRY_BUSY:
		return false;
	case COPY_ENTRY_DATA:
		return copy_data_step(entry);
	case COPY_ENTRY_DONE:
		end(entry);
		return true;
	default:
		return call(entry);
	}
}

bool copy_entries_step(struct copy_run *run)
{
	bool has_done = false;

	for (size_t i = 0; run->r == 0 && i < COPY_ENTRIES_MAX; i++)
		has_done |= step(&run->entries[i]);
	return has_done;
}
