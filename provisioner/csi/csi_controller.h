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
	/* All pointers are borrowed until csi_controller_free(). */
	const char *socket_path;
	struct cluster *cluster;
	struct store *store;
	struct watch_hub *hub;
	const struct snapshots *snapshots;
	/* Names of drivers whose volumes are ours; the first is GetPluginInfo's. */
	const char *const *drivers;
	size_t n_drivers;
	/* Ids of the nodes that ControllerPublishVolume accepts; n_nodes 0 = any id. */
	const char *const *nodes;
	size_t n_nodes;
	/* Those nodes of them whose daemon can be asked how many volumes it takes. */
	const struct pods_node *daemons;
	size_t n_daemons;
	/*
	 * Called when a PersistentVolume, by its name, has lost a user: the reconciler may
	 * have been waiting for that to reclaim it.
	 */
	void (*look_at)(void *userdata, const char *volume);
	void *userdata;
	/* --kubernetes: the methods that make or change volumes are refused. */
	bool is_cluster;
};

/* Does nothing yet. 0 or -errno; *ret is for csi_controller_free(). */
int csi_controller_new(struct csi_controller **ret,
		       const struct csi_controller_options *options,
		       struct err *err);
/*
 * Opens the socket before there is a record to serve: Probe answers that the plugin is not
 * ready, and the methods of Controller answer UNAVAILABLE. Sidecars wait for a plugin that
 * is not ready, but end when there is no socket. 0 or -errno.
 */
int csi_controller_serve(struct csi_controller *self, struct err *err);
/*
 * Serves all methods from now on, and opens the socket unless csi_controller_serve() did.
 * To be called when the record is complete and, in a cluster, when this controller leads.
 * First removes classes that a crash left without volumes. 0 or -errno.
 */
int csi_controller_begin(struct csi_controller *self, struct err *err);
/* Ends all calls (those that wait end at once) and removes the socket. Idempotent. */
void csi_controller_stop(struct csi_controller *self);
/* Stops it first. NULL is accepted; whoever changes the record must have ended. */
struct csi_controller *csi_controller_free(struct csi_controller *self);

/* Tells how many calls were answered, by method ("CreateVolume") and code ("OK"). */
typedef void (*csi_count_fn)(void *userdata, const char *method,
			     const char *code, uint64_t n);
void csi_controller_each_count(struct csi_controller *self, csi_count_fn fn,
			       void *userdata);

DEFINE_CLEANUP(struct csi_controller *, csi_controller_free)
