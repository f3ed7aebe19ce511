/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How a daemon is told to stop: SIGTERM or SIGINT, read from a descriptor by the
 * main thread. SIGPIPE is ignored on the way.
 */

#include "err.h"

/*
 * Before the first thread exists, so that no other one ever sees a signal. The
 * caller closes *ret_fd.
 */
int stop_signals_block(int *ret_fd, struct err *err);

/* Waits for the signal and logs its name; *ret is its number, ret may be NULL. */
int stop_signal_wait(int fd, int *ret, struct err *err);
