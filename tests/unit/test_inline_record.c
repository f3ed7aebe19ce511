/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "inline_record.h"

/* A state directory of the test's own; the folder in it is not made yet. */
struct fixture {
	char dir[40];
	char folder[64];
};

static const struct inline_record record = {
	.server = (char *)"192.0.2.1",
	.share = (char *)"/exports/a \"b\"",
	.port = 2050,
};

static void fixture_init(struct fixture *f)
{
	*f = (struct fixture){ .dir = "/tmp/test_inline_record.XXXXXX" };
	cr_assert_not_null(mkdtemp(f->dir));
	(void)snprintf(f->folder, sizeof(f->folder), "%s/inline", f->dir);
}

/* Nothing else may be in it. */
static void fixture_fini(struct fixture *f)
{
	cr_assert(rmdir(f->folder) == 0 || errno == ENOENT);
	cr_assert_eq(rmdir(f->dir), 0);
}

DEFINE_FINI(struct fixture, fixture_fini)

static void write_record(struct fixture *f, const char *id)
{
	cr_assert_eq(inline_record_write(f->folder, id, &record, NULL), 0);
}

Test(inline_record, a_record_lives_is_retired_and_goes)
{
	_cleanup_(fixture_fini) struct fixture f;
	_cleanup_(inline_record_fini) struct inline_record found = { 0 };
	char **ids = NULL;
	size_t n;

	fixture_init(&f);
	write_record(&f, "csi-1");
	write_record(&f, "csi-1");
	cr_assert(inline_record_is_there(f.folder, "csi-1"));
	cr_assert_not(inline_record_is_live(f.folder, "csi-1"));
	for (int i = 0; i < 2; i++)
		cr_assert_eq(inline_record_serve(f.folder, "csi-1", NULL), 0);
	write_record(&f, "csi-1");
	cr_assert(inline_record_is_there(f.folder, "csi-1"));
	cr_assert(inline_record_is_live(f.folder, "csi-1"));
	cr_assert_eq(inline_record_list(f.folder, &ids, &n), 0);
	cr_assert_eq(n, 0);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(inline_record_retire(f.folder, "csi-1", NULL), 0);
	cr_assert_not(inline_record_is_there(f.folder, "csi-1"));
	cr_assert(inline_record_is_retired(f.folder, "csi-1"));
	cr_assert_eq(inline_record_list(f.folder, &ids, &n), 0);
	cr_assert_eq(n, 1);
	cr_assert_str_eq(ids[0], "csi-1");
	cr_assert_eq(inline_record_read(f.folder, ids[0], &found, NULL), 0);
	cr_assert_str_eq(found.server, record.server);
	cr_assert_str_eq(found.share, record.share);
	cr_assert_eq(found.port, 2050);
	cr_assert_eq(found.mount_port, 0);
	inline_record_drop(f.folder, "csi-1");
	cr_assert_not(inline_record_is_retired(f.folder, "csi-1"));
	inline_record_free_ids(ids, n);
}

Test(inline_record, a_record_that_lives_is_of_one_place)
{
	_cleanup_(fixture_fini) struct fixture f;
	_cleanup_(err_fini) struct err err = ERR_INIT;
	struct inline_record other = record;

	fixture_init(&f);
	write_record(&f, "csi-1");
	other.share = (char *)"/elsewhere";
	cr_expect_eq(inline_record_write(f.folder, "csi-1", &other, &err),
		     -EINVAL);
	cr_expect_not_null(strstr(err_text(&err), record.server), "%s",
			   err_text(&err));
	cr_assert_eq(inline_record_retire(f.folder, "csi-1", NULL), 0);
	inline_record_drop(f.folder, "csi-1");
}

Test(inline_record, one_that_was_never_served_is_retired_as_well)
{
	_cleanup_(fixture_fini) struct fixture f;

	fixture_init(&f);
	write_record(&f, "csi-1");
	cr_assert_eq(inline_record_retire(f.folder, "csi-1", NULL), 0);
	cr_assert_not(inline_record_is_there(f.folder, "csi-1"));
	cr_assert(inline_record_is_retired(f.folder, "csi-1"));
	cr_assert_eq(inline_record_serve(f.folder, "csi-1", NULL), -ENOENT);
	inline_record_drop(f.folder, "csi-1");
}

