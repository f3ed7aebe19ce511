/* SPDX-License-Identifier: Apache-2.0 */

/*
 *	no row   -> the source is looked for, intent, row -> handed to the copier
 *	running  -> handed, or an event with its error
 *	whole    -> the workers rename it into its place
 *	volume made -> dropping: links and what else is left of it -> no row
 *	claim gone  -> dropping: all of it                          -> no row
 *
 * The intent is opened before the row is written, and closed after the row says
 * dropping: while something of a copy may be on a share there is a row, and while
 * there is one that is not dropping somebody asks for it.
 */

#include "clone.h"

#include <string.h>

#include "clone_source.h"
#include "intents.h"
#include "log.h"

/* A snapshot's copy may have the same name. */
static int drop(const struct applier *applier, const char *volume,
		unsigned int from, struct err *err)
{
	_cleanup_(store_copy_fini) struct store_copy copy = { 0 };
	int r = store_copy_get(applier->store, volume, &copy, err);

	if (r != 0 || copy.is_snapshot)
		return r < 0 ? r : STORE_NOT_FOUND;
	r = store_copy_set_state(applier->store, volume, from, COPY_DROPPING,
				 err);
	if (r == 0)
		copier_interrupt(applier->copier, volume);
	return r;
}

/* --- before the copy ---------------------------------------------------------------- */

static int put_row(const struct applier *applier, const struct making *making,
		   const struct clone_source *source, struct err *err)
{
	_cleanup_(free) char *target = NULL;
	struct store_copy copy = { .name = making->place.name,
				   .volume = source->volume,
				   .snapshot = source->snapshot,
				   .source = source->detail };
	int r;

	if (volume_place_to_detail(&making->place, &target) < 0)
		return err_set(err, -ENOMEM, "no memory");
	copy.target = target;
	r = store_copy_put(applier->store, &copy, err);
	if (r == STORE_NOT_FOUND)
		return err_set(err, -EAGAIN, "its snapshot is being deleted");
	return r < 0 ? r : 0;
}

static int begin(const struct applier *applier,
		 const struct apply_subject *subject,
		 const struct making *making, struct err *err)
{
	const struct clone_finder finder = { .cluster = applier->cluster,
					     .store = applier->store,
					     .world = subject->world };
	_cleanup_(clone_source_fini) struct clone_source source = { 0 };
	int64_t intent;
	int r = clone_source_find(&finder, subject->claim, &source, err);

	if (r < 0)
		return r;
	provision_tell_start(applier, subject->object, making);
	r = intent_begin(applier->store, STEP_PROVISION, &making->place,
			 &intent, err);
	if (r < 0)
		return r;
	r = put_row(applier, making, &source, err);
	if (r < 0)
		return r;
	log_info("copy begun", F_STR("volume", making->place.name),
		 F_STR("from",
		       source.snapshot ? source.snapshot : source.volume));
	copier_wake(applier->copier);
	return APPLY_HANDED;
}

/*
 * A class that was made anew may say another place than the copy was made at, and a claim
 * that was is another one.
 */
static int take_whole(const struct applier *applier, struct making *making,
		      struct store_copy *copy, struct err *err)
{
	_cleanup_(volume_place_fini) struct volume_place at = { 0 };
	int r = volume_place_from_detail(copy->target, &at, err);

	if (r < 0)
		return r;
	if (at.port != making->place.port ||
	    strcmp(at.claim_uid, making->place.claim_uid) != 0 ||
	    strcmp(at.server, making->place.server) != 0 ||
	    strcmp(at.share, making->place.share) != 0) {
		r = drop(applier, copy->name, 1u << COPY_WHOLE, err);
		return r < 0 ? r : APPLY_LATER;
	}
	making->copy = TAKE_PTR(copy->name);
	return 0;
}

int clone_prepare(const struct applier *applier,
		  const struct apply_subject *subject, struct making *making,
		  struct err *err)
{
	_cleanup_(store_copy_fini) struct store_copy copy = { 0 };
	int r = store_copy_get(applier->store, making->place.name, &copy, err);

	if (r == STORE_NOT_FOUND)
		return begin(applier, subject, making, err);
	if (r < 0)
		return r;
	if (copy.is_snapshot)
		return err_set(
			err, -EEXIST,
			"volume \"%s\" has the name of a snapshot: use another one",
			copy.name);
	switch (copy.state) {
	case COPY_WHOLE:
		return take_whole(applier, making, &copy, err);
	case COPY_DROPPING: /* of a former volume of that name */
		return APPLY_LATER;
	default:
		return copy.error ? err_set(err, copy.code, "%s", copy.error)
				  : APPLY_HANDED;
	}
}

/* --- after it ------------------------------------------------------------------------- */

int clone_end(const struct applier *applier, const char *volume,
	      struct err *err)
{
	int r = drop(applier, volume, 1u << COPY_WHOLE, err);

	return r < 0 ? r : 0;
}

int clone_cancel(const struct applier *applier, const char *volume,
		 struct err *err)
{
	/* What removes it already is not to be disturbed. */
	int r = drop(applier, volume, ~(1u << COPY_DROPPING), err);

	if (r < 0 || r == STORE_NOT_FOUND)
		return r < 0 ? r : 0;
	return APPLY_LATER;
}
