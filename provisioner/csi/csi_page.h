/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A page of ListVolumes or ListSnapshots. A token names the last entry of the page before
 * ("after:NAME"), and the next page begins behind it, whether or not that entry is still
 * there. Pure; any thread.
 */

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "rpc_status.h"

#define CSI_TOKEN_PREFIX "after:"
/* What a token needs with its NUL: names of volumes and ids of snapshots are shorter. */
#define CSI_TOKEN_SIZE (sizeof(CSI_TOKEN_PREFIX) + 256)

struct csi_page {
	const char *
		after; /* name of the last entry before it, borrowed; "" = the first page */
	size_t n_max; /* entries; 0 = as many as fit into an answer */
};

/*
 * Reads max_entries and starting_token of a request. RPC_INVALID_ARGUMENT: max_entries is
 * negative; RPC_ABORTED (as csi.proto wants it): the token is none that we gave.
 */
enum rpc_status csi_page_read(int32_t max_entries, const char *token,
			      struct csi_page *ret, struct err *err);
/* The next_token of a page whose last entry has this name. */
void csi_page_token(const char *last, char ret[CSI_TOKEN_SIZE]);
