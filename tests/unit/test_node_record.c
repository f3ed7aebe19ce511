/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>
#include <sys/mman.h>

#include <criterion/criterion.h>

#include "node_record.h"

static struct label items[] = { { (char *)"server", (char *)"10.0.0.1" },
				{ (char *)"share", (char *)"/a \"quoted\"" } };
static const struct labels context = { items, ARRAY_SIZE(items) };
static const char *const flags[] = { "hard", "nconnect=2" };

static const struct node_stage_args stage = {
	.volume_id = "pv-1",
	.staging_path = "/var/lib/kubelet/globalmount",
	.capability = { .access_mode = NODE_MULTI_NODE_MULTI_WRITER,
			.mount_flags = flags,
			.n_mount_flags = 2 },
	.context = &context,
};

static struct node_entry *make_entry(void)
{
	const struct node_publish_args publish = {
		.volume_id = "pv-1",
		.staging_path = stage.staging_path,
		.target_path = "/pods/1/mount",
		.capability = stage.capability,
		.context = &context,
	};
	struct node_entry *entry;

	cr_assert_eq(node_entry_new(&entry, &stage, "pv-1"), 0);
	cr_assert_eq(node_entry_add_target(entry, &publish, 1001, true), 0);
	return entry;
}

Test(node_record, says_what_was_staged_and_published)
{
	_cleanup_(node_entry_free) struct node_entry *entry = make_entry();
	_cleanup_(node_record_fini) struct node_record record = { 0 };
	_cleanup_(fd_close) int fd = -1;

	cr_assert_eq(node_record_write(entry, &fd), 0);
	cr_assert_eq(node_record_read(fd, &record, NULL), 0);
	cr_assert_str_eq(record.stage.volume_id, "pv-1");
	cr_assert_str_eq(record.stage.staging_path, stage.staging_path);
	cr_assert_eq(record.stage.capability.access_mode,
		     NODE_MULTI_NODE_MULTI_WRITER);
	cr_assert_eq(record.stage.capability.n_mount_flags, 2);
	cr_assert_str_eq(record.stage.capability.mount_flags[1], "nconnect=2");
	cr_assert_str_eq(labels_get(record.stage.context, "share"),
			 "/a \"quoted\"");
	cr_assert_eq(record.n_targets, 1);
	cr_assert_str_eq(record.targets[0].path, "/pods/1/mount");
	cr_assert_eq(record.targets[0].mount_group, 1001);
	cr_assert(record.targets[0].is_read_only);
	cr_assert_str_eq(record.targets[0].fingerprint,
			 entry->targets[0].fingerprint);
}

Test(node_record, a_repeated_request_has_the_fingerprint_of_the_recorded_one)
{
	_cleanup_(node_entry_free) struct node_entry *entry = make_entry();
	_cleanup_(node_entry_free) struct node_entry *again = NULL;
	_cleanup_(node_record_fini) struct node_record record = { 0 };
	_cleanup_(fd_close) int fd = -1;

	cr_assert_eq(node_record_write(entry, &fd), 0);
	cr_assert_eq(node_record_read(fd, &record, NULL), 0);
	cr_assert_eq(node_entry_new(&again, &record.stage, "pv-1"), 0);
	cr_assert_str_eq(again->fingerprint, entry->fingerprint);
}

Test(node_record, what_a_volume_grew_to_is_kept)
{
	_cleanup_(node_entry_free) struct node_entry *entry = make_entry();
	_cleanup_(node_record_fini) struct node_record record = { 0 };
	_cleanup_(fd_close) int fd = -1;

	entry->capacity = UINT64_C(1) << 60;
	cr_assert_eq(node_record_write(entry, &fd), 0);
	cr_assert_eq(node_record_read(fd, &record, NULL), 0);
	cr_assert_eq(record.capacity, UINT64_C(1) << 60);
}

Test(node_record, what_is_no_record_is_refused_with_a_sentence)
{
	static const char *const texts[] = {
		"",
		"{",
		"{}",
		"{\"version\": 2}",
		"{\"version\": 1, \"stage\": {\"id\": 7}}",
		"{\"version\": 1, \"targets\": [{\"group\": \"many\"}]}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(node_record_fini) struct node_record record = { 0 };
		_cleanup_(fd_close) int fd = memfd_create("x", MFD_CLOEXEC);
		_cleanup_(err_fini) struct err err = ERR_INIT;
		size_t len = strlen(texts[i]);

		cr_assert_eq(write(fd, texts[i], len), (ssize_t)len);
		cr_assert_eq(node_record_read(fd, &record, &err), -EINVAL, "%s",
			     texts[i]);
		cr_assert_neq(*err_text(&err), '\0');
	}
}
