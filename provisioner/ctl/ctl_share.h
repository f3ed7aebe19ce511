/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Command lines about an NFS share that the provisioner looks at: --server is the NFS
 * server, --api is where the provisioner is.
 */

#include <stdbool.h>

#include "options.h"

struct cJSON;

#define CTL_SERVER_MAX 256

struct ctl_share {
	const char *api;
	const char *server;	   /* NULL = not given */
	char text[CTL_SERVER_MAX]; /* the server's, if one is */
	const char *share;
	const char *options;
	bool is_dry_run;
};

#define CTL_SHARE_INIT ((struct ctl_share){ .options = "" })

/* Into CTL_SERVER_MAX bytes, as a class's parameter is taken. */
int ctl_share_take_server(char *ret, const char *value, struct err *err);
int ctl_share_set_server(void *userdata, const char *value, struct err *err);
int ctl_share_set_share(void *userdata, const char *value, struct err *err);
int ctl_share_set_options(void *userdata, const char *value, struct err *err);
int ctl_share_set_api(void *userdata, const char *value, struct err *err);

/* Rows of an option table whose userdata begins with a struct ctl_share. */
/* clang-format off */
#define CTL_SHARE_OPTIONS                                             \
	{ .name = "server",                                           \
	  .letter = 's',                                              \
	  .value = "HOST",                                            \
	  .help = "the NFS server, as in a class's parameters",       \
	  .fn = ctl_share_set_server },                               \
	{ .name = "share",                                            \
	  .value = "PATH",                                            \
	  .help = "what it exports, as in a class's parameters",      \
	  .fn = ctl_share_set_share },                                \
	{ .name = "options",                                          \
	  .value = "LIST",                                            \
	  .help = "mount options, as in a class: port=, mountport=",  \
	  .fn = ctl_share_set_options },                              \
	{ .name = "api",                                              \
	  .value = "URL",                                             \
	  .help = "where the provisioner is (default $CLAIMFS_SERVER)", \
	  .fn = ctl_share_set_api }
/* clang-format on */

/* Neither operands nor missing options are allowed: CTL_USAGE. */
int ctl_share_parse(const struct options_spec *spec, int argc, char **argv,
		    struct ctl_share *ret, struct err *err);

/* The body of a request; NULL = no memory. */
struct cJSON *ctl_share_body(const struct ctl_share *share);
