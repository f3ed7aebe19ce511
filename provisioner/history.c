/* SPDX-License-Identifier: Apache-2.0 */

/* The verb "history": what the record knows of an object's past, oldest first. */

#include <cjson/cJSON.h>

#include "admin_verbs.h"
#include "store_history.h"

static bool add_row(cJSON *items, const struct store_history *row)
{
	const struct {
		const char *key;
		const char *value;
	} fields[] = {
		{ "at", row->at },	   { "uid", row->uid },
		{ "who", row->who },	   { "what", row->what },
		{ "detail", row->detail },
	};
	cJSON *item = cJSON_CreateObject();

	if (!item || !cJSON_AddItemToArray(items, item)) {
		cJSON_Delete(item);
		return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!cJSON_AddStringToObject(item, fields[i].key,
					     fields[i].value))
			return false;
	return true;
}

static int encode(const struct store_history_list *list, cJSON **ret,
		  struct err *err)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *items = json ? cJSON_AddArrayToObject(json, "items") : NULL;

	for (size_t i = 0; items && i < list->n; i++)
		if (!add_row(items, &list->items[i]))
			items = NULL;
	if (!items) {
		cJSON_Delete(json);
		return err_set(err, -ENOMEM, "no memory");
	}
	*ret = json;
	return 0;
}

int admin_history(struct api_admin_call *call, const cJSON *in, cJSON **ret,
		  struct err *err)
{
	_cleanup_(
		store_history_list_fini) struct store_history_list list = { 0 };
	struct admin_target of;
	int r = admin_target(in, &of, err);

	if (r < 0)
		return r;
	r = store_history_read(call->admin->store, of.kind, of.namespace,
			       of.name, &list, err);
	if (r < 0)
		return r;
	if (list.n == 0)
		return err_set(err, -ENOENT, "there is no history of %s \"%s\"",
			       object_kind_info(of.kind)->name, of.name);
	return encode(&list, ret, err);
}
