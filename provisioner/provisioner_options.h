/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The command line of claimfs-provisioner, checked completely before anything
 * starts.
 */

#include <stdbool.h>

#include "err.h"
#include "pods.h"

#define MAX_DRIVERS 8

struct provisioner_settings {
	bool is_standalone; /* else in a Kubernetes cluster */
	bool is_kubernetes;
	bool elects;	       /* --leader-election */
	const char *state_dir; /* these borrow from argv */
	const char *socket;
	const char *listen;	/* NULL = no port */
	const char *kubeconfig; /* NULL = the environment's */
	const char *http;	/* NULL = none */
	const char *namespace;	/* NULL = the configuration's */
	const char *csi_socket; /* NULL = none */
	const char *node_names[MAX_POD_NODES];
	size_t n_node_names;
	struct pods_node nodes[MAX_POD_NODES]; /* those with a socket */
	size_t n_nodes;
	const char *drivers[MAX_DRIVERS];
	size_t n_drivers;
	char *node_texts[MAX_POD_NODES]; /* what both borrow from */
};

/*
 * 0, or OPTIONS_DONE when there is nothing left to do; -EINVAL with a sentence. Sets
 * the log level.
 */
int provisioner_settings_parse(int argc, char **argv,
			       struct provisioner_settings *ret,
			       struct err *err);
void provisioner_settings_fini(struct provisioner_settings *settings);

DEFINE_FINI(struct provisioner_settings, provisioner_settings_fini)
