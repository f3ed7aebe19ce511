/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A claim grows when its class allows it now; what the class said when the volume
 * was made does not matter. A claim without class never grows, whatever its volume
 * could do. That it is bound, and does not shrink, is validation's business.
 */

#include "registry_expand.h"

#include <string.h>

#include "model_decode.h"
#include "registry_outcome.h"

static int load_class(struct store *store, const char *name,
		      struct storage_class *ret, struct err *err)
{
	_cleanup_(object_unref) struct object *object = NULL;
	int r = store_get(store, KIND_STORAGE_CLASS, "", name, &object, err);

	return r == 0 ? storage_class_decode(object, ret, err) : r;
}

static int check_class(struct store *store, const struct object *object,
		       const char *name, struct err *err)
{
	_cleanup_(storage_class_fini) struct storage_class class = { 0 };
	int r = *name ? load_class(store, name, &class, err) : STORE_NOT_FOUND;

	if (r < 0 || (r == 0 && class.allows_expansion))
		return r;
	return outcome_forbidden(
		object,
		"only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
		err);
}

int admit_expansion(struct store *store, const struct object *old,
		    const struct object *new, struct err *err)
{
	_cleanup_(claim_fini) struct claim before = { 0 };
	_cleanup_(claim_fini) struct claim after = { 0 };
	int r;

	if (new->kind != KIND_CLAIM)
		return 0;
	r = claim_decode(old, &before, err);
	if (r == 0)
		r = claim_decode(new, &after, err);
	if (r < 0 || after.request <= before.request)
		return r;
	return check_class(store, new, after.class_name, err);
}
