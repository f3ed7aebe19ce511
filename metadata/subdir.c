/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where a volume's directory lies below the share. The template is the
 * administrator's, but what is put into it is chosen by whoever names and labels a
 * claim, so the check is made on the outcome, component by component: CVE-2026-3864,
 * CVE-2026-3865 and CVE-2025-62878 were drivers that deleted what ".." in such a value
 * pointed to. A backslash is refused because some servers take it for a slash, and
 * "${" because an outcome must not be a template to somebody else.
 *
 * A value that is not there (a label that the claim has not got) is refused, too: as
 * nothing it would lead several claims into one directory.
 */

#include <string.h>

#include "class_parameters.h"
#include "csi_origin.h"

#define COMPONENT_MAX 255
#define SUBDIR_MAX    1024

static int bad(const char *subdir, const char *why, struct err *err)
{
	return err_set(err, -EINVAL, "subDir: Invalid value: \"%s\": %s",
		       subdir, why);
}

static bool is_word(const char *component, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(component, word, len) == 0;
}

static const char *component_fault(const char *component, size_t len)
{
	if (len == 0)
		return "must not have an empty component";
	if (is_word(component, len, ".") || is_word(component, len, ".."))
		return "must not have a component \".\" or \"..\"";
	if (len > COMPONENT_MAX)
		return "a component must not be longer than 255 bytes";
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)component[i];

		if (c < 0x20 || c == 0x7f)
			return "must not contain control characters";
		if (c == '\\')
			return "must not contain a backslash";
	}
	return NULL;
}

static const char *subdir_fault(const char *subdir)
{
	size_t first = strcspn(subdir, "/");

	if (strstr(subdir, "${"))
		return "must not contain \"${\"";
	if (*subdir == '/')
		return "must be a relative path";
	if (strlen(subdir) > SUBDIR_MAX)
		return "must not be longer than 1024 bytes";
	/* Some servers don't mind the case of names. */
	if (first == strlen(".claimfs") &&
	    strncasecmp(subdir, ".claimfs", first) == 0)
		return "must not be below \".claimfs\"";
	for (;;) {
		size_t len = strcspn(subdir, "/");
		const char *fault = component_fault(subdir, len);

		if (fault || !subdir[len])
			return fault;
		subdir += len + 1;
	}
}

int subdir_check(const char *subdir, struct err *err)
{
	const char *fault = subdir_fault(subdir);

	return fault ? bad(subdir, fault, err) : 0;
}

/* --- templates ------------------------------------------------------------------- */

#define VARIABLES                                                         \
	"variables are ${pvc.metadata.name}, ${pvc.metadata.namespace}, " \
	"${pv.metadata.name}, ${pvc.metadata.labels['KEY']} and "         \
	"${pvc.metadata.annotations['KEY']}, or as "                      \
	"nfs-subdir-external-provisioner has them: ${.PVC.name}, "        \
	"${.PVC.namespace}, ${.PVC.labels.KEY} and ${.PVC.annotations.KEY}"

/* What values come from; claim is NULL when only the template is checked. */
struct source {
	const struct claim *claim;
	const char *pv_name;
};

enum variable {
	VARIABLE_NAME,
	VARIABLE_NAMESPACE,
	VARIABLE_PV,
	VARIABLE_LABEL,	     /* with a key */
	VARIABLE_ANNOTATION, /* with a key */
};

/* As whole names, or in front of a key and what ends it. */
static const struct {
	const char *name;
	enum variable variable;
	const char *end; /* NULL = no key */
} variables[] = {
	{ "pvc.metadata.name", VARIABLE_NAME, NULL },
	{ "pvc.metadata.namespace", VARIABLE_NAMESPACE, NULL },
	{ "pv.metadata.name", VARIABLE_PV, NULL },
	{ "pvc.metadata.labels['", VARIABLE_LABEL, "']" },
	{ "pvc.metadata.annotations['", VARIABLE_ANNOTATION, "']" },
	{ "pvc.name", VARIABLE_NAME, NULL },
	{ "pvc.namespace", VARIABLE_NAMESPACE, NULL },
	{ "pvc.labels['", VARIABLE_LABEL, "']" },
	{ "pvc.annotations['", VARIABLE_ANNOTATION, "']" },
	{ ".PVC.name", VARIABLE_NAME, NULL },
	{ ".PVC.namespace", VARIABLE_NAMESPACE, NULL },
	{ ".PVC.labels.", VARIABLE_LABEL, "" },
	{ ".PVC.annotations.", VARIABLE_ANNOTATION, "" },
};

