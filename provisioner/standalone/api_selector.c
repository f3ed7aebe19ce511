/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Labels: `k=v`, `k==v`, `k!=v`, `k in (a,b)`, `k notin (a,b)`, `k`, `!k`, joined by
 * commas; the terms are those of a claim's selector, and matched by the same code.
 * Fields: `path=value`, `path==value`, `path!=value`, joined by commas, where an
 * absent field is an empty one; which fields may be named depends on the kind, as
 * in Kubernetes, so that nobody relies on one that a real server refuses.
 */

#include "api_selector.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"

#define BLANKS	  " \t"
#define TERMS_MAX 32

static const struct {
	int kind; /* -1 = every kind */
	const char *path;
} field_paths[] = {
	{ -1, "metadata.name" },
	{ -1, "metadata.namespace" },
	{ KIND_POD, "spec.nodeName" },
	{ KIND_POD, "status.phase" },
	{ KIND_EVENT, "involvedObject.kind" },
	{ KIND_EVENT, "involvedObject.namespace" },
	{ KIND_EVENT, "involvedObject.name" },
	{ KIND_EVENT, "involvedObject.uid" },
	{ KIND_EVENT, "involvedObject.apiVersion" },
	{ KIND_EVENT, "involvedObject.resourceVersion" },
	{ KIND_EVENT, "involvedObject.fieldPath" },
	{ KIND_EVENT, "reason" },
	{ KIND_EVENT, "type" },
	{ KIND_EVENT, "reportingComponent" },
};

static bool can_select_by(enum object_kind kind, const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(field_paths); i++) {
		if ((field_paths[i].kind == -1 ||
		     field_paths[i].kind == (int)kind) &&
		    strcmp(field_paths[i].path, path) == 0)
			return true;
	}
	return false;
}

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "read a selector: out of memory");
}

/* A copy without blanks at the ends. */
static char *copy_word(const char *text, size_t len)
{
	while (len && strchr(BLANKS, *text)) {
		text++;
		len--;
	}
	while (len && strchr(BLANKS, text[len - 1]))
		len--;
	return strndup(text, len);
}

/* "=", "==", "!=" with what is around it; returns false when there is none. */
struct comparison {
	size_t left_len;
	size_t right; /* offset of the right side */
	bool is_negated;
};

static bool find_comparison(const char *text, size_t len,
			    struct comparison *ret)
{
	const char *equals = memchr(text, '=', len);
	size_t at;

	if (!equals)
		return false;
	at = (size_t)(equals - text);
	ret->is_negated = at > 0 && text[at - 1] == '!';
	ret->left_len = ret->is_negated ? at - 1 : at;
	ret->right = at + 1;
	if (!ret->is_negated && ret->right < len && text[ret->right] == '=')
		ret->right++;
	return true;
}

static int parse_field(struct api_selector *selector, const char *text,
		       size_t len, enum object_kind kind, struct err *err)
{
	struct api_field_term *term = &selector->fields[selector->n_fields];
	struct comparison c;

	if (!find_comparison(text, len, &c))
		return err_set(err, -EINVAL,
			       "invalid selector: '%.*s'; can't understand it",
			       (int)len, text);
	if (selector->n_fields == API_FIELD_TERMS_MAX)
		return err_set(err, -EINVAL,
			       "field selector has more than %d terms",
			       API_FIELD_TERMS_MAX);
	selector->n_fields++;
	term->is_negated = c.is_negated;
	term->path = copy_word(text, c.left_len);
	term->value = copy_word(text + c.right, len - c.right);
	if (!term->path || !term->value)
		return no_memory(err);
	if (!can_select_by(kind, term->path))
		return err_set(err, -EINVAL, "field label not supported: %s",
			       term->path);
	return 0;
}

static int parse_fields(struct api_selector *selector, const char *text,
			enum object_kind kind, struct err *err)
{
	while (*text) {
		size_t len = strcspn(text, ",");
		int r = parse_field(selector, text, len, kind, err);

		if (r < 0)
			return r;
		text += len + (text[len] == ',');
	}
	return 0;
}

