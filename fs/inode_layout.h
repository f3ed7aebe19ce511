/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The shared-memory file of a volume, as inode.c and file_state.c see it. The file
 * outlives the process that maps it (whoever holds its descriptor may map it
 * again), so everything here is plain data without pointers:
 *
 *	0          struct table_header: identity, saved FUSE_INIT, the export
 *	4 KiB      struct intent_slot[INTENTS_MAX]: requests under way (intent.h)
 *	72 KiB     struct opener_slot[OPENERS_MAX]
 *	160 KiB    struct told_slot[TOLD_MAX]: who knows of errors (write_error.h)
 *	192 KiB    struct inode_slot[INODE_SEGMENT_SLOTS], the first ones
 *	512 KiB    struct journal_slot[JOURNAL_MAX]: uncommitted data (kept_journal.h)
 *	6 MiB      struct request_slot[REQUESTS_MAX]: to be read again (request_log.h)
 *	16 MiB     struct inode_slot[], the others: a segment of twice as many
 *	           follows on each
 *
 * The file is as large as it can be from the start; what is not touched costs
 * nothing. What every volume needs lies close together, for the sake of the next
 * process: a page table that hundreds of volumes share is made once.
 *
 * A change of any struct here is a new TABLE_VERSION.
 *
 * What a change was sent as (intent_slot.sent) names a connection by its source port.
 * Connections are the process's, not the volume's: where they come from is in the arena
 * (link_table.h).
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/statvfs.h>

#include "nfs_call.h"
#include "nfs_export.h"

#define TABLE_MAGIC	      0x6d61746c636c6300ull
#define TABLE_VERSION	      13
#define TABLE_INTENTS_OFFSET  (4u << 10)
#define TABLE_OPENERS_OFFSET  (72u << 10)
#define TABLE_TOLD_OFFSET     (160u << 10)
#define TABLE_SLOTS_OFFSET    (192u << 10)
#define TABLE_JOURNAL_OFFSET  (512u << 10)
#define TABLE_REQUESTS_OFFSET (6u << 20)
#define TABLE_MORE_OFFSET     (16u << 20)
#define TABLE_INIT_MAX	      1024
#define INODE_SEGMENT_SLOTS   1024u /* in the first one */
#define INODE_SEGMENTS	      12u
#define OPENERS_MAX	      1024u
#define INTENTS_MAX	      2048u
#define JOURNAL_MAX	      32768u
#define TOLD_MAX	      1024u
#define REQUESTS_MAX	      8192u
#define REQUEST_INLINE_MAX    1000u

struct inode_table;

struct table_header {
	uint64_t magic;
	uint32_t version;
	uint32_t slot_size;
	uint32_t init_len;	 /* of init_request; 0 = none yet */
	_Atomic uint32_t n_used; /* slots that were ever used; what is */
	uint32_t n_openers;	 /* beyond is not read for the next process, */
	uint32_t n_intents;	 /* because reading would give it memory: */
	uint32_t n_journal;	 /* the same for these */
	uint32_t n_told;	 /* the same */
	uint32_t told_oldest;	 /* when all are used; modulo TOLD_MAX */
	uint32_t n_requests;	 /* that were ever used, as n_intents */
	_Atomic uint32_t logs_requests; /* the kernel is not asked again */
	_Atomic uint32_t n_handles; /* files that were opened; wraps around */
	_Atomic uint32_t n_silly_numbers;     /* of names set aside so far */
	uint64_t epoch;			      /* of this mount; random */
	uint8_t init_request[TABLE_INIT_MAX]; /* the kernel's, raw */
	struct nfs_export export;     /* what the server said at the start */
	struct statvfs statvfs;	      /* and last, */
	_Atomic uint32_t has_statvfs; /* if this is set */
};

_Static_assert(sizeof(struct table_header) <= 4096,
	       "what is reserved begins at 4 KiB");

enum intent_flags {
	INTENT_SETTLED = 1u << 0,   /* status is known */
	INTENT_HAS_VALUE = 1u << 1, /* value is */
	INTENT_LEFT = 1u << 2, /* by a former process, and not asked for yet */
};

struct intent_slot {
	_Atomic uint64_t unique; /* without bit 63; 0 = free */
	uint64_t value;
	_Atomic uint64_t sent; /* its last change, as what (nfs_sent.h) */
	int32_t status;
	_Atomic uint32_t flags; /* enum intent_flags */
};

_Static_assert(TABLE_INTENTS_OFFSET +
			       INTENTS_MAX * sizeof(struct intent_slot) <=
		       TABLE_OPENERS_OFFSET,
	       "the intents end before the openers begin");

/* Credentials of open files (opener.c). */
struct opener_slot {
	uint32_t n_held; /* 0 = free */
	struct nfs_cred cred;
};

_Static_assert(TABLE_OPENERS_OFFSET +
			       OPENERS_MAX * sizeof(struct opener_slot) <=
		       TABLE_TOLD_OFFSET,
	       "the openers end before who was told begins");

enum journal_state {
	JOURNAL_FREE = 0,
	JOURNAL_UNSENT,	  /* to be written (again) */
	JOURNAL_ANSWERED, /* by the server, and not committed */
};

struct journal_slot {
	_Atomic uint32_t state; /* enum journal_state */
	_Atomic uint32_t len;
	uint64_t nodeid;
	uint64_t offset;       /* in the file */
	_Atomic uint64_t data; /* in the arena */
	uint64_t seq;	       /* 0 = not answered yet */
	uint64_t verf;
	struct nfs_cred cred;
};

