/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The frame of validation: faults are collected in a memory stream, fields are
 * read with their types, and each kind has its two functions in the table below.
 * The sentences are those of k8s.io/apimachinery's field.Error, compared with
 * what a real API server answers.
 */

#include "validate.h"

#include <string.h>

#include "json_field.h"
#include "validate_internal.h"

static const struct {
	void (*create)(struct faults *faults, const cJSON *json,
		       const struct drivers *drivers);
	void (*update)(struct faults *faults, const cJSON *old,
		       const cJSON *new);
} validators[KIND_STANDALONE_N] = {
	[KIND_STORAGE_CLASS] = { validate_class, validate_class_update },
	[KIND_PERSISTENT_VOLUME] = { validate_volume, validate_volume_update },
	[KIND_CLAIM] = { validate_claim, validate_claim_update },
	[KIND_POD] = { validate_pod, validate_pod_update },
};

bool drivers_have(const struct drivers *drivers, const char *name)
{
	for (size_t i = 0; i < drivers->n; i++) {
		if (strcmp(drivers->names[i], name) == 0)
			return true;
	}
	return false;
}

static void fault_start(struct faults *faults, const char *field)
{
	(void)fprintf(faults->out, "%s%s: ", faults->n++ ? ", " : "", field);
}

void fault_required(struct faults *faults, const char *field, const char *why)
{
	fault_start(faults, field);
	(void)fprintf(faults->out, "Required value%s%s", *why ? ": " : "", why);
}

void fault_invalid(struct faults *faults, const char *field, const cJSON *value,
		   const char *why)
{
	char *text = value ? cJSON_PrintUnformatted(value) : NULL;

	fault_start(faults, field);
	(void)fprintf(faults->out, "Invalid value: %s: %s",
		      text ? text : "null", why);
	cJSON_free(text);
}

void fault_invalid_text(struct faults *faults, const char *field,
			const char *value, const char *why)
{
	fault_start(faults, field);
	(void)fprintf(faults->out, "Invalid value: \"%s\": %s", value, why);
}

void fault_duplicate(struct faults *faults, const char *field,
		     const char *value)
{
	fault_start(faults, field);
	(void)fprintf(faults->out, "Duplicate value: \"%s\"", value);
}

void fault_forbidden(struct faults *faults, const char *field, const char *why)
{
	fault_start(faults, field);
	(void)fprintf(faults->out, "Forbidden: %s", why);
}

void fault_unsupported(struct faults *faults, const char *field,
		       const char *value, const char *supported)
{
	fault_start(faults, field);
	(void)fprintf(faults->out,
		      "Unsupported value: %s: supported values: %s", value,
		      supported);
}

void fault_err(struct faults *faults, const char *prefix, struct err *err)
{
	(void)fprintf(faults->out, "%s%s%s", faults->n++ ? ", " : "", prefix,
		      err_text(err));
	err_fini(err);
}

const char *field_string(struct faults *faults, const cJSON *json,
			 const char *path)
{
	struct err err = ERR_INIT;
	const char *value = NULL;

	if (json_string(json, path, NULL, &value, &err) < 0)
		fault_err(faults, "", &err);
	return value;
}

const cJSON *field_array(struct faults *faults, const cJSON *json,
			 const char *path)
{
	struct err err = ERR_INIT;
	const cJSON *value = NULL;

	if (json_array(json, path, &value, &err) < 0)
		fault_err(faults, "", &err);
	return value;
}

const cJSON *field_object(struct faults *faults, const cJSON *json,
			  const char *path)
{
	struct err err = ERR_INIT;
	const cJSON *value = NULL;

	if (json_object(json, path, &value, &err) < 0)
		fault_err(faults, "", &err);
	return value;
}

static void join(const char *const *values, char *ret, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; values[i] && len < size; i++)
		len += (size_t)snprintf(ret + len, size - len, "%s\"%s\"",
					i ? ", " : "", values[i]);
}

void field_enum(struct faults *faults, const cJSON *json, const char *path,
		const char *const *values)
{
	const char *value = field_string(faults, json, path);
	char supported[160] = "";
	char quoted[128];

	if (!value)
		return;
	for (size_t i = 0; values[i]; i++) {
		if (strcmp(value, values[i]) == 0)
			return;
	}
	join(values, supported, sizeof(supported));
	(void)snprintf(quoted, sizeof(quoted), "\"%s\"", value);
	fault_unsupported(faults, path, quoted, supported);
}

static bool is_text(const cJSON *value, const char *text)
{
	return text && cJSON_IsString(value) &&
	       strcmp(value->valuestring, text) == 0;
}

static bool is_equal(const cJSON *a, const cJSON *b, const char *fallback)
{
	if (!a != !b)
		return is_text(a ? a : b, fallback);
	return json_is_equal(a, b);
}

void field_immutable(struct faults *faults, const cJSON *old, const cJSON *new,
		     const char *path, const char *fallback)
{
	const cJSON *value = json_at(new, path);

	if (!is_equal(json_at(old, path), value, fallback))
		fault_invalid(faults, path, value, "field is immutable");
}

static int faults_begin(struct faults *faults, struct err *err)
{
	faults->out = open_memstream(&faults->text, &faults->len);
	if (!faults->out)
		return err_set(err, -ENOMEM,
			       "validate an object: out of memory");
	return 0;
}

/* The outcome as the API server words it: one fault, or a list in brackets. */
static int faults_end(struct faults *faults, struct err *err)
{
	int r = 0;

	if (fclose(faults->out) != 0)
		r = err_set(err, -ENOMEM, "validate an object: out of memory");
	else if (faults->n == 1)
		r = err_set(err, -EINVAL, "%s", faults->text);
	else if (faults->n > 1)
		r = err_set(err, -EINVAL, "[%s]", faults->text);
	free(faults->text);
	return r;
}

static void check(struct faults *faults, const struct object *object,
		  const struct drivers *drivers)
{
	validate_meta(faults, object);
	if (validators[object->kind].create)
		validators[object->kind].create(faults, object->json, drivers);
}

int validate_create(const struct object *object, const char *const *drivers,
		    size_t n_drivers, struct err *err)
{
	struct drivers ours = { drivers, n_drivers };
	struct faults faults = { 0 };
	int r = faults_begin(&faults, err);

	if (r < 0)
		return r;
	check(&faults, object, &ours);
	return faults_end(&faults, err);
}

int validate_update(const struct object *old, const struct object *new,
		    const char *const *drivers, size_t n_drivers,
		    struct err *err)
{
	struct drivers ours = { drivers, n_drivers };
	struct faults faults = { 0 };
	int r = faults_begin(&faults, err);

	if (r < 0)
		return r;
	if (strcmp(old->uid, new->uid) != 0)
		fault_invalid_text(&faults, "metadata.uid", new->uid,
				   "field is immutable");
	check(&faults, new, &ours);
	if (validators[new->kind].update)
		validators[new->kind].update(&faults, old->json, new->json);
	return faults_end(&faults, err);
}
