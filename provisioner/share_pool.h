/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Connections to shares that nobody uses at the moment, for whoever is next: a new one
 * costs two connects and half a dozen calls. A bounded number of them, and none for
 * longer than a few seconds.
 *
 * Threads: any. Must outlive the sessions that were opened with it.
 */

#include <stdbool.h>

#include "cleanup.h"

struct session;
struct share_pool;

int share_pool_new(struct share_pool **ret);
struct share_pool *share_pool_free(struct share_pool *pool);

/*
 * Fills in what belongs to the share of session->volume; false: there is none. It may
 * have been closed by the server meanwhile, or the share be another one.
 */
bool share_pool_take(struct share_pool *pool, struct session *session);
/* Takes the connection over, which has to be in order. */
void share_pool_put(struct share_pool *pool, struct session *session);
/* Closes what was unused for a while; true if there is more. */
bool share_pool_sweep(struct share_pool *pool);

DEFINE_CLEANUP(struct share_pool *, share_pool_free)
