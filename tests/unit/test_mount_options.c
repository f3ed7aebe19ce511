/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <criterion/criterion.h>

#include "mount_options.h"

static struct mount_options must_parse(const char *text)
{
	struct mount_options options = MOUNT_OPTIONS_INIT;
	struct err err = ERR_INIT;

	cr_assert_eq(mount_options_parse(&options, text, &err), 0, "%s",
		     err_text(&err));
	return options;
}

Test(mount_options, reads_what_nfs_5_names)
{
	struct mount_options options = must_parse(
		"nfsvers=4.1,hard,soft,timeo=50,retrans=5,rsize=65536,"
		"wsize=1048576,nconnect=4,port=12049,mountport=12050,ro,noac,"
		"noatime");

	cr_expect_eq(options.nfsvers_major, 4);
	cr_expect_eq(options.nfsvers_minor, 1);
	cr_expect(options.is_soft);
	cr_expect_eq(options.timeo_ds, 50);
	cr_expect_eq(options.retrans, 5);
	cr_expect_eq(options.rsize, 65536);
	cr_expect_eq(options.wsize, 1048576);
	cr_expect_eq(options.nconnect, 4);
	cr_expect_eq(options.port, 12049);
	cr_expect_eq(options.mountport, 12050);
	cr_expect(options.is_ro);
	cr_expect(options.is_noac);
	cr_expect(options.is_noatime);
	cr_expect_not(options.reg.is_given);
	cr_expect_not(options.dir.is_given);
	cr_expect_not(options.is_nocto);
	cr_expect_eq(options.lookupcache, MOUNT_LOOKUPCACHE_BY_MODE);
}

Test(mount_options, the_later_of_two_wins)
{
	struct mount_options options =
		must_parse("soft,hard,ro,rw,noac,ac,vers=3,nfsvers=4,nocto,cto,"
			   "noatime,relatime,nodiratime,diratime,"
			   "lookupcache=none,lookupcache=pos,rsize=4096,"
			   "rsize=8192");

	cr_expect_not(options.is_soft);
	cr_expect_not(options.is_ro);
	cr_expect_not(options.is_noac);
	cr_expect_eq(options.nfsvers_major, 4);
	cr_expect_eq(options.nfsvers_minor, 2);
	cr_expect_not(options.is_nocto);
	cr_expect_not(options.is_noatime);
	cr_expect_not(options.is_nodiratime);
	cr_expect_eq(options.lookupcache, MOUNT_LOOKUPCACHE_POSITIVE);
	cr_expect_eq(options.rsize, 8192);
	cr_expect(must_parse("hard,soft").is_soft);
	cr_expect(must_parse("hard,softerr").is_soft);
	cr_expect(must_parse("ac,noac").is_noac);
	cr_expect(must_parse("cto,nocto").is_nocto);
	cr_expect(must_parse("rw,ro").is_ro);
}

Test(mount_options, lookupcache_has_four_words)
{
	cr_expect_eq(must_parse("lookupcache=all").lookupcache,
		     MOUNT_LOOKUPCACHE_ALL);
	cr_expect_eq(must_parse("lookupcache=none").lookupcache,
		     MOUNT_LOOKUPCACHE_NONE);
	cr_expect_eq(must_parse("lookupcache=pos").lookupcache,
		     MOUNT_LOOKUPCACHE_POSITIVE);
	cr_expect_eq(must_parse("lookupcache=positive").lookupcache,
		     MOUNT_LOOKUPCACHE_POSITIVE);
}

