/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "silly_journal.h"

#define PATH_SIZE 128

static char dir[] = "/tmp/claimfs-names-XXXXXX";
static struct err err = ERR_INIT;
static const struct silly_entry entry = {
	.dir = { .len = 3, .data = { 1, 2, 3 } },
	.file = { .len = 2, .data = { 7, 8 } },
	.cred = { .uid = 10, .gid = 20, .n_gids = 2, .gids = { 30, 40 } },
	.name = ".nfs0123456789abcdef0123456789abcdef",
};

static void setup(void)
{
	cr_assert(mkdtemp(dir));
}

/* The path of the one file that there is; false when there is none. */
static bool find_file(char path[static PATH_SIZE])
{
	char pattern[64];
	glob_t found;
	bool is_there;

	(void)snprintf(pattern, sizeof(pattern), "%s/names-*", dir);
	is_there = glob(pattern, 0, NULL, &found) == 0;
	if (is_there) {
		(void)snprintf(path, PATH_SIZE, "%s", found.gl_pathv[0]);
		globfree(&found);
	}
	return is_there;
}

static void teardown(void)
{
	char path[PATH_SIZE];

	if (find_file(path))
		(void)unlink(path);
	(void)rmdir(dir);
	err_fini(&err);
}

TestSuite(silly_journal, .init = setup, .fini = teardown);

static struct silly_journal *open_it(void)
{
	struct silly_journal *journal = NULL;

	cr_assert_eq(silly_journal_open(&journal, dir, "a/volume", &err), 0,
		     "%s", err_text(&err));
	return journal;
}

Test(silly_journal, what_is_in_it_is_left_over_for_the_next_process)
{
	struct silly_journal *journal = open_it();
	struct silly_entry got;
	uint32_t first = silly_journal_add(journal, &entry);
	uint32_t second = silly_journal_add(journal, &entry);

	cr_assert_neq(first, second);
	cr_assert_eq(silly_journal_claim_left(journal, &got), SILLY_NO_ENTRY);
	silly_journal_drop(journal, first);
	silly_journal_close(journal);

	journal = open_it();
	cr_assert_eq(silly_journal_claim_left(journal, &got), second);
	cr_assert_eq(memcmp(&got, &entry, sizeof(got)), 0);
	cr_assert_eq(silly_journal_claim_left(journal, &got), SILLY_NO_ENTRY);
	silly_journal_leave(journal, second);
	cr_assert_eq(silly_journal_claim_left(journal, &got), second);
	silly_journal_close(journal);
}

Test(silly_journal, what_is_claimed_is_not_left_over)
{
	struct silly_journal *journal = open_it();
	struct silly_entry got;
	uint32_t number = silly_journal_add(journal, &entry);

	silly_journal_close(journal);
	journal = open_it();
	cr_assert_not(silly_journal_claim(journal, number, "another"));
	cr_assert_not(silly_journal_claim(journal, number + 1, entry.name));
	cr_assert_not(silly_journal_claim(journal, SILLY_NO_ENTRY, entry.name));
	cr_assert(silly_journal_claim(journal, number, entry.name));
	cr_assert_not(silly_journal_claim(journal, number, entry.name));
	cr_assert_eq(silly_journal_claim_left(journal, &got), SILLY_NO_ENTRY);
	silly_journal_close(journal);
}

Test(silly_journal, its_file_goes_when_nothing_is_in_it)
{
	struct silly_journal *journal = open_it();
	uint32_t number = silly_journal_add(journal, &entry);
	char path[PATH_SIZE];

	silly_journal_close(journal);
	cr_assert(find_file(path));
	journal = open_it();
	silly_journal_drop(journal, number);
	silly_journal_drop(journal, SILLY_NO_ENTRY);
	silly_journal_close(journal);
	cr_assert_not(find_file(path));
}

Test(silly_journal, it_takes_so_many_and_no_more)
{
	struct silly_journal *journal = open_it();

	for (uint32_t i = 0; i < SILLY_ENTRIES_MAX; i++)
		cr_assert_eq(silly_journal_add(journal, &entry), i);
	cr_assert_eq(silly_journal_add(journal, &entry), SILLY_NO_ENTRY);
	silly_journal_drop(journal, 77);
	cr_assert_eq(silly_journal_add(journal, &entry), 77);
	silly_journal_close(journal);
}

/* Any byte of it may be wrong, and it may end anywhere. */
Test(silly_journal, what_was_not_written_by_us_is_not_in_it)
{
	struct silly_journal *journal = open_it();
	char path[PATH_SIZE];
	/* Behind a digest. */
	const off_t end = sizeof(uint64_t) + sizeof(struct silly_entry);
	struct silly_entry got;
	uint8_t byte;
	int fd;

	(void)silly_journal_add(journal, &entry);
	silly_journal_close(journal);
	cr_assert(find_file(path));
	fd = open(path, O_RDWR | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	for (off_t i = 0; i < end; i++) {
		cr_assert_eq(pread(fd, &byte, 1, i), 1);
		byte ^= 0x55;
		cr_assert_eq(pwrite(fd, &byte, 1, i), 1);
		journal = open_it();
		cr_assert_eq(silly_journal_claim_left(journal, &got),
			     SILLY_NO_ENTRY, "byte %lld", (long long)i);
		(void)silly_journal_add(journal, &entry);
		silly_journal_close(journal);
	}
	cr_assert_eq(ftruncate(fd, 40), 0);
	close(fd);
	journal = open_it();
	cr_assert_eq(silly_journal_claim_left(journal, &got), SILLY_NO_ENTRY);
	silly_journal_close(journal);
}
