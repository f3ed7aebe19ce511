/* SPDX-License-Identifier: Apache-2.0 */

/*
 * claimctl wait: kubectl's three conditions, one object after the other. Of JSONPath
 * there is what names one field by dots; the words are kubectl's.
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "ctl.h"
#include "ctl_wait.h"
#include "json_field.h"

#define DEFAULT_TIMEOUT_S 30

static const struct option_spec *const options[] = {
	&ctl_option_condition,
	&ctl_option_namespace,
	&ctl_option_server,
	&ctl_option_timeout,
	NULL,
};

static const struct ctl_verb_spec spec = {
	.program = "claimctl wait",
	.usage = "--for=WHAT [OPTIONS] KIND NAME... | KIND/NAME...",
	.summary = "Waits until objects are gone, or have what is asked for.",
	.options = options,
	.epilogue =
		"Without --timeout it waits for 30 s.\n\n"
		"  claimctl wait --for=jsonpath='{.status.phase}'=Bound pvc/data\n"
		"  claimctl wait --for=delete pod/web --timeout=2m\n"
		"  claimctl wait --for=condition=Ready pod/web\n",
};

struct condition {
	bool is_delete;
	char *field;	  /* of --for=jsonpath: "status.phase" */
	const char *type; /* of --for=condition: "Ready" */
	size_t type_len;
	const char *value; /* what it has to be */
};

static void condition_fini(struct condition *condition)
{
	free(condition->field);
}

DEFINE_FINI(struct condition, condition_fini)

static int unknown(const char *text, struct err *err)
{
	(void)err_set(
		err, CTL_USAGE,
		"--for \"%s\" must be delete, jsonpath={.FIELD}=VALUE or condition=NAME[=VALUE]",
		text);
	return CTL_USAGE;
}

/* "{.status.phase}=Bound", or without the braces */
static int parse_field(const char *text, struct condition *ret)
{
	size_t len = strcspn(text, "=");

	if (!text[len] || !text[len + 1])
		return -EINVAL;
	ret->value = text + len + 1;
	if (len > 1 && *text == '{' && text[len - 1] == '}') {
		text++;
		len -= 2;
	}
	if (len < 2 || *text != '.' || strcspn(text, "[]*@?()") < len)
		return -EINVAL;
	ret->field = strndup(text + 1, len - 1);
	return ret->field ? 0 : -ENOMEM;
}

static int parse(const char *text, struct condition *ret, struct err *err)
{
	static const char by_field[] = "jsonpath=";
	static const char by_type[] = "condition=";

	if (strcmp(text, "delete") == 0) {
		ret->is_delete = true;
		return 0;
	}
	if (strncmp(text, by_field, strlen(by_field)) == 0)
		return parse_field(text + strlen(by_field), ret) == 0
			       ? 0
			       : unknown(text, err);
	if (strncmp(text, by_type, strlen(by_type)) != 0)
		return unknown(text, err);
	ret->type = text + strlen(by_type);
	ret->type_len = strcspn(ret->type, "=");
	ret->value = ret->type[ret->type_len] ? ret->type + ret->type_len + 1
					      : "True";
	return ret->type_len ? 0 : unknown(text, err);
}

static bool has_condition(const struct condition *condition, const cJSON *json)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, json_at(json, "status.conditions")) {
		const char *type = cJSON_GetStringValue(json_at(item, "type"));
		const char *status =
			cJSON_GetStringValue(json_at(item, "status"));

		if (type && strlen(type) == condition->type_len &&
		    strncasecmp(type, condition->type, condition->type_len) ==
			    0)
			return status &&
			       strcasecmp(status, condition->value) == 0;
	}
	return false;
}

static bool has_value(const struct condition *condition, const cJSON *json)
{
	const cJSON *field = json_at(json, condition->field);
	char *text;
	bool is_it;

	if (cJSON_IsString(field))
		return strcmp(field->valuestring, condition->value) == 0;
	text = field ? cJSON_PrintUnformatted(field) : NULL;
	is_it = text && strcmp(text, condition->value) == 0;
	cJSON_free(text);
	return is_it;
}

static int look(void *userdata, const cJSON *json, struct err *err)
{
	const struct condition *condition = userdata;

	if (condition->is_delete)
		return json ? 0 : CTL_WAIT_DONE;
	if (!json)
		return err->code ? -ENOENT
				 : err_set(err, -ENOENT, "it was deleted");
	if (condition->field ? has_value(condition, json)
			     : has_condition(condition, json))
		return CTL_WAIT_DONE;
	return 0;
}

static int run(const struct ctl_args *args, const struct ctl_items *items,
	       struct condition *condition, struct err *err)
{
	_cleanup_(client_free) struct client *client = NULL;
	uint64_t deadline_ns = ctl_deadline(args->timeout_s);
	int r = client_new(&client, args->server, err);

	for (size_t i = 0; r == 0 && i < items->n; i++) {
		struct ctl_object object = { .kind = items->items[i].kind,
					     .namespace = args->namespace,
					     .name = items->items[i].name };

		r = ctl_wait(client, &object, deadline_ns, look, condition,
			     err);
		if (r == 0)
			printf("%s/%s condition met\n",
			       ctl_kind_label(object.kind), object.name);
	}
	return r;
}

static int usage(const char *text, struct err *err)
{
	(void)err_set(err, CTL_USAGE, "%s", text);
	return CTL_USAGE;
}

int verb_wait(int argc, char **argv, struct err *err)
{
	_cleanup_(condition_fini) struct condition condition = { 0 };
	struct ctl_items items;
	struct ctl_args args;
	int first, r;

	r = ctl_parse(&spec, argc, argv, &args, &first, err);
	if (r != 0)
		return r;
	if (!args.about)
		return usage(
			"say what to wait for: --for=delete, --for=jsonpath=... or --for=condition=...",
			err);
	if (!args.timeout_s)
		args.timeout_s = DEFAULT_TIMEOUT_S;
	r = parse(args.about, &condition, err);
	if (r == 0)
		r = ctl_items_parse(&items, argv + first, argc - first, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < items.n; i++)
		if (!items.items[i].name)
			return usage("say which object to wait for by its name",
				     err);
	return run(&args, &items, &condition, err);
}
