/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What becomes of rows of the trash, on a real record and registry, with a share that
 * fails when it is told to.
 */

#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "clock.h"
#include "registry_fixture.h"
#include "remover_turn.h"

#define VOLUME_TEXT                                                    \
	"{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolume\","        \
	"\"metadata\":{\"name\":\"pv\",\"uid\":\"former\"},\"spec\":{" \
	"\"capacity\":{\"storage\":\"1Gi\"},"                          \
	"\"accessModes\":[\"ReadWriteMany\"],"                         \
	"\"claimRef\":{\"namespace\":\"default\",\"name\":\"c\"},"     \
	"\"nfs\":{\"server\":\"s\",\"path\":\"/x\"}}}"

/* --- a share that can fail ------------------------------------------------------ */

static int restore_outcome, drop_outcome; /* until the test says otherwise */
static int n_restores, n_removals;
static atomic_int n_counts;
static bool is_count_slow; /* it ends when it is told to, in an error */

static int count_slowly(share_tree_fn go_on, void *userdata, struct err *err)
{
	const struct share_tree_progress progress = { 0 };

	n_counts++;
	while (go_on(userdata, &progress))
		(void)sched_yield();
	return err_set(err, -EIO, "the share is on fire");
}

static int fake_walk(const struct share_volume *volume,
		     enum share_tree_task task, share_tree_fn go_on,
		     void *userdata, struct err *err)
{
	if (task == SHARE_TREE_COUNT && is_count_slow)
		return count_slowly(go_on, userdata, err);
	n_removals += task == SHARE_TREE_REMOVE;
	return 0;
}

static int fake_note(const struct share_volume *volume, struct err *err)
{
	return 0;
}

static int fail_or_not(int outcome, struct err *err)
{
	if (outcome < 0 || outcome == SHARE_UNREACHED)
		(void)err_set(err, outcome < 0 ? outcome : -ETIMEDOUT,
			      "the share is on fire");
	return outcome;
}

static int fake_restore(const struct share_volume *volume,
			struct share_owner *ret_owner, struct err *err)
{
	n_restores++;
	if (restore_outcome == SHARE_TAKEN)
		ret_owner->volume = strdup("other");
	return fail_or_not(restore_outcome, err);
}

static int fake_drop(const struct share_volume *volume, struct err *err)
{
	return fail_or_not(drop_outcome, err);
}

static const struct share_ops fake_share = { .walk = fake_walk,
					     .note = fake_note,
					     .restore = fake_restore,
					     .drop = fake_drop };

/* --- rows ------------------------------------------------------------------------- */

TestSuite(remover, .init = fixture_open, .fini = fixture_close, .timeout = 60);

static void put_row_for(enum trash_state state, uint64_t ttl_s)
{
	const struct volume_place place = { .server = (char *)"s",
					    .share = (char *)"/x",
					    .path = (char *)"pv",
					    .name = (char *)"pv",
					    .claim_namespace =
						    (char *)"default",
					    .claim_name = (char *)"c",
					    .claim_uid = (char *)"u",
					    .class_name = (char *)"k",
					    .trash_ttl_s = ttl_s };
	_cleanup_(object_unref) struct object *pv = must_parse(VOLUME_TEXT);
	_cleanup_(store_trash_fini) struct store_trash row = { 0 };

	cr_assert_eq(trash_new(&place, pv, time(NULL) - 1, &row), 0);
	row.state = state;
	cr_assert_eq(store_trash_put(store, &row, NULL), 0);
}

/* Its time is over. */
static void put_row(enum trash_state state)
{
	put_row_for(state, 0);
}

static bool has_row(void)
{
	_cleanup_(store_trash_fini) struct store_trash row = { 0 };

	return store_trash_get(store, "pv", &row, NULL) == 0;
}

static enum trash_state state_of_row(void)
{
	_cleanup_(store_trash_fini) struct store_trash row = { 0 };

	cr_assert_eq(store_trash_get(store, "pv", &row, NULL), 0);
	return row.state;
}

static int take_turn(void)
{
	const struct remover_options options = {
		.store = store,
		.cluster = registry_cluster(registry),
		.share = &fake_share,
	};
	_cleanup_(err_fini) struct err err = ERR_INIT;
	struct turn_view view = { 0 };

	return remover_turn(&options, "pv", &view, &err);
}

/* --- the tests ---------------------------------------------------------------------- */

Test(remover, what_has_expired_is_removed)
{
	put_row(TRASH_KEPT);
	cr_assert_eq(take_turn(), TURN_GONE);
	cr_assert_eq(n_removals, 1);
	cr_assert_not(has_row());
}

Test(remover, what_is_restored_leaves_the_trash)
{
	_cleanup_(object_unref) struct object *pv = NULL;

	put_row(TRASH_RESTORING);
	cr_assert_eq(take_turn(), TURN_GONE);
	cr_assert_eq(n_removals, 0);
	cr_assert_not(has_row());
	cr_assert_eq(registry_get(registry, KIND_PERSISTENT_VOLUME, "", "pv",
				  &pv, NULL),
		     0);
}

static atomic_int n_gets;

static int fail_to_get(struct cluster *cluster, enum object_kind kind,
		       const char *namespace, const char *name,
		       struct object **ret, struct err *err)
{
	n_gets++;
	return err_set(err, -EIO, "the API is on fire");
}

/* As it does when the disk is full. */
Test(remover, what_is_asked_back_is_not_tried_without_a_pause)
{
	static const struct cluster_ops ops = { .get = fail_to_get };
	static struct cluster broken = { .ops = &ops };
	const struct remover_options options = { .store = store,
						 .cluster = &broken,
						 .share = &fake_share };
	_cleanup_(remover_free) struct remover *remover = NULL;

	put_row(TRASH_RESTORING);
	cr_assert_eq(remover_new(&remover, &options, NULL), 0);
	cr_assert_eq(remover_start(remover, NULL), 0);
	remover_wait(remover, "pv", 1);
	cr_assert_geq(n_gets, 1);
	cr_assert_leq(n_gets, 2);
}

Test(remover, what_is_interrupted_is_looked_at_again_at_once)
{
	const struct remover_options options = {
		.store = store,
		.cluster = registry_cluster(registry),
		.share = &fake_share,
	};
	_cleanup_(remover_free) struct remover *remover = NULL;
	uint64_t start_ns = clock_ns();

	is_count_slow = true;
	put_row_for(TRASH_KEPT, 3600);
	cr_assert_eq(remover_new(&remover, &options, NULL), 0);
	cr_assert_eq(remover_start(remover, NULL), 0);
	for (int i = 1; i <= 5; i++) {
		while (n_counts < i)
			(void)sched_yield();
		remover_interrupt(remover, "pv");
	}
	cr_assert_lt(clock_ns() - start_ns, 6 * NS_PER_S);
}

/* Somebody wanted it: only he may have it removed. */
Test(remover, what_could_not_be_restored_is_not_removed_when_its_time_is_over)
{
	static const int outcomes[] = { SHARE_TAKEN, -EEXIST, -EPERM };

	put_row(TRASH_STOPPED);
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
		cr_assert_eq(store_trash_set_state(store, "pv",
						   1u << TRASH_STOPPED,
						   TRASH_RESTORING, NULL),
			     0);
		restore_outcome = outcomes[i];
		cr_assert_lt(take_turn(), 0);
		cr_assert_eq(state_of_row(), TRASH_STOPPED);
		(void)take_turn();
		cr_assert_eq(n_removals, 0);
	}
	cr_assert_eq(n_restores, 3);
}
