/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a turn does depends on the state of the copy's row:
 *
 *	running, not counted -> count the source's files, for a few seconds
 *	running  -> copy -> whole
 *	whole    -> for a snapshot: write its descriptor, rename it -> ready, row removed
 *	         -> for a volume: the reconciler is told to look at the claim
 *	dropping -> rename the snapshot, so that it is none any more -> its row removed
 *	         -> remove what was copied -> the copy's row removed
 *
 * If the volume is to be frozen (freezer.h), all of it is copied in one turn, from the
 * beginning. When that fails the copy is stopped and not tried again, since writers would
 * have to wait again.
 *
 * Each step may be repeated after a crash. What was copied is found again on the share. The
 * row only says that something may be there, so it is removed last.
 *
 * Whoever deletes a snapshot waits for the first step of dropping, which takes one rename.
 * So turns that remove something are short, and do not wait behind copies (copier.c).
 *
 * A turn that copies has no time limit: each new turn has to look at all files that are
 * whole already, and a file that somebody goes on writing to would begin anew each time.
 */

#include "copier_turn.h"

#include <string.h>

#include "clock.h"
#include "log.h"
#include "share_survey.h"
#include "snapshot_record.h"
#include "volume_place.h"

#define COUNT_NS   (3 * NS_PER_S)
#define PUBLISH_NS NS_PER_S
#define DROP_NS	   NS_PER_S

struct turn {
	const struct copier_options *options;
	struct server_health *health;
	struct turn_view *view;
	struct store_copy row;
	struct volume_place source;
	struct volume_place target;
	uint64_t start_ns;
	uint64_t published_ns;
	uint64_t until_ns;	 /* it has to end; 0 = when it is done */
	bool gives_way;		 /* it ends a while after it begins to remove */
	bool has_stopped;	 /* it is not tried again by itself */
	uint64_t n_files_before; /* copied by earlier turns */
	uint64_t n_bytes_before;
};

static void turn_fini(struct turn *turn)
{
	store_copy_fini(&turn->row);
	volume_place_fini(&turn->source);
	volume_place_fini(&turn->target);
}

DEFINE_FINI(struct turn, turn_fini)

/* --- servers ---------------------------------------------------------------------- */

static int check_servers(const struct turn *turn, struct err *err)
{
	const struct volume_place *places[] = { &turn->source, &turn->target };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(places); i++)
		r = server_health_check(turn->health, places[i]->server,
					places[i]->port, clock_ns(), err);
	return r;
}

/* Which of the two it was is not known; both are asked again soon enough. */
static int note_servers(const struct turn *turn, int r, const struct err *err)
{
	if (r == SHARE_UNREACHED)
		r = err->code;
	server_health_note(turn->health, turn->source.server, turn->source.port,
			   r, clock_ns());
	server_health_note(turn->health, turn->target.server, turn->target.port,
			   r, clock_ns());
	return r;
}

/* --- telling ---------------------------------------------------------------------- */

static void write_row(struct turn *turn)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	if (store_copy_note(turn->options->store, &turn->row, &err) < 0)
		log_warn("progress not recorded", F_STR("copy", turn->row.name),
			 F_ERR(&err));
}

static void publish(struct turn *turn, uint64_t now)
{
	uint64_t ms = (now - turn->start_ns) / NS_PER_MS;
	uint64_t files = turn->row.n_files - turn->n_files_before;
	uint64_t bytes = turn->row.n_bytes - turn->n_bytes_before;

	turn->published_ns = now;
	if (ms) {
		atomic_store(&turn->view->files_per_s, files * 1000 / ms);
		atomic_store(&turn->view->bytes_per_s, bytes * 1000 / ms);
	}
	write_row(turn);
}

static void note_error(struct turn *turn, int r, const struct err *err)
{
	free(turn->row.error);
	turn->row.error = r < 0 ? strdup(err_text(err)) : NULL;
	turn->row.code = r < 0 ? r : 0;
	write_row(turn);
}

/* --- counting ----------------------------------------------------------------------- */

