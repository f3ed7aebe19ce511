/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Label selectors as k8s.io/apimachinery/pkg/labels matches them: all terms must
 * hold; NotIn and DoesNotExist also hold for a label that is absent.
 */

#include "selector.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"

static const char *const operator_names[] = {
	[SELECTOR_IN] = "In",
	[SELECTOR_NOT_IN] = "NotIn",
	[SELECTOR_EXISTS] = "Exists",
	[SELECTOR_DOES_NOT_EXIST] = "DoesNotExist",
};

static bool has_value(const struct selector_term *term, const char *value)
{
	for (size_t i = 0; i < term->n_values; i++) {
		if (strcmp(term->values[i], value) == 0)
			return true;
	}
	return false;
}

static bool term_matches(const struct selector_term *term,
			 const struct labels *labels)
{
	const char *value = labels_get(labels, term->key);

	switch (term->op) {
	case SELECTOR_IN:
		return value && has_value(term, value);
	case SELECTOR_NOT_IN:
		return !value || !has_value(term, value);
	case SELECTOR_EXISTS:
		return value;
	case SELECTOR_DOES_NOT_EXIST:
		return !value;
	}
	return false;
}

bool selector_matches(const struct selector *selector,
		      const struct labels *labels)
{
	for (size_t i = 0; i < selector->n; i++) {
		if (!term_matches(&selector->terms[i], labels))
			return false;
	}
	return true;
}

void selector_fini(struct selector *selector)
{
	for (size_t i = 0; i < selector->n; i++) {
		struct selector_term *term = &selector->terms[i];

		free(term->key);
		json_strings_free(term->values, term->n_values);
	}
	free(selector->terms);
	*selector = (struct selector){ 0 };
}

static int operator_parse(const char *text, enum selector_operator *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(operator_names); i++) {
		if (strcmp(text, operator_names[i]) == 0) {
			*ret = (enum selector_operator)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int check_values(const struct selector_term *term, struct err *err)
{
	bool wants_values =
		term->op == SELECTOR_IN || term->op == SELECTOR_NOT_IN;

	if (wants_values && term->n_values == 0)
		return err_set(
			err, -EINVAL,
			"values: Required value: must be specified when `operator` is 'In' or 'NotIn'");
	if (!wants_values && term->n_values > 0)
		return err_set(
			err, -EINVAL,
			"values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
	return 0;
}

static int expression_decode(const cJSON *json, struct selector_term *term,
			     struct err *err)
{
	const char *op;
	int r;

	r = json_string_dup(json, "key", "", &term->key, err);
	if (r < 0)
		return r;
	if (!*term->key)
		return err_set(err, -EINVAL, "key: Required value");
	r = json_string(json, "operator", "", &op, err);
	if (r < 0)
		return r;
	if (operator_parse(op, &term->op) < 0)
		return err_set(
			err, -EINVAL,
			"operator: Invalid value: \"%s\": must be In, NotIn, Exists or DoesNotExist",
			op);
	r = json_strings(json, "values", &term->values, &term->n_values, err);
	if (r < 0)
		return r;
	return check_values(term, err);
}

static int add_expressions(const cJSON *json, struct selector *selector,
			   struct err *err)
{
	const cJSON *expressions, *item;
	int r;

	r = json_array(json, "matchExpressions", &expressions, err);
	if (r < 0)
		return r;
	cJSON_ArrayForEach (item, expressions) {
		/* Counted first, so that selector_fini() frees half a term, too. */
		r = expression_decode(item, &selector->terms[selector->n++],
				      err);
		if (r < 0)
			return err_wrap(err, "matchExpressions");
	}
	return 0;
}

static int add_label(const struct label *label, struct selector *selector,
		     struct err *err)
{
	struct selector_term *term = &selector->terms[selector->n++];

	term->op = SELECTOR_IN;
	term->key = strdup(label->key);
	term->values = calloc(1, sizeof(*term->values));
	if (!term->key || !term->values)
		return json_no_memory(err);
	term->values[0] = strdup(label->value);
	if (!term->values[0])
		return json_no_memory(err);
	term->n_values = 1;
	return 0;
}

static int fill(const cJSON *json, struct selector *selector, struct err *err)
{
	_cleanup_(labels_fini) struct labels labels = { 0 };
	int r, n_expressions;

	r = json_labels(json, "matchLabels", &labels, err);
	if (r < 0)
		return r;
	n_expressions = cJSON_GetArraySize(json_at(json, "matchExpressions"));
	selector->terms = calloc(labels.n + (size_t)n_expressions + 1,
				 sizeof(*selector->terms));
	if (!selector->terms)
		return json_no_memory(err);
	selector->is_set = true;
	for (size_t i = 0; i < labels.n; i++) {
		r = add_label(&labels.items[i], selector, err);
		if (r < 0)
			return r;
	}
	return add_expressions(json, selector, err);
}

int selector_decode(const struct cJSON *json, const char *path,
		    struct selector *ret, struct err *err)
{
	_cleanup_(selector_fini) struct selector selector = { 0 };
	const cJSON *item;
	int r;

	r = json_object(json, path, &item, err);
	if (r < 0)
		return r;
	if (item) {
		r = fill(item, &selector, err);
		if (r < 0)
			return err_wrap(err, "%s", path);
	}
	*ret = selector;
	selector = (struct selector){ 0 };
	return 0;
}
