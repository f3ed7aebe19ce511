/* SPDX-License-Identifier: Apache-2.0 */

/* Snapshots and the copies that they, and new volumes, are made by. */

#include "registry_fixture.h"
#include "store_snapshot.h"

TestSuite(store_snapshot, .init = fixture_open, .fini = fixture_close);

static struct store_copy copy_of(const char *name, const char *volume,
				 const char *snapshot)
{
	return (struct store_copy){ .name = (char *)name,
				    .volume = (char *)volume,
				    .snapshot = (char *)snapshot,
				    .source = (char *)"{\"path\":\"d\"}",
				    .target = (char *)"{\"share\":\"/s\"}" };
}

static int create(const char *id, const char *name)
{
	const struct store_snapshot snapshot = {
		.id = (char *)id,
		.namespace = (char *)"ns",
		.name = (char *)name,
		.volume = (char *)"pv",
		.handle = (char *)"handle-of-pv",
		.detail = (char *)"{\"path\":\"d\"}",
		.created_ns = 7,
		.capacity = 1 << 20,
	};
	struct store_copy copy = copy_of(id, "pv", NULL);

	copy.is_snapshot = true;
	return store_snapshot_create(store, &snapshot, &copy, NULL);
}

static void make(const char *id, const char *name)
{
	const struct store_copy whole = { .name = (char *)id,
					  .n_files = 5,
					  .n_bytes = 4096 };

	cr_assert_eq(create(id, name), 0);
	cr_assert_eq(store_snapshot_ready(store, &whole, NULL), 0);
}

static int drop(const char *id)
{
	struct store_copy copy = copy_of(id, "pv", NULL);

	copy.state = COPY_DROPPING;
	return store_snapshot_drop(store, id, &copy, NULL);
}

static size_t count(const struct snapshot_filter *filter)
{
	_cleanup_(store_snapshot_list_fini) struct store_snapshot_list list = {
		0
	};

	cr_assert_eq(store_snapshot_list(store, filter, &list, NULL), 0);
	return list.n;
}

static size_t count_copies(void)
{
	_cleanup_(store_copy_list_fini) struct store_copy_list list = { 0 };

	cr_assert_eq(store_copy_list(store, &list, NULL), 0);
	return list.n;
}

Test(store_snapshot, it_is_ready_when_its_copy_is_whole_and_no_copy_any_more)
{
	_cleanup_(store_snapshot_fini) struct store_snapshot found = { 0 };

	make("snap-1", "a");
	cr_assert_eq(count_copies(), 0);
	cr_assert_eq(store_snapshot_get(store, "snap-1", &found, NULL), 0);
	cr_assert_eq(found.state, SNAPSHOT_READY);
	cr_assert_eq(found.n_files, 5);
	cr_assert_eq(found.n_bytes, 4096);
	cr_assert_eq(found.capacity, 1 << 20);
	cr_assert_str_eq(found.handle, "handle-of-pv");
}

Test(store_snapshot, until_then_it_tells_what_its_copy_does)
{
	_cleanup_(store_snapshot_fini) struct store_snapshot found = { 0 };
	struct store_copy note = { .name = (char *)"snap-1",
				   .n_files = 3,
				   .is_counted = true,
				   .n_total_files = 9,
				   .code = -ENOSPC,
				   .error = (char *)"the share is full" };

	cr_assert_eq(create("snap-1", "a"), 0);
	cr_assert_eq(store_copy_note(store, &note, NULL), 0);
	cr_assert_eq(store_copy_set_state(store, "snap-1", 1u << COPY_RUNNING,
					  COPY_STOPPED, NULL),
		     0);
	cr_assert_eq(store_snapshot_get(store, "snap-1", &found, NULL), 0);
	cr_assert_eq(found.state, SNAPSHOT_COPYING);
	cr_assert(found.is_stopped);
	cr_assert_eq(found.n_files, 3);
	cr_assert_eq(found.n_total_files, 9);
	cr_assert_eq(found.code, -ENOSPC);
	cr_assert_str_eq(found.error, "the share is full");
}

Test(store_snapshot, a_name_is_one_snapshots_until_that_is_dropped)
{
	make("snap-1", "a");
	cr_assert_eq(create("snap-2", "a"), STORE_EXISTS);
	cr_assert_eq(count_copies(), 0);
	cr_assert_eq(drop("snap-1"), 0);
	cr_assert_eq(count(&(struct snapshot_filter){ 0 }), 0);
	cr_assert_eq(create("snap-2", "a"), 0);
	cr_assert_eq(drop("snap-1"), STORE_NOT_FOUND);
	cr_assert_eq(count_copies(), 2);
	cr_assert_eq(store_copy_remove(store, "snap-1", NULL), 0);
	cr_assert_eq(count_copies(), 1);
}

