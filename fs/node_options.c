/* SPDX-License-Identifier: Apache-2.0 */

/* One function per option checks its value; defaults are filled in at the end. */

#include "node_options.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "listen.h"
#include "log.h"
#include "node.h"
#include "options.h"
#include "parse.h"
#include "shard.h"

#define DEFAULT_STATE_DIR "/run/claimfs"
#define DEFAULT_DRIVER	  "nfs.claimfs.io"
#define ENDPOINT_SCHEME	  "unix://"
/* CSI: node_id has at most 256 bytes, a driver's name 63. */
#define NODE_NAME_MAX	  256
#define DRIVER_NAME_MAX	  63
#define KEEPER_WAIT_MAX_S 3600

static int replace(char **string, const char *value, struct err *err)
{
	char *copy = strdup(value);

	if (!copy)
		return err_set_errno(err, -ENOMEM, "copy \"%s\"", value);
	free(*string);
	*string = copy;
	return 0;
}

static int set_path(char **path, const char *value, struct err *err)
{
	if (value[0] != '/')
		return err_set(err, -EINVAL, "\"%s\" is not an absolute path",
			       value);
	return replace(path, value, err);
}

static int set_state_dir(void *userdata, const char *value, struct err *err)
{
	struct node_settings *settings = userdata;

	return set_path(&settings->state_dir, value, err);
}

static int set_csi_socket(void *userdata, const char *value, struct err *err)
{
	struct node_settings *settings = userdata;

	return set_path(&settings->csi_socket, value, err);
}

static int set_node_name(void *userdata, const char *value, struct err *err)
{
	struct node_settings *settings = userdata;

	if (!*value || strlen(value) > NODE_NAME_MAX)
		return err_set(err, -EINVAL,
			       "\"%s\" has not 1 to %d characters", value,
			       NODE_NAME_MAX);
	for (const char *c = value; *c; c++) {
		if (!isgraph((unsigned char)*c))
			return err_set(
				err, -EINVAL,
				"the name has a blank or control character");
	}
	return replace(&settings->node_name, value, err);
}

/* CSI, GetPluginInfo: alphanumeric ends, dashes and dots between them. */
static bool driver_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > DRIVER_NAME_MAX ||
	    !isalnum((unsigned char)name[0]) ||
	    !isalnum((unsigned char)name[len - 1]))
		return false;
	for (; *name; name++) {
		if (!isalnum((unsigned char)*name) && *name != '-' &&
		    *name != '.')
			return false;
	}
	return true;
}

static int set_driver_name(void *userdata, const char *value, struct err *err)
{
	struct node_settings *settings = userdata;

	if (!driver_name_is_valid(value))
		return err_set(
			err, -EINVAL,
			"\"%s\" is not a driver name: at most %d letters, digits, \"-\" and \".\", a letter or digit at both ends",
			value, DRIVER_NAME_MAX);
	return replace(&settings->driver_name, value, err);
}

static int set_registration_socket(void *userdata, const char *value,
				   struct err *err)
{
	struct node_settings *settings = userdata;
	int r = listen_check_path(value, err);

	return r < 0 ? r : replace(&settings->registration_socket, value, err);
}

static int set_kubelet_csi_socket(void *userdata, const char *value,
				  struct err *err)
{
	struct node_settings *settings = userdata;

	return set_path(&settings->kubelet_csi_socket, value, err);
}

static int set_http(void *userdata, const char *value, struct err *err)
{
	struct node_settings *settings = userdata;
	struct listen_address address;

	if (listen_address_parse(value, &address) < 0)
		return err_set(
			err, -EINVAL,
			"\"%s\" is not a port or a numeric address and a port, such as 9440, 192.0.2.1:9440 or [2001:db8::1]:9440",
			value);
	return replace(&settings->http, value, err);
}

static int set_inline_classes(void *userdata, const char *value,
			      struct err *err)
{
	struct node_settings *settings = userdata;

	return set_path(&settings->inline_classes, value, err);
}

