/* SPDX-License-Identifier: Apache-2.0 */

/* The share that a call of a verb names, in a class's words. */

#include <string.h>

#include "admin_verbs.h"
#include "json_field.h"
#include "mount_options.h"

int admin_share(const struct cJSON *in, struct share_volume *ret,
		struct err *err)
{
	struct mount_options options = MOUNT_OPTIONS_INIT;
	const char *text;
	int r = api_admin_string(in, "server", NULL, &ret->server, err);

	if (r >= 0)
		r = api_admin_string(in, "share", NULL, &ret->share, err);
	if (r >= 0)
		r = api_admin_string(in, "options", "", &text, err);
	if (r >= 0 && *text)
		r = mount_options_parse(&options, text, err);
	if (r < 0)
		return r;
	if (*ret->share != '/')
		return err_set(
			err, -EINVAL,
			"share: Invalid value: \"%s\": must begin with /",
			ret->share);
	ret->port = options.port;
	ret->mountport = options.mountport;
	return 0;
}
