/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A bookmark has nothing but a version and so is no object of ours. A type that is not
 * known (a later server's) is refused, not skipped: to go on after it would be to say
 * that nothing had happened.
 */

#include "kube_watch_line.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "kube_answer.h"
#include "kube_object.h"
#include "parse.h"

DEFINE_CLEANUP(cJSON *, cJSON_Delete)

void kube_watch_line_fini(struct kube_watch_line *line)
{
	object_unref(line->object);
	*line = KUBE_WATCH_LINE_INIT;
}

static int read_bookmark(const cJSON *object, struct kube_watch_line *ret,
			 struct err *err)
{
	const char *text;
	uint64_t version;
	int r = json_string(object, "metadata.resourceVersion", "", &text, err);

	if (r < 0)
		return r;
	if (parse_u64(text, 1, INT64_MAX, &version) < 0)
		return err_set(err, -EINVAL,
			       "a bookmark has the resourceVersion \"%s\"",
			       text);
	ret->type = KUBE_LINE_BOOKMARK;
	ret->resource_version = version;
	return 0;
}

static int read_event(enum object_kind kind, const char *type,
		      cJSON *take_object, struct kube_watch_line *ret,
		      struct err *err)
{
	static const char *const types[] = {
		[KUBE_WATCH_ADDED] = "ADDED",
		[KUBE_WATCH_MODIFIED] = "MODIFIED",
		[KUBE_WATCH_DELETED] = "DELETED",
	};
	int event = parse_name(type, types, ARRAY_SIZE(types));
	struct object *object = NULL;
	int r;

	if (event < 0) {
		cJSON_Delete(take_object);
		return err_set(err, -EINVAL, "a watch tells of a \"%s\"", type);
	}
	r = kube_object_new(&object, kind, take_object, err);
	if (r < 0)
		return r == -EPROTO ? -EINVAL : r;
	ret->type = KUBE_LINE_EVENT;
	ret->event = (enum kube_watch_event)event;
	ret->object = object;
	ret->resource_version = object->resource_version;
	return 0;
}

int kube_watch_line_parse(enum object_kind kind, const char *text, size_t len,
			  struct kube_watch_line *ret, struct err *err)
{
	_cleanup_(cJSON_Delete) cJSON *line = NULL;
	const char *type;
	cJSON *object;
	int r = json_parse(text, len, &line, err);

	if (r < 0)
		return r;
	r = json_string(line, "type", "", &type, err);
	if (r < 0)
		return r;
	object = cJSON_GetObjectItemCaseSensitive(line, "object");
	if (!cJSON_IsObject(object))
		return err_set(err, -EINVAL, "a watch's line has no object");
	if (strcmp(type, "ERROR") == 0)
		return kube_status_judge(object, 500, err);
	if (strcmp(type, "BOOKMARK") == 0)
		return read_bookmark(object, ret, err);
	(void)cJSON_DetachItemViaPointer(line, object);
	return read_event(kind, type, object, ret, err);
}