static int set_max_volumes(void *userdata, const char *value, struct err *err)
{
	struct node_settings *settings = userdata;
	uint32_t n;

	if (parse_u32(value, 1, NODE_VOLUMES_MAX, &n) < 0)
		return err_set(err, -EINVAL,
			       "\"%s\" is not a number from 1 to %d", value,
			       NODE_VOLUMES_MAX);
	settings->max_volumes = n;
	return 0;
}

static int set_shards(void *userdata, const char *value, struct err *err)
{
	struct node_settings *settings = userdata;
	uint32_t n;

	if (parse_u32(value, 1, SHARDS_MAX, &n) < 0)
		return err_set(err, -EINVAL,
			       "\"%s\" is not a number from 1 to %d", value,
			       SHARDS_MAX);
	settings->shards = n;
	return 0;
}

static int set_keeper_wait(void *userdata, const char *value, struct err *err)
{
	struct node_settings *settings = userdata;
	uint32_t n;

	if (parse_u32(value, 0, KEEPER_WAIT_MAX_S, &n) < 0)
		return err_set(err, -EINVAL,
			       "\"%s\" is not a number of seconds from 0 to %d",
			       value, KEEPER_WAIT_MAX_S);
	settings->keeper_wait_s = n;
	return 0;
}

static int set_resend(void *userdata, const char *value, struct err *err)
{
	struct node_settings *settings = userdata;

	if (strcmp(value, "auto") != 0 && strcmp(value, "never") != 0)
		return err_set(err, -EINVAL, "\"%s\" is not auto or never",
			       value);
	settings->never_resends = strcmp(value, "never") == 0;
	return 0;
}

static int set_log_level(void *userdata, const char *value, struct err *err)
{
	enum log_level level;

	if (log_level_parse(value, &level) < 0)
		return err_set(err, -EINVAL,
			       "\"%s\" is not error, warn, info or debug",
			       value);
	log_set_level(level);
	return 0;
}

static const struct option_spec option_specs[] = {
	{ "node-name", 'n', "NAME",
	  "its name in the cluster (default: $NODE_NAME, else the host's)",
	  set_node_name },
	{ "state-dir", 's', "DIR",
	  "lock, socket and control tree (default: " DEFAULT_STATE_DIR ")",
	  set_state_dir },
	{ "csi-socket", 0, "PATH",
	  "where CSI is served (default: $CSI_ENDPOINT, else DIR/csi.sock)",
	  set_csi_socket },
	{ "driver-name", 0, "NAME",
	  "the CSI driver's name (default: " DEFAULT_DRIVER ")",
	  set_driver_name },
	{ "registration-socket", 0, "PATH",
	  "where the kubelet looks for plugins (default: none)",
	  set_registration_socket },
	{ "kubelet-csi-socket", 0, "PATH",
	  "the CSI socket as the kubelet sees it (default: the same)",
	  set_kubelet_csi_socket },
	{ "http", 0, "[ADDR:]PORT",
	  "serve /healthz, /readyz and /metrics (default: none)", set_http },
	{ "inline-classes", 0, "FILE",
	  "classes that pods may name in inline volumes (default: none)",
	  set_inline_classes },
	{ "max-volumes", 0, "N",
	  "volumes that may be staged at a time (default: 4096)",
	  set_max_volumes },
	{ "shards", 0, "N",
	  "threads that serve volumes (default: the CPUs, at most 4)",
	  set_shards },
	{ "keeper-wait", 0, "SECONDS",
	  "how long a start waits for the keeper (default: 0)",
	  set_keeper_wait },
	{ "resend", 0, "WHEN",
	  "auto or never: have the kernel repeat requests (default: auto)",
	  set_resend },
	{ "log-level", 'l', "LEVEL",
	  "error, warn, info or debug (default: info)", set_log_level },
};

static const struct options_spec spec = {
	.program = "claimfs-node",
	.usage = "[OPTIONS]",
	.summary = "Serves the volumes of a node: CSI's Node service on a unix "
		   "socket, and a FUSE\nfile system for each volume.",
	.options = option_specs,
	.n_options = ARRAY_SIZE(option_specs),
	.epilogue =
		"SIGTERM and SIGINT unmount everything and stop; where there is a "
		"claimfs-keeper,\nSIGTERM leaves the volumes to the next "
		"claimfs-node. While it runs, DIR/meta has\nmetrics, the state "
		"of servers and volumes, and the command file `control`.",
};

