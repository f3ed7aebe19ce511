/* SPDX-License-Identifier: Apache-2.0 */

#include <criterion/criterion.h>

#include "api_listen.h"

Test(api_listen, a_host_that_only_this_machine_has_is_local)
{
	static const char *const hosts[] = { "localhost",   "LocalHost:8001",
					     "127.0.0.1",   "127.0.0.1:8001",
					     "127.9.9.9:1", "[::1]",
					     "[::1]:8001" };

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		cr_expect(api_host_is_local(hosts[i]), "%s", hosts[i]);
}

/* Whoever owns such a name can make browsers believe that it is theirs. */
Test(api_listen, a_host_that_a_name_server_has_a_say_about_is_not)
{
	static const char *const hosts[] = { NULL,
					     "",
					     "example.com",
					     "localhost.example.com",
					     "localhost.example.com:8001",
					     "localhost:8001.example.com",
					     "127.0.0.1.example.com",
					     "127.example.com",
					     "[::1].example.com",
					     "192.168.1.1" };

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		cr_expect_not(api_host_is_local(hosts[i]), "%s",
			      hosts[i] ? hosts[i] : "none");
}
