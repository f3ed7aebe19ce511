/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the provisioner says of itself over HTTP: /healthz, /readyz and /metrics; and the
 * main thread's wait for the end, during which it says so.
 *
 * Threads: the main thread's.
 */

#include "err.h"

struct csi_controller;
struct kube_mode;
struct reconciler;

struct provisioner_health {
	const char *
		listen; /* as listen_tcp() takes it; NULL = nothing is served */
	struct kube_mode *kube;	       /* borrowed; NULL = standalone */
	struct reconciler *reconciler; /* borrowed */
	struct csi_controller *csi;    /* borrowed; NULL = not served */
};

/* Returns when a signal has come (stop_signals_block()). */
int provisioner_health_serve(const struct provisioner_health *health,
			     int signal_fd, struct err *err);
