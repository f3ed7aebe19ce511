/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the verbs of claimctl share: their options, the objects that are named on
 * the command line, and the table of verbs.
 *
 * A verb parses its own command line: argv[0] is the verb. It returns 0, or a
 * negative errno with a sentence: CTL_USAGE when the command line is wrong.
 */

#include "client.h"
#include "options.h"

#define CTL_USAGE     (-EBADR) /* main() exits with 2 */
#define CTL_FILES_MAX 64
#define CTL_ITEMS_MAX 256

enum ctl_output {
	CTL_TABLE,
	CTL_WIDE,
	CTL_JSON,
	CTL_YAML,
	CTL_NAME,
};

struct ctl_args {
	const char *server;
	const char *namespace;
	bool is_all_namespaces;
	enum ctl_output output;
	bool is_watch;
	const char *selector; /* NULL = none */
	const char *about;    /* --for; NULL = everything */
	bool is_overwriting;
	const char *patch;	/* NULL = none */
	const char *patch_type; /* merge, json or strategic */
	const char *files[CTL_FILES_MAX];
	size_t n_files;
	bool is_not_waiting;
	bool is_dry_run;
	uint32_t timeout_s; /* 0 = no limit */
	uint32_t freeze_s;  /* 0 = not */
};

/* As -o json or yaml. */
static inline bool ctl_is_structured(const struct ctl_args *args)
{
	return args->output == CTL_JSON || args->output == CTL_YAML;
}

/* Entries for a verb's option table; userdata is struct ctl_args. */
extern const struct option_spec ctl_option_server;
extern const struct option_spec ctl_option_namespace;
extern const struct option_spec ctl_option_all_namespaces;
extern const struct option_spec ctl_option_output;
extern const struct option_spec ctl_option_watch;
extern const struct option_spec ctl_option_selector;
extern const struct option_spec ctl_option_for;
extern const struct option_spec ctl_option_file;
extern const struct option_spec ctl_option_overwrite;
extern const struct option_spec ctl_option_dry_run;
extern const struct option_spec ctl_option_patch;
extern const struct option_spec ctl_option_patch_type;
extern const struct option_spec ctl_option_condition; /* another --for */
extern const struct option_spec ctl_option_wait;
extern const struct option_spec ctl_option_freeze;
extern const struct option_spec ctl_option_freeze_limit;
extern const struct option_spec ctl_option_timeout;

struct ctl_verb_spec {
	const char *program; /* "claimctl get" */
	const char *usage;
	const char *summary;
	const struct option_spec *const *options; /* ends with NULL */
	const char *epilogue;
};

/*
 * As options_parse(); a bad command line is CTL_USAGE. ret may be the first member of
 * a struct of the verb's, for the functions of options that are its own.
 */
int ctl_parse(const struct ctl_verb_spec *spec, int argc, char **argv,
	      struct ctl_args *ret, int *ret_first, struct err *err);

/* What operands name: a kind, and an object of it if name is not NULL. */
struct ctl_item {
	enum object_kind kind;
	const char *name; /* borrowed from argv */
};

struct ctl_items {
	struct ctl_item items[CTL_ITEMS_MAX];
	size_t n;
	size_t n_kinds; /* different ones */
};

/* "KIND[,KIND...] [NAME...]" or "KIND/NAME..."; CTL_USAGE. */
int ctl_items_parse(struct ctl_items *ret, char **operands, int n,
		    struct err *err);

/* ctl_parse(), and all operands as items. */
int ctl_parse_items(const struct ctl_verb_spec *spec, int argc, char **argv,
		    struct ctl_args *ret, struct ctl_items *ret_items,
		    struct err *err);

/* CTL_USAGE unless each of them has a name. */
int ctl_items_need_names(const struct ctl_items *items, struct err *err);

/* "persistentvolumeclaim", "storageclass.storage.k8s.io", as kubectl prints it. */
const char *ctl_kind_label(enum object_kind kind);

/* The namespace that requests for a kind go to; NULL = all. */
const char *ctl_namespace(const struct ctl_args *args);

int verb_annotate(int argc, char **argv, struct err *err);
int verb_adopt(int argc, char **argv, struct err *err);
int verb_apply(int argc, char **argv, struct err *err);
int verb_check(int argc, char **argv, struct err *err);
int verb_clone(int argc, char **argv, struct err *err);
int verb_copies(int argc, char **argv, struct err *err);
int verb_delete(int argc, char **argv, struct err *err);
int verb_describe(int argc, char **argv, struct err *err);
int verb_doctor(int argc, char **argv, struct err *err);
int verb_edit(int argc, char **argv, struct err *err);
int verb_events(int argc, char **argv, struct err *err);
int verb_get(int argc, char **argv, struct err *err);
int verb_history(int argc, char **argv, struct err *err);
int verb_label(int argc, char **argv, struct err *err);
int verb_patch(int argc, char **argv, struct err *err);
int verb_restore(int argc, char **argv, struct err *err);
int verb_snapshot(int argc, char **argv, struct err *err);
int verb_top(int argc, char **argv, struct err *err);
int verb_trash(int argc, char **argv, struct err *err);
int verb_tree(int argc, char **argv, struct err *err);
int verb_recover(int argc, char **argv, struct err *err);
int verb_version(int argc, char **argv, struct err *err);
int verb_wait(int argc, char **argv, struct err *err);
