/* SPDX-License-Identifier: Apache-2.0 */

/*
 * PersistentVolumes, and what they have in common with claims and classes.
 * Volumes of other drivers are plain objects that can be bound; only ours are
 * looked into.
 */

#include <string.h>

#include "class_parameters.h"
#include "json_field.h"
#include "mount_options.h"
#include "quantity.h"
#include "validate_internal.h"

#define ACCESS_MODES                                               \
	"\"ReadOnlyMany\", \"ReadWriteMany\", \"ReadWriteOnce\", " \
	"\"ReadWriteOncePod\""
#define DRIVER_MAX 63
#define HANDLE_MAX 128 /* the CSI specification's size limit of an identifier */

static bool check_access_mode(struct faults *faults, const cJSON *item)
{
	enum access_mode mode;
	char *text;

	if (cJSON_IsString(item) &&
	    access_mode_parse(item->valuestring, &mode) == 0)
		return mode == ACCESS_RWOP;
	text = cJSON_PrintUnformatted(item);
	fault_unsupported(faults, "spec.accessModes", text ? text : "?",
			  ACCESS_MODES);
	cJSON_free(text);
	return false;
}

void validate_access_modes(struct faults *faults, const cJSON *json)
{
	const cJSON *modes = field_array(faults, json, "spec.accessModes");
	bool has_single_pod = false;
	const cJSON *item;

	if (cJSON_GetArraySize(modes) == 0) {
		fault_required(faults, "spec.accessModes",
			       "at least 1 access mode is required");
		return;
	}
	cJSON_ArrayForEach (item, modes)
		has_single_pod |= check_access_mode(faults, item);
	if (has_single_pod && cJSON_GetArraySize(modes) > 1)
		fault_forbidden(
			faults, "spec.accessModes",
			"may not use ReadWriteOncePod with other access modes");
}

void validate_volume_mode(struct faults *faults, const cJSON *json)
{
	static const char *const modes[] = { "Block", "Filesystem", NULL };

	field_enum(faults, json, "spec.volumeMode", modes);
}

static void check_amount(struct faults *faults, const char *field,
			 const char *text)
{
	struct err err = ERR_INIT;
	uint64_t bytes = 0;
	int r = quantity_parse(text, &bytes, &err);

	if (r == -EINVAL || (r < 0 && *text != '-'))
		fault_invalid_text(faults, field, text, err_text(&err));
	else if (r < 0 || bytes == 0)
		fault_invalid_text(faults, field, text,
				   "must be greater than zero");
	err_fini(&err);
}

void validate_amount(struct faults *faults, const cJSON *amount,
		     const char *field)
{
	char *number = NULL;

	if (cJSON_IsNumber(amount))
		number = cJSON_PrintUnformatted(amount);
	if (number)
		check_amount(faults, field, number);
	else if (cJSON_IsString(amount))
		check_amount(faults, field, amount->valuestring);
	else
		fault_invalid(faults, field, amount, "must be a quantity");
	cJSON_free(number);
}

void validate_mount_options(struct faults *faults, const cJSON *json,
			    const char *path)
{
	struct mount_options options = MOUNT_OPTIONS_INIT;
	const cJSON *list = field_array(faults, json, path);
	struct err err = ERR_INIT;
	const cJSON *item;

	cJSON_ArrayForEach (item, list) {
		if (!cJSON_IsString(item))
			fault_invalid(faults, path, item, "must be a string");
		else if (mount_options_parse(&options, item->valuestring,
					     &err) < 0)
			fault_invalid_text(faults, path, item->valuestring,
					   err_text(&err));
		err_fini(&err);
	}
}

void validate_parameters(struct faults *faults, const cJSON *json,
			 const char *path)
{
	_cleanup_(class_parameters_fini) struct class_parameters parameters = {
		0
	};
	_cleanup_(labels_fini) struct labels labels = { 0 };
	struct err err = ERR_INIT;
	char prefix[64];

	(void)snprintf(prefix, sizeof(prefix), "%s: ", path);
	if (json_labels(json, path, &labels, &err) < 0)
		fault_err(faults, "", &err);
	else if (class_parameters_parse(&labels, &parameters, &err) < 0)
		fault_err(faults, prefix, &err);
}

