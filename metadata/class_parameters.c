/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Parameters by a table of setters. Two keys that differ only in case are an
 * error rather than a race for which of them wins. subDir's syntax is subdir.c's.
 */

#include "class_parameters.h"

#include <string.h>
#include <strings.h>

#include "csi_origin.h"
#include "parse.h"

#define ALLOWED \
	"server, share, subDir, shared, onDelete, trashTTL, mountPermissions, uid, gid, squash"
#define SERVER_MAX 255 /* a DNS name, or an IPv6 address in brackets */
#define SHARE_MAX  1024

typedef int (*set_fn)(struct class_parameters *parameters, const char *value,
		      struct err *err);

static int set_string(char **field, const char *value, struct err *err)
{
	*field = strdup(value);
	if (!*field)
		return err_set(err, -ENOMEM, "read parameters: out of memory");
	return 0;
}

void class_server_normalise(char *server)
{
	size_t len = strlen(server);

	if (len < 2 || server[0] != '[' || server[len - 1] != ']')
		return;
	memmove(server, server + 1, len - 2);
	server[len - 2] = '\0';
}

static int set_server(struct class_parameters *parameters, const char *value,
		      struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_:[]%";
	int r;

	if (!*value || strlen(value) > SERVER_MAX ||
	    value[strspn(value, allowed)])
		return err_set(
			err, -EINVAL,
			"server: Invalid value: \"%s\": must be a host name or an address",
			value);
	r = set_string(&parameters->server, value, err);
	if (r == 0)
		class_server_normalise(parameters->server);
	return r;
}

void class_share_normalise(char *share)
{
	char *to = share;

	for (const char *from = share; *from; from++) {
		if (*from == '/' && to > share && to[-1] == '/')
			continue;
		*to++ = *from;
	}
	if (to > share + 1 && to[-1] == '/')
		to--;
	*to = '\0';
}

static bool has_dots(const char *path)
{
	while (*path) {
		size_t len = strcspn(path, "/");

		if ((len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return true;
		path += len;
		path += *path == '/';
	}
	return false;
}

static bool has_control(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	}
	return false;
}

static int set_share(struct class_parameters *parameters, const char *value,
		     struct err *err)
{
	int r;

	if (*value != '/' || has_dots(value) || has_control(value) ||
	    strlen(value) > SHARE_MAX)
		return err_set(
			err, -EINVAL,
			"share: Invalid value: \"%s\": must be an absolute path without \".\" or \"..\", at most 1024 bytes",
			value);
	r = set_string(&parameters->share, value, err);
	if (r == 0)
		class_share_normalise(parameters->share);
	return r;
}

static int set_subdir(struct class_parameters *parameters, const char *value,
		      struct err *err)
{
	_cleanup_(free) char *subdir = NULL;
	int r;

	if (!*value)
		return 0;
	r = subdir_expand(value, NULL, NULL, &subdir, err);
	if (r < 0)
		return r;
	return set_string(&parameters->subdir, value, err);
}

static int set_shared(struct class_parameters *parameters, const char *value,
		      struct err *err)
{
	parameters->is_shared = strcasecmp(value, "true") == 0;
	if (parameters->is_shared || strcasecmp(value, "false") == 0)
		return 0;
	return err_set(
		err, -EINVAL,
		"shared: Unsupported value: \"%s\": supported values: \"false\", \"true\"",
		value);
}

static int set_on_delete(struct class_parameters *parameters, const char *value,
			 struct err *err)
{
	static const char *const names[] = {
		[ON_DELETE_DELETE] = "delete",
		[ON_DELETE_RETAIN] = "retain",
		[ON_DELETE_ARCHIVE] = "archive",
	};

	if (!*value)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcasecmp(value, names[i]) == 0) {
			parameters->on_delete = (enum on_delete)i;
			parameters->has_on_delete = true;
			return 0;
		}
	}
	return err_set(
		err, -EINVAL,
		"onDelete: Unsupported value: \"%s\": supported values: \"archive\", \"delete\", \"retain\"",
		value);
}

int class_trash_ttl_parse(const char *text, uint64_t *ret_s, struct err *err)
{
	uint64_t seconds;

	if (parse_duration_s(text, &seconds) < 0 ||
	    seconds > CLASS_TRASH_TTL_MAX_S)
		return err_set(
			err, -EINVAL,
			"trashTTL: Invalid value: \"%s\": must be 0, or numbers with units such as 24h, 7d or 1h30m, at most 3650d",
			text);
	*ret_s = seconds;
	return 0;
}

static int set_trash_ttl(struct class_parameters *parameters, const char *value,
			 struct err *err)
{
	return class_trash_ttl_parse(value, &parameters->trash_ttl_s, err);
}

static int set_mount_permissions(struct class_parameters *parameters,
				 const char *value, struct err *err)
{
	if (parse_mode(value, &parameters->mount_permissions) < 0)
		return err_set(
			err, -EINVAL,
			"mountPermissions: Invalid value: \"%s\": must be an octal mode from 0 to 7777",
			value);
	return 0;
}