/* CSI_ENDPOINT is "unix:///path" by CSI, or a plain path by habit. */
static int socket_from_environment(struct node_settings *settings,
				   struct err *err)
{
	const char *endpoint = getenv("CSI_ENDPOINT");
	const char *path = endpoint;
	int r;

	if (settings->csi_socket || !endpoint || !*endpoint)
		return 0;
	if (strncmp(endpoint, ENDPOINT_SCHEME, strlen(ENDPOINT_SCHEME)) == 0)
		path += strlen(ENDPOINT_SCHEME);
	r = set_path(&settings->csi_socket, path, err);
	if (r == -EINVAL)
		return err_set(
			err, r,
			"environment CSI_ENDPOINT \"%s\" is not unix:///PATH",
			endpoint);
	return r;
}

static int name_from_environment(struct node_settings *settings,
				 struct err *err)
{
	const char *name = getenv("NODE_NAME");

	if (settings->node_name || !name || !*name)
		return 0;
	return set_node_name(settings, name, err) < 0
		       ? err_wrap(err, "environment NODE_NAME")
		       : 0;
}

static int name_from_host(struct node_settings *settings, struct err *err)
{
	char host[HOST_NAME_MAX + 1] = "";

	if (settings->node_name)
		return 0;
	if (gethostname(host, sizeof(host) - 1) < 0)
		return err_set_errno(err, -errno, "get the host's name");
	return set_node_name(settings, host, err) < 0
		       ? err_wrap(err, "the host's name")
		       : 0;
}

static int fill_sockets(struct node_settings *settings, struct err *err)
{
	if (!settings->csi_socket &&
	    asprintf(&settings->csi_socket, "%s/csi.sock",
		     settings->state_dir) < 0) {
		settings->csi_socket = NULL;
		return err_set_errno(err, -ENOMEM, "name the CSI socket");
	}
	if (!settings->kubelet_csi_socket)
		return replace(&settings->kubelet_csi_socket,
			       settings->csi_socket, err);
	if (!settings->registration_socket)
		return err_set(
			err, -EINVAL,
			"option --kubelet-csi-socket is of use with --registration-socket only");
	return 0;
}

static int fill_defaults(struct node_settings *settings, struct err *err)
{
	int r = 0;

	if (!settings->state_dir)
		r = replace(&settings->state_dir, DEFAULT_STATE_DIR, err);
	if (r == 0 && !settings->driver_name)
		r = replace(&settings->driver_name, DEFAULT_DRIVER, err);
	if (r == 0)
		r = name_from_environment(settings, err);
	if (r == 0)
		r = name_from_host(settings, err);
	if (r == 0)
		r = socket_from_environment(settings, err);
	if (r == 0)
		r = fill_sockets(settings, err);
	return r;
}

static int settings_parse(int argc, char **argv, struct node_settings *settings,
			  struct err *err)
{
	int first;
	int r;

	r = options_parse(&spec, argc, argv, settings, &first, err);
	if (r != OPTIONS_PARSED)
		return r;
	if (first < argc)
		return err_set(err, -EINVAL,
			       "\"%s\" is not expected: there are no operands",
			       argv[first]);
	return fill_defaults(settings, err);
}

int node_settings_parse(int argc, char **argv, struct node_settings *ret,
			struct err *err)
{
	_cleanup_(node_settings_fini) struct node_settings settings = { 0 };
	int r;

	r = settings_parse(argc, argv, &settings, err);
	if (r != 0)
		return r;
	*ret = settings;
	settings = (struct node_settings){ 0 };
	return 0;
}

void node_settings_fini(struct node_settings *settings)
{
	free(settings->node_name);
	free(settings->driver_name);
	free(settings->state_dir);
	free(settings->csi_socket);
	free(settings->registration_socket);
	free(settings->kubelet_csi_socket);
	free(settings->http);
	free(settings->inline_classes);
	*settings = (struct node_settings){ 0 };
}
