/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Records of equal size, each written at once and told by a digest, so that what is
 * half written or of another version is no record. Who is owned is in memory only.
 *
 * A write is in the kernel's hands when this process dies, so it is not synced: a name
 * that is set aside costs two small writes. When the machine goes down, what was not
 * written to its disk yet is lost, and so is all of it if the directory is in /run, as
 * it usually is: such names stay on the server, as Linux's do.
 *
 * Not mapped, as locks are (lock_journal.c): the file has blocks only for what was ever
 * in it, and a full file system is an error of the write.
 */

#include "silly_journal.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fnv1a.h"
#include "state_file.h"

/* Of this layout: another one is another seed. */
#define DIGEST_SEED 0x636c61696d667301ull

enum entry_state {
	ENTRY_FREE = 0,
	ENTRY_OWNED,
	ENTRY_LEFT,
};

struct record {
	uint64_t digest; /* 0 = free */
	struct silly_entry entry;
};

struct silly_journal {
	char *path;
	int fd;
	pthread_mutex_t lock;
	uint32_t n;			   /* lock: entries that are not free */
	uint32_t next;			   /* lock: none below is */
	uint8_t states[SILLY_ENTRIES_MAX]; /* lock: enum entry_state */
};

/* --- records ---------------------------------------------------------------------- */

/* Against accidents, not against whoever can write to the state directory. */
static uint64_t digest(const struct silly_entry *entry)
{
	return fnv1a(DIGEST_SEED, entry, sizeof(*entry)) | 1;
}

/* Padding is zero, and so is what the handles don't use. */
static void record_fill(struct record *record, const struct silly_entry *from)
{
	struct silly_entry *to = &record->entry;

	memset(record, 0, sizeof(*record));
	to->dir.len = from->dir.len;
	memcpy(to->dir.data, from->dir.data, from->dir.len);
	to->file.len = from->file.len;
	memcpy(to->file.data, from->file.data, from->file.len);
	to->cred.uid = from->cred.uid;
	to->cred.gid = from->cred.gid;
	to->cred.n_gids = from->cred.n_gids;
	memcpy(to->cred.gids, from->cred.gids,
	       from->cred.n_gids * sizeof(from->cred.gids[0]));
	memcpy(to->name, from->name, strlen(from->name));
	record->digest = digest(to);
}

static bool fh_is_valid(const struct nfs_fh *fh)
{
	return fh->len > 0 && fh->len <= NFS_FH_MAX;
}

/* Whatever else it says, only names of this form are ever removed. */
static bool record_is_valid(const struct record *record)
{
	const struct silly_entry *entry = &record->entry;

	return record->digest != 0 && record->digest == digest(entry) &&
	       fh_is_valid(&entry->dir) && fh_is_valid(&entry->file) &&
	       entry->cred.n_gids <= NFS_GIDS_MAX &&
	       file_is_silly_name(entry->name);
}

static bool record_read(const struct silly_journal *journal, uint32_t number,
			struct record *ret)
{
	const off_t at = (off_t)(number * sizeof(*ret));

	return pread(journal->fd, ret, sizeof(*ret), at) == sizeof(*ret) &&
	       record_is_valid(ret);
}

static bool record_write(struct silly_journal *journal, uint32_t number,
			 const struct record *record)
{
	const off_t at = (off_t)(number * sizeof(*record));

	return pwrite(journal->fd, record, sizeof(*record), at) ==
	       sizeof(*record);
}

static void record_clear(struct silly_journal *journal, uint32_t number)
{
	const uint64_t none = 0;

	(void)!pwrite(journal->fd, &none, sizeof(none),
		      (off_t)(number * sizeof(struct record)));
}

/* --- the file ---------------------------------------------------------------------- */

static void read_all(struct silly_journal *journal)
{
	struct record record;

	for (uint32_t i = 0; i < SILLY_ENTRIES_MAX; i++) {
		if (!record_read(journal, i, &record))
			continue;
		journal->states[i] = ENTRY_LEFT;
		journal->n++;
	}
}

