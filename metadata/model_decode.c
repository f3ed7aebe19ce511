/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The border between JSON and decisions. Absent fields get the value that
 * Kubernetes' own defaulting gives them, so that an object that was stored before
 * a default existed reads the same. An object that went through validate.h
 * decodes; the errors here are for records that somebody edited by hand.
 *
 * Every kind is decoded into a local that is freed on failure and given away as
 * a whole at the end: *ret is never half written.
 */

#include "model_decode.h"

#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "selector.h"

/* TAKE for structs by value: the local's cleanup then finds an empty one. */
#define GIVE(ret, local)                            \
	do {                                        \
		*(ret) = (local);                   \
		(local) = (__typeof__(local)){ 0 }; \
	} while (0)

struct name_table {
	const char *const *names;
	size_t n;
};

#define NAMES(table) ((struct name_table){ (table), ARRAY_SIZE(table) })

static int unsupported(const char *path, const char *value,
		       const struct name_table *table, struct err *err)
{
	char list[160] = "";
	size_t len = 0;

	for (size_t i = 0; i < table->n && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len,
					"%s\"%s\"", i ? ", " : "",
					table->names[i]);
	return err_set(err, -EINVAL,
		       "%s: Unsupported value: \"%s\": supported values: %s",
		       path, value, list);
}

/* *ret: index of the field's value in the table; fallback when absent. */
static int decode_enum(const cJSON *json, const char *path,
		       struct name_table table, unsigned int fallback,
		       unsigned int *ret, struct err *err)
{
	const char *value;
	int r;

	r = json_string(json, path, "", &value, err);
	if (r < 0)
		return r;
	if (!*value) {
		*ret = fallback;
		return 0;
	}
	for (size_t i = 0; i < table.n; i++) {
		if (strcmp(value, table.names[i]) == 0) {
			*ret = (unsigned int)i;
			return 0;
		}
	}
	return unsupported(path, value, &table, err);
}

struct string_field {
	const char *path;
	char **value;
};

