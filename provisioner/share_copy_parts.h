/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of the copy engine have in common: the run (share_copy_run.c), its
 * directories (share_copy_dir.c), its files (share_copy_entry.c), and what is in these
 * (share_copy_data.c). Nobody else includes this. Threads: the job's.
 */

#include <sys/queue.h>
#include <sys/stat.h>

#include "share_calls_data.h"
#include "share_copy.h"
#include "share_copy_place.h"

#define COPY_DEPTH_MAX	 4096
#define COPY_ENTRIES_MAX SHARE_CALLS_MAX
#define COPY_CHUNKS_MAX	 SHARE_CALLS_MAX
#define COPY_CHUNK_MAX	 (256u << 10)
#define COPY_BYTES_MAX	 (8u << 20) /* in all chunks */
#define COPY_SEGMENT	 ((uint64_t)64 << 20)
#define COPY_WINDOW	 (3 * COPY_SEGMENT)
#define COPY_NAME_SIZE	 256 /* of one component, with its end */
#define COPY_SET_OWNER	 "set owner and group (uid, gid) of"

enum copy_dir_state {
	COPY_DIR_NEW,	     /* to be made */
	COPY_DIR_EXISTS,     /* to be looked up */
	COPY_DIR_OBSTRUCTED, /* something else is in its place */
	COPY_DIR_MADE,	     /* to be listed from page.cookie on */
	COPY_DIR_LISTED,     /* has a page */
	COPY_DIR_OWN,	     /* complete, to get its owner */
	COPY_DIR_FINISH,     /* to get its attributes */
	COPY_DIR_LOOK_AGAIN, /* whether it has its name at the source */
	COPY_DIR_GONE,	     /* at the source */
	COPY_DIR_PRUNE,	     /* of what the source has no longer */
	COPY_DIR_DONE,
	COPY_DIR_BUSY, /* a call of its own is in flight */
};

struct copy_dir {
	TAILQ_ENTRY(copy_dir) link;
	struct copy_run *run;
	struct copy_dir *parent; /* NULL at depth 0 */
	char *name;
	struct share_fh source;
	struct share_attributes attributes; /* of the source */
	struct share_object target;
	size_t depth;
	enum copy_dir_state state;
	bool is_fresh;	 /* made by this run: nothing can be there */
	bool needs_room; /* for a child, before it is listed again */
	bool is_cut;	 /* told to stop, an entry of it stayed as it was */
	bool is_again;	 /* listed from its start when nothing is under way */
	bool is_pruning; /* page is the target's */
	bool is_surplus; /* page's next name, which the source has not */
	bool has_pruned; /* names of this listing */
	unsigned int n_restarts;   /* from its first name */
	unsigned int n_tries;	   /* to list it, in vain */
	struct share_object found; /* of one of its names */
	struct share_page page;
	uint64_t page_cookie; /* what page began with */
	size_t next;	      /* of the page's items */
	size_t n_entries;     /* under way */
	size_t n_children;    /* that are open */
};

TAILQ_HEAD(copy_dirs, copy_dir);

enum copy_entry_state {
	COPY_ENTRY_FREE,
	COPY_ENTRY_LOOK,      /* whether it is there, and whole */
	COPY_ENTRY_REMOVE,    /* what is there instead */
	COPY_ENTRY_SET_ASIDE, /* a directory that is there instead */
	COPY_ENTRY_READLINK,
	COPY_ENTRY_COMPARE, /* of a symlink that is there */
	COPY_ENTRY_MAKE,
	COPY_ENTRY_FIND, /* its handle, which MAKE did not tell */
	COPY_ENTRY_TRUNCATE,
	COPY_ENTRY_DATA, /* share_copy_data.c's */
	COPY_ENTRY_SIZE,
	COPY_ENTRY_OWN,
	COPY_ENTRY_FINISH,
	COPY_ENTRY_LINK,      /* a further name of what is in COPY_LINKS */
	COPY_ENTRY_LOOK_NAME, /* something has that name */
	COPY_ENTRY_REMOVE_NAME,
	COPY_ENTRY_LOOK_AGAIN, /* whether its name is another one's at the source */
	COPY_ENTRY_DROP,       /* it is gone there */
	COPY_ENTRY_DONE,
	COPY_ENTRY_BUSY,
};

