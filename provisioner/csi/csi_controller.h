/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * CSI's Identity and Controller services on a unix socket: volumes and snapshots for
 * those who ask for them by CSI instead of by claims.
 *
 * Threads: the functions here are the main thread's, csi_controller_begin() also the
 * one's that leads a cluster; csi_controller_each_count() any.
 */

#include "cluster.h"
#include "store.h"
#include "watch_hub.h"

struct csi_controller;
struct pods_node;
struct snapshots;

struct csi_controller_options {
	const char *socket_path; /* these are borrowed */
	struct cluster *cluster;
	struct store *store;
	struct watch_hub *hub;
	const struct snapshots *snapshots;
	const char *const *drivers; /* the first one is what we are called */
	size_t n_drivers;
	const char *const *nodes; /* those that volumes are published to */
	size_t n_nodes;		  /* 0 = any */
	const struct pods_node
		*daemons; /* those that can be asked for their limit */
	size_t n_daemons;
	/* A volume that waited for its users to go is to be looked at. */
	void (*look_at)(void *userdata, const char *volume);
	void *userdata;
	bool is_cluster; /* volumes are made from the cluster's claims */
};

int csi_controller_new(struct csi_controller **ret,
		       const struct csi_controller_options *options,
		       struct err *err);
/*
 * Begins to serve, and to say that it is not ready: sidecars wait for as long as that is
 * so, but not for a socket.
 */
int csi_controller_serve(struct csi_controller *self, struct err *err);
/*
 * Is ready from now on, and serves: the record is there, and it is us who work.
 */
int csi_controller_begin(struct csi_controller *self, struct err *err);
/* Ends the calls, those that wait at once, and removes the socket. Idempotent. */
void csi_controller_stop(struct csi_controller *self);
/* As object_wait_free(). */
struct csi_controller *csi_controller_free(struct csi_controller *self);

/* Calls that were answered, by method ("CreateVolume") and code ("OK"). */
typedef void (*csi_count_fn)(void *userdata, const char *method,
			     const char *code, uint64_t n);
void csi_controller_each_count(struct csi_controller *self, csi_count_fn fn,
			       void *userdata);

DEFINE_CLEANUP(struct csi_controller *, csi_controller_free)
