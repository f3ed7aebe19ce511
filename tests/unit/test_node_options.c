/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include "log.h"
#include "node_options.h"
#include "options.h"

/* Up to eight words after the program's name; NULL ends them. */
struct words {
	char *argv[9];
};

#define WORDS(...) ((struct words){ { __VA_ARGS__ } })

static int parse(struct words words, struct node_settings *settings,
		 struct err *err)
{
	char *argv[10] = { (char *)"claimfs-node" };
	int argc = 1;

	for (; words.argv[argc - 1]; argc++)
		argv[argc] = words.argv[argc - 1];
	return node_settings_parse(argc, argv, settings, err);
}

static void forget_environment(void)
{
	(void)unsetenv("CSI_ENDPOINT");
	(void)unsetenv("NODE_NAME");
}

TestSuite(node_options, .init = forget_environment);

Test(node_options, everything_has_a_default)
{
	_cleanup_(node_settings_fini) struct node_settings settings = { 0 };

	cr_assert_eq(parse(WORDS(NULL), &settings, NULL), 0);
	cr_assert_str_eq(settings.state_dir, "/run/claimfs");
	cr_assert_str_eq(settings.csi_socket, "/run/claimfs/csi.sock");
	cr_assert_str_eq(settings.driver_name, "nfs.claimfs.io");
	cr_assert_gt(strlen(settings.node_name), 0);
	cr_assert_eq(settings.shards, 0);
	cr_assert_eq(settings.keeper_wait_s, 0);
	cr_assert_not(settings.never_resends);
	cr_assert_null(settings.registration_socket);
	cr_assert_eq(settings.max_volumes, 0);
}

Test(node_options, everything_can_be_given)
{
	_cleanup_(node_settings_fini) struct node_settings settings = { 0 };

	cr_assert_eq(parse(WORDS((char *)"--node-name=a", (char *)"-s/b",
				 (char *)"--driver-name=nfs.csi.k8s.io",
				 (char *)"--shards=3", (char *)"--resend=never",
				 (char *)"--keeper-wait=60",
				 (char *)"--log-level=debug"),
			   &settings, NULL),
		     0);
	cr_assert_str_eq(settings.node_name, "a");
	cr_assert_str_eq(settings.state_dir, "/b");
	cr_assert_str_eq(settings.csi_socket, "/b/csi.sock");
	cr_assert_str_eq(settings.driver_name, "nfs.csi.k8s.io");
	cr_assert_eq(settings.shards, 3);
	cr_assert_eq(settings.keeper_wait_s, 60);
	cr_assert(settings.never_resends);
	cr_assert_eq(log_get_level(), LOG_DEBUG);
}

Test(node_options, the_environment_names_the_socket_unless_an_option_does)
{
	_cleanup_(node_settings_fini) struct node_settings a = { 0 };
	_cleanup_(node_settings_fini) struct node_settings b = { 0 };
	_cleanup_(node_settings_fini) struct node_settings c = { 0 };

	(void)setenv("CSI_ENDPOINT", "unix:///csi/csi.sock", 1);
	cr_assert_eq(parse(WORDS(NULL), &a, NULL), 0);
	cr_assert_str_eq(a.csi_socket, "/csi/csi.sock");
	cr_assert_eq(parse(WORDS((char *)"--csi-socket=/x"), &b, NULL), 0);
	cr_assert_str_eq(b.csi_socket, "/x");
	(void)setenv("CSI_ENDPOINT", "tcp://0.0.0.0:1", 1);
	cr_assert_eq(parse(WORDS(NULL), &c, NULL), -EINVAL);
}

