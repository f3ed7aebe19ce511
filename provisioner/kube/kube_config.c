/* SPDX-License-Identifier: Apache-2.0 */

/*
 * In a pod all is in a folder that the kubelet keeps up to date, and in two variables
 * (client-go, rest.InClusterConfig). The server is an address there, not a name: no
 * name service is needed to reach it, and none can be in the way.
 */

#include "kube_config.h"

#include <string.h>

#include "kube_file.h"

#define POD_FOLDER "/var/run/secrets/kubernetes.io/serviceaccount"

void kube_config_fini(struct kube_config *config)
{
	free(config->server);
	free(config->namespace);
	free(config->ca);
	free(config->client_cert);
	if (config->client_key)
		explicit_bzero(config->client_key, strlen(config->client_key));
	free(config->client_key);
	if (config->token)
		explicit_bzero(config->token, strlen(config->token));
	free(config->token);
	free(config->token_path);
	free(config->tls_name);
	free(config->proxy);
	*config = KUBE_CONFIG_INIT;
}

static int server_of_pod(char **ret, struct err *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	bool is_v6 = host && strchr(host, ':');

	if (!host || !*host || !port || !*port)
		return err_set(
			err, -ENOENT,
			"this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set");
	if (asprintf(ret, "https://%s%s%s:%s", is_v6 ? "[" : "", host,
		     is_v6 ? "]" : "", port) < 0) {
		*ret = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

static int read_in_folder(const char *folder, const char *name, char **ret,
			  struct err *err)
{
	_cleanup_(free) char *path = NULL;
	size_t len;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	return kube_file_read(path, ret, &len, err);
}

/* The namespace of a pod is a file, too; who runs without it is in "default". */
static int read_namespace(struct kube_config *config, const char *folder,
			  struct err *err)
{
	int r = read_in_folder(folder, "namespace", &config->namespace, NULL);

	if (r == 0)
		config->namespace[strcspn(config->namespace, "\r\n")] = '\0';
	else
		config->namespace = strdup("default");
	return config->namespace ? 0 : err_set(err, -ENOMEM, "out of memory");
}

int kube_config_in_cluster(struct kube_config *ret, const char *folder,
			   struct err *err)
{
	_cleanup_(kube_config_fini) struct kube_config config =
		KUBE_CONFIG_INIT;
	int r;

	if (!folder)
		folder = POD_FOLDER;
	r = server_of_pod(&config.server, err);
	if (r < 0)
		return r;
	r = read_in_folder(folder, "ca.crt", &config.ca, err);
	if (r < 0)
		return err_wrap(err, "service account");
	r = read_namespace(&config, folder, err);
	if (r < 0)
		return r;
	if (asprintf(&config.token_path, "%s/token", folder) < 0) {
		config.token_path = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	*ret = config;
	config = KUBE_CONFIG_INIT;
	return 0;
}

int kube_config_find(struct kube_config *ret, const char *path,
		     const char *context, struct err *err)
{
	const char *what = "--kubeconfig";

	if (!path || !*path) {
		path = getenv("KUBECONFIG");
		what = "KUBECONFIG";
	}
	if (!path || !*path)
		return kube_config_in_cluster(ret, NULL, err);
	if (strchr(path, ':'))
		return err_set(
			err, -EINVAL,
			"%s \"%s\" is a list of files: name the one to run by",
			what, path);
	return kube_config_from_file(ret, path, context, err);
}
