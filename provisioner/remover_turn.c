/* SPDX-License-Identifier: Apache-2.0 */

/*
 *	restoring		-> trash_restore(); when that fails, state "stopped"
 *	not counted		-> count; what was counted when a turn ends is taken
 *	expired, or removing	-> state "removing" -> walk -> trash's descriptor ->
 *				   row
 *
 * What expires at once is not counted before its removal has gone on for a while: most
 * of it is gone in less time than the count and the removal would take.
 *
 * The walk is asked for nothing but to go on; once a second it tells how far it is:
 * in the record, in the volume's status while there is a volume (trashTTL 0: it stays
 * until its data is gone), and less often in the descriptor in the trash. The
 * descriptor goes before the row: who finds a row without a directory has only this
 * left to do.
 */

#include "remover_turn.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "clock.h"
#include "json_field.h"
#include "log.h"
#include "object_change.h"
#include "trash_restore.h"

#define TURN_NS	     (60 * NS_PER_S)
#define UNCOUNTED_NS (10 * NS_PER_S)
#define PUBLISH_NS   NS_PER_S
#define NOTE_NS	     (10 * NS_PER_S)

struct turn {
	const struct remover_options *options;
	struct turn_view *view;
	struct store_trash row;
	struct volume_place place;
	uint64_t start_ns;
	uint64_t limit_ns; /* of a walk */
	uint64_t published_ns;
	uint64_t noted_ns;
	uint64_t n_files_before; /* removed by earlier turns */
	uint64_t n_bytes_before;
	bool has_volume; /* the PV is there to be told in */
};

static void turn_fini(struct turn *turn)
{
	store_trash_fini(&turn->row);
	volume_place_fini(&turn->place);
}

DEFINE_FINI(struct turn, turn_fini)

/* --- telling -------------------------------------------------------------------- */

static struct trash_speed speed_of(const struct turn *turn, uint64_t now)
{
	uint64_t ms = (now - turn->start_ns) / NS_PER_MS;
	uint64_t n = turn->row.n_files_removed - turn->n_files_before;

	return (struct trash_speed){ .files_per_s = ms ? n * 1000 / ms : 0 };
}

struct volume_status {
	const char *reason;
	const char *message;
};

static int set_volume_status(cJSON *json, const void *userdata)
{
	const struct volume_status *new = userdata;
	cJSON *status = change_member(json, "status");

	if (!status || change_string(status, "reason", new->reason) < 0)
		return -ENOMEM;
	return change_string(status, "message", new->message);
}

static void tell_volume(struct turn *turn, const char *reason,
			const char *message)
{
	struct volume_status status = { .reason = reason, .message = message };
	struct object_target target = { .kind = KIND_PERSISTENT_VOLUME,
					.namespace = "",
					.name = turn->row.volume };
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r;

	if (!turn->has_volume)
		return;
	r = object_change_status(turn->options->cluster, &target,
				 set_volume_status, &status, &err);
	turn->has_volume = r == 0;
}

/* "Removing 45%": kubectl's column REASON. */
static void write_reason(const struct store_trash *row, char *buffer,
			 size_t size)
{
	uint64_t percent =
		row->n_files ? row->n_files_removed * 100 / row->n_files : 0;

	if (row->is_counted)
		(void)snprintf(buffer, size, "Removing %" PRIu64 "%%",
			       percent < 100 ? percent : 99);
	else
		(void)snprintf(buffer, size, "Removing");
}

static void publish_status(struct turn *turn, const struct trash_speed *speed)
{
	_cleanup_(free) char *message = trash_progress(&turn->row, speed);
	char reason[32];

	write_reason(&turn->row, reason, sizeof(reason));
	if (message)
		tell_volume(turn, reason, message);
}

