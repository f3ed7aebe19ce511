/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is in files. A file is read in chunks, many of which are under way; what a READ
 * brought is written from within its done function, so that it is copied once, into the
 * call that writes it. Only of files with holes it is kept until its runs of blocks that
 * are not zero are written one after another: NFS version 3 can't be asked where holes
 * are.
 *
 * A source that changes while it is read is read once more from its start; if it changes
 * again it is taken as it is, with attributes that say so to whoever looks again.
 */

#include <string.h>

#include "clock.h"
#include "share_copy_parts.h"

#define BLOCK 4096u

bool copy_data_is_small(const struct copy_entry *entry)
{
	return entry->attributes.size <= entry->run->chunk_size;
}

void copy_data_begin(struct copy_entry *entry, uint64_t from)
{
	entry->data = (struct copy_data){
		.next = from,
		.end = entry->attributes.size,
		.committed = from,
		.dirty_end = from,
		.is_sparse = entry->attributes.used < entry->attributes.size,
		.is_second = entry->data.is_second,
	};
	entry->state = COPY_ENTRY_DATA;
}

/* --- chunks ---------------------------------------------------------------------------- */

static struct copy_chunk *find_free(struct copy_run *run)
{
	for (size_t i = 0; i < COPY_CHUNKS_MAX; i++)
		if (!run->chunks[i].entry)
			return &run->chunks[i];
	return NULL;
}

uint64_t copy_data_floor(const struct copy_entry *entry)
{
	const struct copy_run *run = entry->run;
	uint64_t floor = entry->data.next;

	for (size_t i = 0; entry->data.n_chunks > 0 && i < COPY_CHUNKS_MAX; i++)
		if (run->chunks[i].entry == entry &&
		    run->chunks[i].offset < floor)
			floor = run->chunks[i].offset;
	return floor;
}

static void release(struct copy_chunk *chunk)
{
	struct copy_run *run = chunk->entry->run;

	run->n_chunk_bytes -= chunk->reserved;
	chunk->entry->data.n_chunks--;
	free(chunk->text);
	*chunk = (struct copy_chunk){ 0 };
}

static void fail_chunk(struct copy_chunk *chunk, int r, const char *what,
		       bool is_at_source)
{
	(void)copy_entry_fail(chunk->entry, r, what, is_at_source);
	release(chunk);
}

/* That much of it is on the target. */
static void advance(struct copy_chunk *chunk, uint32_t len)
{
	chunk->offset += len;
	chunk->len -= len;
	chunk->entry->run->progress.n_bytes += len;
}

/* The source ends before it. */
static void cut_short(struct copy_chunk *chunk)
{
	struct copy_data *data = &chunk->entry->data;

	if (!data->has_changed)
		data->latest = chunk->entry->attributes;
	data->has_changed = true;
	if (data->end > chunk->offset)
		data->end = chunk->offset;
	release(chunk);
}

/* --- writing ---------------------------------------------------------------------------- */

static bool is_zero(const char *text, uint32_t len)
{
	return text[0] == 0 && memcmp(text, text + 1, len - 1) == 0;
}

/* Of the block that it is in. */
static uint32_t block_left(const struct copy_chunk *chunk, uint32_t at)
{
	uint32_t into = (uint32_t)((chunk->offset + (at - chunk->at)) % BLOCK);
	uint32_t left = chunk->text_len - at;

	return left < BLOCK - into ? left : BLOCK - into;
}

/* Passes over blocks of zeros; how long the run after them is. */
static uint32_t find_run(struct copy_chunk *chunk)
{
	uint32_t end;

	while (chunk->at < chunk->text_len) {
		uint32_t len = block_left(chunk, chunk->at);

		if (!is_zero(chunk->text + chunk->at, len))
			break;
		chunk->at += len;
		advance(chunk, len);
	}
	for (end = chunk->at; end < chunk->text_len;) {
		uint32_t len = block_left(chunk, end);

		if (is_zero(chunk->text + end, len))
			break;
		end += len;
	}
	return end - chunk->at;
}

static void on_written(const struct share_call *call, int r);

static void write_out(struct copy_chunk *chunk, const char *text, uint32_t len)
{
	struct copy_entry *entry = chunk->entry;
	struct share_call call = { .done = on_written, .about = chunk };
	struct share_write write = { .offset = chunk->offset,
				     .data = text,
				     .len = len,
				     .must_be_stable =
					     copy_data_is_small(entry) };
	int r = share_call_write(entry->run->job->to, &call, &entry->target.fh,
				 &write, &chunk->written);

	if (r < 0)
		fail_chunk(chunk, r, "write", false);
}

static void wait_to_read(struct copy_chunk *chunk)
{
	chunk->is_waiting = true;
	chunk->entry->data.n_waiting++;
}

/* The next run, or what is left of the chunk is read. */
static void go_on_sparse(struct copy_chunk *chunk)
{
	uint32_t len = find_run(chunk);

	if (len > 0) {
		write_out(chunk, chunk->text + chunk->at, len);
		return;
	}
	free(chunk->text);
	chunk->text = NULL;
	if (chunk->len == 0)
		release(chunk);
	else
		wait_to_read(chunk);
}

static void on_written(const struct share_call *call, int r)
{
	struct copy_chunk *chunk = call->about;
	struct copy_data *data = &chunk->entry->data;

	if (r < 0) {
		fail_chunk(chunk, r, "write", false);
		return;
	}
	if (!chunk->written.is_stable) {
		copy_data_check_verifier(chunk->entry, &chunk->written);
		if (data->dirty_end < chunk->offset + chunk->written.len)
			data->dirty_end = chunk->offset + chunk->written.len;
	}
	chunk->at += chunk->written.len;
	advance(chunk, chunk->written.len);
	if (chunk->text)
		go_on_sparse(chunk);
	else if (chunk->len == 0)
		release(chunk);
	else
		wait_to_read(chunk);
}