/* How far the content of a file is. */
struct copy_data {
	uint64_t next;	    /* where reading goes on */
	uint64_t end;	    /* of what is to be read */
	uint64_t committed; /* all before is stable */
	uint64_t commit_end;
	size_t n_chunks;    /* under way */
	size_t n_waiting;   /* of them, to be read */
	uint64_t dirty_end; /* of what is not stable, or less than committed */
	bool is_committing; /* a COMMIT, or the mark after it, is in flight */
	bool must_mark;
	bool is_gone; /* at the source */
	bool is_sparse;
	bool has_verifier;
	bool must_rewrite; /* the server forgot what was not stable */
	bool has_changed;  /* the source, meanwhile */
	bool is_second;	   /* it was copied before, and changed meanwhile */
	unsigned int n_rewrites;
	char verifier[8];
	struct share_attributes latest; /* of the source, if has_changed */
	struct share_stable commit;
};

struct copy_entry {
	struct copy_run *run;
	struct copy_dir *dir;
	char name[COPY_NAME_SIZE];
	struct share_fh source;
	struct share_attributes attributes; /* of the source */
	struct share_object target;
	enum copy_entry_state state;
	bool is_linked;	    /* it has several names: its own is in COPY_LINKS */
	char link_name[40]; /* there */
	unsigned int n_looks;	   /* again */
	struct share_object named; /* what has the name instead */
	char *symlink;		   /* the source's */
	char *compared;		   /* the target's */
	struct copy_data data;
};

/* Has one call in flight, unless it waits for one. */
struct copy_chunk {
	struct copy_entry *entry; /* NULL = free */
	uint64_t offset;
	uint32_t len;	   /* still to do */
	bool is_waiting;   /* to be read */
	uint32_t reserved; /* of COPY_BYTES_MAX */
	char *text;	   /* of a sparse file: from offset on; NULL = none */
	uint32_t text_len;
	uint32_t at; /* in it */
	struct share_read read;
	struct share_stable written;
};

struct copy_run {
	const struct copy_job *job;
	struct copy_fault *fault;
	struct share_fh links;
	uint64_t fsid; /* the source's */
	uint32_t chunk_size;
	struct copy_dirs open; /* parents before children */
	struct copy_dir *tree; /* at depth 0; NULL when it is closed */
	size_t *n_open;	       /* at each depth */
	size_t n_extra;	       /* of them, besides those at each depth */
	size_t n_items;	       /* in all pages */
	struct copy_entry entries[COPY_ENTRIES_MAX];
	size_t n_entries;
	struct copy_chunk chunks[COPY_CHUNKS_MAX];
	size_t n_reading;     /* of them: each is going to need a call's slot */
	size_t n_chunk_bytes; /* reserved */
	uint64_t n_aside;     /* names given to what was set aside */
	bool is_stopping;
	struct share_copy_progress progress;
	int r; /* the first error */
};

/* --- run ------------------------------------------------------------------------------ */

/* Calls that may be made now. */
bool copy_can_ask_source(const struct copy_run *run);
bool copy_can_ask_target(const struct copy_run *run);
/* The first one counts; name NULL = the directory itself. Returns r. */
int copy_note_error(struct copy_run *run, int r, const struct copy_dir *dir,
		    const char *name, const char *what, bool is_at_source);
/* At the source: somebody removed it meanwhile. */
bool copy_is_gone(int r);
/* What of the attributes says that it is whole. */
bool copy_is_whole(const struct share_attributes *source,
		   const struct share_attributes *target);
