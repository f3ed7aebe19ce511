/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An annotation per parameter, so that `kubectl describe pv` shows them, and so that
 * they travel with the volume into its descriptor and back.
 */

#include "volume_attributes.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "class_parameters.h"
#include "object_change.h"
#include "parse.h"

#define PREFIX	"claimfs.io/"
#define KEY_MAX 48

static void annotation_of(const char *key, char ret[KEY_MAX])
{
	(void)snprintf(ret, KEY_MAX, PREFIX "%s", key);
}

static const char *value_of(const struct labels *labels, const char *key)
{
	for (size_t i = 0; i < labels->n; i++)
		if (strcasecmp(labels->items[i].key, key) == 0)
			return labels->items[i].value;
	return NULL;
}

static const char *annotated(const struct persistent_volume *pv,
			     const char *key)
{
	char annotation[KEY_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(class_mutable_keys); i++) {
		if (strcmp(key, class_mutable_keys[i]) != 0)
			continue;
		annotation_of(key, annotation);
		return labels_get(&pv->meta.annotations, annotation);
	}
	return NULL;
}

struct volume_attribute volume_attribute_get(const struct persistent_volume *pv,
					     const char *key)
{
	const char *value = annotated(pv, key);

	if (value)
		return (struct volume_attribute){ "metadata.annotations",
						  value };
	value = value_of(&pv->attributes, key);
	return (struct volume_attribute){ "spec.csi.volumeAttributes",
					  value ? value : "" };
}

uint32_t volume_permissions(const struct persistent_volume *pv)
{
	struct volume_attribute attribute =
		volume_attribute_get(pv, "mountPermissions");
	uint32_t mode;

	return parse_mode(attribute.value, &mode) < 0 ? 0 : mode;
}

/* NULL = without it. */
static int set_annotation(cJSON *json, const char *key, const char *value)
{
	cJSON *annotations = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(json, "metadata"),
		"annotations");
	char annotation[KEY_MAX];

	annotation_of(key, annotation);
	if (value)
		return change_annotation(json, annotation, value);
	if (!cJSON_GetObjectItemCaseSensitive(annotations, annotation))
		return CHANGE_NONE;
	cJSON_DeleteItemFromObjectCaseSensitive(annotations, annotation);
	return 0;
}

int volume_attributes_set(struct cJSON *json, const void *userdata)
{
	const struct attributes_class *class = userdata;
	cJSON *spec = change_member(json, "spec");
	int changed = spec ? change_string(spec, "volumeAttributesClassName",
					   class->name)
			   : -ENOMEM;

	for (size_t i = 0; changed >= 0 && i < ARRAY_SIZE(class_mutable_keys);
	     i++) {
		const char *key = class_mutable_keys[i];
		int r = set_annotation(json, key,
				       value_of(&class->parameters, key));

		if (r != CHANGE_NONE)
			changed = r;
	}
	return changed;
}
