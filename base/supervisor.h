/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a daemon tells the service manager that started it (sd_notify(3)). */

/* "READY=1", "STOPPING=1"; without a supervisor nothing happens. Any thread. */
void supervisor_notify(const char *state);
