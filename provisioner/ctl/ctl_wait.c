/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A version of the list, a GET, and a watch from that version on: whatever happens after
 * the GET is in the watch. The object's own version will not do: a server remembers
 * changes for a while, and this one's may be years ago. The server ends watches from time
 * to time; then it is asked again.
 */

#include "ctl_wait.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "clock.h"
#include "json_field.h"

struct waiting {
	ctl_wait_fn fn;
	void *userdata;
};

static int on_event(void *userdata, const char *type, const cJSON *object,
		    struct err *err)
{
	const struct waiting *waiting = userdata;
	bool is_gone = strcmp(type, "DELETED") == 0;

	return waiting->fn(waiting->userdata, is_gone ? NULL : object, err);
}

static char *list_url(const struct ctl_object *object, const char *more)
{
	_cleanup_(free) char *path =
		client_path(object->kind, object->namespace, NULL);
	char *url;

	if (!path || asprintf(&url, "%s?fieldSelector=metadata.name%%3D%s%s",
			      path, object->name, more) < 0)
		return NULL;
	return url;
}

int ctl_watch_version(struct client *client, const struct ctl_object *object,
		      char ret[CTL_VERSION_MAX], struct err *err)
{
	_cleanup_(free) char *url = list_url(object, "");
	const struct client_request request = { .method = "GET", .path = url };
	const char *version;
	cJSON *json = NULL;
	int r;

	if (!url)
		return err_set(err, -ENOMEM, "out of memory");
	r = client_call(client, &request, &json, err);
	if (r != 0)
		return r < 0 ? r : -ENOENT;
	version =
		cJSON_GetStringValue(json_at(json, "metadata.resourceVersion"));
	(void)snprintf(ret, CTL_VERSION_MAX, "%s", version ? version : "");
	cJSON_Delete(json);
	return 0;
}

static int watch(struct client *client, const struct ctl_object *object,
		 const char *version, unsigned int timeout_s,
		 struct waiting *waiting, struct err *err)
{
	_cleanup_(free) char *url = NULL;
	struct client_request request = { .method = "GET" };
	char more[CTL_VERSION_MAX + 32];

	(void)snprintf(more, sizeof(more), "&watch=1&resourceVersion=%s",
		       version);
	url = list_url(object, more);
	if (!url)
		return err_set(err, -ENOMEM, "out of memory");
	request.path = url;
	return client_watch(client, &request, timeout_s, on_event, waiting,
			    err);
}

/* Seconds that are left; 0 = no limit; false = none are left. */
static bool time_left(uint64_t deadline_ns, unsigned int *ret)
{
	uint64_t now = clock_ns();

	*ret = 0;
	if (!deadline_ns)
		return true;
	if (now >= deadline_ns)
		return false;
	*ret = (unsigned int)((deadline_ns - now + NS_PER_S - 1) / NS_PER_S);
	return true;
}

static int look_and_watch(struct client *client,
			  const struct ctl_object *object,
			  unsigned int timeout_s, struct waiting *waiting,
			  struct err *err)
{
	_cleanup_(free) char *path =
		client_path(object->kind, object->namespace, object->name);
	const struct client_request request = { .method = "GET", .path = path };
	char version[CTL_VERSION_MAX];
	cJSON *json = NULL;
	int r;

	if (!path)
		return err_set(err, -ENOMEM, "out of memory");
	r = ctl_watch_version(client, object, version, err);
	if (r < 0)
		return r;
	r = client_call(client, &request, &json, err);
	/* The server's sentence stays, for whoever can't go on without it. */
	if (r == CLIENT_NOT_FOUND)
		return waiting->fn(waiting->userdata, NULL, err);
	if (r < 0)
		return r;
	r = waiting->fn(waiting->userdata, json, err);
	if (r == 0)
		r = watch(client, object, version, timeout_s, waiting, err);
	cJSON_Delete(json);
	return r;
}

int ctl_wait(struct client *client, const struct ctl_object *object,
	     uint64_t deadline_ns, ctl_wait_fn fn, void *userdata,
	     struct err *err)
{
	struct waiting waiting = { .fn = fn, .userdata = userdata };
	unsigned int left_s;
	int r = 0;

	while (r == 0) {
		r = time_left(deadline_ns, &left_s)
			    ? look_and_watch(client, object, left_s, &waiting,
					     err)
			    : -ETIMEDOUT;
	}
	if (r == -ETIMEDOUT)
		return err_set(
			err, r, "timed out waiting for the condition on %s/%s",
			object_kind_info(object->kind)->plural, object->name);
	if (r == CTL_WAIT_DONE)
		err_fini(err);
	return r < 0 ? r : 0;
}

uint64_t ctl_deadline(unsigned int timeout_s)
{
	return timeout_s ? clock_ns() + timeout_s * NS_PER_S : 0;
}
