/* SPDX-License-Identifier: Apache-2.0 */

#include <string.h>

#include <criterion/criterion.h>

#include "kube_config.h"

static char dir[] = "/tmp/test_kube_config.XXXXXX";

static void set_up(void)
{
	cr_assert_not_null(mkdtemp(dir));
}

static void tear_down(void)
{
	char command[64];

	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	(void)!system(command);
}

TestSuite(kube_config, .init = set_up, .fini = tear_down);

static const char *write_file(const char *name, const char *text)
{
	static char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "we");
	cr_assert_not_null(file);
	(void)fputs(text, file);
	(void)fclose(file);
	return path;
}

/* What kubeadm and kubectl write, with two of everything. */
static const char two_contexts[] =
	"apiVersion: v1\n"
	"kind: Config\n"
	"current-context: admin@one\n"
	"clusters:\n"
	"- name: one\n"
	"  cluster:\n"
	"    server: https://192.0.2.1:6443/\n"
	"    certificate-authority-data: UEVN\n"
	"    tls-server-name: kubernetes\n"
	"- name: two\n"
	"  cluster:\n"
	"    server: https://two.example/path\n"
	"    certificate-authority: two.pem\n"
	"    insecure-skip-tls-verify: true\n"
	"    proxy-url: http://192.0.2.9:3128\n"
	"users:\n"
	"- name: admin\n"
	"  user:\n"
	"    client-certificate-data: Q0VSVA==\n"
	"    client-key-data: S0VZIQo=\n"
	"- name: robot\n"
	"  user:\n"
	"    tokenFile: token\n"
	"contexts:\n"
	"- name: admin@one\n"
	"  context: {cluster: one, user: admin}\n"
	"- name: robot@two\n"
	"  context: {cluster: two, user: robot, namespace: claims}\n";

Test(kube_config, the_current_context_is_read)
{
	_cleanup_(kube_config_fini) struct kube_config config =
		KUBE_CONFIG_INIT;
	const char *path = write_file("config", two_contexts);

	cr_assert_eq(kube_config_find(&config, path, NULL, NULL), 0);
	cr_assert_str_eq(config.server, "https://192.0.2.1:6443");
	cr_assert_str_eq(config.namespace, "default");
	cr_assert_str_eq(config.ca, "PEM");
	cr_assert_str_eq(config.client_cert, "CERT");
	cr_assert_str_eq(config.client_key, "KEY!\n");
	cr_assert_str_eq(config.tls_name, "kubernetes");
	cr_assert_not(config.is_insecure);
	cr_assert_null(config.token_path);
}

Test(kube_config, a_named_context_is_read_and_its_paths_are_next_to_the_file)
{
	_cleanup_(kube_config_fini) struct kube_config config =
		KUBE_CONFIG_INIT;
	char token[128];

	(void)write_file("two.pem", "TWO");
	(void)snprintf(token, sizeof(token), "%s/token", dir);
	cr_assert_eq(kube_config_find(&config,
				      write_file("config", two_contexts),
				      "robot@two", NULL),
		     0);
	cr_assert_str_eq(config.server, "https://two.example/path");
	cr_assert_str_eq(config.namespace, "claims");
	cr_assert_str_eq(config.ca, "TWO");
	cr_assert_str_eq(config.token_path, token);
	cr_assert_str_eq(config.proxy, "http://192.0.2.9:3128");
	cr_assert(config.is_insecure);
}

#define KUBECONFIG(user)                                            \
	"current-context: c\n"                                      \
	"clusters: [{name: k, cluster: {server: 'https://x:1'}}]\n" \
	"contexts: [{name: c, context: {cluster: k, user: u}}]\n"   \
	"users: [{name: u, user: " user "}]\n"

static const struct {
	const char *text;
	const char *context;
	int code;
	const char *sentence;
} refused[] = {
	{ KUBECONFIG("{exec: {command: aws}}"), NULL, -EOPNOTSUPP,
	  "credentials made by a program (exec) is not supported" },
	{ KUBECONFIG("{auth-provider: {name: gcp}}"), NULL, -EOPNOTSUPP,
	  "credentials of an auth-provider is not supported" },
	{ KUBECONFIG("{username: x, password: y}"), NULL, -EOPNOTSUPP,
	  "a user name with a password is not supported" },
	{ KUBECONFIG("{client-certificate-data: UEVN}"), NULL, -EINVAL,
	  "client-certificate and client-key go together" },
	{ KUBECONFIG("{client-key-data: '!'}"), NULL, -EINVAL,
	  "client-key-data is no base64" },
	{ KUBECONFIG("{token: [1]}"), NULL, -EINVAL, "token: Invalid value" },
	{ KUBECONFIG("{}"), "other", -ENOENT, "there is no context \"other\"" },
	{ "{}", NULL, -ENOENT, "there is no current-context: name a context" },
	{ "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n",
	  NULL, -ENOENT, "there is no cluster \"k\"" },
	{ "current-context: c\n"
	  "contexts: [{name: c, context: {cluster: k}}]\n"
	  "clusters: [{name: k, cluster: {server: 'ftp://x'}}]\n",
	  NULL, -EINVAL, "server: Invalid value: \"ftp://x\"" },
	{ "a: 1\n---\nb: 2\n", NULL, -EINVAL, "is no kubeconfig" },
	{ "[", NULL, -EINVAL, "config:" },
};

Test(kube_config, what_can_not_be_obeyed_is_refused_by_name)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_(err_fini) struct err err = ERR_INIT;
		struct kube_config config = KUBE_CONFIG_INIT;
		const char *path = write_file("config", refused[i].text);

		cr_expect_eq(kube_config_from_file(&config, path,
						   refused[i].context, &err),
			     refused[i].code, "%zu: %s", i, err_text(&err));
		cr_expect_not_null(strstr(err_text(&err), refused[i].sentence),
				   "%s", err_text(&err));
		cr_expect_null(config.server);
	}
}

Test(kube_config, a_list_of_files_is_refused)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;
	struct kube_config config = KUBE_CONFIG_INIT;

	(void)setenv("KUBECONFIG", "/a:/b", 1);
	cr_assert_eq(kube_config_find(&config, NULL, NULL, &err), -EINVAL);
	cr_assert_str_eq(
		err_text(&err),
		"KUBECONFIG \"/a:/b\" is a list of files: name the one to run by");
}

Test(kube_config, a_pod_has_its_service_account)
{
	_cleanup_(kube_config_fini) struct kube_config config =
		KUBE_CONFIG_INIT;
	_cleanup_(err_fini) struct err err = ERR_INIT;

	(void)unsetenv("KUBERNETES_SERVICE_HOST");
	cr_assert_eq(kube_config_in_cluster(&config, dir, &err), -ENOENT);
	(void)setenv("KUBERNETES_SERVICE_HOST", "2001:db8::1", 1);
	(void)setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	cr_assert_eq(kube_config_in_cluster(&config, dir, &err), -ENOENT);
	cr_assert_not_null(strstr(err_text(&err), "ca.crt"));
	(void)write_file("ca.crt", "PEM");
	(void)write_file("namespace", "claimfs\n");
	cr_assert_eq(kube_config_in_cluster(&config, dir, NULL), 0);
	cr_assert_str_eq(config.server, "https://[2001:db8::1]:443");
	cr_assert_str_eq(config.namespace, "claimfs");
	cr_assert_not_null(strstr(config.token_path, "/token"));
}
