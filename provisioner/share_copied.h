/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The part of share_make() that has volume->copy. Threads: a session's. */

#include "share_session.h"

int share_make_copied(struct session *session, struct share_owner *ret_owner,
		      struct err *err);