_Static_assert(TABLE_JOURNAL_OFFSET +
			       JOURNAL_MAX * sizeof(struct journal_slot) <=
		       TABLE_REQUESTS_OFFSET,
	       "the journal ends before the requests begin");

/* An open file that was told of errors by fsync. */
struct told_slot {
	_Atomic uint64_t nodeid; /* 0 = free; written last */
	uint32_t number;	 /* handle_number() */
	uint16_t seen;		 /* slot_error.seq then */
	uint16_t reserved;
};

_Static_assert(TABLE_TOLD_OFFSET + TOLD_MAX * sizeof(struct told_slot) <=
		       TABLE_SLOTS_OFFSET,
	       "who was told ends before the slots begin");

enum request_state {
	REQUEST_FREE = 0,
	REQUEST_READING, /* at data, if the header there says that it came */
	REQUEST_INLINE,	 /* in bytes */
	REQUEST_APART,	 /* at data */
};

/* A request that was not answered, as the kernel sent it. */
struct request_slot {
	_Atomic uint32_t state; /* enum request_state */
	uint32_t len;
	uint64_t unique;
	_Atomic uint64_t data; /* in the arena */
	uint8_t bytes[REQUEST_INLINE_MAX];
};

_Static_assert(TABLE_REQUESTS_OFFSET +
			       REQUESTS_MAX * sizeof(struct request_slot) <=
		       TABLE_MORE_OFFSET,
	       "the requests end before the other slots begin");

/* Of data that was written and then lost; see write_error.c, whose lock it has. */
struct slot_error {
	_Atomic uint16_t seq; /* of the newest; 0 = there was none */
	uint16_t grave_seq;   /* of the newest that is not for want of space */
	uint8_t last;	      /* errno */
	uint8_t grave;	      /* the same; 0 = there was none */
	uint8_t is_untold;    /* to anybody */
	uint8_t reserved;
};

struct slot_time {
	int64_t s;
	uint32_t ns;
	uint32_t reserved;
};

/* struct nfs_attr without what the node and the volume say. */
struct slot_attr {
	uint32_t mode;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	uint64_t size;
	uint64_t used;
	int64_t atime_s;
	int64_t mtime_s;
	int64_t ctime_s;
	uint32_t atime_ns;
	uint32_t mtime_ns;
	uint32_t ctime_ns;
	uint32_t is_new; /* the kernel has not been told */
};

enum slot_flags {
	SLOT_HAS_KNOWN = 1u << 0, /* known_* hold a validated state */
	SLOT_APPENDING = 1u << 1, /* an append is under way */
	/* What ends with the process that set it. */
	SLOT_OF_PROCESS = SLOT_APPENDING,
};

/* One node that the kernel knows. is_valid is written last, and cleared first. */
struct inode_slot {
	_Atomic uint32_t is_valid;
	_Atomic uint32_t
		generation; /* below 2^31; rises when the slot is freed */
	_Atomic uint64_t n_lookup; /* references the kernel (or we) hold */
	uint64_t fileid;
	uint32_t fh_len;
	uint32_t n_opens; /* state lock, as all that follows fh */
	uint8_t fh[NFS_FH_MAX];

	uint32_t flags;	     /* enum slot_flags */
	uint32_t n_removals; /* under way; opens wait */
	uint64_t cookieverf; /* directories: the server's last one */
	struct slot_time known_mtime;
	struct slot_time known_ctime;
	uint64_t known_size;
	uint64_t silly_dir; /* node of the directory; 0 = not renamed aside */
	uint32_t silly_number; /* in its name */
	uint32_t silly_opener; /* who removed the name */
	uint32_t silly_entry;  /* in the journal of names (silly_journal.h) */
	uint32_t next;	       /* inode.c's, of the process */
	uint32_t group;	       /* in attributes that were told last */
	uint32_t told; /* digest of the attributes the kernel has; 0 = none */
	uint64_t kernel_size;	 /* that the kernel believes the file to have */
	uint64_t told_ns;	 /* when the kernel was told; clock_ns() */
	uint64_t changed_ns;	 /* when it was first told the same */
	uint64_t attr_ns;	 /* when the server said attr; 0 = not known */
	uint64_t changed_own_ns; /* when the last change of our own ended */
	struct slot_attr attr;	 /* attr_cache.c's */
	struct slot_error error; /* write_error.c's */
};

_Static_assert(sizeof(struct inode_slot) == 312,
	       "a changed slot is a new TABLE_VERSION");
_Static_assert(TABLE_SLOTS_OFFSET + INODE_SEGMENT_SLOTS *
					    sizeof(struct inode_slot) <=
		       TABLE_JOURNAL_OFFSET,
	       "the first slots end before the journal begins");

/* The slot of a node; NULL when the node id is stale. Lock-free. */
struct inode_slot *inode_table_slot(struct inode_table *table, uint64_t nodeid);

/*
 * The same with the lock of the node's state, which is never held together with
 * another one. NULL: nothing is locked.
 */
struct inode_slot *inode_slot_lock(struct inode_table *table, uint64_t nodeid);
void inode_slot_unlock(struct inode_table *table, uint64_t nodeid);

struct table_header *inode_table_header(struct inode_table *table);
struct intent_slot *inode_table_intents(struct inode_table *table);
struct journal_slot *inode_table_journal(struct inode_table *table);
struct request_slot *inode_table_requests(struct inode_table *table);