Test(inline_record, half_a_record_is_swept)
{
	_cleanup_(fixture_fini) struct fixture f;
	char path[80];

	fixture_init(&f);
	inline_record_sweep(f.folder);
	write_record(&f, "csi-1");
	(void)snprintf(path, sizeof(path), "%s/csi-2.making", f.folder);
	cr_assert_eq(mknod(path, S_IFREG | 0600, 0), 0);
	inline_record_sweep(f.folder);
	cr_assert_eq(access(path, F_OK), -1);
	cr_assert(inline_record_is_there(f.folder, "csi-1"));
	cr_assert_eq(inline_record_retire(f.folder, "csi-1", NULL), 0);
	inline_record_drop(f.folder, "csi-1");
}

Test(inline_record, a_folder_that_was_never_made_has_none)
{
	_cleanup_(fixture_fini) struct fixture f;
	char **ids = NULL;
	size_t n;

	fixture_init(&f);
	cr_assert_not(inline_record_is_there(f.folder, "csi-1"));
	cr_assert_eq(inline_record_list(f.folder, &ids, &n), 0);
	cr_assert_eq(n, 0);
	cr_assert_eq(inline_record_retire(f.folder, "csi-1", NULL), -ENOENT);
}

Test(inline_record, what_is_damaged_is_told)
{
	static const char *const texts[] = {
		"",
		"{}",
		"[",
		"{\"server\":\"a\",\"share\":\"/b\",\"port\":1}",
		"{\"server\":1,\"share\":\"/b\",\"port\":1,\"mountPort\":1}",
		"{\"server\":\"a\",\"share\":\"/b\",\"port\":70000,\"mountPort\":1}",
	};
	_cleanup_(fixture_fini) struct fixture f;
	char path[80];

	fixture_init(&f);
	write_record(&f, "x");
	cr_assert_eq(inline_record_retire(f.folder, "x", NULL), 0);
	(void)snprintf(path, sizeof(path), "%s/x.gone", f.folder);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(err_fini) struct err err = ERR_INIT;
		struct inline_record found;
		FILE *file = fopen(path, "w");

		cr_assert_not_null(file);
		(void)fputs(texts[i], file);
		(void)fclose(file);
		cr_assert_eq(inline_record_read(f.folder, "x", &found, &err),
			     -EINVAL, "%s", texts[i]);
		cr_assert_not_null(strstr(err_text(&err), "\"x\""));
	}
	inline_record_drop(f.folder, "x");
}

Test(inline_record, there_is_a_limit)
{
	_cleanup_(fixture_fini) struct fixture f;
	_cleanup_(err_fini) struct err err = ERR_INIT;
	char path[80];

	fixture_init(&f);
	cr_assert_eq(mkdir(f.folder, 0700), 0);
	for (int i = 0; i < INLINE_RECORDS_MAX; i++) {
		(void)snprintf(path, sizeof(path), "%s/csi-%d.live", f.folder,
			       i);
		cr_assert_eq(mknod(path, S_IFREG | 0600, 0), 0);
	}
	cr_assert_eq(inline_record_write(f.folder, "one-more", &record, &err),
		     -ENOSPC);
	cr_assert_not_null(strstr(err_text(&err), "1024"));
	for (int i = 0; i < INLINE_RECORDS_MAX; i++) {
		(void)snprintf(path, sizeof(path), "%s/csi-%d.live", f.folder,
			       i);
		(void)unlink(path);
	}
}

Test(inline_record, an_id_is_fit_for_a_files_name)
{
	static const struct {
		const char *id;
		int r;
	} cases[] = {
		{ "csi-8da201262b10bc8e1df0a527aed75cb4ac09a72e29e21a6761a9" },
		{ "A_b-9" },
		{ "", -EINVAL },
		{ ".", -EINVAL },
		{ "..", -EINVAL },
		{ "a/b", -EINVAL },
		{ "a.gone", -EINVAL },
		{ "a b", -EINVAL },
		{ "\xc3\xa4", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(inline_record_check_id(cases[i].id, NULL),
			     cases[i].r, "%s", cases[i].id);
}
