/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The socket by which the kubelet learns of this driver, in its folder
 * plugins_registry, and what it has said since. Calls are answered by the gRPC
 * server (csi_registration.c), to which the connections are handed.
 *
 * Threads: what the kubelet said, any; the socket is its loop's thread's.
 */

#include <stdbool.h>

#include "err.h"
#include "loop.h"

struct registration;

struct registration_options {
	const char *socket_path;
	const char *endpoint; /* the CSI socket's path as the kubelet sees it */
};

/* Everything in options is copied. Nothing is listened on yet. */
int registration_new(struct registration **ret,
		     const struct registration_options *options,
		     struct err *err);
/* Not while it is served. */
struct registration *registration_free(struct registration *registration);

/* --- loop's thread ----------------------------------------------------------- */

/* A connection of the kubelet's. */
typedef void (*registration_accept_fn)(void *userdata, int take_fd);

/*
 * Makes the socket, now and whenever it is not there any more. A failure is logged,
 * once, and made good as soon as it can be: volumes don't depend on it.
 */
int registration_serve(struct registration *registration, struct loop *loop,
		       registration_accept_fn fn, void *userdata);
/* Removes the socket, by which the kubelet forgets the driver. Idempotent. */
void registration_stop(struct registration *registration);

/* --- any thread ---------------------------------------------------------------- */

const char *registration_endpoint(const struct registration *registration);

/* What the kubelet says; error is for a refusal. */
void registration_set(struct registration *registration, bool is_registered,
		      const char *error);
bool registration_is_done(struct registration *registration);

/* "registered", "awaited" or "refused: ...", one line for free(); NULL: no memory. */
char *registration_text(struct registration *registration);

DEFINE_CLEANUP(struct registration *, registration_free)
