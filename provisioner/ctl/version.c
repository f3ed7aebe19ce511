/* SPDX-License-Identifier: Apache-2.0 */

/* claimctl version: this program's, and the server's if it can be reached. */

#include "version.h"

#include <cjson/cJSON.h>

#include "ctl.h"
#include "json_field.h"

static const struct option_spec *const options[] = { &ctl_option_server, NULL };

static const struct ctl_verb_spec spec = {
	.program = "claimctl version",
	.usage = "[OPTIONS]",
	.summary = "Prints the versions of claimctl and of the server.",
	.options = options,
};

int verb_version(int argc, char **argv, struct err *err)
{
	static const struct client_request request = { .method = "GET",
						       .path = "/version" };
	_cleanup_(client_free) struct client *client = NULL;
	struct ctl_args args;
	cJSON *json = NULL;
	const char *version;
	int first, r;

	r = ctl_parse(&spec, argc, argv, &args, &first, err);
	if (r != 0)
		return r;
	printf("Client Version: %s\n", CLAIMFS_VERSION);
	r = client_new(&client, args.server, err);
	if (r == 0)
		r = client_call(client, &request, &json, err);
	if (r != 0)
		return r < 0 ? r : -ENOENT;
	version = cJSON_GetStringValue(json_at(json, "gitVersion"));
	printf("Server Version: %s\n", version ? version : "unknown");
	cJSON_Delete(json);
	return 0;
}