/* What it does not find out in a few seconds, or at all, nobody has to know. */
static void count(struct turn *turn)
{
	struct share_volume volume = volume_place_borrow(&turn->source);
	_cleanup_(store_snapshot_fini) struct store_snapshot snapshot = { 0 };
	_cleanup_(err_fini) struct err err = ERR_INIT;
	struct share_inside inside = { 0 };

	if (turn->row.snapshot) {
		if (store_snapshot_get(turn->options->store, turn->row.snapshot,
				       &snapshot, &err) != 0)
			return;
		turn->row.n_total_files = snapshot.n_files;
		turn->row.n_total_bytes = snapshot.n_bytes;
	} else {
		if (share_survey_inside(&volume, clock_ns() + COUNT_NS, &inside,
					&err) != 0 ||
		    !inside.is_complete)
			return;
		turn->row.n_total_files = inside.counted.n_files;
		turn->row.n_total_bytes = inside.counted.n_bytes;
	}
	turn->row.is_counted = true;
	write_row(turn);
}

/* --- copying ------------------------------------------------------------------------ */

static bool is_wanted(void *userdata)
{
	const struct turn *turn = userdata;

	return !atomic_load(&turn->view->is_stopping);
}

static bool may_go_on(struct turn *turn, uint64_t now)
{
	return is_wanted(turn) && (turn->until_ns == 0 || now < turn->until_ns);
}

static bool on_copied(void *userdata,
		      const struct share_copy_progress *progress)
{
	struct turn *turn = userdata;
	uint64_t now = clock_ns();

	turn->row.n_files = turn->n_files_before + progress->n_entries;
	turn->row.n_bytes = turn->n_bytes_before + progress->n_bytes;
	if (now - turn->published_ns >= PUBLISH_NS)
		publish(turn, now);
	return may_go_on(turn, now);
}

static int copy(struct turn *turn, struct err *err)
{
	struct share_volume from = volume_place_borrow(&turn->source);
	struct share_volume to = volume_place_borrow(&turn->target);
	const struct share_source source = { .volume = &from,
					     .snapshot = turn->row.snapshot };
	int r;

	turn->start_ns = turn->published_ns = clock_ns();
	turn->n_files_before = turn->row.n_files;
	turn->n_bytes_before = turn->row.n_bytes;
	r = turn->options->share->copy(&to, turn->row.name, &source, on_copied,
				       turn, err);
	publish(turn, clock_ns());
	atomic_store(&turn->view->files_per_s, 0);
	atomic_store(&turn->view->bytes_per_s, 0);
	return note_servers(turn, r, err);
}

static int keep(struct turn *turn, struct err *err)
{
	struct share_volume where = volume_place_borrow(&turn->target);
	_cleanup_(store_snapshot_fini) struct store_snapshot row = { 0 };
	_cleanup_(free) char *record = NULL;
	int r = store_snapshot_get(turn->options->store, turn->row.name, &row,
				   err);

	/* Deleted meanwhile: its copy is being dropped. */
	if (r != 0)
		return r < 0 ? r : TURN_MORE;
	record = snapshot_record_text(&row);
	if (!record)
		return err_set(err, -ENOMEM, "no memory");
	r = turn->options->share->keep_snapshot(
		&where, row.id,
		&(struct share_snapshot){ .id = row.id, .record = record },
		err);
	if (note_servers(turn, r, err) < 0)
		return err->code;
	r = store_snapshot_ready(turn->options->store, &turn->row, err);
	if (r != 0)
		return r < 0 ? r : TURN_MORE;
	log_info("snapshot ready", F_STR("snapshot", row.name),
		 F_STR("volume", row.volume), F_U64("files", turn->row.n_files),
		 F_U64("bytes", turn->row.n_bytes));
	return TURN_GONE;
}

/* A snapshot's, too: after a crash it is not copied once more. */
static int note_whole(struct turn *turn, struct err *err)
{
	int r = store_copy_set_state(turn->options->store, turn->row.name,
				     1u << COPY_RUNNING, COPY_WHOLE, err);

	/* Somebody stopped or dropped it in the last moment. */
	if (r != 0)
		return r < 0 ? r : TURN_MORE;
	log_info("copied", F_STR("volume", turn->row.name),
		 F_U64("files", turn->row.n_files),
		 F_U64("bytes", turn->row.n_bytes));
	return TURN_GONE;
}

