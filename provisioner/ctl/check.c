/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl check: the server names what does not fit together, line by line. With
 * --repair each of those that it can mend is asked about; questions come after the
 * lines, so that nobody decides before he has seen everything.
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "ctl.h"
#include "ctl_admin.h"
#include "json_field.h"

#define REPAIRS_MAX 10000

struct check {
	struct ctl_args args; /* first */
	bool is_repairing;
	bool is_yes;
	cJSON *lines; /* that can be repaired */
	unsigned int n_repaired;
};

static int set_repair(void *userdata, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	((struct check *)userdata)->is_repairing = true;
	return 0;
}

static int set_yes(void *userdata, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	((struct check *)userdata)->is_yes = true;
	return 0;
}

static const struct option_spec own[] = {
	{ .name = "repair",
	  .help = "ask about each thing that can be repaired: yes, no or quit",
	  .fn = set_repair },
	{ .name = "yes",
	  .help = "with --repair: do not ask, repair all of it",
	  .fn = set_yes },
};

static const struct option_spec *const options[] = {
	&own[0],
	&own[1],
	&ctl_option_server,
	NULL,
};

static const struct ctl_verb_spec spec = {
	.program = "claimctl check",
	.usage = "[--repair [--yes]]",
	.summary =
		"Compares claims, volumes, snapshots and copies with their shares, and names what is\n"
		"missing and what belongs to nobody. No repair removes anybody's data.",
	.options = options,
	.epilogue =
		"Exit status: 0 if all is well or was repaired, 1 if something is left.\n",
};

static const char *text_at(const cJSON *json, const char *key)
{
	const char *text = cJSON_GetStringValue(json_at(json, key));

	return text ? text : "";
}

static int on_line(void *userdata, const char *type, const cJSON *object,
		   struct err *err)
{
	struct check *check = userdata;
	cJSON *copy;

	(void)type;
	printf("%s\n", text_at(object, "message"));
	(void)fflush(stdout);
	if (!*text_at(object, "repair") ||
	    cJSON_GetArraySize(check->lines) >= REPAIRS_MAX)
		return 0;
	copy = cJSON_Duplicate(object, /* recurse= */ true);
	if (copy && cJSON_AddItemToArray(check->lines, copy))
		return 0;
	cJSON_Delete(copy);
	return err_set(err, -ENOMEM, "out of memory");
}

/* 'y', 'n' or 'q'; the end of the input is 'q'. */
static char ask(const struct check *check, const cJSON *line)
{
	const char *repair = text_at(line, "repair");
	const char *volume = text_at(line, "volume");
	char answer[16] = "";

	if (strcmp(repair, "recover") == 0)
		printf("make volume %s and its claim again", volume);
	else if (strcmp(repair, "forget") == 0)
		printf("remove the descriptor of volume %s", volume);
	else if (strcmp(repair, "drop") == 0)
		printf("remove what is left of copy %s", volume);
	else
		printf("write a descriptor of volume %s", volume);
	printf("? [y/n/q] ");
	(void)fflush(stdout);
	if (check->is_yes) {
		puts("y");
		return 'y';
	}
	if (!fgets(answer, sizeof(answer), stdin))
		return 'q';
	return answer[0] == 'y' || answer[0] == 'q' ? answer[0] : 'n';
}

static void repair_all(struct check *check, struct client *client)
{
	const cJSON *line;

	cJSON_ArrayForEach (line, check->lines) {
		_cleanup_(err_fini) struct err why = ERR_INIT;
		char answer = ask(check, line);

		if (answer == 'q')
			break;
		if (answer != 'y')
			continue;
		if (ctl_admin_call(client, "repair",
				   cJSON_Duplicate(line, /* recurse= */ true),
				   NULL, &why) < 0)
			fprintf(stderr, "claimctl: %s\n", err_text(&why));
		else
			check->n_repaired++;
	}
}

static int run(struct check *check, struct err *err)
{
	_cleanup_(client_free) struct client *client = NULL;
	const cJSON *found;
	cJSON *answer = NULL;
	unsigned int n;
	int r = client_new(&client, check->args.server, err);

	if (r == 0)
		r = ctl_admin_follow(client, "check", cJSON_CreateObject(),
				     on_line, check, &answer, err);
	if (r < 0)
		return r;
	found = json_at(answer, "found");
	n = cJSON_IsNumber(found) ? (unsigned int)found->valuedouble : 0;
	cJSON_Delete(answer);
	if (check->is_repairing)
		repair_all(check, client);
	if (n == 0)
		puts("all is well");
	if (n > check->n_repaired)
		return err_set(err, -EUCLEAN, "%u found, %u repaired", n,
			       check->n_repaired);
	return 0;
}

int verb_check(int argc, char **argv, struct err *err)
{
	struct check check = { 0 };
	int first, r = ctl_parse(&spec, argc, argv, &check.args, &first, err);

	if (r != 0)
		return r;
	if (first < argc)
		return err_set(err, CTL_USAGE, "\"%s\" is not wanted here",
			       argv[first]);
	check.lines = cJSON_CreateArray();
	r = run(&check, err);
	cJSON_Delete(check.lines);
	return r;
}
