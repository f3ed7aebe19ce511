/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is on a share: every descriptor with its directory, all that lies in the trash,
 * and every directory at the share's top. Only looks, makes nothing. May block for a few times
 * SHARE_NFS_TIMEOUT_MS. Threads: any.
 */

#include "share.h"

struct cJSON;

enum share_state {
	SHARE_READY,	/* the directory is the one that was made */
	SHARE_CREATING, /* it was about to be made */
	SHARE_GONE,	/* it is not there */
	SHARE_REPLACED, /* what is there is another one */
	SHARE_BROKEN,	/* the descriptor can't be read; only `volume` is set */
};

/* Borrowed, for the length of the call. */
struct share_found {
	const char *volume;
	const char *path;
	const char *claim_namespace;
	const char *claim_name;
	const char *claim_uid;
	const char *class_name;
	uint64_t capacity;
	bool is_adopted;
	const char *phase;	    /* as a PersistentVolume's; "" = Bound */
	const struct cJSON *record; /* volume_record.h; NULL = none */
	const struct cJSON *note;   /* trash_note(); NULL = none */
	enum share_state state;
};

struct share_survey {
	/* Non-zero ends the survey and is returned by it. Each may be NULL. */
	int (*on_volume)(void *userdata, const struct share_found *found,
			 struct err *err);
	/* What lies in the trash under a volume's name; its state is of what lies there. */
	int (*on_trashed)(void *userdata, const struct share_found *found,
			  struct err *err);
	/* A directory at the top, "." and ".claimfs" aside. */
	int (*on_directory)(void *userdata, const char *name, struct err *err);
	void *userdata;
};

/* where: server, share and ports count. */
int share_survey(const struct share_volume *where,
		 const struct share_survey *survey, struct err *err);

/* Whether that is a directory, reached without symlinks: 0, -ENOENT, -ENOTDIR. */
int share_survey_path(const struct share_volume *where, const char *path,
		      struct err *err);

struct share_inside {
	struct share_tree_progress counted; /* the directory itself included */
	bool is_complete;		    /* that was all of it */
	bool is_described;		    /* a descriptor has its path */
	bool is_adopted;		    /* it was there before the volume */
};

/* A volume's directory in its place, counted until the deadline (clock_ns()). */
int share_survey_inside(const struct share_volume *volume, uint64_t deadline_ns,
			struct share_inside *ret, struct err *err);
