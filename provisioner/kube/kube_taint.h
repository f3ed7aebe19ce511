/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Takes the taint DRIVER/agent-not-ready from nodes on which the driver is registered.
 * Whoever makes nodes puts it on, so that no pod comes before its volumes can; the node
 * itself needs no access to the API for this.
 */

#include "kube_api.h"

struct kube_taint;

/* api is borrowed; a thread per watch begins at once. */
int kube_taint_start(struct kube_taint **ret, struct kube_api *api,
		     const char *driver, struct err *err);
struct kube_taint *kube_taint_free(struct kube_taint *taint);

DEFINE_CLEANUP(struct kube_taint *, kube_taint_free)
