/* SPDX-License-Identifier: Apache-2.0 */

/* One function per option checks its value; defaults are filled in at the end. */

#include "provisioner_options.h"

#include <ctype.h>
#include <string.h>

#include "api_listen.h"
#include "listen.h"
#include "log.h"
#include "options.h"

#define DEFAULT_STATE_DIR "/var/lib/claimfs"
#define DEFAULT_SOCKET	  "/run/claimfs/api.sock"
/* CSI: a driver's name has at most 63 bytes; a node's is a DNS subdomain. */
#define DRIVER_NAME_MAX 63
#define NODE_NAME_MAX	253
#define NAMESPACE_MAX	63

static int set_standalone(void *userdata, const char *value, struct err *err)
{
	struct provisioner_settings *settings = userdata;

	settings->is_standalone = true;
	return 0;
}

static int set_kubernetes(void *userdata, const char *value, struct err *err)
{
	struct provisioner_settings *settings = userdata;

	settings->is_kubernetes = true;
	return 0;
}

static int set_leader_election(void *userdata, const char *value,
			       struct err *err)
{
	struct provisioner_settings *settings = userdata;

	settings->elects = true;
	return 0;
}

static int set_path(const char **path, const char *value, struct err *err)
{
	if (value[0] != '/')
		return err_set(err, -EINVAL, "\"%s\" is not an absolute path",
			       value);
	*path = value;
	return 0;
}

static int set_state_dir(void *userdata, const char *value, struct err *err)
{
	struct provisioner_settings *settings = userdata;

	return set_path(&settings->state_dir, value, err);
}

static int set_socket(void *userdata, const char *value, struct err *err)
{
	struct provisioner_settings *settings = userdata;

	return set_path(&settings->socket, value, err);
}

static int set_csi_socket(void *userdata, const char *value, struct err *err)
{
	struct provisioner_settings *settings = userdata;

	return set_path(&settings->csi_socket, value, err);
}

static int set_kubeconfig(void *userdata, const char *value, struct err *err)
{
	struct provisioner_settings *settings = userdata;

	settings->kubeconfig = value;
	return *value ? 0 : err_set(err, -EINVAL, "the path is empty");
}

static int set_listen(void *userdata, const char *value, struct err *err)
{
	struct provisioner_settings *settings = userdata;

	settings->listen = value;
	return api_listen_check(value, err);
}