static int add_value(struct selector_term *term, const char *text, size_t len)
{
	char **grown =
		reallocarray(term->values, term->n_values + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	term->values = grown;
	grown[term->n_values] = copy_word(text, len);
	if (!grown[term->n_values])
		return -ENOMEM;
	term->n_values++;
	return 0;
}

static int parse_set(struct selector_term *term, const char *text, size_t len)
{
	const char *end = text + len;

	for (;;) {
		const char *comma = memchr(text, ',', (size_t)(end - text));
		size_t value_len = (size_t)((comma ? comma : end) - text);

		if (add_value(term, text, value_len) < 0)
			return -ENOMEM;
		if (!comma)
			return 0;
		text = comma + 1;
	}
}

/* `k in (a,b)`, `k notin (a,b)`, `k`, `!k`. */
static int parse_set_term(struct selector_term *term, const char *text,
			  size_t len)
{
	const char *open = memchr(text, '(', len);
	size_t key_len, op_at;

	while (len && strchr(BLANKS, *text)) {
		text++;
		len--;
	}
	if (!open) {
		term->op = *text == '!' ? SELECTOR_DOES_NOT_EXIST
					: SELECTOR_EXISTS;
		if (*text == '!') {
			text++;
			len--;
		}
		term->key = copy_word(text, len);
		return term->key ? 0 : -ENOMEM;
	}
	key_len = strcspn(text, BLANKS "(");
	op_at = key_len + strspn(text + key_len, BLANKS);
	term->op = strncmp(text + op_at, "notin", 5) == 0 ? SELECTOR_NOT_IN
							  : SELECTOR_IN;
	if (term->op == SELECTOR_IN && strncmp(text + op_at, "in", 2) != 0)
		return -EINVAL;
	term->key = copy_word(text, key_len);
	if (!term->key)
		return -ENOMEM;
	len = (size_t)(text + len - open - 1);
	return parse_set(term, open + 1,
			 strcspn(open + 1, ")") < len ? strcspn(open + 1, ")")
						      : len);
}

static int parse_label(struct selector_term *term, const char *text, size_t len)
{
	struct comparison c;

	if (memchr(text, '(', len) || !find_comparison(text, len, &c))
		return parse_set_term(term, text, len);
	term->op = c.is_negated ? SELECTOR_NOT_IN : SELECTOR_IN;
	term->key = copy_word(text, c.left_len);
	if (!term->key)
		return -ENOMEM;
	return add_value(term, text + c.right, len - c.right);
}

/* Length of one term: commas within parentheses don't end it. */
static size_t label_len(const char *text)
{
	size_t comma = strcspn(text, ",");
	size_t open = strcspn(text, "(");

	if (open > comma)
		return comma;
	open += strcspn(text + open, ")");
	return open + strcspn(text + open, ",");
}

static int parse_labels(struct selector *selector, const char *text,
			struct err *err)
{
	selector->is_set = true;
	selector->terms = calloc(TERMS_MAX, sizeof(*selector->terms));
	if (!selector->terms)
		return no_memory(err);
	while (*text) {
		size_t len = label_len(text);
		struct selector_term *term = &selector->terms[selector->n];
		int r;

		if (selector->n == TERMS_MAX)
			return err_set(err, -EINVAL,
				       "label selector has more than %d terms",
				       TERMS_MAX);
		selector->n++;
		r = parse_label(term, text, len);
		if (r == -ENOMEM)
			return no_memory(err);
		if (r < 0 || !*term->key)
			return err_set(err, -EINVAL,
				       "unable to parse requirement: \"%.*s\"",
				       (int)len, text);
		text += len + (text[len] == ',');
	}
	return 0;
}

int api_selector_parse(struct api_selector *ret, const char *labels,
		       const char *fields, enum object_kind kind,
		       struct err *err)
{
	_cleanup_(api_selector_fini) struct api_selector selector = { 0 };
	int r;

	if (labels && *labels) {
		r = parse_labels(&selector.labels, labels, err);
		if (r < 0)
			return r;
	}
	if (fields && *fields) {
		r = parse_fields(&selector, fields, kind, err);
		if (r < 0)
			return r;
	}
	*ret = selector;
	selector = (struct api_selector){ 0 };
	return 0;
}

void api_selector_fini(struct api_selector *selector)
{
	for (size_t i = 0; i < selector->labels.n; i++) {
		struct selector_term *term = &selector->labels.terms[i];

		free(term->key);
		json_strings_free(term->values, term->n_values);
	}
	free(selector->labels.terms);
	for (size_t i = 0; i < selector->n_fields; i++) {
		free(selector->fields[i].path);
		free(selector->fields[i].value);
	}
	*selector = (struct api_selector){ 0 };
}

static bool field_matches(const struct api_field_term *term,
			  const struct json_index *object)
{
	return json_index_is(object, json_index_at(object, term->path),
			     term->value) != term->is_negated;
}

static bool labels_match(const struct selector *selector,
			 const struct json_index *object)
{
	const struct json_token *token = json_index_at(object, "metadata");
	_cleanup_(labels_fini) struct labels labels = { 0 };
	cJSON *metadata;
	int r;

	if (!selector->is_set)
		return true;
	if (!token)
		return false;
	metadata = cJSON_ParseWithLength(json_index_text(object, token),
					 token->len);
	r = json_labels(metadata, "labels", &labels, NULL);
	cJSON_Delete(metadata);
	return r == 0 && selector_matches(selector, &labels);
}

bool api_selector_matches(const struct api_selector *selector,
			  const struct json_index *object)
{
	for (size_t i = 0; i < selector->n_fields; i++) {
		if (!field_matches(&selector->fields[i], object))
			return false;
	}
	return labels_match(&selector->labels, object);
}