Test(mount_options, cache_lifetimes_have_bounds_per_kind_that_never_cross)
{
	static const struct {
		const char *text;
		struct mount_lifetime reg, dir;
	} table[] = {
		{ "hard", { false, 3, 60 }, { false, 30, 60 } },
		{ "acregmin=5", { true, 5, 60 }, { false, 30, 60 } },
		{ "acregmin=90", { true, 90, 90 }, { false, 30, 60 } },
		{ "acregmax=1", { true, 1, 1 }, { false, 30, 60 } },
		{ "acdirmin=0", { false, 3, 60 }, { true, 0, 60 } },
		{ "acdirmax=1", { false, 3, 60 }, { true, 1, 1 } },
		{ "acdirmax=10,acdirmin=20",
		  { false, 3, 60 },
		  { true, 20, 20 } },
		{ "acregmin=20,acregmax=10",
		  { true, 10, 10 },
		  { false, 30, 60 } },
		{ "actimeo=0", { true, 0, 0 }, { true, 0, 0 } },
		{ "actimeo=600,acregmin=7",
		  { true, 7, 600 },
		  { true, 600, 600 } },
		{ "acregmin=7,actimeo=600",
		  { true, 600, 600 },
		  { true, 600, 600 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct mount_options options = must_parse(table[i].text);
		const struct mount_lifetime *pairs[][2] = {
			{ &options.reg, &table[i].reg },
			{ &options.dir, &table[i].dir },
		};

		for (size_t j = 0; j < ARRAY_SIZE(pairs); j++) {
			const struct mount_lifetime *found = pairs[j][0];
			const struct mount_lifetime *wanted = pairs[j][1];

			cr_expect_eq(found->is_given, wanted->is_given, "%s",
				     table[i].text);
			cr_expect_eq(found->min_s, wanted->min_s, "%s",
				     table[i].text);
			cr_expect_eq(found->max_s, wanted->max_s, "%s",
				     table[i].text);
		}
	}
}

Test(mount_options, locks_hold_between_nodes_when_asked_for)
{
	cr_expect_not(must_parse("hard").has_locks);
	cr_expect(must_parse("nolock,lock").has_locks);
	cr_expect_not(must_parse("lock,nolock").has_locks);
}

Test(mount_options, accepts_what_happens_anyway)
{
	(void)must_parse("noresvport,proto=tcp,tcp,sec=sys,cto,"
			 "relatime,nosuid,nodev,mountproto=tcp,mountvers=3");
}

Test(mount_options, refuses_by_name_and_changes_nothing)
{
	static const struct {
		const char *text;
		const char *sentence;
	} table[] = {
		{ "udp", "mount option \"udp\" is not implemented" },
		{ "rdma", "mount option \"rdma\" is not implemented" },
		{ "fsc", "mount option \"fsc\" is not implemented" },
		{ "bg", "mount option \"bg\" is not implemented" },
		{ "resvport", "mount option \"resvport\" is not implemented" },
		{ "proto=udp",
		  "mount option \"proto=udp\" is not implemented: must be tcp" },
		{ "proto=rdma",
		  "mount option \"proto=rdma\" is not implemented: must be tcp" },
		{ "proto",
		  "mount option \"proto=\" is not implemented: must be tcp" },
		{ "sec=krb5",
		  "mount option \"sec=krb5\" is not implemented: must be sys" },
		{ "sec=krb5i",
		  "mount option \"sec=krb5i\" is not implemented: must be sys" },
		{ "sec=krb5p",
		  "mount option \"sec=krb5p\" is not implemented: must be sys" },
		{ "sec=none",
		  "mount option \"sec=none\" is not implemented: must be sys" },
		{ "lookupcache=some",
		  "mount option \"lookupcache=some\" is not implemented: must be one of all, none, pos, positive" },
		{ "nocto=1", "mount option \"nocto=1\": nocto takes no value" },
		{ "acregmin=86401",
		  "mount option \"acregmin=86401\": must be a number from 0 to 86400" },
		{ "actimeo",
		  "mount option \"actimeo\": must be a number from 0 to 86400" },
		{ "timeo=0",
		  "mount option \"timeo=0\": must be a number from 1 to 36000" },
		{ "retrans=0",
		  "mount option \"retrans=0\": must be a number from 1 to 100" },
		{ "nconnect=17",
		  "mount option \"nconnect=17\": must be a number from 1 to 16" },
		{ "mountport=65536",
		  "mount option \"mountport=65536\": must be a number from 1 to 65535" },
		{ "frobnicate", "unknown mount option \"frobnicate\"" },
		{ "Hard", "unknown mount option \"Hard\"" },
		{ " ro", "unknown mount option \" ro\"" },
		{ "", "mount options \"\": empty option" },
		{ "ro,,rw", "mount options \"ro,,rw\": empty option" },
		{ "soft=1", "mount option \"soft=1\": soft takes no value" },
		{ "rsize",
		  "mount option \"rsize\": must be a number from 1024 to 1048576" },
		{ "rsize=1k",
		  "mount option \"rsize=1k\": must be a number from 1024 to 1048576" },
		{ "wsize=2097152",
		  "mount option \"wsize=2097152\": must be a number from 1024 to 1048576" },
		{ "nconnect=0",
		  "mount option \"nconnect=0\": must be a number from 1 to 16" },
		{ "port=-1",
		  "mount option \"port=-1\": must be a number from 1 to 65535" },
		{ "vers=2",
		  "mount option \"vers=2\": must be 3, 4, 4.0, 4.1 or 4.2" },
		{ "nfsvers",
		  "mount option \"nfsvers=\": must be 3, 4, 4.0, 4.1 or 4.2" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct mount_options options = MOUNT_OPTIONS_INIT;
		struct err err = ERR_INIT;
		char text[64];

		(void)snprintf(text, sizeof(text), "%s%s",
			       *table[i].text ? "timeo=7," : "", table[i].text);
		if (strchr(table[i].text, ',') || !*table[i].text)
			(void)snprintf(text, sizeof(text), "%s", table[i].text);
		cr_expect_eq(mount_options_parse(&options, text, &err), -EINVAL,
			     "%s", text);
		cr_expect_str_eq(err_text(&err), table[i].sentence);
		cr_expect_eq(options.timeo_ds, 600);
		err_fini(&err);
	}
}