static void check_capacity(struct faults *faults, const cJSON *json)
{
	const cJSON *capacity = field_object(faults, json, "spec.capacity");
	const cJSON *amount = json_at(capacity, "storage");
	int n = cJSON_GetArraySize(capacity);

	if (n == 0)
		fault_required(faults, "spec.capacity", "");
	if (capacity && (n != 1 || !amount)) {
		char *text = cJSON_PrintUnformatted(capacity);

		fault_unsupported(faults, "spec.capacity", text ? text : "?",
				  "\"storage\"");
		cJSON_free(text);
	}
	if (amount)
		validate_amount(faults, amount, "spec.capacity[storage]");
}

static const char *required(struct faults *faults, const cJSON *json,
			    const char *path)
{
	const char *value = field_string(faults, json, path);

	if (value && *value)
		return value;
	if (!value && json_at(json, path))
		return NULL; /* of another type: a fault already */
	fault_required(faults, path, "");
	return NULL;
}

static void check_csi(struct faults *faults, const cJSON *json,
		      const struct drivers *drivers)
{
	const char *driver = required(faults, json, "spec.csi.driver");
	const char *handle = required(faults, json, "spec.csi.volumeHandle");

	if (driver && strlen(driver) > DRIVER_MAX)
		fault_invalid_text(faults, "spec.csi.driver", driver,
				   "must be no more than 63 bytes");
	if (handle && strlen(handle) > HANDLE_MAX)
		fault_invalid_text(faults, "spec.csi.volumeHandle", handle,
				   "must be no more than 128 bytes");
	if (!driver || !drivers_have(drivers, driver))
		return;
	validate_parameters(faults, json, "spec.csi.volumeAttributes");
	validate_mount_options(faults, json, "spec.mountOptions");
}

static void check_nfs(struct faults *faults, const cJSON *json)
{
	const char *path = required(faults, json, "spec.nfs.path");

	(void)required(faults, json, "spec.nfs.server");
	if (path && *path != '/')
		fault_invalid_text(faults, "spec.nfs.path", path,
				   "must be an absolute path");
}

static void check_source(struct faults *faults, const cJSON *json,
			 const struct drivers *drivers)
{
	const cJSON *csi = field_object(faults, json, "spec.csi");
	const cJSON *nfs = field_object(faults, json, "spec.nfs");

	if (csi)
		check_csi(faults, json, drivers);
	if (nfs && csi)
		fault_forbidden(faults, "spec.nfs",
				"may not specify more than 1 volume type");
	else if (nfs)
		check_nfs(faults, json);
	if (!csi && !nfs)
		fault_required(faults, "spec",
			       "must specify a volume type: csi or nfs");
}

void validate_volume(struct faults *faults, const cJSON *json,
		     const struct drivers *drivers)
{
	static const char *const policies[] = { "Delete", "Recycle", "Retain",
						NULL };
	const char *class;

	if (!field_object(faults, json, "spec")) {
		fault_required(faults, "spec", "");
		return;
	}
	validate_access_modes(faults, json);
	check_capacity(faults, json);
	check_source(faults, json, drivers);
	field_enum(faults, json, "spec.persistentVolumeReclaimPolicy",
		   policies);
	class = field_string(faults, json, "spec.storageClassName");
	if (class && *class)
		validate_subdomain(faults, "spec.storageClassName", class);
	validate_volume_mode(faults, json);
}

void validate_volume_update(struct faults *faults, const cJSON *old,
			    const cJSON *new)
{
	if (!json_is_equal(json_at(old, "spec.csi"), json_at(new, "spec.csi")))
		fault_forbidden(
			faults, "spec.persistentvolumesource",
			"spec.persistentvolumesource is immutable after creation");
	field_immutable(faults, old, new, "spec.nfs", NULL);
	field_immutable(faults, old, new, "spec.volumeMode", "Filesystem");
}
