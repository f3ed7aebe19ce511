/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whether an object may be stored: everything that the real API server would
 * check of the fields we serve, and everything of a class that we would otherwise
 * find out only when a claim fails (parameters, mount options, subDir).
 */

#include "object.h"

/*
 * Fields of a new object; is_ours tells whether a class's provisioner is this
 * driver (only then parameters are checked). -EINVAL with one sentence in the API
 * server's form: `spec.accessModes: Unsupported value: "X": supported values: ...`.
 */
int validate_create(const struct object *object, const char *const *drivers,
		    size_t n_drivers, struct err *err);

/* As above, and that nothing immutable changed (PVC spec, PV source, class). */
int validate_update(const struct object *old, const struct object *new,
		    const char *const *drivers, size_t n_drivers,
		    struct err *err);
