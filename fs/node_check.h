/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The rules of the Node service that need no state: what an id, a path and an
 * access mode may be, what an access mode allows, and which status an error is.
 * Pure functions.
 */

#include "node.h"

int node_check_id(const char *id, struct err *err);

/* field is the request's, for the sentence. */
int node_check_path(const char *field, const char *path, struct err *err);

/*
 * Of a path that is only compared with those of volumes, on which nothing is made or
 * removed: no volume is at a relative one, which is NOT_FOUND (CSI 1.13) and no mistake.
 */
int node_check_lookup(const char *field, const char *path, struct err *err);

int node_check_mode(enum node_access_mode mode, struct err *err);

/* "MULTI_NODE_MULTI_WRITER"; "UNKNOWN" for what CSI does not define. */
const char *node_mode_name(enum node_access_mode mode);

/* Kubernetes' word for it. */
enum access_mode node_mode_access(enum node_access_mode mode);

/* Nobody may write, whatever the pod asks for. */
bool node_mode_is_read_only(enum node_access_mode mode);

/*
 * No second target (CSI 1.13, NodePublishVolume): modes of one node, but for
 * SINGLE_NODE_MULTI_WRITER.
 */
bool node_mode_is_exclusive(enum node_access_mode mode);

/* The status of a negative errno that a volume or a check came back with. */
enum rpc_status node_status(int code);

/* Sets the sentence and returns the status: `return node_refuse(...)`. */
enum rpc_status node_refuse(struct err *err, enum rpc_status status,
			    const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
