/* SPDX-License-Identifier: Apache-2.0 */

/* claimctl adopt: one question to the server, and one line about its answer. */

#include <string.h>

#include <cjson/cJSON.h>

#include "ctl.h"
#include "ctl_admin.h"
#include "json_field.h"

struct adopt {
	struct ctl_args args; /* first */
	const char *claim;
	const char *class_name;
	const char *size;
	const char *mode;
	const char *reclaim;
};

#define SETTER(field)                                             \
	static int set_##field(void *userdata, const char *value, \
			       struct err *err)                   \
	{                                                         \
		(void)err;                                        \
		((struct adopt *)userdata)->field = value;        \
		return 0;                                         \
	}

SETTER(claim)
SETTER(class_name)
SETTER(size)
SETTER(mode)
SETTER(reclaim)

static const struct option_spec own[] = {
	{ .name = "claim",
	  .value = "NS/NAME",
	  .help = "the claim that it is for; made if there is none",
	  .fn = set_claim },
	{ .name = "class",
	  .value = "NAME",
	  .help = "the class whose share it is on (default the default class)",
	  .fn = set_class_name },
	{ .name = "size",
	  .value = "SIZE",
	  .help = "its capacity (default 1Gi)",
	  .fn = set_size },
	{ .name = "mode",
	  .value = "MODE",
	  .help = "its access mode (default ReadWriteMany)",
	  .fn = set_mode },
	{ .name = "reclaim",
	  .value = "POLICY",
	  .help = "Retain or Delete (default Retain)",
	  .fn = set_reclaim },
};

static const struct option_spec *const options[] = {
	&own[0], &own[1], &own[2], &own[3], &own[4], &ctl_option_server, NULL,
};

static const struct ctl_verb_spec spec = {
	.program = "claimctl adopt",
	.usage = "DIR --claim NS/NAME [OPTIONS]",
	.summary =
		"Makes a directory that is on a class's share already a volume, with its claim. DIR is\n"
		"below the share. What is in it is not touched, and it is never removed.",
	.options = options,
	.epilogue =
		"Directories of csi-driver-nfs (PV) and of nfs-subdir-external-provisioner\n"
		"(NAMESPACE-CLAIM-PV) keep their volume's name. One that is another volume's, or in\n"
		"or around one, is refused.\n\n"
		"  claimctl adopt default-data-pvc-0d8ae0ae-25b9-4d2b-9a2c-2a1c3f0b1a1e \\\n"
		"    --claim default/data --size 20Gi\n",
};

static cJSON *make_body(const struct adopt *adopt, const char *dir)
{
	const char *slash = strchr(adopt->claim, '/');
	char namespace[256];
	const struct {
		const char *key;
		const char *value;
	} fields[] = {
		{ "dir", dir },
		{ "namespace", namespace },
		{ "claim", slash + 1 },
		{ "class", adopt->class_name },
		{ "size", adopt->size },
		{ "mode", adopt->mode },
		{ "reclaim", adopt->reclaim },
	};
	cJSON *body = cJSON_CreateObject();

	(void)snprintf(namespace, sizeof(namespace), "%.*s",
		       (int)(slash - adopt->claim), adopt->claim);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].value)
			(void)cJSON_AddStringToObject(body, fields[i].key,
						      fields[i].value);
	return body;
}

static const char *text_at(const cJSON *json, const char *key)
{
	const char *text = cJSON_GetStringValue(json_at(json, key));

	return text ? text : "";
}

static int run(const struct adopt *adopt, const char *dir, struct err *err)
{
	_cleanup_(client_free) struct client *client = NULL;
	cJSON *answer = NULL;
	int r = client_new(&client, adopt->args.server, err);

	if (r == 0)
		r = ctl_admin_call(client, "adopt", make_body(adopt, dir),
				   &answer, err);
	if (r < 0)
		return r;
	printf("directory \"%s\" is volume %s of claim %s (%s)\n", dir,
	       text_at(answer, "volume"), adopt->claim,
	       text_at(answer, "reclaim"));
	cJSON_Delete(answer);
	return 0;
}

int verb_adopt(int argc, char **argv, struct err *err)
{
	struct adopt adopt = { 0 };
	int first, r = ctl_parse(&spec, argc, argv, &adopt.args, &first, err);

	if (r != 0)
		return r;
	if (first + 1 != argc)
		return err_set(err, CTL_USAGE, "name one directory");
	if (!adopt.claim || !strchr(adopt.claim, '/'))
		return err_set(err, CTL_USAGE, "--claim must be NS/NAME");
	return run(&adopt, argv[first], err);
}
