/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The server makes the claim; whether it is bound is asked of the claim, and once a second,
 * while it is not, how far its copy is.
 */

#include "ctl_clone.h"

#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "clock.h"
#include "ctl_admin.h"
#include "ctl_print.h"
#include "ctl_rows.h"
#include "ctl_wait.h"
#include "json_field.h"

#define SETTER(field)                                             \
	static int set_##field(void *userdata, const char *value, \
			       struct err *err)                   \
	{                                                         \
		(void)err;                                        \
		((struct ctl_clone *)userdata)->field = value;    \
		return 0;                                         \
	}

SETTER(as)
SETTER(class_name)
SETTER(size)
SETTER(mode)

const struct option_spec ctl_clone_options[4] = {
	{ .name = "as",
	  .value = "CLAIM",
	  .help = "the new claim, for a snapshot",
	  .fn = set_as },
	{ .name = "class",
	  .value = "NAME",
	  .help = "its StorageClass (default its source's)",
	  .fn = set_class_name },
	{ .name = "size",
	  .value = "SIZE",
	  .help = "its size, at least that of its source (the default)",
	  .fn = set_size },
	{ .name = "mode",
	  .value = "MODE",
	  .help = "its access mode (default its source's)",
	  .fn = set_mode },
};

/* --- progress ----------------------------------------------------------------------- */

/* "12,345" */
static void write_number(char *buffer, size_t size, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	size_t at = 0;

	for (int i = 0; i < len && at + 2 < size; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buffer[at++] = ',';
		buffer[at++] = digits[i];
	}
	buffer[at] = '\0';
}

void ctl_progress_print(const char *what, const cJSON *copy)
{
	bool is_terminal = isatty(STDOUT_FILENO);
	char files[32], total[32], size[32], rate[32];
	const char *error = ctl_text_at(copy, "error");

	write_number(files, sizeof(files), ctl_number_at(copy, "files"));
	write_number(total, sizeof(total), ctl_number_at(copy, "totalFiles"));
	ctl_write_size(size, sizeof(size), ctl_number_at(copy, "bytes"));
	ctl_write_size(rate, sizeof(rate),
		       ctl_number_at(copy, "bytesPerSecond"));
	printf("%s%s: %s%s%s files, %s, %s/s%s%s%s", is_terminal ? "\r" : "",
	       what, files, json_at(copy, "totalFiles") ? " of " : "",
	       json_at(copy, "totalFiles") ? total : "", size, rate,
	       *error ? "; " : "", error, is_terminal ? "\033[K" : "\n");
	(void)fflush(stdout);
}

void ctl_progress_end(void)
{
	if (isatty(STDOUT_FILENO))
		printf("\r\033[K");
}

void ctl_progress_state(char *buffer, size_t size, const cJSON *item)
{
	uint64_t files = ctl_number_at(item, "files");
	uint64_t total = ctl_number_at(item, "totalFiles");
	const char *state = ctl_text_at(item, "state");
	const char *error = ctl_text_at(item, "error");
	char rate[32];

	ctl_write_size(rate, sizeof(rate),
		       ctl_number_at(item, "bytesPerSecond"));
	if (*error)
		(void)snprintf(buffer, size, "%s, %s", state, error);
	else if (total && ctl_number_at(item, "bytesPerSecond"))
		(void)snprintf(buffer, size, "%s %" PRIu64 "%%, %s/s", state,
			       files < total ? files * 100 / total : 99, rate);
	else
		(void)snprintf(buffer, size, "%s", state);
}

/* --- waiting ------------------------------------------------------------------------ */

static int is_bound(void *userdata, const cJSON *json, struct err *err)
{
	const struct ctl_clone *clone = userdata;

	if (!json)
		return err_set(err, -ENOENT, "claim \"%s\" was deleted",
			       clone->as);
	return strcmp(ctl_text_at(json, "status.phase"), "Bound") == 0
		       ? CTL_WAIT_DONE
		       : 0;
}

/* Of the claim of this name. */
static void print_progress(const struct ctl_clone *clone, struct client *client)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	const cJSON *copy;
	cJSON *answer = NULL;

	if (ctl_admin_call(client, "copies", cJSON_CreateObject(), &answer,
			   &err) < 0)
		return;
	cJSON_ArrayForEach (copy, json_at(answer, "items"))
		if (strcmp(ctl_text_at(copy, "claim"), clone->as) == 0 &&
		    strcmp(ctl_text_at(copy, "claimNamespace"),
			   clone->args.namespace) == 0)
			ctl_progress_print(clone->as, copy);
	cJSON_Delete(answer);
}

static int wait_bound(const struct ctl_clone *clone, struct client *client,
		      struct err *err)
{
	const struct ctl_object object = { .kind = KIND_CLAIM,
					   .namespace = clone->args.namespace,
					   .name = clone->as };
	uint64_t deadline_ns = ctl_deadline(clone->args.timeout_s);
	int r = -ETIMEDOUT;

	while (r == -ETIMEDOUT && (!deadline_ns || clock_ns() < deadline_ns)) {
		err_fini(err);
		r = ctl_wait(client, &object, clock_ns() + NS_PER_S, is_bound,
			     (void *)clone, err);
		if (r == -ETIMEDOUT)
			print_progress(clone, client);
	}
	ctl_progress_end();
	if (r == 0)
		printf("persistentvolumeclaim/%s bound\n", clone->as);
	return r;
}

/* --- the claim ---------------------------------------------------------------------- */

static cJSON *make_body(const struct ctl_clone *clone, const char *kind,
			const char *name)
{
	const struct {
		const char *key;
		const char *value;
	} fields[] = {
		{ "namespace", clone->args.namespace },
		{ kind, name },
		{ "as", clone->as },
		{ "class", clone->class_name },
		{ "size", clone->size },
		{ "mode", clone->mode },
	};
	cJSON *body = cJSON_CreateObject();

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].value)
			(void)cJSON_AddStringToObject(body, fields[i].key,
						      fields[i].value);
	(void)cJSON_AddBoolToObject(body, "dryRun", clone->args.is_dry_run);
	return body;
}

int ctl_clone_run(const struct ctl_clone *clone, const char *kind,
		  const char *name, struct err *err)
{
	_cleanup_(client_free) struct client *client = NULL;
	cJSON *answer = NULL;
	int r = client_new(&client, clone->args.server, err);

	if (r == 0)
		r = ctl_admin_call(client, "clone",
				   make_body(clone, kind, name), &answer, err);
	if (r < 0)
		return r;
	if (ctl_is_structured(&clone->args))
		r = ctl_print(answer, clone->args.output, err);
	else
		printf("persistentvolumeclaim/%s %s\n", clone->as,
		       clone->args.is_dry_run ? "would be created" : "created");
	(void)fflush(stdout);
	cJSON_Delete(answer);
	if (r < 0 || clone->args.is_dry_run || clone->args.is_not_waiting ||
	    ctl_is_structured(&clone->args))
		return r;
	return wait_bound(clone, client, err);
}