/* The largest id is -1 to chown(2) and no user's. */
static int set_id(uint32_t *field, const char *key, const char *value,
		  struct err *err)
{
	if (parse_u32(value, 0, UINT32_MAX - 1, field) < 0)
		return err_set(
			err, -EINVAL,
			"%s: Invalid value: \"%s\": must be a number from 0 to 4294967294",
			key, value);
	return 0;
}

static int set_uid(struct class_parameters *parameters, const char *value,
		   struct err *err)
{
	return set_id(&parameters->uid, "uid", value, err);
}

static int set_gid(struct class_parameters *parameters, const char *value,
		   struct err *err)
{
	return set_id(&parameters->gid, "gid", value, err);
}

static int set_squash(struct class_parameters *parameters, const char *value,
		      struct err *err)
{
	static const char *const names[] = {
		[SQUASH_NONE] = "none",
		[SQUASH_ROOT] = "root",
		[SQUASH_ALL] = "all",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcasecmp(value, names[i]) == 0) {
			parameters->squash = (enum squash)i;
			return 0;
		}
	}
	return err_set(
		err, -EINVAL,
		"squash: Unsupported value: \"%s\": supported values: \"all\", \"none\", \"root\"",
		value);
}

static const struct {
	const char *key;
	set_fn set;
} table[] = {
	{ "server", set_server },
	{ "share", set_share },
	{ "subDir", set_subdir },
	{ "shared", set_shared },
	{ "onDelete", set_on_delete },
	{ "trashTTL", set_trash_ttl },
	{ "mountPermissions", set_mount_permissions },
	{ "uid", set_uid },
	{ "gid", set_gid },
	{ "squash", set_squash },
};

const char *const class_mutable_keys[] = { "onDelete", "trashTTL",
					   "mountPermissions" };

/* For information: of the cluster, and of our own provisioner. */
static bool is_information(const char *key)
{
	static const char *const prefixes[] = { CSI_TOLD_PREFIX,
						"storage.kubernetes.io/",
						"claimfs.io/" };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (strncasecmp(key, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	return false;
}

static int set(struct class_parameters *parameters, unsigned int *seen,
	       const struct label *parameter, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (strcasecmp(parameter->key, table[i].key) != 0)
			continue;
		if (*seen & 1u << i)
			return err_set(err, -EINVAL,
				       "parameter \"%s\" is given twice",
				       parameter->key);
		*seen |= 1u << i;
		return table[i].set(parameters, parameter->value, err);
	}
	if (is_information(parameter->key))
		return 0;
	return err_set(err, -EINVAL,
		       "invalid parameter \"%s\"; allowed: " ALLOWED,
		       parameter->key);
}

/* Half an owner would leave the other half to a guess. */
static int check_owner(struct class_parameters *parsed, struct err *err)
{
	bool has_uid = parsed->uid != UINT32_MAX;
	bool has_gid = parsed->gid != UINT32_MAX;

	if (has_uid != has_gid)
		return err_set(
			err, -EINVAL,
			"%s: Required value: %s is given, and both or neither must be",
			has_uid ? "gid" : "uid", has_uid ? "uid" : "gid");
	parsed->has_owner = has_uid;
	if (!has_uid)
		parsed->uid = parsed->gid = CLASS_NOBODY;
	if (parsed->squash == SQUASH_ROOT && parsed->uid == 0)
		return err_set(
			err, -EINVAL,
			"uid: Invalid value: \"0\": squash \"root\" makes root another user: must be from 1 to 4294967294");
	return 0;
}

int class_parameters_parse(const struct labels *parameters,
			   struct class_parameters *ret, struct err *err)
{
	_cleanup_(class_parameters_fini) struct class_parameters parsed = {
		.uid = UINT32_MAX,
		.gid = UINT32_MAX,
		.trash_ttl_s = CLASS_TRASH_TTL_S,
	};
	unsigned int seen = 0;
	int r;

	for (size_t i = 0; i < parameters->n; i++) {
		r = set(&parsed, &seen, &parameters->items[i], err);
		if (r < 0)
			return r;
	}
	if (!parsed.server || !parsed.share)
		return err_set(err, -EINVAL, "%s: Required value",
			       parsed.server ? "share" : "server");
	r = check_owner(&parsed, err);
	if (r < 0)
		return r;
	*ret = parsed;
	parsed = (struct class_parameters){ 0 };
	return 0;
}

static bool is_mutable(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(class_mutable_keys); i++)
		if (strcasecmp(key, class_mutable_keys[i]) == 0)
			return true;
	return is_information(key);
}

int class_mutable_check(const struct labels *parameters, struct err *err)
{
	_cleanup_(class_parameters_fini) struct class_parameters parsed = { 0 };
	unsigned int seen = 0;

	for (size_t i = 0; i < parameters->n; i++) {
		const struct label *parameter = &parameters->items[i];
		int r;

		if (!is_mutable(parameter->key))
			return err_set(
				err, -EINVAL,
				"invalid parameter \"%s\" of a VolumeAttributesClass; allowed: onDelete, trashTTL, mountPermissions",
				parameter->key);
		r = set(&parsed, &seen, parameter, err);
		if (r < 0)
			return r;
	}
	return 0;
}

void class_parameters_fini(struct class_parameters *parameters)
{
	free(parameters->server);
	free(parameters->share);
	free(parameters->subdir);
	*parameters = (struct class_parameters){ 0 };
}
