/* SPDX-License-Identifier: Apache-2.0 */

/* Parsing only: whether the share can be reached is the provisioner's to say. */

#include "ctl_share.h"

#include <cjson/cJSON.h>

#include "class_parameters.h"
#include "ctl.h"

int ctl_share_take_server(char *ret, const char *value, struct err *err)
{
	int n = snprintf(ret, CTL_SERVER_MAX, "%s", value);

	if (n < 1 || n >= CTL_SERVER_MAX)
		return err_set(err, -EINVAL,
			       "a server has a name, of at most 255 bytes");
	class_server_normalise(ret);
	return 0;
}

int ctl_share_set_server(void *userdata, const char *value, struct err *err)
{
	struct ctl_share *share = userdata;

	share->server = share->text;
	return ctl_share_take_server(share->text, value, err);
}

int ctl_share_set_share(void *userdata, const char *value, struct err *err)
{
	if (*value != '/')
		return err_set(err, -EINVAL, "\"%s\" does not begin with /",
			       value);
	((struct ctl_share *)userdata)->share = value;
	return 0;
}

int ctl_share_set_options(void *userdata, const char *value, struct err *err)
{
	(void)err;
	((struct ctl_share *)userdata)->options = value;
	return 0;
}

int ctl_share_set_api(void *userdata, const char *value, struct err *err)
{
	(void)err;
	((struct ctl_share *)userdata)->api = value;
	return 0;
}

int ctl_share_parse(const struct options_spec *spec, int argc, char **argv,
		    struct ctl_share *ret, struct err *err)
{
	const char *api = getenv("CLAIMFS_SERVER");
	int first, r;

	ret->api = api && *api ? api : CLIENT_SERVER_DEFAULT;
	r = options_parse(spec, argc, argv, ret, &first, err);
	if (r != 0)
		return r < 0 ? CTL_USAGE : r;
	if (first < argc)
		return err_set(err, CTL_USAGE, "\"%s\" is not wanted here",
			       argv[first]);
	if (!ret->server || !ret->share)
		return err_set(err, CTL_USAGE, "%s is missing",
			       ret->server ? "--share" : "--server");
	return 0;
}

cJSON *ctl_share_body(const struct ctl_share *share)
{
	cJSON *body = cJSON_CreateObject();

	if (cJSON_AddStringToObject(body, "server", share->server) &&
	    cJSON_AddStringToObject(body, "share", share->share) &&
	    cJSON_AddStringToObject(body, "options", share->options) &&
	    cJSON_AddBoolToObject(body, "dryRun", share->is_dry_run))
		return body;
	cJSON_Delete(body);
	return NULL;
}