/* Names become components of paths, so nothing but a DNS subdomain will do. */
static bool is_name(const char *text, size_t max)
{
	size_t len = strlen(text);

	if (len == 0 || len > max || !isalnum((unsigned char)text[0]) ||
	    !isalnum((unsigned char)text[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isdigit((unsigned char)text[i]) &&
		    !islower((unsigned char)text[i]) && text[i] != '-' &&
		    text[i] != '.')
			return false;
	return true;
}

static int set_http(void *userdata, const char *value, struct err *err)
{
	struct provisioner_settings *settings = userdata;
	struct listen_address address;

	settings->http = value;
	if (listen_address_parse(value, &address) == 0)
		return 0;
	return err_set(
		err, -EINVAL,
		"\"%s\" is not a port or a numeric address and a port, such as 9440, 192.0.2.1:9440 or [2001:db8::1]:9440",
		value);
}

static int set_namespace(void *userdata, const char *value, struct err *err)
{
	struct provisioner_settings *settings = userdata;

	settings->namespace = value;
	if (is_name(value, NAMESPACE_MAX) && !strchr(value, '.'))
		return 0;
	return err_set(
		err, -EINVAL,
		"\"%s\" is not a namespace: at most %d lower case letters, digits and '-'",
		value, NAMESPACE_MAX);
}

static int check_node(const struct provisioner_settings *settings,
		      const char *name, const char *socket, const char *value,
		      struct err *err)
{
	if (!is_name(name, NODE_NAME_MAX))
		return err_set(
			err, -EINVAL,
			"\"%s\": the node's name must consist of lower case letters, digits, '-' and '.', and start and end with a letter or digit",
			value);
	if (socket && socket[0] != '/')
		return err_set(err, -EINVAL,
			       "\"%s\": the socket must be an absolute path",
			       value);
	for (size_t i = 0; i < settings->n_node_names; i++)
		if (strcmp(settings->node_names[i], name) == 0)
			return err_set(err, -EINVAL,
				       "\"%s\": node %s was given before",
				       value, name);
	return 0;
}

static int add_node(void *userdata, const char *value, struct err *err)
{
	struct provisioner_settings *settings = userdata;
	_cleanup_(free) char *text = strdup(value);
	char *equals;
	int r;

	if (!text)
		return err_set(err, -ENOMEM, "no memory");
	if (settings->n_node_names == MAX_POD_NODES)
		return err_set(err, -EINVAL, "\"%s\": at most %d nodes", value,
			       MAX_POD_NODES);
	equals = strchr(text, '=');
	if (equals)
		*equals++ = '\0';
	r = check_node(settings, text, equals, value, err);
	if (r < 0)
		return r;
	if (equals)
		settings->nodes[settings->n_nodes++] =
			(struct pods_node){ .name = text, .socket = equals };
	settings->node_names[settings->n_node_names] = text;
	settings->node_texts[settings->n_node_names++] = TAKE_PTR(text);
	return 0;
}

static int add_driver(void *userdata, const char *value, struct err *err)
{
	struct provisioner_settings *settings = userdata;

	if (!is_name(value, DRIVER_NAME_MAX))
		return err_set(
			err, -EINVAL,
			"\"%s\" is not a driver name: at most %d lower case letters, digits, '-' and '.'",
			value, DRIVER_NAME_MAX);
	if (settings->n_drivers == MAX_DRIVERS)
		return err_set(err, -EINVAL, "\"%s\": at most %d drivers",
			       value, MAX_DRIVERS);
	settings->drivers[settings->n_drivers++] = value;
	return 0;
}

static int set_log_level(void *userdata, const char *value, struct err *err)
{
	enum log_level level;

	if (log_level_parse(value, &level) < 0)
		return err_set(
			err, -EINVAL,
			"\"%s\" is not a log level: error, warn, info or debug",
			value);
	log_set_level(level);
	return 0;
}

static const struct option_spec option_table[] = {
	{ "standalone", 0, NULL,
	  "serve the API here instead of using a Kubernetes cluster's",
	  set_standalone },
	{ "kubernetes", 0, NULL,
	  "serve the claims of a Kubernetes cluster: its API server decides who is bound",
	  set_kubernetes },
	{ "kubeconfig", 0, "FILE",
	  "how to reach the cluster (default $KUBECONFIG, then the pod's service account)",
	  set_kubeconfig },
	{ "namespace", 0, "NAME",
	  "where the Lease is (default the pod's, or that of the kubeconfig)",
	  set_namespace },
	{ "leader-election", 0, NULL,
	  "act only as holder of a Lease: of several controllers, one does",
	  set_leader_election },
	{ "state-dir", 0, "DIR",
	  "record and pods' directories (default " DEFAULT_STATE_DIR ")",
	  set_state_dir },
	{ "socket", 0, "PATH",
	  "unix socket of the API (default " DEFAULT_SOCKET ")", set_socket },
	{ "listen", 0, "ADDR:PORT",
	  "serve the API on a loopback address as well", set_listen },
	{ "csi-socket", 0, "PATH",
	  "serve CSI's Controller service on a unix socket (default: none)",
	  set_csi_socket },
	{ "node", 0, "NAME[=SOCKET]",
	  "a node: its name, and its daemon's CSI socket if pods are to run there; repeatable",
	  add_node },
	{ "http", 0, "[ADDR:]PORT",
	  "serve /healthz, /readyz and /metrics (default: none)", set_http },
	{ "driver-name", 0, "NAME",
	  "provisioner to be; repeatable (default nfs.claimfs.io, standalone also nfs.csi.k8s.io)",
	  add_driver },
	{ "log-level", 0, "LEVEL", "error, warn, info or debug (default info)",
	  set_log_level },
};

static const struct options_spec spec = {
	.program = "claimfs-provisioner",
	.usage = "--standalone | --kubernetes [OPTIONS]",
	.summary =
		"Turns claims into volumes: makes and reclaims their directories on NFS shares.\n"
		"Standalone, it also binds claims and serves the storage part of the Kubernetes API.",
	.options = option_table,
	.n_options = ARRAY_SIZE(option_table),
	.epilogue =
		"The API has no authentication: who can open the socket, or reach the\n"
		"loopback address, may do everything.",
};

/* Options of one mode say nothing in the other, and are not passed over. */
static int check_mode(const struct provisioner_settings *settings,
		      struct err *err)
{
	if (settings->is_standalone == settings->is_kubernetes)
		return err_set(err, -EINVAL,
			       "give one of --standalone and --kubernetes");
	if (settings->is_kubernetes &&
	    (settings->listen || settings->n_node_names))
		return err_set(err, -EINVAL,
			       "%s is for --standalone: a cluster has its own",
			       settings->listen ? "--listen" : "--node");
	if (settings->is_standalone &&
	    (settings->kubeconfig || settings->namespace || settings->elects))
		return err_set(err, -EINVAL, "%s is for --kubernetes",
			       settings->kubeconfig  ? "--kubeconfig"
			       : settings->namespace ? "--namespace"
						     : "--leader-election");
	return 0;
}

static int finish(struct provisioner_settings *settings, int argc, char **argv,
		  int first, struct err *err)
{
	int r;

	if (first < argc)
		return err_set(err, -EINVAL, "unexpected argument \"%s\"",
			       argv[first]);
	r = check_mode(settings, err);
	if (r < 0)
		return r;
	if (!settings->state_dir)
		settings->state_dir = DEFAULT_STATE_DIR;
	if (!settings->socket)
		settings->socket = DEFAULT_SOCKET;
	/* In a cluster the other driver may run, too: both would serve its claims. */
	if (settings->n_drivers == 0) {
		settings->drivers[settings->n_drivers++] = "nfs.claimfs.io";
		if (settings->is_standalone)
			settings->drivers[settings->n_drivers++] =
				"nfs.csi.k8s.io";
	}
	return 0;
}

int provisioner_settings_parse(int argc, char **argv,
			       struct provisioner_settings *ret,
			       struct err *err)
{
	_cleanup_(provisioner_settings_fini) struct provisioner_settings
		settings = { 0 };
	int first;
	int r;

	r = options_parse(&spec, argc, argv, &settings, &first, err);
	if (r == OPTIONS_PARSED)
		r = finish(&settings, argc, argv, first, err);
	if (r != 0)
		return r;
	*ret = settings;
	settings = (struct provisioner_settings){ 0 };
	return 0;
}

void provisioner_settings_fini(struct provisioner_settings *settings)
{
	for (size_t i = 0; i < settings->n_node_names; i++)
		free(settings->node_texts[i]);
	*settings = (struct provisioner_settings){ 0 };
}
