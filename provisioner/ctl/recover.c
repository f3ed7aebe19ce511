/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl recover: the server does it; its lines are printed as they come. Its
 * --server is the NFS server, as doctor's is.
 */

#include <cjson/cJSON.h>

#include "ctl.h"
#include "ctl_admin.h"
#include "ctl_share.h"
#include "json_field.h"

static int set_dry_run(void *userdata, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	((struct ctl_share *)userdata)->is_dry_run = true;
	return 0;
}

static const struct option_spec options[] = {
	CTL_SHARE_OPTIONS,
	{ .name = "dry-run",
	  .help = "only say what would be recovered",
	  .fn = set_dry_run },
};

static const struct options_spec spec = {
	.program = "claimctl recover",
	.usage = "--server HOST --share PATH [OPTIONS]",
	.summary =
		"Makes claims, volumes and the trash again from what their share knows of them, after\n"
		"the record was lost. What exists is not touched, nothing on the share is changed, and it may be\n"
		"repeated.",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.epilogue =
		"Classes are not on the share: apply them first, or afterwards. Volumes that were\n"
		"made by hand are not, either. Exit status 1 if a volume could not be recovered.\n\n"
		"  claimctl recover --server nfs.example.com --share /exports/claims --dry-run\n",
};

static unsigned int number_at(const cJSON *json, const char *key)
{
	const cJSON *number = json_at(json, key);

	return cJSON_IsNumber(number) ? (unsigned int)number->valuedouble : 0;
}

static int finish(const cJSON *answer, const struct ctl_share *share,
		  struct err *err)
{
	unsigned int n_failed = number_at(answer, "failed");

	printf("%u %s, %u there already, %u left alone, %u failed\n",
	       number_at(answer, "recovered"),
	       share->is_dry_run ? "to recover" : "recovered",
	       number_at(answer, "existing"), number_at(answer, "left"),
	       n_failed);
	if (!n_failed)
		return 0;
	return err_set(err, -EIO, "%u volumes were not recovered", n_failed);
}

int verb_recover(int argc, char **argv, struct err *err)
{
	_cleanup_(client_free) struct client *client = NULL;
	struct ctl_share share = CTL_SHARE_INIT;
	cJSON *answer = NULL;
	int r = ctl_share_parse(&spec, argc, argv, &share, err);

	if (r != 0)
		return r;
	r = client_new(&client, share.api, err);
	if (r == 0)
		r = ctl_admin_follow(client, "recover", ctl_share_body(&share),
				     ctl_admin_print, NULL, &answer, err);
	if (r < 0)
		return r;
	r = finish(answer, &share, err);
	cJSON_Delete(answer);
	return r;
}