/* --- reading ---------------------------------------------------------------------------- */

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static void look_for_changes(struct copy_entry *entry,
			     const struct share_read *read)
{
	if (!read->has_attributes ||
	    (read->attributes.size == entry->attributes.size &&
	     is_same_time(&read->attributes.mtime, &entry->attributes.mtime)))
		return;
	entry->data.has_changed = true;
	entry->data.latest = read->attributes;
	/* Reading changed that. */
	entry->data.latest.atime = entry->attributes.atime;
}

static void on_read(const struct share_call *call, int r)
{
	struct copy_chunk *chunk = call->about;
	struct copy_entry *entry = chunk->entry;
	const struct share_read *read = &chunk->read;

	entry->run->n_reading--;
	if (copy_is_gone(r)) {
		entry->data.is_gone = true;
		release(chunk);
		return;
	}
	if (r < 0) {
		fail_chunk(chunk, r, "read", true);
		return;
	}
	look_for_changes(entry, read);
	if (read->len == 0) {
		cut_short(chunk);
		return;
	}
	chunk->at = 0;
	if (!entry->data.is_sparse) {
		write_out(chunk, read->data, read->len);
		return;
	}
	chunk->text = malloc(read->len);
	if (!chunk->text) {
		fail_chunk(chunk, -ENOMEM, "read", true);
		return;
	}
	memcpy(chunk->text, read->data, read->len);
	chunk->text_len = read->len;
	go_on_sparse(chunk);
}

static int read_chunk(struct copy_chunk *chunk)
{
	struct copy_entry *entry = chunk->entry;
	struct share_call call = { .done = on_read, .about = chunk };
	int r = share_call_read(entry->run->job->from, &call, &entry->source,
				chunk->offset, chunk->len, &chunk->read);

	if (r < 0)
		return copy_entry_fail(entry, r, "read", true);
	if (chunk->is_waiting)
		entry->data.n_waiting--;
	chunk->is_waiting = false;
	entry->run->n_reading++;
	return 0;
}

static bool can_ask(const struct copy_run *run)
{
	return run->r == 0 && copy_can_ask_source(run) &&
	       copy_can_ask_target(run);
}

/* What was read or written in part only. */
static bool read_rest(struct copy_entry *entry)
{
	struct copy_run *run = entry->run;
	bool has_done = false;

	for (size_t i = 0; entry->data.n_waiting > 0 && i < COPY_CHUNKS_MAX;
	     i++) {
		struct copy_chunk *chunk = &run->chunks[i];

		if (chunk->entry == entry && chunk->is_waiting && can_ask(run))
			has_done |= read_chunk(chunk) == 0;
	}
	return has_done;
}

static bool can_begin_chunk(const struct copy_entry *entry)
{
	const struct copy_run *run = entry->run;
	const struct copy_data *data = &entry->data;

	return (!run->is_stopping || copy_data_is_small(entry)) &&
	       !data->must_rewrite && !data->is_gone &&
	       data->next < data->end &&
	       data->next - data->committed < COPY_WINDOW &&
	       run->n_chunk_bytes + run->chunk_size <= COPY_BYTES_MAX &&
	       can_ask(run);
}

static bool begin_chunk(struct copy_entry *entry)
{
	struct copy_run *run = entry->run;
	struct copy_data *data = &entry->data;
	struct copy_chunk *chunk = find_free(run);
	uint64_t left = data->end - data->next;

	if (!chunk)
		return false;
	*chunk = (struct copy_chunk){ .entry = entry, .offset = data->next };
	chunk->len = left < run->chunk_size ? (uint32_t)left : run->chunk_size;
	chunk->reserved = chunk->len;
	run->n_chunk_bytes += chunk->reserved;
	data->n_chunks++;
	data->next += chunk->len;
	if (read_chunk(chunk) == 0)
		return true;
	release(chunk);
	return false;
}

/* --- the end --------------------------------------------------------------------------------- */

static bool is_quiet(const struct copy_data *data)
{
	return data->n_chunks == 0 && !data->is_committing && !data->must_mark;
}

static bool is_complete(const struct copy_data *data)
{
	return data->next >= data->end && data->dirty_end <= data->committed;
}

static void finish(struct copy_entry *entry)
{
	struct copy_data *data = &entry->data;

	if (!data->has_changed || data->is_second) {
		copy_entry_filled(entry);
		return;
	}
	data->is_second = true;
	entry->attributes = data->latest;
	entry->state = COPY_ENTRY_TRUNCATE;
}

/* Nothing is under way: what that means. */
static bool settle(struct copy_entry *entry)
{
	struct copy_data *data = &entry->data;

	if (data->is_gone) {
		entry->state = COPY_ENTRY_LOOK_AGAIN;
	} else if (data->must_rewrite) {
		data->next = data->committed;
		data->dirty_end = data->committed;
		data->must_rewrite = data->has_verifier = false;
	} else if (is_complete(data)) {
		finish(entry);
	} else if (entry->run->is_stopping) {
		entry->dir->is_cut = true;
		entry->state = COPY_ENTRY_DONE;
	} else {
		return false;
	}
	return true;
}

bool copy_data_step(struct copy_entry *entry)
{
	bool has_done = read_rest(entry);

	while (can_begin_chunk(entry) && begin_chunk(entry))
		has_done = true;
	has_done |= copy_data_make_stable(entry);
	if (is_quiet(&entry->data) && entry->run->r == 0)
		has_done |= settle(entry);
	return has_done;
}