/* Strings of which absent means "". */
static int decode_strings(const cJSON *json, const struct string_field *fields,
			  size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		int r = json_string_dup(json, fields[i].path, "",
					fields[i].value, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_block(const cJSON *json, bool *ret, struct err *err)
{
	static const char *const modes[] = { "Filesystem", "Block" };
	unsigned int mode;
	int r = decode_enum(json, "spec.volumeMode", NAMES(modes), 0, &mode,
			    err);

	if (r < 0)
		return r;
	*ret = mode == 1;
	return 0;
}

/* *ret_first may be NULL; 0 where there is none. */
static int decode_access_modes(const cJSON *json, uint32_t *ret,
			       enum access_mode *ret_first, struct err *err)
{
	static const char *const names[] = { "ReadOnlyMany", "ReadWriteMany",
					     "ReadWriteOnce",
					     "ReadWriteOncePod" };
	const cJSON *modes, *item;
	enum access_mode first = 0;
	uint32_t mask = 0;
	int r;

	r = json_array(json, "spec.accessModes", &modes, err);
	if (r < 0)
		return r;
	cJSON_ArrayForEach (item, modes) {
		enum access_mode mode;

		if (!cJSON_IsString(item))
			return json_invalid(item, "spec.accessModes",
					    "must be a list of strings", err);
		if (access_mode_parse(item->valuestring, &mode) < 0)
			return unsupported("spec.accessModes",
					   item->valuestring, &NAMES(names),
					   err);
		if (!mask)
			first = mode;
		mask |= mode;
	}
	*ret = mask;
	if (ret_first)
		*ret_first = first;
	return 0;
}

/* RFC 3339 in UTC with whole seconds, as the API server writes times. */
static int decode_time(const cJSON *json, const char *path, int64_t *ret,
		       struct err *err)
{
	struct tm tm = { 0 };
	const char *text, *end;
	int r;

	r = json_string(json, path, "", &text, err);
	if (r < 0)
		return r;
	if (!*text) {
		*ret = 0;
		return 0;
	}
	end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!end || *end)
		return err_set(
			err, -EINVAL,
			"%s: Invalid value: \"%s\": must be a time like 2006-01-02T15:04:05Z",
			path, text);
	*ret = timegm(&tm);
	return 0;
}

static int decode_meta(const struct object *object, struct object_meta *meta,
		       struct err *err)
{
	const cJSON *json = object->json;
	int r;

	meta->namespace = strdup(object->namespace);
	meta->name = strdup(object->name);
	meta->uid = strdup(object->uid);
	if (!meta->namespace || !meta->name || !meta->uid)
		return json_no_memory(err);
	meta->resource_version = object->resource_version;
	meta->is_deleting = json_at(json, "metadata.deletionTimestamp");
	r = decode_time(json, "metadata.creationTimestamp", &meta->creation_s,
			err);
	if (r < 0)
		return r;
	r = json_strings(json, "metadata.finalizers", &meta->finalizers,
			 &meta->n_finalizers, err);
	if (r < 0)
		return r;
	r = json_labels(json, "metadata.labels", &meta->labels, err);
	if (r < 0)
		return r;
	return json_labels(json, "metadata.annotations", &meta->annotations,
			   err);
}

static bool is_default_class(const struct labels *annotations)
{
	static const char *const keys[] = {
		"storageclass.kubernetes.io/is-default-class",
		"storageclass.beta.kubernetes.io/is-default-class",
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *value = labels_get(annotations, keys[i]);

		if (value && strcmp(value, "true") == 0)
			return true;
	}
	return false;
}

static int decode_class_policies(const cJSON *json, struct storage_class *class,
				 struct err *err)
{
	unsigned int value;
	int r;

	r = decode_enum(json, "reclaimPolicy", NAMES(reclaim_policy_names),
			RECLAIM_DELETE, &value, err);
	if (r < 0)
		return r;
	class->reclaim = (enum reclaim_policy)value;
	r = decode_enum(json, "volumeBindingMode", NAMES(binding_mode_names),
			BINDING_IMMEDIATE, &value, err);
	if (r < 0)
		return r;
	class->binding = (enum binding_mode)value;
	return json_bool(json, "allowVolumeExpansion", false,
			 &class->allows_expansion, err);
}

int storage_class_decode(const struct object *object, struct storage_class *ret,
			 struct err *err)
{
	_cleanup_(storage_class_fini) struct storage_class class = { 0 };
	const cJSON *json = object->json;
	int r;

	r = decode_meta(object, &class.meta, err);
	if (r < 0)
		return r;
	class.is_default = is_default_class(&class.meta.annotations);
	r = decode_class_policies(json, &class, err);
	if (r < 0)
		return r;
	r = json_string_dup(json, "provisioner", "", &class.provisioner, err);
	if (r < 0)
		return r;
	r = json_labels(json, "parameters", &class.parameters, err);
	if (r < 0)
		return r;
	r = json_strings(json, "mountOptions", &class.mount_options,
			 &class.n_mount_options, err);
	if (r < 0)
		return r;
	GIVE(ret, class);
	return 0;
}

static int decode_claim_ref(const cJSON *json, struct claim_ref *ref,
			    struct err *err)
{
	const struct string_field fields[] = {
		{ "spec.claimRef.namespace", &ref->namespace },
		{ "spec.claimRef.name", &ref->name },
		{ "spec.claimRef.uid", &ref->uid },
	};
	const cJSON *item;
	int r;

	r = json_object(json, "spec.claimRef", &item, err);
	if (r < 0)
		return r;
	ref->is_set = item;
	return decode_strings(json, fields, ARRAY_SIZE(fields), err);
}

static int decode_pv_policies(const cJSON *json, struct persistent_volume *pv,
			      struct err *err)
{
	unsigned int value;
	int r;

	r = decode_enum(json, "status.phase", NAMES(pv_phase_names), PV_PENDING,
			&value, err);
	if (r < 0)
		return r;
	pv->phase = (enum pv_phase)value;
	r = decode_enum(json, "spec.persistentVolumeReclaimPolicy",
			NAMES(reclaim_policy_names), RECLAIM_RETAIN, &value,
			err);
	if (r < 0)
		return r;
	pv->reclaim = (enum reclaim_policy)value;
	return decode_block(json, &pv->is_block, err);
}

static int decode_pv_source(const cJSON *json, struct persistent_volume *pv,
			    struct err *err)
{
	const struct string_field fields[] = {
		{ "spec.storageClassName", &pv->class_name },
		{ "spec.volumeAttributesClassName", &pv->attributes_class },
		{ "spec.csi.driver", &pv->driver },
		{ "spec.csi.volumeHandle", &pv->handle },
	};
	int r;

	r = decode_strings(json, fields, ARRAY_SIZE(fields), err);
	if (r < 0)
		return r;
	r = json_labels(json, "spec.csi.volumeAttributes", &pv->attributes,
			err);
	if (r < 0)
		return r;
	return json_strings(json, "spec.mountOptions", &pv->mount_options,
			    &pv->n_mount_options, err);
}

int persistent_volume_decode(const struct object *object,
			     struct persistent_volume *ret, struct err *err)
{
	_cleanup_(persistent_volume_fini) struct persistent_volume pv = { 0 };
	const cJSON *json = object->json;
	int r;

	r = decode_meta(object, &pv.meta, err);
	if (r < 0)
		return r;
	r = decode_pv_policies(json, &pv, err);
	if (r < 0)
		return r;
	r = json_quantity(json, "spec.capacity.storage", 0, &pv.capacity, err);
	if (r < 0)
		return r;
	r = decode_access_modes(json, &pv.access_modes, &pv.first_access_mode,
				err);
	if (r < 0)
		return r;
	r = decode_claim_ref(json, &pv.claim_ref, err);
	if (r < 0)
		return r;
	r = decode_pv_source(json, &pv, err);
	if (r < 0)
		return r;
	GIVE(ret, pv);
	return 0;
}

/*
 * The annotation is older than the field and wins over it, as
 * component-helpers' GetPersistentVolumeClaimClass() has it.
 */
static int decode_claim_class(const cJSON *json, struct claim *claim,
			      struct err *err)
{
	const char *legacy =
		labels_get(&claim->meta.annotations,
			   "volume.beta.kubernetes.io/storage-class");

	if (!legacy) {
		claim->has_class = json_at(json, "spec.storageClassName");
		return json_string_dup(json, "spec.storageClassName", "",
				       &claim->class_name, err);
	}
	claim->has_class = true;
	claim->class_name = strdup(legacy);
	return claim->class_name ? 0 : json_no_memory(err);
}

static int decode_data_source(const cJSON *json, struct data_source *source,
			      struct err *err)
{
	const cJSON *from = json_at(json, "spec.dataSourceRef");
	const struct string_field fields[] = {
		{ "apiGroup", &source->api_group },
		{ "kind", &source->kind },
		{ "name", &source->name },
		{ "namespace", &source->namespace },
	};

	if (!from)
		from = json_at(json, "spec.dataSource");
	source->is_set = from;
	return decode_strings(from, fields, ARRAY_SIZE(fields), err);
}

static int decode_claim_spec(const cJSON *json, struct claim *claim,
			     struct err *err)
{
	const struct string_field fields[] = {
		{ "spec.volumeAttributesClassName", &claim->attributes_class },
		{ "spec.volumeName", &claim->volume_name },
	};
	int r;

	r = decode_strings(json, fields, ARRAY_SIZE(fields), err);
	if (r < 0)
		return r;
	r = json_quantity(json, "spec.resources.requests.storage", 0,
			  &claim->request, err);
	if (r < 0)
		return r;
	r = decode_access_modes(json, &claim->access_modes, NULL, err);
	if (r < 0)
		return r;
	r = decode_block(json, &claim->is_block, err);
	if (r < 0)
		return r;
	r = decode_claim_class(json, claim, err);
	if (r < 0)
		return r;
	r = decode_data_source(json, &claim->data_source, err);
	if (r < 0)
		return r;
	return selector_decode(json, "spec.selector", &claim->selector, err);
}

static int decode_claim_sizes(const cJSON *json, struct claim *claim,
			      struct err *err)
{
	int r = json_quantity(json, "status.capacity.storage", 0,
			      &claim->capacity, err);

	/* What was allocated stays there; the status says whether it goes on. */
	if (r < 0 || !json_at(json, "status.allocatedResourceStatuses.storage"))
		return r;
	return json_quantity(json, "status.allocatedResources.storage", 0,
			     &claim->resize_target, err);
}

int claim_decode(const struct object *object, struct claim *ret,
		 struct err *err)
{
	_cleanup_(claim_fini) struct claim claim = { 0 };
	unsigned int phase;
	int r;

	r = decode_meta(object, &claim.meta, err);
	if (r < 0)
		return r;
	r = decode_enum(object->json, "status.phase", NAMES(claim_phase_names),
			CLAIM_PENDING, &phase, err);
	if (r < 0)
		return r;
	claim.phase = (enum claim_phase)phase;
	r = decode_claim_spec(object->json, &claim, err);
	if (r >= 0)
		r = decode_claim_sizes(object->json, &claim, err);
	if (r >= 0)
		r = claim_modification_decode(object, &claim, err);
	if (r < 0)
		return r;
	claim.is_bind_completed = labels_get(&claim.meta.annotations,
					     "pv.kubernetes.io/bind-completed");
	GIVE(ret, claim);
	return 0;
}

static int decode_pod_volume(const cJSON *json, struct pod_volume *volume,
			     struct err *err)
{
	const struct string_field fields[] = {
		{ "name", &volume->name },
		{ "persistentVolumeClaim.claimName", &volume->claim_name },
	};
	int r = decode_strings(json, fields, ARRAY_SIZE(fields), err);

	if (r < 0)
		return r;
	return json_bool(json, "persistentVolumeClaim.readOnly", false,
			 &volume->is_read_only, err);
}

static int decode_pod_volumes(const cJSON *json, struct pod *pod,
			      struct err *err)
{
	const cJSON *volumes, *item;
	int r;

	r = json_array(json, "spec.volumes", &volumes, err);
	if (r < 0)
		return r;
	pod->volumes = calloc((size_t)cJSON_GetArraySize(volumes) + 1,
			      sizeof(*pod->volumes));
	if (!pod->volumes)
		return json_no_memory(err);
	cJSON_ArrayForEach (item, volumes) {
		/* Counted first, so that pod_fini() frees half a volume, too. */
		size_t i = pod->n_volumes++;

		r = decode_pod_volume(item, &pod->volumes[i], err);
		if (r < 0)
			return err_wrap(err, "spec.volumes[%zu]", i);
	}
	return 0;
}

static int decode_fs_group(const cJSON *json, char **ret, struct err *err)
{
	const cJSON *group = json_at(json, "spec.securityContext.fsGroup");

	if (!cJSON_IsNumber(group))
		return 0;
	if (asprintf(ret, "%.0f", group->valuedouble) >= 0)
		return 0;
	*ret = NULL;
	return json_no_memory(err);
}

int pod_decode(const struct object *object, struct pod *ret, struct err *err)
{
	_cleanup_(pod_fini) struct pod pod = { 0 };
	const struct string_field fields[] = {
		{ "spec.nodeName", &pod.node_name },
		{ "status.phase", &pod.phase },
	};
	int r;

	r = decode_meta(object, &pod.meta, err);
	if (r < 0)
		return r;
	r = decode_strings(object->json, fields, ARRAY_SIZE(fields), err);
	if (r < 0)
		return r;
	r = decode_fs_group(object->json, &pod.fs_group, err);
	if (r < 0)
		return r;
	r = decode_pod_volumes(object->json, &pod, err);
	if (r < 0)
		return r;
	GIVE(ret, pod);
	return 0;
}
