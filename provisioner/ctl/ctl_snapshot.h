/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Snapshots where objects are named: they are the record's, and none of the API's kinds. */

#include "ctl.h"

/* Whether operands name snapshots: "snapshots", "snapshot NAME...", "snapshot/NAME...". */
bool ctl_snapshot_is_meant(char **operands, int n);

/* As get and delete of other kinds. */
int ctl_snapshot_get(const struct ctl_args *args, char **operands, int n,
		     struct err *err);
int ctl_snapshot_delete(const struct ctl_args *args, char **operands, int n,
			struct err *err);
