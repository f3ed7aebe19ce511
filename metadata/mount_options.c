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
	size_t offset; /* of the field that apply sets, if it sets one */
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

/*
 * Where a minimum is above a maximum, the later of the two wins and the other one
 * follows, as with all options that contradict each other.
 */
static void set_acmin(struct mount_options *options,
		      const struct option *option, uint32_t value)
{
	struct mount_lifetime *lifetime =
		(void *)((char *)options + option->offset);

	lifetime->is_given = true;
	lifetime->min_s = value;
	if (lifetime->max_s < value)
		lifetime->max_s = value;
}

static void set_acmax(struct mount_options *options,
		      const struct option *option, uint32_t value)
{
	struct mount_lifetime *lifetime =
		(void *)((char *)options + option->offset);

	lifetime->is_given = true;
	lifetime->max_s = value;
	if (lifetime->min_s > value)
		lifetime->min_s = value;
}

static void set_actimeo(struct mount_options *options,
			const struct option *option, uint32_t value)
{
	options->reg = options->dir = (struct mount_lifetime){ .is_given = true,
							       .min_s = value,
							       .max_s = value };
}

#define DAY_S	     86400
#define FIELD(field) offsetof(struct mount_options, field)

static const struct option known[] = {
	{ "ac", clear_flag, FIELD(is_noac) },
	{ "acdirmax", set_acmax, FIELD(dir), 0, DAY_S },
	{ "acdirmin", set_acmin, FIELD(dir), 0, DAY_S },
	{ "acregmax", set_acmax, FIELD(reg), 0, DAY_S },
	{ "acregmin", set_acmin, FIELD(reg), 0, DAY_S },
	{ "actimeo", set_actimeo, 0, 0, DAY_S },
	{ "atime", clear_flag, FIELD(is_noatime) },
	{ "cto", clear_flag, FIELD(is_nocto) },
	{ "defaults", accept },
	{ "diratime", clear_flag, FIELD(is_nodiratime) },
	{ "hard", clear_flag, FIELD(is_soft) },
	{ "lock", set_flag, FIELD(has_locks) },
	{ "mountport", set_number, FIELD(mountport), 1, 65535 },
	{ "nconnect", set_number, FIELD(nconnect), 1, 16 },
	{ "noac", set_flag, FIELD(is_noac) },
	{ "noatime", set_flag, FIELD(is_noatime) },
	{ "nocto", set_flag, FIELD(is_nocto) },
	{ "nodev", accept },
	{ "nodiratime", set_flag, FIELD(is_nodiratime) },
	{ "nolock", clear_flag, FIELD(has_locks) },
	{ "noresvport", accept },
	{ "nosuid", accept },
	{ "port", set_number, FIELD(port), 1, 65535 },
	{ "relatime", clear_flag, FIELD(is_noatime) },
	{ "retrans", set_number, FIELD(retrans), 1, 100 },
	{ "ro", set_flag, FIELD(is_ro) },
	{ "rsize", set_number, FIELD(rsize), 1024, 1048576 },
	{ "rw", clear_flag, FIELD(is_ro) },
	{ "soft", set_flag, FIELD(is_soft) },
	{ "softerr", set_flag, FIELD(is_soft) },
	{ "tcp", accept },
	{ "timeo", set_number, FIELD(timeo_ds), 1, 36000 },
	{ "wsize", set_number, FIELD(wsize), 1024, 1048576 },
};

/* Options whose value is a word, a row for each word that we can serve. */
static const struct {
	struct option option; /* its range is not used */
	const char *word;
	uint32_t value;
} choices[] = {
	{ { "lookupcache", set_number, FIELD(lookupcache) },
	  "all",
	  MOUNT_LOOKUPCACHE_ALL },
	{ { "lookupcache", set_number, FIELD(lookupcache) },
	  "none",
	  MOUNT_LOOKUPCACHE_NONE },
	{ { "lookupcache", set_number, FIELD(lookupcache) },
	  "pos",
	  MOUNT_LOOKUPCACHE_POSITIVE },
	{ { "lookupcache", set_number, FIELD(lookupcache) },
	  "positive",
	  MOUNT_LOOKUPCACHE_POSITIVE },
	{ { "mountproto", accept }, "tcp" },
	{ { "mountvers", accept }, "3" },
	{ { "proto", accept }, "tcp" },
	{ { "sec", accept }, "sys" },
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
	"bg",
	"clientaddr",
	"context",
	"dev",
	"dirsync",
	"exec",
	"fg",
	"fsc",
	"intr",
	"local_lock",
	"max_connect",
	"migration",
	"minorversion",
	"mounthost",
	"namlen",
	"noacl",
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

static int refuse(const char *name, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(unimplemented); i++) {
		if (strcmp(name, unimplemented[i]) == 0)
			return err_set(err, -EINVAL,
				       "mount option \"%s\" is not implemented",
				       name);
	}
	return err_set(err, -EINVAL, "unknown mount option \"%s\"", name);
}

static bool is_choice(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		if (strcmp(name, choices[i].option.name) == 0)
			return true;
	}
	return false;
}

static int refuse_choice(const char *name, const char *value, struct err *err)
{
	char words[64] = "";
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		if (strcmp(name, choices[i].option.name) == 0)
			len += (size_t)snprintf(
				words + len, sizeof(words) - len, "%s%s",
				len ? ", " : "", choices[i].word);
	}
	return err_set(
		err, -EINVAL,
		"mount option \"%s=%s\" is not implemented: must be %s%s", name,
		value ? value : "", strchr(words, ',') ? "one of " : "", words);
}

static int apply_choice(struct mount_options *options, const char *name,
			const char *value, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		const struct option *option = &choices[i].option;

		if (value && strcmp(name, option->name) == 0 &&
		    strcmp(value, choices[i].word) == 0) {
			option->apply(options, option, choices[i].value);
			return 0;
		}
	}
	return refuse_choice(name, value, err);
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
	return is_choice(name) ? apply_choice(options, name, value, err)
			       : refuse(name, err);
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
