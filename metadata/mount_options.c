/* SPDX-License-Identifier: Apache-2.0 */

/*
 * nfs(5) has three kinds of options for us: those that change what we do, those
 * that ask for what we do anyway (accepted, so that existing classes work), and
 * those that ask for something that we can't do. The last are named in a list of
 * their own, because a user deserves to know whether he mistyped an option or
 * chose the wrong driver. All three are tables.
 */

#include "mount_options.h"

#include <string.h>

#include "parse.h"

struct option;

typedef void (*apply_fn)(struct mount_options *options,
			 const struct option *option, uint32_t value);

/* Numbers have a range; flags have max = 0 and take no value. */
struct option {
	const char *name;
	apply_fn apply;
	size_t offset; /* of the field; for set_number() and set/clear_flag() */
	uint32_t min, max;
};

static void set_number(struct mount_options *options,
		       const struct option *option, uint32_t value)
{
	memcpy((char *)options + option->offset, &value, sizeof(value));
}

static void set_flag(struct mount_options *options, const struct option *option,
		     uint32_t value)
{
	*(bool *)((char *)options + option->offset) = true;
}

static void clear_flag(struct mount_options *options,
		       const struct option *option, uint32_t value)
{
	*(bool *)((char *)options + option->offset) = false;
}

/* What is asked for is what happens anyway. */
static void accept(struct mount_options *options, const struct option *option,
		   uint32_t value)
{
}

/* The later of two options that contradict each other wins. */
static void set_acmin(struct mount_options *options,
		      const struct option *option, uint32_t value)
{
	options->has_actimeo = true;
	options->acmin_s = value;
	if (options->acmax_s < value)
		options->acmax_s = value;
}

static void set_acmax(struct mount_options *options,
		      const struct option *option, uint32_t value)
{
	options->has_actimeo = true;
	options->acmax_s = value;
	if (options->acmin_s > value)
		options->acmin_s = value;
}

static void set_actimeo(struct mount_options *options,
			const struct option *option, uint32_t value)
{
	set_acmin(options, option, value);
	set_acmax(options, option, value);
}

#define DAY_S	     86400
#define FIELD(field) offsetof(struct mount_options, field)

static const struct option known[] = {
	{ "ac", clear_flag, FIELD(is_noac) },
	{ "acdirmax", set_acmax, 0, 0, DAY_S },
	{ "acdirmin", set_acmin, 0, 0, DAY_S },
	{ "acregmax", set_acmax, 0, 0, DAY_S },
	{ "acregmin", set_acmin, 0, 0, DAY_S },
	{ "actimeo", set_actimeo, 0, 0, DAY_S },
	{ "cto", accept },
	{ "defaults", accept },
	{ "hard", clear_flag, FIELD(is_soft) },
	{ "mountport", set_number, FIELD(mountport), 1, 65535 },
	{ "nconnect", set_number, FIELD(nconnect), 1, 16 },
	{ "noac", set_flag, FIELD(is_noac) },
	{ "noatime", set_flag, FIELD(is_noatime) },
	{ "nodev", accept },
	{ "nodiratime", accept },
	{ "nolock", accept },
	{ "noresvport", accept },
	{ "nosuid", accept },
	{ "port", set_number, FIELD(port), 1, 65535 },
	{ "relatime", clear_flag, FIELD(is_noatime) },
	{ "retrans", set_number, FIELD(retrans), 0, 100 },
	{ "ro", set_flag, FIELD(is_ro) },
	{ "rsize", set_number, FIELD(rsize), 1024, 1048576 },
	{ "rw", clear_flag, FIELD(is_ro) },
	{ "soft", set_flag, FIELD(is_soft) },
	{ "tcp", accept },
	{ "timeo", set_number, FIELD(timeo_ds), 1, 36000 },
	{ "wsize", set_number, FIELD(wsize), 1024, 1048576 },
};

/* Options with a single value that we can serve. */
static const struct {
	const char *name;
	const char *value;
} fixed[] = {
	{ "lookupcache", "all" }, { "mountproto", "tcp" }, { "mountvers", "3" },
	{ "proto", "tcp" },	  { "sec", "sys" },
};

