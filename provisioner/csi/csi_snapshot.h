/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* csi.v1.Snapshot of a row of the record. Any thread. */

#include "csi.pb-c.h"
#include "snapshots.h"

struct csi_snapshot_wire {
	Csi__V1__Snapshot snapshot;
	Csi__V1__Timestamp created;
};

/* Borrows from the row; the wire stays where it is. */
void csi_snapshot_fill(struct csi_snapshot_wire *ret,
		       const struct store_snapshot *row);
