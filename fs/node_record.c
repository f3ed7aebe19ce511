/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The record's form:
 *
 *	{"version": 1, "capacity": "1024",
 *	 "stage": {"id", "path", "mode", "group", "flags": [], "context": {}},
 *	 "targets": [{"path", "namespace", "pod", "uid", "fingerprint", "group",
 *	              "readOnly"}]}
 *
 * It comes from another process of ours, perhaps one of another version: types are
 * checked, and a version that is not known is refused.
 */

#include "node_record.h"

#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "parse.h"

#define RECORD_MAX (16u << 20)

/* --- writing ---------------------------------------------------------------- */

static bool add_strings(cJSON *json, const char *name,
			const char *const *strings, size_t n)
{
	cJSON *array = cJSON_AddArrayToObject(json, name);

	for (size_t i = 0; array && i < n; i++) {
		if (!cJSON_AddItemToArray(array,
					  cJSON_CreateString(strings[i])))
			return false;
	}
	return array;
}

static bool add_context(cJSON *json, const struct labels *context)
{
	cJSON *object = cJSON_AddObjectToObject(json, "context");

	for (size_t i = 0; object && context && i < context->n; i++) {
		const struct label *label = &context->items[i];

		if (!cJSON_AddStringToObject(object, label->key, label->value))
			return false;
	}
	return object;
}

static const char *text_of(const char *string)
{
	return string ? string : "";
}

static char *print(cJSON *take_json, bool is_complete)
{
	char *text = is_complete ? cJSON_PrintUnformatted(take_json) : NULL;

	cJSON_Delete(take_json);
	return text;
}

char *node_record_stage(const struct node_stage_args *args)
{
	const struct node_capability *capability = &args->capability;
	cJSON *json = cJSON_CreateObject();

	return print(
		json,
		json && cJSON_AddStringToObject(json, "id", args->volume_id) &&
			cJSON_AddStringToObject(json, "path",
						args->staging_path) &&
			cJSON_AddNumberToObject(json, "mode",
						capability->access_mode) &&
			cJSON_AddStringToObject(
				json, "group",
				text_of(capability->mount_group)) &&
			add_strings(json, "flags", capability->mount_flags,
				    capability->n_mount_flags) &&
			add_context(json, args->context));
}

/* A number of 64 bits is a string: JSON's have 53. */
static bool add_u64(cJSON *json, const char *name, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	return cJSON_AddStringToObject(json, name, text);
}

static bool add_target(cJSON *array, const struct node_target *target)
{
	cJSON *json = cJSON_CreateObject();

	if (!cJSON_AddItemToArray(array, json))
		return false;
	return cJSON_AddStringToObject(json, "path", target->path) &&
	       cJSON_AddStringToObject(json, "namespace",
				       target->pod_namespace) &&
	       cJSON_AddStringToObject(json, "pod", target->pod_name) &&
	       cJSON_AddStringToObject(json, "uid", target->pod_uid) &&
	       cJSON_AddStringToObject(json, "fingerprint",
				       target->fingerprint) &&
	       add_u64(json, "group", target->mount_group) &&
	       cJSON_AddBoolToObject(json, "readOnly", target->is_read_only);
}

static char *record_text(const struct node_entry *entry)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *array = NULL;
	bool is_complete =
		json &&
		cJSON_AddNumberToObject(json, "version", NODE_RECORD_VERSION) &&
		add_u64(json, "capacity", entry->capacity) &&
		cJSON_AddRawToObject(json, "stage", entry->stage) &&
		(array = cJSON_AddArrayToObject(json, "targets"));

	for (size_t i = 0; is_complete && i < entry->n_targets; i++)
		is_complete = add_target(array, &entry->targets[i]);
	return print(json, is_complete);
}

