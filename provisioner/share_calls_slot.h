/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The slots of calls in flight, for those who make calls: share_calls.c and
 * share_calls_data.c. Calling sequence: slot_begin(), rpc_nfs3_*_async() of
 * slot->connection with slot_done and the slot, slot_end() with what that returned.
 */

#include "share_calls.h"
#include "share_connect.h"

struct share_slot {
	struct share_nfs *nfs;	      /* borrowed */
	struct share_nfs *connection; /* nfs, or its second; borrowed */
	bool is_busy;
	struct share_call call; /* done is NULL when it was abandoned */
	int (*take)(const void *res, void *out);
	void *out;
};

/* NULL: the connection is of no more use, or all are in flight. */
struct share_slot *slot_begin(struct share_nfs *nfs,
			      const struct share_call *call,
			      int (*take)(const void *res, void *out),
			      void *out);
int slot_end(struct share_slot *slot, int queued);
/* An rpc_cb. */
void slot_done(struct rpc_context *rpc, int status, void *data, void *userdata);