static void write_note(struct turn *turn, const struct trash_speed *speed,
		       uint64_t now)
{
	struct share_volume volume = volume_place_borrow(&turn->place);
	_cleanup_(free) char *note = trash_note(&turn->row, speed);
	_cleanup_(err_fini) struct err err = ERR_INIT;

	turn->noted_ns = now;
	volume.note = note;
	if (note && turn->options->share->note(&volume, &err) != 0)
		log_debug("descriptor in the trash not written",
			  F_STR("volume", turn->row.volume), F_ERR(&err));
}

static void write_row(struct turn *turn)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	if (store_trash_note(turn->options->store, &turn->row, &err) < 0)
		log_warn("progress not recorded",
			 F_STR("volume", turn->row.volume), F_ERR(&err));
}

static void publish(struct turn *turn, uint64_t now)
{
	struct trash_speed speed = speed_of(turn, now);

	turn->published_ns = now;
	atomic_store(&turn->view->files_per_s, speed.files_per_s);
	write_row(turn);
	publish_status(turn, &speed);
	if (now - turn->noted_ns >= NOTE_NS)
		write_note(turn, &speed, now);
}

/* --- walking --------------------------------------------------------------------- */

static void begin_walk(struct turn *turn, enum share_tree_task task)
{
	turn->start_ns = turn->published_ns = turn->noted_ns = clock_ns();
	turn->n_files_before = turn->row.n_files_removed;
	turn->n_bytes_before = turn->row.n_bytes_removed;
	turn->limit_ns = task == SHARE_TREE_REMOVE && !turn->row.is_counted
				 ? UNCOUNTED_NS
				 : TURN_NS;
}

static bool may_go_on(const struct turn *turn, uint64_t now)
{
	return !atomic_load(&turn->view->is_stopping) &&
	       now - turn->start_ns < turn->limit_ns;
}

/* Of all there was, whatever is gone already. */
static bool on_counted(void *userdata,
		       const struct share_tree_progress *progress)
{
	struct turn *turn = userdata;

	turn->row.n_files = turn->n_files_before + progress->n_files;
	turn->row.n_bytes = turn->n_bytes_before + progress->n_bytes;
	return may_go_on(turn, clock_ns());
}

static bool on_removed(void *userdata,
		       const struct share_tree_progress *progress)
{
	struct turn *turn = userdata;
	uint64_t now = clock_ns();

	turn->row.n_files_removed = turn->n_files_before + progress->n_files;
	turn->row.n_bytes_removed = turn->n_bytes_before + progress->n_bytes;
	if (now - turn->published_ns >= PUBLISH_NS)
		publish(turn, now);
	return may_go_on(turn, now);
}

/* SHARE_UNREACHED is an error like others here: it is tried again. */
static int walk(struct turn *turn, enum share_tree_task task, struct err *err)
{
	struct share_volume volume = volume_place_borrow(&turn->place);
	int r;

	begin_walk(turn, task);
	if (task == SHARE_TREE_REMOVE)
		publish_status(turn, &(struct trash_speed){ 0 });
	r = turn->options->share->walk(
		&volume, task,
		task == SHARE_TREE_REMOVE ? on_removed : on_counted, turn, err);
	atomic_store(&turn->view->files_per_s, 0);
	return r == SHARE_UNREACHED ? err->code : r;
}

/* A count that was interrupted by somebody is begun again later. */
static int count(struct turn *turn, struct err *err)
{
	int r = walk(turn, SHARE_TREE_COUNT, err);

	if (r == SHARE_MORE && atomic_load(&turn->view->is_stopping))
		return TURN_MORE;
	if (r < 0)
		return r;
	turn->row.is_counted = true;
	/* First: once the row says so, nobody counts again. */
	write_note(turn, NULL, clock_ns());
	return store_trash_note(turn->options->store, &turn->row, err);
}