int node_record_write(const struct node_entry *entry, int *ret_fd)
{
	_cleanup_(free) char *text = record_text(entry);
	_cleanup_(fd_close) int fd = -1;
	ssize_t len;

	if (!text)
		return -ENOMEM;
	fd = memfd_create("claimfs-record", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = (ssize_t)strlen(text);
	if (write(fd, text, (size_t)len) != len)
		return errno ? -errno : -EIO;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* --- reading ---------------------------------------------------------------- */

static int read_text(int fd, char **ret, size_t *ret_len, struct err *err)
{
	_cleanup_(free) char *text = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set_errno(err, -errno, "read a volume's record");
	if (st.st_size <= 0 || st.st_size > RECORD_MAX)
		return err_set(err, -EINVAL,
			       "a volume's record has %lld bytes, not 1 to %u",
			       (long long)st.st_size, RECORD_MAX);
	text = malloc((size_t)st.st_size);
	if (!text)
		return err_set_errno(err, -ENOMEM, "read a volume's record");
	if (pread(fd, text, (size_t)st.st_size, 0) != st.st_size)
		return err_set_errno(err, -EIO, "read a volume's record");
	*ret = TAKE_PTR(text);
	*ret_len = (size_t)st.st_size;
	return 0;
}

static int read_stage(struct node_record *record, struct err *err)
{
	const cJSON *json = record->json;
	struct node_stage_args *stage = &record->stage;
	uint64_t mode = 0;
	int r;

	r = json_string(json, "stage.id", "", &stage->volume_id, err);
	if (r == 0)
		r = json_string(json, "stage.path", "", &stage->staging_path,
				err);
	if (r == 0)
		r = json_string(json, "stage.group", "",
				&stage->capability.mount_group, err);
	if (r == 0)
		r = json_quantity(json, "stage.mode", 0, &mode, err);
	if (r == 0)
		r = json_strings(json, "stage.flags", &record->mount_flags,
				 &record->n_mount_flags, err);
	if (r == 0)
		r = json_labels(json, "stage.context", &record->context, err);
	stage->capability.access_mode = (enum node_access_mode)mode;
	stage->capability.mount_flags =
		(const char *const *)record->mount_flags;
	stage->capability.n_mount_flags = record->n_mount_flags;
	stage->context = &record->context;
	return r;
}

static int read_u64(const cJSON *json, const char *key, uint64_t *ret,
		    struct err *err)
{
	const char *text;
	int r = json_string(json, key, "0", &text, err);

	if (r == 0 && parse_u64(text, 0, UINT64_MAX, ret) < 0)
		return json_invalid(json_at(json, key), key, "must be a number",
				    err);
	return r;
}

static int read_target(const cJSON *json, struct node_target *target,
		       struct err *err)
{
	int r;

	r = json_string_dup(json, "path", "", &target->path, err);
	if (r == 0)
		r = json_string_dup(json, "namespace", "",
				    &target->pod_namespace, err);
	if (r == 0)
		r = json_string_dup(json, "pod", "", &target->pod_name, err);
	if (r == 0)
		r = json_string_dup(json, "uid", "", &target->pod_uid, err);
	if (r == 0)
		r = json_string_dup(json, "fingerprint", "",
				    &target->fingerprint, err);
	if (r == 0)
		r = read_u64(json, "group", &target->mount_group, err);
	if (r == 0)
		r = json_bool(json, "readOnly", false, &target->is_read_only,
			      err);
	return r;
}

static int read_targets(struct node_record *record, struct err *err)
{
	const cJSON *array;
	const cJSON *item;
	int n;
	int r = json_array(record->json, "targets", &array, err);

	if (r < 0)
		return r;
	n = array ? cJSON_GetArraySize(array) : 0;
	if (n > NODE_TARGETS_MAX)
		return err_set(err, -EINVAL, "a volume's record has %d targets",
			       n);
	if (n == 0)
		return 0;
	record->targets = calloc((size_t)n, sizeof(*record->targets));
	if (!record->targets)
		return err_set_errno(err, -ENOMEM, "read a volume's record");
	cJSON_ArrayForEach (item, array) {
		r = read_target(item, &record->targets[record->n_targets++],
				err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_json(int fd, cJSON **ret, uint64_t *ret_version,
		     struct err *err)
{
	_cleanup_(free) char *text = NULL;
	cJSON *json = NULL;
	size_t len;
	int r = read_text(fd, &text, &len, err);

	if (r == 0)
		r = json_parse(text, len, &json, err);
	if (r == 0)
		r = json_quantity(json, "version", 0, ret_version, err);
	if (r < 0)
		cJSON_Delete(json);
	else
		*ret = json;
	return r;
}

int node_record_read_version(int fd, uint32_t *ret)
{
	cJSON *json;
	uint64_t version;
	int r = read_json(fd, &json, &version, NULL);

	if (r < 0)
		return r;
	cJSON_Delete(json);
	if (version > UINT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)version;
	return 0;
}

int node_record_read(int fd, struct node_record *ret, struct err *err)
{
	_cleanup_(node_record_fini) struct node_record record = { 0 };
	uint64_t version;
	int r = read_json(fd, &record.json, &version, err);

	if (r < 0)
		return r;
	if (version != NODE_RECORD_VERSION)
		return err_set(err, -EINVAL,
			       "a volume's record has version %" PRIu64
			       ", not %d",
			       version, NODE_RECORD_VERSION);
	r = read_stage(&record, err);
	if (r == 0)
		r = read_u64(record.json, "capacity", &record.capacity, err);
	if (r == 0)
		r = read_targets(&record, err);
	if (r < 0)
		return r;
	*ret = record;
	ret->stage.context = &ret->context;
	record = (struct node_record){ 0 };
	return 0;
}

void node_record_fini(struct node_record *record)
{
	for (size_t i = 0; i < record->n_targets; i++)
		node_target_fini(&record->targets[i]);
	free(record->targets);
	json_strings_free(record->mount_flags, record->n_mount_flags);
	labels_fini(&record->context);
	cJSON_Delete(record->json);
	*record = (struct node_record){ 0 };
}
