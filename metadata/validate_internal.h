/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the validate_*.c files share. A validator adds every fault that it finds,
 * as the API server does: a user should not have to fix a manifest five times.
 */

#include <cjson/cJSON.h>

#include "object.h"

struct drivers {
	const char *const *names;
	size_t n;
};

bool drivers_have(const struct drivers *drivers, const char *name);

struct faults {
	FILE *out; /* memory stream into text */
	char *text;
	size_t len;
	unsigned int n;
};

/* `<field>: <what>`; the words are field.Error's of apimachinery. */
void fault_required(struct faults *faults, const char *field, const char *why);
/* value is JSON or NULL; printed as the API server prints it. */
void fault_invalid(struct faults *faults, const char *field, const cJSON *value,
		   const char *why);
void fault_invalid_text(struct faults *faults, const char *field,
			const char *value, const char *why);
void fault_duplicate(struct faults *faults, const char *field,
		     const char *value);
void fault_forbidden(struct faults *faults, const char *field, const char *why);
void fault_unsupported(struct faults *faults, const char *field,
		       const char *value, const char *supported);
/* For functions that make whole sentences; prefix may be "". Empties err. */
void fault_err(struct faults *faults, const char *prefix, struct err *err);

/* A string field; NULL when it is absent, or of another type (then a fault). */
const char *field_string(struct faults *faults, const cJSON *json,
			 const char *path);
const cJSON *field_array(struct faults *faults, const cJSON *json,
			 const char *path);
const cJSON *field_object(struct faults *faults, const cJSON *json,
			  const char *path);
/* A string that is one of values (sorted, NULL-terminated), when it is there. */
void field_enum(struct faults *faults, const cJSON *json, const char *path,
		const char *const *values);
/* What changed is a fault. Absent equals fallback (may be NULL). */
void field_immutable(struct faults *faults, const cJSON *old, const cJSON *new,
		     const char *path, const char *fallback);

/* validate_meta.c */
void validate_meta(struct faults *faults, const struct object *object);
void validate_subdomain(struct faults *faults, const char *field,
			const char *value);
void validate_dns_label(struct faults *faults, const char *field,
			const char *value);
void validate_qualified_name(struct faults *faults, const char *field,
			     const char *value);

/* Shared by claims and volumes: validate_volume.c. */
void validate_access_modes(struct faults *faults, const cJSON *json);
void validate_volume_mode(struct faults *faults, const cJSON *json);
void validate_amount(struct faults *faults, const cJSON *amount,
		     const char *field);
/* Classes and volumes of ours. */
void validate_mount_options(struct faults *faults, const cJSON *json,
			    const char *path);
void validate_parameters(struct faults *faults, const cJSON *json,
			 const char *path);

void validate_class(struct faults *faults, const cJSON *json,
		    const struct drivers *drivers);
void validate_class_update(struct faults *faults, const cJSON *old,
			   const cJSON *new);
void validate_volume(struct faults *faults, const cJSON *json,
		     const struct drivers *drivers);
void validate_volume_update(struct faults *faults, const cJSON *old,
			    const cJSON *new);
void validate_claim(struct faults *faults, const cJSON *json,
		    const struct drivers *drivers);
void validate_claim_update(struct faults *faults, const cJSON *old,
			   const cJSON *new);
void validate_pod(struct faults *faults, const cJSON *json,
		  const struct drivers *drivers);
void validate_pod_update(struct faults *faults, const cJSON *old,
			 const cJSON *new);
