/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The operations on copies of share.h, one per run, for share_copies.py:
 *
 *	share_copier SERVER:PORT:MOUNTPORT:SHARE VERB ARGUMENT...
 *
 *	copy NAME PATH [STOP]		 of the volume's directory; told to stop after
 *					 STOP entries
 *	copy-snapshot NAME ID
 *	copy-from SERVER:... NAME PATH	 of a directory on another share
 *	make VOLUME NAME		 the copy becomes VOLUME's directory
 *	keep NAME ID			 the copy becomes a snapshot
 *	drop NAME, drop-snapshot ID, each
 *
 * It prints the outcome, entries, bytes and the most memory in KiB, or a sentence.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cjson/cJSON.h>

#include "parse.h"
#include "share.h"

struct told {
	struct share_copy_progress progress;
	uint64_t stop_after; /* 0 = never */
};

static bool on_progress(void *userdata,
			const struct share_copy_progress *progress)
{
	struct told *told = userdata;

	told->progress = *progress;
	return told->stop_after == 0 || progress->n_entries < told->stop_after;
}

static int on_snapshot(void *userdata, const struct share_snapshot_found *found,
		       struct err *err)
{
	char *record =
		found->record ? cJSON_PrintUnformatted(found->record) : NULL;

	printf("%s %s %s\n", found->id, found->is_whole ? "whole" : "broken",
	       record ? record : "-");
	free(record);
	return 0;
}

/* Keeps pointers into the text. */
static int read_where(char *text, struct share_volume *ret)
{
	char *server = strsep(&text, ":"), *port = strsep(&text, ":"),
	     *mountport = strsep(&text, ":");
	uint64_t numbers[2];

	if (!text || parse_u64(port, 0, UINT16_MAX, &numbers[0]) < 0 ||
	    parse_u64(mountport, 0, UINT16_MAX, &numbers[1]) < 0)
		return -EINVAL;
	*ret = (struct share_volume){ .server = server,
				      .share = text,
				      .port = (uint32_t)numbers[0],
				      .mountport = (uint32_t)numbers[1],
				      .name = "none",
				      .path = "none",
				      .claim_namespace = "default",
				      .claim_name = "none",
				      .claim_uid = "none",
				      .class_name = "none" };
	return 0;
}

static int copy(const struct share_volume *where, char **argv,
		struct share_source *source, struct share_volume *volume,
		struct told *told, struct err *err)
{
	source->volume = volume;
	volume->name = argv[1];
	volume->path = argv[1];
	if (argv[1] && argv[2] &&
	    parse_u64(argv[2], 0, UINT64_MAX, &told->stop_after) < 0)
		return -EINVAL;
	return share_ops_nfs()->copy(where, argv[0], source, on_progress, told,
				     err);
}

static int run(struct share_volume *where, const char *verb, char **argv,
	       struct told *told, struct err *err)
{
	const struct share_ops *ops = share_ops_nfs();
	struct share_volume volume = *where;
	struct share_source source = { 0 };
	_cleanup_(share_owner_fini) struct share_owner owner = { 0 };

	if (strcmp(verb, "copy") == 0)
		return copy(where, argv, &source, &volume, told, err);
	if (strcmp(verb, "copy-snapshot") == 0) {
		source.snapshot = argv[1];
		return copy(where, argv, &source, &volume, told, err);
	}
	if (strcmp(verb, "copy-from") == 0) {
		if (read_where(argv[0], &volume) < 0)
			return -EINVAL;
		return copy(where, argv + 1, &source, &volume, told, err);
	}
	if (strcmp(verb, "make") == 0) {
		volume.name = argv[0];
		volume.path = argv[0];
		volume.copy = argv[1];
		return ops->make(&volume, &owner, err);
	}
	if (strcmp(verb, "keep") == 0) {
		struct share_snapshot snapshot = { .id = argv[1],
						   .record = "{\"a\": 1}" };

		return ops->keep_snapshot(where, argv[0], &snapshot, err);
	}
	if (strcmp(verb, "drop") == 0)
		return ops->drop_copy(where, argv[0], NULL, NULL, err);
	if (strcmp(verb, "drop-snapshot") == 0)
		return ops->drop_snapshot(where, argv[0], NULL, NULL, err);
	if (strcmp(verb, "each") == 0)
		return ops->each_snapshot(where, on_snapshot, NULL, err);
	return err_set(err, -EINVAL, "no verb %s", verb);
}

int main(int argc, char **argv)
{
	_cleanup_(err_fini) struct err err = { 0 };
	struct share_volume where;
	struct told told = { 0 };
	struct rusage usage;
	int r;

	if (argc < 3 || read_where(argv[1], &where) < 0) {
		fputs("usage: on top of share_copier.c\n", stderr);
		return 2;
	}
	r = run(&where, argv[2], argv + 3, &told, &err);
	(void)getrusage(RUSAGE_SELF, &usage);
	printf("%d %llu %llu %ld\n", r,
	       (unsigned long long)told.progress.n_entries,
	       (unsigned long long)told.progress.n_bytes, usage.ru_maxrss);
	if (r < 0 || r == SHARE_UNREACHED)
		fprintf(stderr, "%s\n", err_text(&err));
	return r < 0 ? 1 : 0;
}
