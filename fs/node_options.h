/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The command line of claimfs-node, checked completely before anything starts.
 */

#include <stdbool.h>

#include "err.h"

struct node_settings {
	char *node_name;
	char *driver_name;
	char *state_dir;	   /* absolute */
	char *csi_socket;	   /* absolute */
	char *registration_socket; /* absolute; NULL = does not register itself */
	char *kubelet_csi_socket; /* csi_socket as the kubelet sees it */
	char *http;		  /* as listen_tcp() takes it; NULL = none */
	char *inline_classes;	  /* absolute; NULL = no inline volumes */
	unsigned int max_volumes; /* 0 = as many as can be */
	unsigned int keeper_wait_s;
	unsigned int shards; /* 0 = min(CPUs, 4) */
	bool never_resends;  /* FUSE_NOTIFY_RESEND is not to be used */
};

/*
 * 0, or OPTIONS_DONE when there is nothing left to do; -EINVAL with a sentence.
 * Sets the log level. CSI_ENDPOINT and NODE_NAME of the environment count where
 * --csi-socket and --node-name are not given.
 */
int node_settings_parse(int argc, char **argv, struct node_settings *ret,
			struct err *err);
void node_settings_fini(struct node_settings *settings);

DEFINE_FINI(struct node_settings, node_settings_fini)