Test(store_snapshot, one_that_is_dropped_has_a_row_until_its_share_says_so)
{
	const struct store_snapshot found = { .id = (char *)"snap-1",
					      .namespace = (char *)"ns",
					      .name = (char *)"b",
					      .volume = (char *)"pv",
					      .handle = (char *)"h",
					      .detail = (char *)"{}",
					      .state = SNAPSHOT_READY };

	make("snap-1", "a");
	cr_assert_eq(store_snapshot_is_removing(store, "snap-1", NULL), 0);
	cr_assert_eq(drop("snap-1"), 0);
	cr_assert_eq(store_snapshot_is_removing(store, "snap-1", NULL), 1);
	cr_assert_eq(store_snapshot_gone(store, "snap-1", NULL), 0);
	cr_assert_eq(store_snapshot_is_removing(store, "snap-1", NULL), 0);
	cr_assert_eq(store_snapshot_gone(store, "snap-1", NULL),
		     STORE_NOT_FOUND);
	/* Whoever saw it on the share saw it before. */
	cr_assert_eq(store_snapshot_put(store, &found, NULL), STORE_EXISTS);
	cr_assert_eq(store_copy_remove(store, "snap-1", NULL), 0);
	cr_assert_eq(store_snapshot_put(store, &found, NULL), 0);
}

Test(store_snapshot, what_a_volume_is_made_from_is_not_dropped)
{
	const struct store_copy copy = copy_of("pvc-new", "pv", "snap-1");

	make("snap-1", "a");
	cr_assert_eq(store_copy_put(store, &copy, NULL), 0);
	cr_assert_eq(drop("snap-1"), STORE_CONFLICT);
	cr_assert_eq(store_copy_set_state(store, "pvc-new", 1u << COPY_RUNNING,
					  COPY_WHOLE, NULL),
		     0);
	cr_assert_eq(drop("snap-1"), 0);
}

Test(store_snapshot, no_volume_is_made_from_what_is_not_ready)
{
	const struct store_copy copy = copy_of("pvc-new", "pv", "snap-1");

	cr_assert_eq(store_copy_put(store, &copy, NULL), STORE_NOT_FOUND);
	cr_assert_eq(create("snap-1", "a"), 0);
	cr_assert_eq(store_copy_put(store, &copy, NULL), STORE_NOT_FOUND);
	cr_assert_eq(drop("snap-1"), 0);
	cr_assert_eq(store_copy_put(store, &copy, NULL), STORE_NOT_FOUND);
}

Test(store_snapshot, a_volume_is_a_source_while_its_directory_is_read)
{
	const struct store_copy copy = copy_of("pvc-new", "pv", NULL);
	_cleanup_(store_copy_fini) struct store_copy found = { 0 };
	_cleanup_(store_copy_fini) struct store_copy none = { 0 };

	cr_assert_eq(store_copy_put(store, &copy, NULL), 0);
	cr_assert_eq(store_copy_put(store, &copy, NULL), STORE_EXISTS);
	cr_assert_eq(store_copy_find_source(store, "pv", &found, NULL), 0);
	cr_assert_str_eq(found.name, "pvc-new");
	cr_assert_eq(store_copy_set_state(store, "pvc-new", 1u << COPY_RUNNING,
					  COPY_WHOLE, NULL),
		     0);
	cr_assert_eq(store_copy_find_source(store, "pv", &none, NULL),
		     STORE_NOT_FOUND);
	cr_assert_eq(store_copy_set_state(store, "pvc-new", 1u << COPY_RUNNING,
					  COPY_STOPPED, NULL),
		     STORE_CONFLICT);
}

Test(store_snapshot, they_are_listed_in_pages_and_by_what_they_are_of)
{
	make("snap-1", "a");
	make("snap-2", "b");
	make("snap-3", "c");
	cr_assert_eq(count(&(struct snapshot_filter){ .limit = 2 }), 2);
	cr_assert_eq(count(&(struct snapshot_filter){ .after = "snap-2" }), 1);
	cr_assert_eq(count(&(struct snapshot_filter){ .id = "snap-2" }), 1);
	cr_assert_eq(count(&(struct snapshot_filter){ .namespace = "ns",
						      .name = "c" }),
		     1);
	cr_assert_eq(
		count(&(struct snapshot_filter){ .handle = "handle-of-pv" }),
		3);
	cr_assert_eq(count(&(struct snapshot_filter){ .handle = "pv" }), 0);
}