/* --- dropping ----------------------------------------------------------------------- */

static bool on_removed(void *userdata,
		       const struct share_tree_progress *progress)
{
	struct turn *turn = userdata;
	uint64_t now = clock_ns();

	(void)progress;
	/* Not sooner: to get here may take as long, and each turn has to remove some. */
	if (turn->gives_way && turn->until_ns == 0)
		turn->until_ns = now + DROP_NS;
	return may_go_on(turn, now);
}

static int drop_copy(struct turn *turn, struct err *err)
{
	struct share_volume where = volume_place_borrow(&turn->target);
	int r = turn->options->share->drop_copy(&where, turn->row.name,
						on_removed, turn, err);

	return note_servers(turn, r, err);
}

/* 0: it was none already. */
static int drop_snapshot(struct turn *turn, struct err *err)
{
	struct share_volume where = volume_place_borrow(&turn->target);
	int r = turn->options->share->drop_snapshot(&where, turn->row.name,
						    on_removed, turn, err);

	r = note_servers(turn, r, err);
	if (r != 0)
		return r < 0 ? r : TURN_MORE;
	r = store_snapshot_gone(turn->options->store, turn->row.name, err);
	if (r == STORE_NOT_FOUND)
		return 0;
	return r < 0 ? r : TURN_MORE;
}

static int drop(struct turn *turn, struct err *err)
{
	int r = 0;

	turn->gives_way = true;
	if (turn->row.is_snapshot)
		r = drop_snapshot(turn, err);
	if (r == 0)
		r = drop_copy(turn, err);
	if (r != 0)
		return r < 0 ? r : TURN_MORE;
	r = store_copy_remove(turn->options->store, turn->row.name, err);
	return r < 0 ? r : TURN_GONE;
}

/* --- failing ------------------------------------------------------------------------ */

/* There is no use in keeping what can't be finished, and others need the room. */
static bool is_hopeless(int r)
{
	return r == -ENOSPC || r == -EDQUOT || r == -EPERM || r == -EACCES ||
	       r == -EROFS;
}

static int give_up(struct turn *turn, struct err *err)
{
	/* It is none that is whole before the first of it is gone. */
	int r = store_copy_set_state(turn->options->store, turn->row.name,
				     1u << COPY_WHOLE, COPY_RUNNING, err);

	turn->row.n_files = turn->row.n_bytes = 0;
	return r < 0 ? r : drop_copy(turn, err);
}

static void give_up_or_tell(struct turn *turn)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	if (give_up(turn, &err) != 0)
		log_warn("half of a copy is left",
			 F_STR("copy", turn->row.name), F_ERR(&err));
}

/* --- standing still ------------------------------------------------------------------- */

/* What an earlier turn has copied is of another moment. */
static int begin_anew(struct turn *turn, struct err *err)
{
	int r = drop_copy(turn, err);

	turn->row.n_files = turn->row.n_bytes = 0;
	write_row(turn);
	return r;
}

static int freeze(struct turn *turn, struct frozen **ret, struct err *err)
{
	_cleanup_(store_snapshot_fini) struct store_snapshot row = { 0 };
	const struct freezer *freezer = turn->options->freezer;
	int r = store_snapshot_get(turn->options->store, turn->row.name, &row,
				   err);

	if (r != 0)
		return r < 0 ? r : TURN_MORE;
	if (!freezer)
		return err_set(err, -EINVAL, "no node can be asked to freeze");
	return freezer_freeze(
		freezer,
		&(struct freezer_wish){ .volume = turn->row.volume,
					.handle = row.handle,
					.token = turn->row.name,
					.seconds = turn->row.freeze_s },
		is_wanted, turn, ret, err);
}

