/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "lock_journal.h"
#include "lock_table.h"

static char dir[] = "/tmp/claimfs-journal-XXXXXX";
static struct err err = ERR_INIT;
static const struct nfs_fh fh = { .len = 3, .data = { 1, 2, 3 } };

static void setup(void)
{
	cr_assert(mkdtemp(dir));
}

static size_t files(bool removes)
{
	char pattern[64];
	glob_t found;
	size_t n;

	(void)snprintf(pattern, sizeof(pattern), "%s/locks-*", dir);
	n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	for (size_t i = 0; removes && i < n; i++)
		(void)unlink(found.gl_pathv[i]);
	if (n > 0)
		globfree(&found);
	return n;
}

static void teardown(void)
{
	(void)files(true);
	(void)rmdir(dir);
	err_fini(&err);
}

TestSuite(lock_journal, .init = setup, .fini = teardown);

static struct lock_journal *open_as(const char *volume, const char *caller)
{
	struct lock_journal *journal = NULL;

	cr_assert_eq(lock_journal_open(&journal, dir, volume, caller, &err), 0,
		     "%s", err_text(&err));
	return journal;
}

Test(lock_journal, what_is_in_it_is_there_for_the_next_process)
{
	struct lock_journal *journal = open_as("a/volume", "node-a");
	struct nfs_fh found;
	uint32_t slot, other, svid, cursor = 0;

	cr_assert_eq(lock_journal_add(journal, &fh, 11, &slot), 0);
	cr_assert_eq(lock_journal_add(journal, &fh, 12, &other), 0);
	lock_journal_remove(journal, slot);
	lock_journal_close(journal);
	journal = open_as("a/volume", "renamed");
	cr_assert(lock_journal_next(journal, &cursor, &found, &svid));
	cr_assert_eq(cursor, other);
	cr_assert_eq(svid, 12);
	cr_assert_eq(found.len, 3);
	cr_assert_eq(memcmp(found.data, fh.data, 3), 0);
	cr_assert_str_eq(lock_journal_caller(journal), "node-a");
	cursor++;
	cr_assert(!lock_journal_next(journal, &cursor, &found, &svid));
	lock_journal_remove(journal, other);
	lock_journal_close(journal);
	cr_assert_eq(files(false), 0);
}

Test(lock_journal, volumes_have_one_each)
{
	struct lock_journal *one = open_as("one", "node-a");
	struct lock_journal *two = open_as("two", "node-a");

	cr_assert_eq(files(false), 2);
	lock_journal_close(one);
	lock_journal_close(two);
	cr_assert_eq(files(false), 0);
}

Test(lock_journal, it_has_a_limit)
{
	struct lock_journal *journal = open_as("volume", "node-a");
	uint32_t slot = 0;

	for (uint32_t i = 0; i < LOCK_OWNERS_MAX; i++)
		cr_assert_eq(lock_journal_add(journal, &fh, i + 1, &slot), 0);
	cr_assert_eq(lock_journal_add(journal, &fh, 9, &slot), -ENOLCK);
	lock_journal_remove(journal, 100);
	cr_assert_eq(lock_journal_add(journal, &fh, 9, &slot), 0);
	cr_assert_eq(slot, 100);
	lock_journal_close(journal);
}

Test(lock_journal, garbage_is_replaced)
{
	struct lock_journal *journal = open_as("volume", "node-a");
	char pattern[64];
	uint32_t slot, svid, cursor = 0;
	struct nfs_fh found;
	glob_t glob_;
	int fd;

	cr_assert_eq(lock_journal_add(journal, &fh, 11, &slot), 0);
	lock_journal_close(journal);
	(void)snprintf(pattern, sizeof(pattern), "%s/locks-*", dir);
	cr_assert_eq(glob(pattern, 0, NULL, &glob_), 0);
	fd = open(glob_.gl_pathv[0], O_WRONLY | O_CLOEXEC);
	globfree(&glob_);
	cr_assert_eq(write(fd, "something else..", 16), 16);
	close(fd);
	journal = open_as("volume", "node-b");
	cr_assert(!lock_journal_next(journal, &cursor, &found, &svid));
	cr_assert_str_eq(lock_journal_caller(journal), "node-b");
	lock_journal_close(journal);
}

Test(lock_journal, a_folder_that_is_not_there_is_named)
{
	struct lock_journal *journal = NULL;

	cr_assert_eq(lock_journal_open(&journal, "/nonexistent", "volume",
				       "node-a", &err),
		     -ENOENT);
	cr_assert(strstr(err_text(&err), "/nonexistent/locks-"));
}
