/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A secret's files are small and replaced as a whole (the kubelet changes a symbolic
 * link), so that one read sees the old or the new one.
 */

#include "kube_file.h"

#include <string.h>

int kube_file_read(const char *path, char **ret, size_t *ret_len,
		   struct err *err)
{
	_cleanup_(free) char *text = malloc(KUBE_FILE_MAX + 1);
	_cleanup_(fclose) FILE *file = NULL;
	char *trimmed;
	size_t len;

	if (!text)
		return err_set(err, -ENOMEM, "out of memory");
	file = fopen(path, "re");
	if (!file)
		return err_set_errno(err, -errno, "open \"%s\"", path);
	len = fread(text, 1, KUBE_FILE_MAX + 1, file);
	if (ferror(file))
		return err_set_errno(err, -EIO, "read \"%s\"", path);
	if (len > KUBE_FILE_MAX)
		return err_set(err, -EFBIG, "\"%s\" is longer than %u bytes",
			       path, KUBE_FILE_MAX);
	text[len] = '\0';
	trimmed = realloc(text, len + 1);
	if (trimmed)
		text = trimmed;
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}
