/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <criterion/criterion.h>

#include "provisioner_options.h"

static int parse(char *option, struct provisioner_settings *settings,
		 struct err *err)
{
	char *argv[] = { (char *)"claimfs-provisioner", (char *)"--standalone",
			 option, NULL };

	return provisioner_settings_parse(3, argv, settings, err);
}

Test(provisioner_options, loopback_addresses_are_listened_on)
{
	static const char *const good[] = { "--listen=127.0.0.1:8001",
					    "--listen=127.9.9.9:0",
					    "--listen=[::1]:8001" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_(provisioner_settings_fini) struct provisioner_settings
			settings = { 0 };
		_cleanup_(err_fini) struct err err = ERR_INIT;

		cr_expect_eq(parse((char *)good[i], &settings, &err), 0, "%s",
			     err_text(&err));
	}
}

Test(provisioner_options, other_addresses_are_a_wrong_command_line)
{
	static const char *const bad[] = {
		"--listen=0.0.0.0:8001",    "--listen=192.168.1.1:8001",
		"--listen=127.0.0.1",	    "--listen=127.0.0.1:65536",
		"--listen=localhost:8001",  "--listen=[::]:8001",
		"--listen=127.0.0.1:8001x", "--listen=",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(provisioner_settings_fini) struct provisioner_settings
			settings = { 0 };
		_cleanup_(err_fini) struct err err = ERR_INIT;

		cr_expect_eq(parse((char *)bad[i], &settings, &err), -EINVAL,
			     "%s", bad[i]);
		cr_expect_not_null(strstr(err_text(&err), "option --listen: "));
	}
}