/* A mode that says that it is not, whatever else is the same. */
uint32_t copy_half_mode(const struct share_attributes *source);
/* What is to be changed of it at the end; first: owner before mode. */
bool copy_needs_owner_first(const struct share_attributes *source,
			    const struct share_object *target);
unsigned int copy_last_changes(const struct share_attributes *source,
			       const struct share_object *target);

/* --- directories ---------------------------------------------------------------------- */

int copy_dir_open(struct copy_run *run, struct copy_dir *parent,
		  const char *name, const struct share_fh *source,
		  const struct share_attributes *attributes);
void copy_dir_close(struct copy_dir *dir);
/* One of them does what it can do next; false: all wait. */
bool copy_dirs_step(struct copy_run *run);
/* All of it is there: what is next. */
void copy_dir_finish_next(struct copy_dir *dir);
/* It is listed from its first name, when nothing of it is under way. */
void copy_dir_begin_again(struct copy_dir *dir);
/* A call of its own was made, with that result. */
int copy_dir_called(struct copy_dir *dir, int r);

/* --- what is gone at the source (share_copy_successor.c) ------------------------------------- */

/* Whether another one has its name now: their calls. */
int copy_successor_of_dir(struct copy_dir *dir);
int copy_successor_of_entry(struct copy_entry *entry);

/* --- what the source has no longer (share_copy_prune.c) ------------------------------------ */

/* Of a directory that a run before may have filled. */
void copy_prune_begin(struct copy_dir *dir);
bool copy_prune_can_step(const struct copy_dir *dir);
/* Its next call; 0, or -errno. */
int copy_prune_step(struct copy_dir *dir);

/* --- files ---------------------------------------------------------------------------- */

/* Whether one can be begun; attributes are the source's. */
bool copy_entry_can_begin(const struct copy_run *run,
			  const struct share_attributes *attributes);
int copy_entry_begin(struct copy_run *run, struct copy_dir *dir,
		     const char *name, const struct share_fh *source,
		     const struct share_attributes *attributes);
bool copy_entries_step(struct copy_run *run);
/* The content is there: what is next. */
void copy_entry_filled(struct copy_entry *entry);
int copy_entry_fail(struct copy_entry *entry, int r, const char *what,
		    bool is_at_source);

/* What it is called in COPY_LINKS. */
void copy_entry_name_links(struct copy_entry *entry);
/* It is whole now, and was not before. */
void copy_entry_count(struct copy_entry *entry);
/* Nothing is in its place. */
void copy_entry_make_next(struct copy_entry *entry);

/* --- names (share_copy_name.c): calls of entries ------------------------------------------- */

int copy_name_link(struct copy_entry *entry);
int copy_name_look(struct copy_entry *entry);
int copy_name_remove(struct copy_entry *entry);
int copy_name_set_aside(struct copy_entry *entry);
/* Out of its directory, to be removed with COPY_LINKS. */
int copy_name_move_away(struct copy_run *run, const struct share_call *call,
			const struct share_fh *dir, const char *name);

/* --- content -------------------------------------------------------------------------- */

/* From where on, 0 or what a run before marked. */
void copy_data_begin(struct copy_entry *entry, uint64_t from);
uint64_t copy_data_marked(const struct copy_entry *entry);
/* Reads and writes as much as can be in flight. */
bool copy_data_step(struct copy_entry *entry);
/* It goes into one call. */
bool copy_data_is_small(const struct copy_entry *entry);
/* All before was written, stable or not. */
uint64_t copy_data_floor(const struct copy_entry *entry);

/* --- what is stable (share_copy_stable.c) ---------------------------------------------------- */

/* Of a WRITE that was not, or of a COMMIT. */
void copy_data_check_verifier(struct copy_entry *entry,
			      const struct share_stable *told);
/* Commits and marks, when it is time to; true: something was done. */
bool copy_data_make_stable(struct copy_entry *entry);
