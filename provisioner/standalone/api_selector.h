/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * labelSelector and fieldSelector of lists and watches. A parsed selector is
 * immutable. Threads: any.
 */

#include "json_index.h"
#include "model.h"
#include "object.h"

#define API_FIELD_TERMS_MAX 16

struct api_field_term {
	char *path;
	char *value;
	bool is_negated;
};

struct api_selector {
	struct selector labels;
	struct api_field_term fields[API_FIELD_TERMS_MAX];
	size_t n_fields;
};

/*
 * Either text may be NULL or empty: everything matches. -EINVAL with a sentence for
 * a syntax error and for a field that can't be selected by.
 */
int api_selector_parse(struct api_selector *ret, const char *labels,
		       const char *fields, enum object_kind kind,
		       struct err *err);
void api_selector_fini(struct api_selector *selector);

bool api_selector_matches(const struct api_selector *selector,
			  const struct json_index *object);

DEFINE_FINI(struct api_selector, api_selector_fini)