Test(node_options, the_environment_names_the_node_unless_an_option_does)
{
	_cleanup_(node_settings_fini) struct node_settings a = { 0 };
	_cleanup_(node_settings_fini) struct node_settings b = { 0 };
	_cleanup_(node_settings_fini) struct node_settings c = { 0 };

	(void)setenv("NODE_NAME", "worker-1", 1);
	cr_assert_eq(parse(WORDS(NULL), &a, NULL), 0);
	cr_assert_str_eq(a.node_name, "worker-1");
	cr_assert_eq(parse(WORDS((char *)"--node-name=x"), &b, NULL), 0);
	cr_assert_str_eq(b.node_name, "x");
	(void)setenv("NODE_NAME", "worker 1", 1);
	cr_assert_eq(parse(WORDS(NULL), &c, NULL), -EINVAL);
}

Test(node_options, the_kubelet_sees_the_socket_as_we_do_unless_it_is_told)
{
	_cleanup_(node_settings_fini) struct node_settings a = { 0 };
	_cleanup_(node_settings_fini) struct node_settings b = { 0 };
	_cleanup_(node_settings_fini) struct node_settings c = { 0 };

	cr_assert_eq(parse(WORDS((char *)"--registration-socket=/r",
				 (char *)"--max-volumes=9"),
			   &a, NULL),
		     0);
	cr_assert_str_eq(a.registration_socket, "/r");
	cr_assert_str_eq(a.kubelet_csi_socket, "/run/claimfs/csi.sock");
	cr_assert_eq(a.max_volumes, 9);
	cr_assert_eq(parse(WORDS((char *)"--registration-socket=/r",
				 (char *)"--kubelet-csi-socket=/k"),
			   &b, NULL),
		     0);
	cr_assert_str_eq(b.kubelet_csi_socket, "/k");
	cr_assert_eq(parse(WORDS((char *)"--kubelet-csi-socket=/k"), &c, NULL),
		     -EINVAL);
}

Test(node_options, a_bad_value_is_named_with_what_is_allowed)
{
	static const struct {
		const char *word;
		const char *says[2];
	} cases[] = {
		{ "--shards=0", { "--shards", "1 to 16" } },
		{ "--shards=17", { "--shards", "1 to 16" } },
		{ "--keeper-wait=long", { "--keeper-wait", "3600" } },
		{ "--resend=sometimes", { "--resend", "never" } },
		{ "--shards=two", { "\"two\"", "1 to 16" } },
		{ "--state-dir=here", { "\"here\"", "absolute" } },
		{ "--csi-socket=x.sock", { "\"x.sock\"", "absolute" } },
		{ "--node-name=", { "--node-name", "1 to 256" } },
		{ "--node-name=a b", { "--node-name", "blank" } },
		{ "--registration-socket=r", { "\"r\"", "absolute" } },
		{ "--http=localhost:80", { "\"localhost:80\"", "numeric" } },
		{ "--max-volumes=0", { "--max-volumes", "1 to 4096" } },
		{ "--max-volumes=4097", { "--max-volumes", "1 to 4096" } },
		{ "--driver-name=-a", { "\"-a\"", "letters" } },
		{ "--driver-name=a_b", { "\"a_b\"", "letters" } },
		{ "--log-level=loud", { "\"loud\"", "info" } },
		{ "operand", { "\"operand\"", "no operands" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(err_fini) struct err err = ERR_INIT;
		struct node_settings settings = { 0 };

		cr_assert_eq(
			parse(WORDS((char *)cases[i].word), &settings, &err),
			-EINVAL, "%s", cases[i].word);
		for (int j = 0; j < 2; j++)
			cr_assert_not_null(
				strstr(err_text(&err), cases[i].says[j]),
				"%s: %s", cases[i].word, err_text(&err));
		cr_assert_null(settings.state_dir, "nothing is left to free");
	}
}

Test(node_options, help_leaves_nothing_to_do)
{
	struct node_settings settings = { 0 };

	cr_redirect_stdout();
	cr_assert_eq(parse(WORDS((char *)"--help"), &settings, NULL),
		     OPTIONS_DONE);
	cr_assert_null(settings.state_dir);
}
