/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Annotations can be written by whoever may write claims. What becomes the name of a
 * directory and of its descriptor is a DNS label, or it is passed over.
 */

#include "csi_origin.h"

#include <stdatomic.h>
#include <string.h>

#define LABEL_MAX 63

static atomic_bool is_ignored;

void csi_origin_ignore(void)
{
	atomic_store(&is_ignored, true);
}

bool namespace_is_csi(const char *namespace)
{
	return !atomic_load(&is_ignored) &&
	       strcmp(namespace, CSI_NAMESPACE) == 0;
}

bool claim_is_csi(const struct claim *claim)
{
	return namespace_is_csi(claim->meta.namespace);
}

bool holder_is_csi(const char *pod_uid)
{
	return strncmp(pod_uid, CSI_HOLDER_PREFIX, strlen(CSI_HOLDER_PREFIX)) ==
	       0;
}

bool csi_key_is_told(const char *key)
{
	return strncmp(key, CSI_TOLD_PREFIX, strlen(CSI_TOLD_PREFIX)) == 0;
}

bool csi_name_is_label(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t len = strlen(name);

	return len > 0 && len <= LABEL_MAX && name[0] != '-' &&
	       name[len - 1] != '-' && strspn(name, allowed) == len;
}

static const char *told(const struct claim *claim, const char *annotation,
			const char *otherwise)
{
	const char *value =
		claim_is_csi(claim)
			? labels_get(&claim->meta.annotations, annotation)
			: NULL;

	return value && *value ? value : otherwise;
}

const char *claim_csi_volume_name(const struct claim *claim)
{
	const char *name = told(claim, ANNOTATION_VOLUME_NAME, NULL);

	return name && csi_name_is_label(name) ? name : NULL;
}

const char *claim_told_name(const struct claim *claim)
{
	return told(claim, ANNOTATION_TOLD_CLAIM, claim->meta.name);
}

const char *claim_told_namespace(const struct claim *claim)
{
	return told(claim, ANNOTATION_TOLD_NAMESPACE, claim->meta.namespace);
}

const char *claim_told_volume(const struct claim *claim, const char *volume)
{
	return told(claim, ANNOTATION_TOLD_VOLUME, volume);
}