static const struct {
	const char *text;
	uint32_t major, minor;
} versions[] = {
	/* "4" leaves the minor version to the two sides. */
	{ "3", 3, 0 },	 { "4", 4, 2 },	  { "4.0", 4, 0 },
	{ "4.1", 4, 1 }, { "4.2", 4, 2 },
};

/* The rest of nfs(5) and of mount(8)'s file-system independent options. */
static const char *const unimplemented[] = {
	"acl",
	"async",
	"atime",
	"bg",
	"clientaddr",
	"context",
	"dev",
	"diratime",
	"dirsync",
	"exec",
	"fg",
	"fsc",
	"intr",
	"local_lock",
	"lock",
	"max_connect",
	"migration",
	"minorversion",
	"mounthost",
	"namlen",
	"noacl",
	"nocto",
	"noexec",
	"nofsc",
	"nointr",
	"nordirplus",
	"norelatime",
	"nosharecache",
	"nosharetransport",
	"notrunkdiscovery",
	"rdirplus",
	"rdma",
	"resvport",
	"retry",
	"sharecache",
	"sharetransport",
	"sloppy",
	"softerr",
	"softreval",
	"strictatime",
	"suid",
	"sync",
	"trunkdiscovery",
	"udp",
	"xprtsec",
};

static int apply_known(struct mount_options *options,
		       const struct option *option, const char *value,
		       struct err *err)
{
	uint32_t number = 0;

	if (!option->max && value)
		return err_set(err, -EINVAL,
			       "mount option \"%s=%s\": %s takes no value",
			       option->name, value, option->name);
	if (option->max &&
	    (!value || parse_u32(value, option->min, option->max, &number) < 0))
		return err_set(
			err, -EINVAL,
			"mount option \"%s%s%s\": must be a number from %u to %u",
			option->name, value ? "=" : "", value ? value : "",
			option->min, option->max);
	option->apply(options, option, number);
	return 0;
}

static int apply_version(struct mount_options *options, const char *name,
			 const char *value, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		if (value && strcmp(value, versions[i].text) == 0) {
			options->nfsvers_major = versions[i].major;
			options->nfsvers_minor = versions[i].minor;
			return 0;
		}
	}
	return err_set(err, -EINVAL,
		       "mount option \"%s=%s\": must be 3, 4, 4.0, 4.1 or 4.2",
		       name, value ? value : "");
}

static int refuse(const char *name, const char *value, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(unimplemented); i++) {
		if (strcmp(name, unimplemented[i]) == 0)
			return err_set(err, -EINVAL,
				       "mount option \"%s\" is not implemented",
				       name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		if (strcmp(name, fixed[i].name) == 0)
			return err_set(
				err, -EINVAL,
				"mount option \"%s=%s\" is not implemented: must be %s=%s",
				name, value ? value : "", name, fixed[i].value);
	}
	return err_set(err, -EINVAL, "unknown mount option \"%s\"", name);
}

static int apply(struct mount_options *options, const char *name,
		 const char *value, struct err *err)
{
	if (strcmp(name, "vers") == 0 || strcmp(name, "nfsvers") == 0)
		return apply_version(options, name, value, err);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(name, known[i].name) == 0)
			return apply_known(options, &known[i], value, err);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		if (value && strcmp(name, fixed[i].name) == 0 &&
		    strcmp(value, fixed[i].value) == 0)
			return 0;
	}
	return refuse(name, value, err);
}

int mount_options_parse(struct mount_options *options, const char *text,
			struct err *err)
{
	_cleanup_(free) char *copy = strdup(text);
	struct mount_options changed = *options;
	char *rest = copy;
	char *name;

	if (!copy)
		return err_set(err, -ENOMEM, "mount options: out of memory");
	while ((name = strsep(&rest, ","))) {
		char *value = strchr(name, '=');
		int r;

		if (value)
			*value++ = '\0';
		if (!*name)
			return err_set(err, -EINVAL,
				       "mount options \"%s\": empty option",
				       text);
		r = apply(&changed, name, value, err);
		if (r < 0)
			return r;
	}
	*options = changed;
	return 0;
}
