/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who is believed to be the API server, against OpenSSL's test server. Its
 * certificate is for the name "kubernetes" and is its own authority.
 */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include <criterion/criterion.h>

#include "kube_config.h"
#include "kube_file.h"
#include "kube_http.h"

static char dir[] = "/tmp/test_kube_tls.XXXXXX";
static pid_t server_pid;
static char server[64];

static void run(const char *command)
{
	cr_assert_eq(system(command), 0, "%s", command);
}

static void make_certificate(const char *name)
{
	char command[512];

	(void)snprintf(
		command, sizeof(command),
		"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=%s -addext subjectAltName=DNS:%s -keyout %s.key -out %s.crt 2>/dev/null",
		name, name, name, name);
	run(command);
}

static void set_up(void)
{
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(chdir(dir), 0);
	make_certificate("kubernetes");
	make_certificate("admin");
	run("mkdir api && echo '{}' >api/v1");
}

static void tear_down(void)
{
	char command[64];

	if (server_pid > 0) {
		(void)kill(server_pid, SIGKILL);
		(void)waitpid(server_pid, NULL, 0);
	}
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	(void)!system(command);
}

TestSuite(kube_tls, .init = set_up, .fini = tear_down);

/* option: "-Verify" = only clients whose certificate is the admin's. */
static void start_server(const char *option)
{
	char line[128] = "";
	int fds[2];
	FILE *out;

	cr_assert_eq(pipe(fds), 0);
	server_pid = fork();
	if (server_pid == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		(void)dup2(open("/dev/null", O_RDWR | O_CLOEXEC),
			   STDERR_FILENO);
		(void)execlp("openssl", "openssl", "s_server", "-accept",
			     "127.0.0.1:0", "-cert", "kubernetes.crt", "-key",
			     "kubernetes.key", "-WWW", "-CAfile", "admin.crt",
			     "-verify_return_error", option,
			     option ? "1" : NULL, NULL);
		_exit(127);
	}
	(void)close(fds[1]);
	out = fdopen(fds[0], "r");
	while (strncmp(line, "ACCEPT ", 7) != 0)
		cr_assert_not_null(fgets(line, sizeof(line), out));
	line[strcspn(line, "\r\n")] = '\0';
	(void)snprintf(server, sizeof(server), "https://127.0.0.1%s",
		       strrchr(line, ':'));
	/* Stays open: the server would end when it can't print. */
}

static char *pem(const char *name)
{
	char *text = NULL;
	size_t len;

	cr_assert_eq(kube_file_read(name, &text, &len, NULL), 0);
	return text;
}

static int ask(const struct kube_config *config, struct err *err)
{
	const struct kube_http_request request = {
		.method = "GET",
		.path = "/api/v1",
		.timeout_ms = 10000,
		.max_len = 1000,
	};
	_cleanup_(kube_http_answer_fini) struct kube_http_answer answer =
		KUBE_HTTP_ANSWER_INIT;
	_cleanup_(kube_http_free) struct kube_http *http = NULL;
	int r;

	cr_assert_eq(kube_http_new(&http, config, NULL), 0);
	r = kube_http_call(http, &request, &answer, err);
	if (r == 0)
		cr_expect_str_eq(answer.body, "{}\n");
	return r;
}

Test(kube_tls, only_the_clusters_own_authority_and_name_are_believed)
{
	_cleanup_(free) char *ca = pem("kubernetes.crt");
	_cleanup_(free) char *other = pem("admin.crt");
	struct kube_config config;
	_cleanup_(err_fini) struct err err = ERR_INIT;

	start_server(NULL);
	config = (struct kube_config){ .server = server,
				       .ca = ca,
				       .tls_name = (char *)"kubernetes" };
	cr_expect_eq(ask(&config, &err), 0, "%s", err_text(&err));
	config.tls_name = (char *)"kubernetes.other";
	cr_expect_eq(ask(&config, &err), -EACCES);
	config.tls_name = NULL; /* an address that the certificate lacks */
	cr_expect_eq(ask(&config, &err), -EACCES);
	config.tls_name = (char *)"kubernetes";
	config.ca = other;
	cr_expect_eq(ask(&config, &err), -EACCES);
	config.ca = NULL; /* the system's */
	cr_expect_eq(ask(&config, &err), -EACCES);
	cr_expect_not_null(strstr(err_text(&err), "certificate"), "%s",
			   err_text(&err));
	config.tls_name = NULL;
	config.is_insecure = true;
	cr_expect_eq(ask(&config, &err), 0);
}

Test(kube_tls, a_client_certificate_is_shown)
{
	_cleanup_(free) char *ca = pem("kubernetes.crt");
	_cleanup_(free) char *cert = pem("admin.crt");
	_cleanup_(free) char *key = pem("admin.key");
	struct kube_config config;
	_cleanup_(err_fini) struct err err = ERR_INIT;

	start_server("-Verify");
	config = (struct kube_config){ .server = server,
				       .ca = ca,
				       .tls_name = (char *)"kubernetes" };
	cr_expect_lt(ask(&config, &err), 0);
	config.client_cert = cert;
	config.client_key = key;
	cr_expect_eq(ask(&config, &err), 0, "%s", err_text(&err));
}
