/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <criterion/criterion.h>

#include "listen.h"

/* A folder of the test's own, and a path in it. */
struct fixture {
	char dir[32];
	char path[64];
};

static void fixture_init(struct fixture *f)
{
	*f = (struct fixture){ .dir = "/tmp/test_listen.XXXXXX" };
	cr_assert_not_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
}

static void fixture_fini(struct fixture *f)
{
	(void)unlink(f->path);
	cr_assert_eq(rmdir(f->dir), 0);
}

DEFINE_FINI(struct fixture, fixture_fini)

static mode_t mode_of(const char *path)
{
	struct stat st;

	cr_assert_eq(lstat(path, &st), 0);
	return st.st_mode;
}

Test(listen, a_stale_socket_is_replaced_and_nobody_else_may_connect)
{
	_cleanup_(fixture_fini) struct fixture f;
	mode_t mask = umask(0);
	int fd;

	fixture_init(&f);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(listen_unix(f.path, &fd, NULL), 0);
		cr_assert_eq(mode_of(f.path), S_IFSOCK | 0600);
		fd_close(fd);
	}
	(void)umask(mask);
}

Test(listen, a_socket_that_somebody_serves_is_left_alone)
{
	_cleanup_(fixture_fini) struct fixture f;
	_cleanup_(fd_close) int first = -1;
	_cleanup_(err_fini) struct err err = ERR_INIT;
	int second;

	fixture_init(&f);
	cr_assert_eq(listen_unix(f.path, &first, NULL), 0);
	cr_assert_eq(listen_unix(f.path, &second, &err), -EADDRINUSE);
	cr_assert_not_null(strstr(err_text(&err), f.path));
}

Test(listen, a_file_is_not_replaced)
{
	_cleanup_(fixture_fini) struct fixture f;
	FILE *file;
	int fd;

	fixture_init(&f);
	file = fopen(f.path, "w");
	cr_assert_not_null(file);
	(void)fclose(file);
	cr_assert_eq(listen_unix(f.path, &fd, NULL), -EADDRINUSE);
	cr_assert(S_ISREG(mode_of(f.path)));
}

Test(listen, a_path_that_does_not_fit_is_refused)
{
	char path[200] = "/";

	memset(path + 1, 'x', sizeof(path) - 2);
	cr_assert_eq(listen_check_path(path, NULL), -EINVAL);
	cr_assert_eq(listen_check_path("sock", NULL), -EINVAL);
	cr_assert_eq(listen_check_path("/sock", NULL), 0);
}

Test(listen, addresses_are_numeric_and_have_a_port)
{
	static const struct {
		const char *text;
		int r;
		bool is_loopback;
	} cases[] = {
		{ "8080" },
		{ "0.0.0.0:80" },
		{ "127.0.0.1:0", .is_loopback = true },
		{ "[::1]:8080", .is_loopback = true },
		{ "[2001:db8::1]:8080" },
		{ "", -EINVAL },
		{ "65536", -EINVAL },
		{ "127.0.0.1", -EINVAL },
		{ "127.0.0.1:", -EINVAL },
		{ "::1:80", -EINVAL },
		{ "localhost:80", -EINVAL },
		{ ":80", -EINVAL },
		{ "[]:80", -EINVAL },
		{ "[::1:80", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct listen_address address;

		cr_expect_eq(listen_address_parse(cases[i].text, &address),
			     cases[i].r, "%s", cases[i].text);
		cr_expect(cases[i].r < 0 ||
				  listen_address_is_loopback(&address) ==
					  cases[i].is_loopback,
			  "%s", cases[i].text);
	}
}

Test(listen, a_port_without_an_address_takes_both_families)
{
	_cleanup_(fd_close) int listening = -1;
	_cleanup_(fd_close) int peer = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in to = { .sin_family = AF_INET };
	uint16_t port;

	cr_assert_eq(listen_tcp("0", &listening, &port, NULL), 0);
	to.sin_port = htons(port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(connect(peer, (struct sockaddr *)&to, sizeof(to)), 0);
}

Test(listen, a_port_in_use_is_named)
{
	_cleanup_(fd_close) int first = -1;
	_cleanup_(err_fini) struct err err = ERR_INIT;
	char text[32];
	uint16_t port;
	int second;

	cr_assert_eq(listen_tcp("127.0.0.1:0", &first, &port, NULL), 0);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	cr_assert_eq(listen_tcp(text, &second, &port, &err), -EADDRINUSE);
	cr_assert_not_null(strstr(err_text(&err), text));
}
