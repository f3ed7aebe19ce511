/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whether a patch changed anything is the server's word: an update that changes nothing
 * leaves the resourceVersion as it was.
 */

#include "ctl_change.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"

static const char *version_of(const cJSON *json)
{
	const char *text =
		cJSON_GetStringValue(json_at(json, "metadata.resourceVersion"));

	return text ? text : "";
}

static int call(struct client *client, const struct client_request *request,
		cJSON **ret, struct err *err)
{
	int r = client_call(client, request, ret, err);

	return r > 0 ? -ENOENT : r;
}

int ctl_read(struct client *client, const char *namespace,
	     const struct ctl_item *item, cJSON **ret, struct err *err)
{
	_cleanup_(free) char *path =
		client_path(item->kind, namespace, item->name);
	struct client_request request = { .method = "GET", .path = path };

	return path ? call(client, &request, ret, err)
		    : err_set(err, -ENOMEM, "out of memory");
}

int ctl_change(struct client *client, const struct ctl_change *change,
	       bool *ret_is_changed, struct err *err)
{
	_cleanup_(free) char *path = client_path(
		change->item->kind, change->namespace, change->item->name);
	struct client_request request = { .method = "PATCH",
					  .path = path,
					  .content_type = change->content_type,
					  .body = change->body };
	cJSON *before = NULL, *after = NULL;
	int r = path ? ctl_read(client, change->namespace, change->item,
				&before, err)
		     : err_set(err, -ENOMEM, "out of memory");

	if (r == 0)
		r = call(client, &request, &after, err);
	if (r == 0)
		*ret_is_changed =
			strcmp(version_of(before), version_of(after)) != 0;
	cJSON_Delete(before);
	cJSON_Delete(after);
	return r;
}
