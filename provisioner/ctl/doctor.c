/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl doctor: the only verb that needs no API, since it is for those whose
 * claims are not served. Its --server is the NFS server, as in a class.
 */

#include "doctor.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "ctl.h"
#include "ctl_colour.h"
#include "ctl_print.h"
#include "ctl_share.h"
#include "mount_options.h"

struct visit {
	const char *server;
	char text[CTL_SERVER_MAX]; /* the server's, if one is */
	const char *share;
	struct mount_options mount;
	bool is_json;
	cJSON *findings; /* with -o json */
	int n_warnings;
};

static int set_server(void *userdata, const char *value, struct err *err)
{
	struct visit *visit = userdata;

	visit->server = visit->text;
	return ctl_share_take_server(visit->text, value, err);
}

static int set_share(void *userdata, const char *value, struct err *err)
{
	if (*value != '/')
		return err_set(err, -EINVAL, "\"%s\" does not begin with /",
			       value);
	((struct visit *)userdata)->share = value;
	return 0;
}

static int set_options(void *userdata, const char *value, struct err *err)
{
	return mount_options_parse(&((struct visit *)userdata)->mount, value,
				   err);
}

static int set_output(void *userdata, const char *value, struct err *err)
{
	if (strcmp(value, "json") != 0)
		return err_set(err, -EINVAL, "\"%s\" is not json", value);
	((struct visit *)userdata)->is_json = true;
	return 0;
}

static const struct option_spec options[] = {
	{ .name = "server",
	  .letter = 's',
	  .value = "HOST",
	  .help = "the NFS server, as in a class's parameters",
	  .fn = set_server },
	{ .name = "share",
	  .value = "PATH",
	  .help = "what it exports, as in a class's parameters",
	  .fn = set_share },
	{ .name = "options",
	  .value = "LIST",
	  .help = "mount options, as in a class: port=, mountport=, lock, ...",
	  .fn = set_options },
	{ .name = "output",
	  .letter = 'o',
	  .value = "FORM",
	  .help = "json (default lines for people)",
	  .fn = set_output },
};

static const struct options_spec spec = {
	.program = "claimctl doctor",
	.usage = "--server HOST --share PATH [OPTIONS]",
	.summary =
		"Tries an NFS share as a node and as the provisioner would, and says what to change\n"
		"on the server where something is wrong. It needs no provisioner, and removes what it\n"
		"makes on the share.",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.epilogue =
		"Run it as root on the machine of the provisioner, and on each node: servers look at\n"
		"who asks. Exit status: 0 if claims on the share can be served, warnings or not; 1 if\n"
		"not.\n\n"
		"  claimctl doctor --server nfs.example.com --share /exports/claims\n"
		"  claimctl doctor --server 192.0.2.7 --share /srv --options port=2050,lock\n",
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

/* Whoever reads the lines may go away, too: what was made has to be removed. */
static void catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		(void)sigaction(numbers[i], &action, NULL);
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
}

static void print_finding(const struct doctor_finding *finding)
{
	static const enum ctl_colour colours[] = { [DOCTOR_OK] = CTL_GREEN,
						   [DOCTOR_WARN] = CTL_YELLOW,
						   [DOCTOR_FAIL] = CTL_RED };

	printf("%s%-4s%s  %-11s  %s\n",
	       ctl_colour(stdout, colours[finding->level]),
	       doctor_level_name(finding->level), ctl_colour(stdout, CTL_PLAIN),
	       finding->check, finding->text);
	if (finding->remedy)
		printf("      %-11s  -> %s\n", "", finding->remedy);
	(void)fflush(stdout);
}

static void on_finding(void *userdata, const struct doctor_finding *finding)
{
	struct visit *visit = userdata;
	cJSON *json;

	visit->n_warnings += finding->level == DOCTOR_WARN;
	if (!visit->is_json) {
		print_finding(finding);
		return;
	}
	json = cJSON_CreateObject();
	(void)cJSON_AddStringToObject(json, "check", finding->check);
	(void)cJSON_AddStringToObject(json, "level",
				      doctor_level_name(finding->level));
	(void)cJSON_AddStringToObject(json, "text", finding->text);
	if (finding->remedy)
		(void)cJSON_AddStringToObject(json, "remedy", finding->remedy);
	(void)cJSON_AddItemToArray(visit->findings, json);
}

static int print_json(const struct visit *visit, int n_failures,
		      struct err *err)
{
	cJSON *json = cJSON_CreateObject();
	int r;

	(void)cJSON_AddStringToObject(json, "server", visit->server);
	(void)cJSON_AddStringToObject(json, "share", visit->share);
	(void)cJSON_AddNumberToObject(json, "failures", n_failures);
	(void)cJSON_AddNumberToObject(json, "warnings", visit->n_warnings);
	(void)cJSON_AddItemReferenceToObject(json, "findings", visit->findings);
	r = ctl_print(json, CTL_JSON, err);
	cJSON_Delete(json);
	return r;
}

static int conclude(const struct visit *visit, int n_failures, struct err *err)
{
	if (n_failures == -EINTR)
		return err_set(err, -EINTR,
			       "interrupted; nothing was left on the share");
	if (visit->is_json) {
		int r = print_json(visit, n_failures, err);

		if (r < 0)
			return r;
	}
	if (n_failures)
		return err_set(err, -ENXIO,
			       "share %s of server %s can't be served as it is",
			       visit->share, visit->server);
	if (!visit->is_json)
		printf("\nShare %s of server %s can be served%s.\n",
		       visit->share, visit->server,
		       visit->n_warnings ? ", but see the warnings" : "");
	return 0;
}

static int visit_share(struct visit *visit, struct err *err)
{
	struct doctor_options doctor = {
		.share = { .server = visit->server,
			   .share = visit->share,
			   .port = visit->mount.port,
			   .mountport = visit->mount.mountport },
		.has_locks = visit->mount.has_locks,
		.stop = &stop,
	};
	int r;

	catch_signals();
	visit->findings = cJSON_CreateArray();
	r = conclude(visit, doctor_run(&doctor, on_finding, visit), err);
	cJSON_Delete(visit->findings);
	return r;
}

int verb_doctor(int argc, char **argv, struct err *err)
{
	struct visit visit = { .mount = MOUNT_OPTIONS_INIT };
	int first;
	int r = options_parse(&spec, argc, argv, &visit, &first, err);

	if (r < 0)
		return CTL_USAGE;
	if (r == OPTIONS_DONE)
		return r;
	if (first < argc)
		(void)err_set(err, CTL_USAGE,
			      "doctor takes no operand such as \"%s\"",
			      argv[first]);
	else if (!visit.server || !visit.share)
		(void)err_set(
			err, CTL_USAGE,
			"say which share: --server HOST --share PATH, as in a class's parameters");
	else
		return visit_share(&visit, err);
	return CTL_USAGE;
}
