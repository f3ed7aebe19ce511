/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl: an operator's hand on the standalone API. Each verb is a file; this one
 * finds it and turns its outcome into an exit code: 0, 1 for failure, 2 for a
 * command line that makes no sense.
 */

#include <string.h>

#include "ctl.h"
#include "ctl_nearest.h"
#include "version.h"

static const struct {
	const char *name;
	int (*fn)(int argc, char **argv, struct err *err);
	const char *help;
} verbs[] = {
	{ "adopt", verb_adopt,
	  "make a directory that is there already a volume" },
	{ "annotate", verb_annotate, "set or remove annotations" },
	{ "apply", verb_apply, "create or change what manifests describe" },
	{ "check", verb_check, "compare claims and volumes with their shares" },
	{ "clone", verb_clone, "make a claim that begins as another one is" },
	{ "copies", verb_copies,
	  "list what is being copied, stop or resume it" },
	{ "delete", verb_delete,
	  "delete objects, and wait until they are gone" },
	{ "describe", verb_describe, "show everything about an object" },
	{ "doctor", verb_doctor,
	  "try an NFS share, and say what to change on its server" },
	{ "edit", verb_edit, "change an object in an editor" },
	{ "events", verb_events, "list events, newest last" },
	{ "get", verb_get, "list objects, or watch them" },
	{ "history", verb_history,
	  "show what was done to an object, and by whom" },
	{ "label", verb_label, "set or remove labels" },
	{ "patch", verb_patch, "change fields of objects" },
	{ "recover", verb_recover,
	  "make claims and volumes again from what a share knows" },
	{ "restore", verb_restore,
	  "bring a deleted volume back, or a snapshot as a claim" },
	{ "snapshot", verb_snapshot, "make a snapshot of a claim" },
	{ "top", verb_top, "show what volumes are doing, live" },
	{ "trash", verb_trash, "list what was deleted, and its removal" },
	{ "tree", verb_tree, "show class, volume, claim and pod as a tree" },
	{ "version", verb_version, "print the versions of client and server" },
	{ "wait", verb_wait, "wait until objects are as they should be" },
};

static void print_help(FILE *out)
{
	fputs("Usage: claimctl VERB [OPTIONS] [OPERANDS]\n\n"
	      "Looks into, and changes, the objects of claimfs' standalone API: StorageClass,\n"
	      "PersistentVolume, PersistentVolumeClaim, Pod, Event.\n\n"
	      "Verbs:\n",
	      out);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].help);
	fputs("\n\"claimctl VERB --help\" has the options of a verb. All verbs have:\n"
	      "  -s, --server URL  unix:///PATH or http://HOST:PORT\n"
	      "                    (default $CLAIMFS_SERVER or " CLIENT_SERVER_DEFAULT
	      ")\n\n"
	      "claimctl --version prints the version.\n\n"
	      "Exit status: 0, 1 after a failure, 2 for a wrong command line.\n",
	      out);
}

static void refuse(const char *verb)
{
	const char *names[ARRAY_SIZE(verbs)];
	const char *meant;

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		names[i] = verbs[i].name;
	meant = ctl_nearest(verb, names, ARRAY_SIZE(verbs));
	if (meant)
		fprintf(stderr,
			"claimctl: unknown verb \"%s\": did you mean \"%s\"?\n",
			verb, meant);
	else
		fprintf(stderr,
			"claimctl: unknown verb \"%s\"; see claimctl --help\n",
			verb);
}

static int run(int argc, char **argv)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, argv[0]) != 0)
			continue;
		r = verbs[i].fn(argc, argv, &err);
		if (r >= 0)
			return 0;
		fprintf(stderr, "claimctl: %s\n", err_text(&err));
		return r == CTL_USAGE ? 2 : 1;
	}
	refuse(argv[0]);
	return 2;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("claimctl %s\n", CLAIMFS_VERSION);
		return 0;
	}
	return run(argc - 1, argv + 1);
}