/* *ret_key: malloc'ed, NULL for those without one. -EINVAL: no such variable. */
static int parse_variable(const char *text, size_t len, enum variable *ret,
			  char **ret_key)
{
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		const char *name = variables[i].name;
		const char *end = variables[i].end;
		size_t used = strlen(name) + (end ? strlen(end) : 0);

		if (!end && !is_word(text, len, name))
			continue;
		if (end &&
		    (len <= used || strncmp(text, name, strlen(name)) != 0 ||
		     memcmp(text + len - strlen(end), end, strlen(end)) != 0))
			continue;
		*ret = variables[i].variable;
		*ret_key =
			end ? strndup(text + strlen(name), len - used) : NULL;
		return end && !*ret_key ? -ENOMEM : 0;
	}
	return -EINVAL;
}

static const char *value_of(const struct source *source, enum variable variable,
			    const char *key)
{
	const struct object_meta *meta;

	if (!source->claim)
		return "x";
	meta = &source->claim->meta;
	switch (variable) {
	case VARIABLE_NAME:
		return claim_told_name(source->claim);
	case VARIABLE_NAMESPACE:
		return claim_told_namespace(source->claim);
	case VARIABLE_PV:
		return claim_told_volume(source->claim, source->pv_name);
	case VARIABLE_LABEL:
		return labels_get(&meta->labels, key);
	case VARIABLE_ANNOTATION:
		return labels_get(&meta->annotations, key);
	}
	return NULL;
}

static int write_value(const char *template, const char *text, size_t len,
		       const struct source *source, FILE *out, struct err *err)
{
	_cleanup_(free) char *key = NULL;
	enum variable variable;
	const char *value;
	int r = parse_variable(text, len, &variable, &key);

	if (r == -EINVAL)
		return bad(template, VARIABLES, err);
	if (r < 0)
		return err_set(err, r, "expand subDir: out of memory");
	value = value_of(source, variable, key);
	if (!value)
		return err_set(
			err, -EINVAL,
			"subDir: Invalid value: \"%s\": the claim has no %s \"%s\"",
			template,
			variable == VARIABLE_LABEL ? "label" : "annotation",
			key);
	(void)fputs(value, out);
	return 0;
}

static int substitute(const char *template, const struct source *source,
		      FILE *out, struct err *err)
{
	for (const char *p = template; *p;) {
		size_t len;
		int r;

		if (strncmp(p, "${", 2) != 0) {
			(void)fputc(*p++, out);
			continue;
		}
		p += 2;
		len = strcspn(p, "}");
		if (!p[len])
			return bad(template, VARIABLES, err);
		r = write_value(template, p, len, source, out, err);
		if (r < 0)
			return r;
		p += len + 1;
	}
	return 0;
}

int subdir_expand(const char *template, const struct claim *claim,
		  const char *pv_name, char **ret, struct err *err)
{
	struct source source = { .claim = claim, .pv_name = pv_name };
	_cleanup_(free) char *subdir = NULL;
	size_t len = 0;
	FILE *out;
	int r;

	out = open_memstream(&subdir, &len);
	if (!out)
		return err_set(err, -ENOMEM, "expand subDir: out of memory");
	r = substitute(template, &source, out, err);
	if (fclose(out) != 0 && r == 0)
		r = err_set(err, -ENOMEM, "expand subDir: out of memory");
	if (r == 0)
		r = subdir_check(subdir, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(subdir);
	return 0;
}

bool path_is_within(const char *path, const char *outer)
{
	size_t len = strlen(outer);

	return strncmp(path, outer, len) == 0 &&
	       (path[len] == '\0' || path[len] == '/');
}

bool paths_overlap(const char *a, const char *b)
{
	return path_is_within(a, b) || path_is_within(b, a);
}
