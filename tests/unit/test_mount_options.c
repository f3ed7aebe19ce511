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
	cr_expect_not(options.has_actimeo);
}

Test(mount_options, the_later_of_two_wins)
{
	struct mount_options options =
		must_parse("soft,hard,ro,rw,noac,ac,vers=3,nfsvers=4");

	cr_expect_not(options.is_soft);
	cr_expect_not(options.is_ro);
	cr_expect_not(options.is_noac);
	cr_expect_eq(options.nfsvers_major, 4);
	cr_expect_eq(options.nfsvers_minor, 2);
}

Test(mount_options, cache_lifetimes_never_cross)
{
	struct mount_options options = must_parse("acregmin=90");

	cr_expect_eq(options.acmin_s, 90);
	cr_expect_eq(options.acmax_s, 90);
	cr_expect(options.has_actimeo);
	options = must_parse("acdirmax=1");
	cr_expect_eq(options.acmin_s, 1);
	cr_expect_eq(options.acmax_s, 1);
	options = must_parse("actimeo=0");
	cr_expect_eq(options.acmin_s, 0);
	cr_expect_eq(options.acmax_s, 0);
}

Test(mount_options, accepts_what_happens_anyway)
{
	(void)must_parse("nolock,noresvport,proto=tcp,tcp,sec=sys,cto,"
			 "nodiratime,relatime,nosuid,nodev,mountproto=tcp");
}

Test(mount_options, refuses_by_name_and_changes_nothing)
{
	static const struct {
		const char *text;
		const char *sentence;
	} table[] = {
		{ "lock", "mount option \"lock\" is not implemented" },
		{ "udp", "mount option \"udp\" is not implemented" },
		{ "rdma", "mount option \"rdma\" is not implemented" },
		{ "fsc", "mount option \"fsc\" is not implemented" },
		{ "bg", "mount option \"bg\" is not implemented" },
		{ "nocto", "mount option \"nocto\" is not implemented" },
		{ "proto=udp",
		  "mount option \"proto=udp\" is not implemented: must be proto=tcp" },
		{ "sec=krb5",
		  "mount option \"sec=krb5\" is not implemented: must be sec=sys" },
		{ "lookupcache=none",
		  "mount option \"lookupcache=none\" is not implemented: must be lookupcache=all" },
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
