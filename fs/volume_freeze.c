/* SPDX-License-Identifier: Apache-2.0 */

/* A volume stands still: what freeze.c has to know of it. */

#include "freeze.h"
#include "volume_object.h"

int volume_freeze(struct volume *volume, const char *token, uint32_t seconds,
		  struct err *err)
{
	const struct freeze_wish wish = {
		.token = token,
		.seconds = seconds,
		.mountpoint = volume->spec.mountpoint,
		.dev_minor = session_dev_minor(volume->session),
	};

	return freeze_begin(volume->view.freeze, &wish, err);
}

bool volume_thaw(struct volume *volume, const char *token)
{
	return freeze_end(volume->view.freeze, token);
}

void volume_end_freezing(struct volume *volume)
{
	freeze_stop(volume->view.freeze);
}

uint64_t volume_frozen_since(const struct volume *volume)
{
	return freeze_since(volume->view.freeze);
}
