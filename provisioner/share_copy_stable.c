/* SPDX-License-Identifier: Apache-2.0 */

/*
 * When what was written is stable.
 *
 * Small files are written stably. Large ones are committed bit by bit, while reading
 * goes on: a COMMIT of everything at the end might take minutes. After each the file's
 * atime, which writing leaves alone, says how much of it is stable, and of which source;
 * so a file that is large goes on there after a stop or a crash.
 *
 * Invariants:
 *  1. Reading gets at most COPY_WINDOW ahead of what is stable.
 *  2. All bytes before `floor`, the lowest offset under way, were written.
 *  3. `committed` rises only to a floor at which nothing was in doubt: a verifier that
 *     changed means that the server may have forgotten what was not stable (RFC 1813,
 *     3.3.7), and it is written again from there.
 */

#include <string.h>

#include "clock.h"
#include "fnv1a.h"
#include "share_copy_parts.h"

#define REWRITES_MAX 8
#define MARK_UNIT    ((uint64_t)64 << 10)

/* --- marks ----------------------------------------------------------------------------- */

/* What a mark is for: another source has another one. */
static uint32_t source_hash(const struct share_attributes *source)
{
	uint64_t parts[] = { (uint64_t)source->mtime.tv_sec,
			     (uint64_t)source->mtime.tv_nsec, source->size,
			     source->fileid };

	return (uint32_t)(fnv1a(FNV1A_START, parts, sizeof(parts)) % NS_PER_S);
}

static struct timespec mark_of(const struct copy_entry *entry)
{
	return (struct timespec){
		.tv_sec = (time_t)(entry->data.committed / MARK_UNIT),
		.tv_nsec = source_hash(&entry->attributes),
	};
}

uint64_t copy_data_marked(const struct copy_entry *entry)
{
	const struct share_attributes *target = &entry->target.attributes;
	uint64_t from = (uint64_t)target->atime.tv_sec * MARK_UNIT;

	if ((target->mode & 07777) != copy_half_mode(&entry->attributes) ||
	    target->atime.tv_nsec != source_hash(&entry->attributes) ||
	    from > entry->attributes.size)
		return 0;
	return from;
}

/* --- verifiers ---------------------------------------------------------------------------- */

static void forget_unstable(struct copy_entry *entry)
{
	struct copy_data *data = &entry->data;

	/* Every answer under way says the same. */
	if (data->must_rewrite)
		return;
	data->must_rewrite = true;
	if (data->n_rewrites++ >= REWRITES_MAX)
		(void)copy_entry_fail(entry, -EIO, "write", false);
}

void copy_data_check_verifier(struct copy_entry *entry,
			      const struct share_stable *told)
{
	struct copy_data *data = &entry->data;

	if (!data->has_verifier) {
		memcpy(data->verifier, told->verifier, sizeof(data->verifier));
		data->has_verifier = true;
	} else if (memcmp(data->verifier, told->verifier,
			  sizeof(data->verifier)) != 0) {
		forget_unstable(entry);
	}
}

/* --- making it stable --------------------------------------------------------------------- */

static void on_marked(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;

	entry->data.is_committing = false;
	if (r < 0)
		(void)copy_entry_fail(entry, r, "set the times of", false);
}

static int mark(struct copy_entry *entry)
{
	struct share_call call = { .done = on_marked, .about = entry };
	struct share_attributes attributes = { .atime = mark_of(entry) };

	return share_call_setattr(entry->run->job->to, &call, &entry->target.fh,
				  SHARE_CHANGE_ATIME, &attributes);
}

static void on_committed(const struct share_call *call, int r)
{
	struct copy_entry *entry = call->about;
	struct copy_data *data = &entry->data;

	data->is_committing = false;
	if (r < 0) {
		(void)copy_entry_fail(entry, r, "write", false);
		return;
	}
	copy_data_check_verifier(entry, &data->commit);
	if (data->must_rewrite)
		return;
	data->committed = data->commit_end;
	data->must_mark = data->committed < data->end;
}

static int commit(struct copy_entry *entry, uint64_t end)
{
	struct share_call call = { .done = on_committed, .about = entry };
	struct copy_data *data = &entry->data;

	data->commit_end = end;
	return share_call_commit(
		entry->run->job->to, &call, &entry->target.fh, data->committed,
		(uint32_t)(end - data->committed), &data->commit);
}

/* A round number, except at the end: marks have no smaller unit. */
static uint64_t stable_end(const struct copy_entry *entry, uint64_t floor)
{
	return floor >= entry->data.end ? floor : floor - floor % MARK_UNIT;
}

static bool must_commit(const struct copy_entry *entry, uint64_t end)
{
	const struct copy_data *data = &entry->data;
	bool is_last = data->n_chunks == 0 &&
		       (data->next >= data->end || entry->run->is_stopping);

	return data->dirty_end > data->committed && end > data->committed &&
	       (is_last || end - data->committed >= COPY_SEGMENT);
}

/* A small file is stable as soon as it is written. */
static bool has_nothing_to_do(const struct copy_entry *entry)
{
	const struct copy_data *data = &entry->data;

	return data->is_committing || data->must_rewrite || data->is_gone ||
	       (copy_data_is_small(entry) && data->n_chunks > 0);
}

bool copy_data_make_stable(struct copy_entry *entry)
{
	struct copy_data *data = &entry->data;
	uint64_t end;
	int r;

	/* Nobody is going to use it. */
	if (data->is_gone || data->must_rewrite)
		data->must_mark = false;
	if (has_nothing_to_do(entry))
		return false;
	end = stable_end(entry, copy_data_floor(entry));
	if (data->dirty_end <= data->committed && end > data->committed)
		data->committed = data->dirty_end = end;
	if ((!data->must_mark && !must_commit(entry, end)) ||
	    !copy_can_ask_target(entry->run))
		return false;
	r = data->must_mark ? mark(entry) : commit(entry, end);
	data->must_mark = false;
	data->is_committing = r == 0;
	if (r < 0)
		(void)copy_entry_fail(entry, r, "write", false);
	return r == 0;
}