int silly_journal_open(struct silly_journal **ret, const char *dir,
		       const char *volume, struct err *err)
{
	_cleanup_(silly_journal_close) struct silly_journal *journal = NULL;
	int r;

	journal = calloc(1, sizeof(*journal));
	if (!journal)
		return err_set(err, -ENOMEM, "open the journal of names");
	journal->fd = -1;
	pthread_mutex_init(&journal->lock, NULL);
	r = state_file_open(dir, "names", volume, &journal->path, &journal->fd,
			    err);
	if (r < 0)
		return err_wrap(err, "open the journal of names");
	if (lseek(journal->fd, 0, SEEK_END) > 0)
		read_all(journal);
	*ret = TAKE_PTR(journal);
	return 0;
}

struct silly_journal *silly_journal_close(struct silly_journal *journal)
{
	if (!journal)
		return NULL;
	if (journal->path && journal->n == 0)
		(void)unlink(journal->path);
	fd_close(journal->fd);
	pthread_mutex_destroy(&journal->lock);
	free(journal->path);
	free(journal);
	return NULL;
}

/* --- entries ----------------------------------------------------------------------- */

/* The lowest ones again and again: a file of a few blocks. */
static uint32_t take_free(struct silly_journal *journal)
{
	uint32_t i;

	pthread_mutex_lock(&journal->lock);
	for (i = journal->next; i < SILLY_ENTRIES_MAX; i++) {
		if (journal->states[i] == ENTRY_FREE)
			break;
	}
	journal->next = i;
	if (i < SILLY_ENTRIES_MAX) {
		journal->states[i] = ENTRY_OWNED;
		journal->n++;
	}
	pthread_mutex_unlock(&journal->lock);
	return i < SILLY_ENTRIES_MAX ? i : SILLY_NO_ENTRY;
}

static void give_back(struct silly_journal *journal, uint32_t number)
{
	pthread_mutex_lock(&journal->lock);
	journal->states[number] = ENTRY_FREE;
	journal->n--;
	if (number < journal->next)
		journal->next = number;
	pthread_mutex_unlock(&journal->lock);
}

uint32_t silly_journal_add(struct silly_journal *journal,
			   const struct silly_entry *entry)
{
	uint32_t number = take_free(journal);
	struct record record;

	if (number == SILLY_NO_ENTRY)
		return number;
	record_fill(&record, entry);
	if (record_write(journal, number, &record))
		return number;
	record_clear(journal, number);
	give_back(journal, number);
	return SILLY_NO_ENTRY;
}

void silly_journal_drop(struct silly_journal *journal, uint32_t number)
{
	if (number >= SILLY_ENTRIES_MAX)
		return;
	record_clear(journal, number);
	give_back(journal, number);
}

void silly_journal_leave(struct silly_journal *journal, uint32_t number)
{
	if (number >= SILLY_ENTRIES_MAX)
		return;
	pthread_mutex_lock(&journal->lock);
	journal->states[number] = ENTRY_LEFT;
	pthread_mutex_unlock(&journal->lock);
}

/* The first one from begin on that is left over, and is no more. */
static uint32_t own_left(struct silly_journal *journal, uint32_t begin,
			 uint32_t end)
{
	uint32_t i;

	pthread_mutex_lock(&journal->lock);
	for (i = begin; i < end; i++) {
		if (journal->states[i] == ENTRY_LEFT)
			break;
	}
	if (i < end)
		journal->states[i] = ENTRY_OWNED;
	pthread_mutex_unlock(&journal->lock);
	return i < end ? i : SILLY_NO_ENTRY;
}

bool silly_journal_claim(struct silly_journal *journal, uint32_t number,
			 const char *name)
{
	struct record record;

	return number < SILLY_ENTRIES_MAX &&
	       record_read(journal, number, &record) &&
	       strcmp(record.entry.name, name) == 0 &&
	       own_left(journal, number, number + 1) == number;
}

uint32_t silly_journal_claim_left(struct silly_journal *journal,
				  struct silly_entry *ret)
{
	struct record record;
	uint32_t i;

	while ((i = own_left(journal, 0, SILLY_ENTRIES_MAX)) !=
	       SILLY_NO_ENTRY) {
		if (record_read(journal, i, &record)) {
			*ret = record.entry;
			break;
		}
		silly_journal_drop(journal, i);
	}
	return i;
}
