/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A mapped file of slots of equal size: adding and removing is a few stores and
 * no system call, and what is stored is in the kernel's hands when this process
 * dies.
 *
 * A slot is valid when its svid is not 0, which is written last and cleared first.
 * All of the file's blocks are there before it is mapped: a full file system must
 * be an error here, not a signal later. Its content is checked like any input.
 */

#include "lock_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lock_table.h"
#include "state_file.h"

#define MAGIC "claimfs locks 1"

struct slot {
	_Atomic uint32_t svid;
	uint32_t fh_len;
	uint8_t fh[NFS_FH_MAX];
};

struct content {
	char magic[16];
	char caller[LOCK_CALLER_MAX + 1];
	struct slot slots[LOCK_OWNERS_MAX];
};

struct lock_journal {
	char *path;
	struct content *content; /* mapped */
	uint32_t next;		 /* where the search for a free slot begins */
};

static bool is_valid(const struct content *content)
{
	if (memcmp(content->magic, MAGIC, sizeof(content->magic)) != 0 ||
	    content->caller[LOCK_CALLER_MAX] != '\0')
		return false;
	for (uint32_t i = 0; i < LOCK_OWNERS_MAX; i++) {
		if (content->slots[i].fh_len > NFS_FH_MAX)
			return false;
	}
	return true;
}

static void set_caller(struct content *content, const char *caller)
{
	(void)snprintf(content->caller, sizeof(content->caller), "%s", caller);
}

static int map(struct lock_journal *journal, int fd, const char *caller)
{
	uint32_t cursor = 0;
	struct nfs_fh fh;
	void *content;
	uint32_t svid;
	int r = -posix_fallocate(fd, 0, sizeof(struct content));

	if (r < 0)
		return r;
	content = mmap(NULL, sizeof(struct content), PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, 0);
	if (content == MAP_FAILED)
		return -errno;
	journal->content = content;
	if (!is_valid(journal->content)) {
		memset(content, 0, sizeof(struct content));
		memcpy(journal->content->magic, MAGIC, sizeof(MAGIC));
	}
	if (!lock_journal_next(journal, &cursor, &fh, &svid))
		set_caller(journal->content, caller);
	return 0;
}

int lock_journal_open(struct lock_journal **ret, const char *dir,
		      const char *volume, const char *caller, struct err *err)
{
	_cleanup_(lock_journal_close) struct lock_journal *journal = NULL;
	_cleanup_(fd_close) int fd = -1;
	int r;

	journal = calloc(1, sizeof(*journal));
	if (!journal)
		return err_set(err, -ENOMEM, "open the journal of locks");
	r = state_file_open(dir, "locks", volume, &journal->path, &fd, err);
	if (r < 0)
		return err_wrap(err, "open the journal of locks");
	r = map(journal, fd, caller);
	if (r < 0)
		return err_set_errno(err, r, "map the journal of locks \"%s\"",
				     journal->path);
	*ret = TAKE_PTR(journal);
	return 0;
}

struct lock_journal *lock_journal_close(struct lock_journal *journal)
{
	uint32_t cursor = 0;
	struct nfs_fh fh;
	uint32_t svid;

	if (!journal)
		return NULL;
	if (journal->content) {
		if (!lock_journal_next(journal, &cursor, &fh, &svid))
			(void)unlink(journal->path);
		(void)munmap(journal->content, sizeof(*journal->content));
	}
	free(journal->path);
	free(journal);
	return NULL;
}

const char *lock_journal_caller(const struct lock_journal *journal)
{
	return journal->content->caller;
}

int lock_journal_add(struct lock_journal *journal, const struct nfs_fh *fh,
		     uint32_t svid, uint32_t *ret_slot)
{
	for (uint32_t i = 0; i < LOCK_OWNERS_MAX; i++) {
		uint32_t number = (journal->next + i) % LOCK_OWNERS_MAX;
		struct slot *slot = &journal->content->slots[number];

		if (atomic_load(&slot->svid) != 0)
			continue;
		slot->fh_len = fh->len;
		memcpy(slot->fh, fh->data, sizeof(slot->fh));
		atomic_store(&slot->svid, svid);
		journal->next = number + 1;
		*ret_slot = number;
		return 0;
	}
	return -ENOLCK;
}

void lock_journal_remove(struct lock_journal *journal, uint32_t slot)
{
	atomic_store(&journal->content->slots[slot].svid, 0);
}

bool lock_journal_next(const struct lock_journal *journal, uint32_t *cursor,
		       struct nfs_fh *ret_fh, uint32_t *ret_svid)
{
	for (; *cursor < LOCK_OWNERS_MAX; (*cursor)++) {
		struct slot *slot = &journal->content->slots[*cursor];
		uint32_t svid = atomic_load(&slot->svid);

		if (svid == 0)
			continue;
		ret_fh->len = slot->fh_len;
		memcpy(ret_fh->data, slot->fh, sizeof(ret_fh->data));
		*ret_svid = svid;
		return true;
	}
	return false;
}