static int finish(struct turn *turn, struct err *err)
{
	struct share_volume volume = volume_place_borrow(&turn->place);
	int r = turn->options->share->drop(&volume, err);

	if (r == SHARE_UNREACHED)
		return err->code;
	if (r < 0)
		return r;
	r = store_trash_remove(turn->options->store, turn->row.volume, err);
	if (r < 0)
		return r;
	log_info("removed from the trash", F_STR("volume", turn->row.volume),
		 F_U64("files", turn->row.n_files_removed),
		 F_U64("bytes", turn->row.n_bytes_removed));
	return TURN_GONE;
}

static int remove_all(struct turn *turn, struct err *err)
{
	int r = store_trash_set_state(turn->options->store, turn->row.volume,
				      1u << TRASH_KEPT | 1u << TRASH_REMOVING,
				      TRASH_REMOVING, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = walk(turn, SHARE_TREE_REMOVE, err);
	if (r == 0)
		return finish(turn, err);
	write_row(turn);
	return r == SHARE_MORE ? TURN_MORE : r;
}

/* --- the turn --------------------------------------------------------------------- */

/*
 * Not "kept" again, though it may have been: its time may be over, and somebody wants
 * it. Only an admin has it removed now.
 */
static void leave_stopped(struct turn *turn)
{
	if (store_trash_set_state(turn->options->store, turn->row.volume,
				  1u << TRASH_RESTORING, TRASH_STOPPED,
				  NULL) != 0)
		return;
	turn->row.state = TRASH_STOPPED;
	write_note(turn, NULL, clock_ns());
}

static int restore(struct turn *turn, struct err *err)
{
	int r = trash_restore(turn->options, &turn->row, &turn->place, err);

	if (r == 0)
		return TURN_GONE;
	leave_stopped(turn);
	return r;
}

static bool has_expired(const struct store_trash *row)
{
	return row->state == TRASH_REMOVING ||
	       (row->state == TRASH_KEPT && row->expires_s <= time(NULL));
}

/* Also when more is gone than there was said to be: a count ends with its turn. */
static bool is_to_be_counted(const struct store_trash *row)
{
	if (row->is_counted)
		return row->n_files_removed > row->n_files;
	return row->n_files_removed > 0 || !has_expired(row);
}

static int take(struct turn *turn, struct err *err)
{
	_cleanup_(err_fini) struct err uncounted = ERR_INIT;
	int r = 0;

	if (turn->row.state == TRASH_RESTORING)
		return restore(turn, err);
	if (is_to_be_counted(&turn->row))
		r = count(turn, &uncounted);
	if (r > 0)
		return r;
	/* What can't be counted may still be removed. */
	if (has_expired(&turn->row))
		return remove_all(turn, err);
	return r < 0 ? err_set(err, r, "%s", err_text(&uncounted)) : 0;
}

static void note_error(struct turn *turn, int r, const struct err *err)
{
	free(turn->row.error);
	turn->row.error = r < 0 ? strdup(err_text(err)) : NULL;
	write_row(turn);
	if (r < 0)
		tell_volume(turn, "VolumeFailedDelete", err_text(err));
}

static int load(struct turn *turn, const char *volume, struct err *err)
{
	_cleanup_(object_unref) struct object *pv = NULL;
	struct cluster *cluster = turn->options->cluster;
	int r = store_trash_get(turn->options->store, volume, &turn->row, err);

	if (r == 0)
		r = volume_place_from_detail(turn->row.detail, &turn->place,
					     err);
	if (r != 0)
		return r;
	r = cluster->ops->get(cluster, KIND_PERSISTENT_VOLUME, "", volume, &pv,
			      err);
	turn->has_volume = r == 0;
	return r < 0 ? r : 0;
}

int remover_turn(const struct remover_options *options, const char *volume,
		 struct turn_view *view, struct err *err)
{
	_cleanup_(turn_fini) struct turn turn = { .options = options,
						  .view = view };
	int r = load(&turn, volume, err);

	if (r == STORE_NOT_FOUND)
		return TURN_GONE;
	if (r < 0)
		return r;
	r = take(&turn, err);
	if (r != TURN_GONE && (r < 0 || turn.row.error))
		note_error(&turn, r, err);
	return r;
}
