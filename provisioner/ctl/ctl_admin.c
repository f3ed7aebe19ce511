/* SPDX-License-Identifier: Apache-2.0 */

/* Requests to /claimfs/v1/VERB, whole or followed line by line as a watch is. */

#include "ctl_admin.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"

#define IS_DONE 1

struct follower {
	client_event_fn fn;
	void *userdata;
	cJSON *answer;
};

/* The strings are the caller's to free. */
static int make_request(const char *verb, cJSON *take_body, char **ret_path,
			char **ret_body, struct err *err)
{
	*ret_body = take_body ? cJSON_PrintUnformatted(take_body) : NULL;
	cJSON_Delete(take_body);
	if (asprintf(ret_path, "/claimfs/v1/%s", verb) < 0)
		*ret_path = NULL;
	if (*ret_body && *ret_path)
		return 0;
	return err_set(err, -ENOMEM, "out of memory");
}

int ctl_admin_call(struct client *client, const char *verb, cJSON *take_body,
		   cJSON **ret, struct err *err)
{
	_cleanup_(free) char *path = NULL;
	_cleanup_(free) char *body = NULL;
	int r = make_request(verb, take_body, &path, &body, err);
	struct client_request request = { .method = "POST",
					  .path = path,
					  .body = body };

	if (r < 0)
		return r;
	r = client_call(client, &request, ret, err);
	return r > 0 ? -ENOENT : r;
}

int ctl_admin_ask(const char *server, const char *verb, cJSON *take_body,
		  cJSON **ret, struct err *err)
{
	_cleanup_(client_free) struct client *client = NULL;
	int r = client_new(&client, server, err);

	if (r < 0) {
		cJSON_Delete(take_body);
		return r;
	}
	return ctl_admin_call(client, verb, take_body, ret, err);
}

static int on_line(void *userdata, const char *type, const cJSON *object,
		   struct err *err)
{
	struct follower *follower = userdata;

	if (strcmp(type, "DONE") != 0)
		return follower->fn(follower->userdata, type, object, err);
	follower->answer = cJSON_Duplicate(object, /* recurse= */ true);
	return follower->answer ? IS_DONE
				: err_set(err, -ENOMEM, "out of memory");
}

int ctl_admin_follow(struct client *client, const char *verb, cJSON *take_body,
		     client_event_fn fn, void *userdata, cJSON **ret,
		     struct err *err)
{
	_cleanup_(free) char *path = NULL;
	_cleanup_(free) char *body = NULL;
	struct follower follower = { .fn = fn, .userdata = userdata };
	int r = make_request(verb, take_body, &path, &body, err);
	struct client_request request = { .method = "POST",
					  .path = path,
					  .body = body };

	if (r < 0)
		return r;
	r = client_watch(client, &request, 0, on_line, &follower, err);
	if (r == 0)
		r = err_set(err, -EPIPE,
			    "the server stopped before %s was done", verb);
	if (r == IS_DONE && ret)
		*ret = TAKE_PTR(follower.answer);
	cJSON_Delete(follower.answer);
	return r < 0 ? r : 0;
}

int ctl_admin_print(void *userdata, const char *type, const cJSON *object,
		    struct err *err)
{
	const char *message = cJSON_GetStringValue(json_at(object, "message"));

	(void)userdata;
	(void)type;
	(void)err;
	if (message)
		puts(message);
	(void)fflush(stdout);
	return 0;
}
