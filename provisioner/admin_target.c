/* SPDX-License-Identifier: Apache-2.0 */

/* Which object a verb is about. */

#include "admin_verbs.h"

int admin_target(const struct cJSON *in, struct admin_target *ret,
		 struct err *err)
{
	const char *kind;
	int r = api_admin_string(in, "kind", NULL, &kind, err);

	if (r < 0)
		return r;
	if (object_kind_from_word(kind, &ret->kind) < 0)
		return err_set(err, -EINVAL, "kind: Unsupported value: \"%s\"",
			       kind);
	r = api_admin_string(in, "name", NULL, &ret->name, err);
	if (r < 0)
		return r;
	ret->namespace = "";
	if (!object_kind_info(ret->kind)->is_namespaced)
		return 0;
	return api_admin_string(in, "namespace", "default", &ret->namespace,
				err);
}
