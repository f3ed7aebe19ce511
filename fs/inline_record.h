/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What has to be remembered of inline volumes until their directories are gone: a
 * file each in a folder of the state directory, synced, since nobody else knows of
 * them. A record is made, then live, since its volume was served and may have data, and
 * in the end, or before it ever was live, retired: then its directory is to be removed.
 *
 * Threads: any; who uses one volume's is alone with it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define INLINE_RECORDS_MAX 1024

struct inline_record {
	char *server;
	char *share;
	uint32_t port;	     /* 0 = 2049 */
	uint32_t mount_port; /* 0 = the portmapper knows */
};

/* Fit for a file's name: letters, digits, "-" and "_". -EINVAL with a sentence. */
int inline_record_check_id(const char *id, struct err *err);

/*
 * Makes the folder if need be. One that is there stays: -EINVAL if it is of another
 * place. -ENOSPC: there are INLINE_RECORDS_MAX.
 */
int inline_record_write(const char *folder, const char *id,
			const struct inline_record *record, struct err *err);

/* It is live from then on. Idempotent. */
int inline_record_serve(const char *folder, const char *id, struct err *err);

/* Made or live. */
bool inline_record_is_there(const char *folder, const char *id);
bool inline_record_is_live(const char *folder, const char *id);
bool inline_record_is_retired(const char *folder, const char *id);

/* Idempotent. */
int inline_record_retire(const char *folder, const char *id, struct err *err);
/* What a process has left that died while it wrote one. */
void inline_record_sweep(const char *folder);
/* A retired one. */
void inline_record_drop(const char *folder, const char *id);

/* A retired one. -EINVAL: it can't be read. */
int inline_record_read(const char *folder, const char *id,
		       struct inline_record *ret, struct err *err);
void inline_record_fini(struct inline_record *record);

/* The ids of retired ones, for inline_record_free_ids(); -errno. */
int inline_record_list(const char *folder, char ***ret, size_t *ret_n);
void inline_record_free_ids(char **ids, size_t n);

DEFINE_FINI(struct inline_record, inline_record_fini)