/* Whoever wanted it knows better than we whether to let his writers wait again. */
static int stop(struct turn *turn, int r, struct err *err)
{
	give_up_or_tell(turn);
	turn->has_stopped =
		store_copy_set_state(turn->options->store, turn->row.name,
				     1u << COPY_RUNNING, COPY_STOPPED,
				     NULL) == 0;
	if (turn->has_stopped)
		log_warn("snapshot failed", F_STR("snapshot", turn->row.name),
			 F_STR("volume", turn->row.volume), F_ERR(err));
	return r;
}

/* As copy(); all in one go, or not at all. */
static int copy_frozen(struct turn *turn, struct err *err)
{
	_cleanup_(err_fini) struct err why = ERR_INIT;
	struct frozen *frozen = NULL;
	int r = begin_anew(turn, err);

	if (r != 0)
		return r;
	r = freeze(turn, &frozen, err);
	if (r > 0)
		return TURN_MORE;
	if (r < 0)
		return stop(turn, r, err);
	turn->until_ns = clock_ns() + turn->row.freeze_s * NS_PER_S;
	r = copy(turn, err);
	turn->until_ns = 0;
	if (freezer_thaw(frozen, &why) != 0 && r == 0)
		r = err_set(err, -EBUSY, "%s", err_text(&why));
	if (r > 0 && is_wanted(turn))
		r = err_set(
			err, -EBUSY,
			"volume \"%s\" was not copied within the %u seconds that it may be frozen for",
			turn->row.volume, turn->row.freeze_s);
	return r < 0 ? stop(turn, r, err) : r;
}

/* --- the turn ------------------------------------------------------------------------ */

static int end(struct turn *turn, struct err *err)
{
	int r = turn->row.is_snapshot ? keep(turn, err) : TURN_GONE;

	if (is_hopeless(r))
		give_up_or_tell(turn);
	return r;
}

/* What a turn copied that was killed in its first second, it told nobody. */
static void make_up_counts(struct store_copy *row)
{
	if (!row->is_counted)
		return;
	if (row->n_files < row->n_total_files)
		row->n_files = row->n_total_files;
	if (row->n_bytes < row->n_total_bytes)
		row->n_bytes = row->n_total_bytes;
}

static int run(struct turn *turn, struct err *err)
{
	int r;

	/* Of the last try: this one has not failed. */
	if (turn->row.error)
		note_error(turn, 0, NULL);
	if (!turn->row.is_counted)
		count(turn);
	r = turn->row.freeze_s ? copy_frozen(turn, err) : copy(turn, err);
	if (is_hopeless(r) && !turn->has_stopped)
		give_up_or_tell(turn);
	if (r != 0)
		return r < 0 ? r : TURN_MORE;
	make_up_counts(&turn->row);
	write_row(turn);
	r = note_whole(turn, err);
	return r == TURN_GONE ? end(turn, err) : r;
}

static int take(struct turn *turn, struct err *err)
{
	int r = check_servers(turn, err);

	if (r < 0)
		return r;
	switch (turn->row.state) {
	case COPY_RUNNING:
		return run(turn, err);
	case COPY_WHOLE:
		return end(turn, err);
	case COPY_DROPPING:
		return drop(turn, err);
	default:
		return 0;
	}
}

static int load(struct turn *turn, const char *name, struct err *err)
{
	int r = store_copy_get(turn->options->store, name, &turn->row, err);

	if (r == 0)
		r = volume_place_from_detail(turn->row.source, &turn->source,
					     err);
	if (r == 0)
		r = volume_place_from_detail(turn->row.target, &turn->target,
					     err);
	return r;
}

int copier_turn(const struct copier_options *options,
		struct server_health *health, const char *name,
		struct turn_view *view, struct err *err)
{
	_cleanup_(turn_fini) struct turn turn = { .options = options,
						  .health = health,
						  .view = view };
	int r = load(&turn, name, err);

	if (r == STORE_NOT_FOUND)
		return TURN_GONE;
	if (r < 0)
		return r;
	r = take(&turn, err);
	if (r != TURN_GONE && (r < 0 || turn.row.error))
		note_error(&turn, r, err);
	if (turn.has_stopped)
		r = 0;
	if (r != TURN_MORE && options->changed)
		options->changed(options->userdata, &turn.row);
	return r;
}
