/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Writes a snapshot's row of the record as csi.v1.Snapshot. Any thread. */

#include "csi.pb-c.h"
#include "snapshots.h"

struct csi_snapshot_wire {
	Csi__V1__Snapshot snapshot;
	Csi__V1__Timestamp created;
};

/* Borrows from the row. *ret points into itself: it must not be copied or moved. */
void csi_snapshot_fill(struct csi_snapshot_wire *ret,
		       const struct store_snapshot *row);
