/* SPDX-License-Identifier: Apache-2.0 */

/*
 * kubectl asks the server to find misspelt fields (fieldValidation=Strict) rather
 * than do it itself. A real server drops what it does not know; here it is kept,
 * because a user who gets his manifest back whole can see his mistake.
 */

#include "api_fields.h"

#include <string.h>

#include "api_schema.h"
#include "api_status.h"
#include "parse.h"

enum level {
	LEVEL_IGNORE,
	LEVEL_WARN,
	LEVEL_STRICT,
};

static int level_parse(const char *text, enum level *ret)
{
	static const char *const names[] = {
		[LEVEL_IGNORE] = "Ignore",
		[LEVEL_WARN] = "Warn",
		[LEVEL_STRICT] = "Strict",
	};
	int r = text && *text ? parse_name(text, names, ARRAY_SIZE(names))
			      : LEVEL_WARN;

	if (r >= 0)
		*ret = (enum level)r;
	return r < 0 ? r : 0;
}

static void refuse(struct api_response *response, enum object_kind kind,
		   const char *unknown)
{
	const struct object_kind_info *info = object_kind_info(kind);
	const char *slash = strchr(info->api_version, '/');
	_cleanup_(err_fini) struct err err = ERR_INIT;

	(void)err_set(
		&err, -EINVAL,
		"%s in version \"%s\" cannot be handled as a %s: strict decoding error: %s",
		info->name, slash ? slash + 1 : info->api_version, info->name,
		unknown);
	api_status_bad_request(response, &err);
}

static int no_memory(struct api_response *response)
{
	api_status_fail(response, 500, "InternalError", "out of memory");
	return -ENOMEM;
}

int api_fields_check(const struct api_request *request,
		     const struct object *object, const struct object *old,
		     struct api_response *response)
{
	_cleanup_(free) char *unknown = NULL;
	_cleanup_(free) char *before = NULL;
	enum level level;

	if (level_parse(request->query.field_validation, &level) < 0) {
		api_status_fail(
			response, 400, "BadRequest",
			"fieldValidation must be Ignore, Warn or Strict");
		return -EINVAL;
	}
	if (level == LEVEL_IGNORE)
		return 0;
	unknown = api_schema_unknown(object);
	before = old ? api_schema_unknown(old) : strdup("");
	if (!unknown || !before)
		return no_memory(response);
	if (!*unknown || strcmp(unknown, before) == 0)
		return 0;
	if (level == LEVEL_STRICT) {
		refuse(response, object->kind, unknown);
		return -EINVAL;
	}
	free(response->warning);
	response->warning = TAKE_PTR(unknown);
	return 0;
}
