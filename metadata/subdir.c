/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where a volume's directory lies below the share. The template is the
 * administrator's, but what is put into it is chosen by whoever names a claim, so
 * the check is made on the outcome: CVE-2026-3864 and CVE-2025-62878 were
 * drivers that deleted what ".." in such a value pointed to.
 */

#include <string.h>

#include "class_parameters.h"

#define COMPONENT_MAX 255
#define SUBDIR_MAX    1024

struct variable {
	const char *name;
	const char *value;
};

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
	}
	return NULL;
}

static const char *subdir_fault(const char *subdir)
{
	size_t first = strcspn(subdir, "/");

	if (*subdir == '/')
		return "must be a relative path";
	if (strlen(subdir) > SUBDIR_MAX)
		return "must not be longer than 1024 bytes";
	if (is_word(subdir, first, ".claimfs"))
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

static const struct variable *find(const char *name, size_t len,
				   const struct variable *variables)
{
	for (; variables->name; variables++) {
		if (is_word(name, len, variables->name))
			return variables;
	}
	return NULL;
}

static int substitute(const char *template, const struct variable *variables,
		      FILE *out, struct err *err)
{
	for (const char *p = template; *p;) {
		const struct variable *variable;
		size_t len;

		if (strncmp(p, "${", 2) != 0) {
			(void)fputc(*p++, out);
			continue;
		}
		p += 2;
		len = strcspn(p, "}");
		variable = find(p, len, variables);
		if (!variable || !p[len])
			return bad(
				template,
				"variables are ${pvc.metadata.name}, ${pvc.metadata.namespace} and ${pv.metadata.name}",
				err);
		(void)fputs(variable->value, out);
		p += len + 1;
	}
	return 0;
}

int subdir_expand(const char *template, const struct claim *claim,
		  const char *pv_name, char **ret, struct err *err)
{
	const struct variable variables[] = {
		{ "pvc.metadata.name", claim->meta.name },
		{ "pvc.metadata.namespace", claim->meta.namespace },
		{ "pv.metadata.name", pv_name },
		{ NULL, NULL },
	};
	_cleanup_(free) char *subdir = NULL;
	size_t len = 0;
	FILE *out;
	int r;

	out = open_memstream(&subdir, &len);
	if (!out)
		return err_set(err, -ENOMEM, "expand subDir: out of memory");
	r = substitute(template, variables, out, err);
	if (fclose(out) != 0 && r == 0)
		r = err_set(err, -ENOMEM, "expand subDir: out of memory");
	if (r == 0)
		r = subdir_check(subdir, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(subdir);
	return 0;
}
