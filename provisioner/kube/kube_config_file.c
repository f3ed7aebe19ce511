/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A kubeconfig names contexts, each a cluster and a user (k8s.io/client-go,
 * tools/clientcmd/api/v1). Of an entry that comes twice the first one counts, as
 * there. Paths in it are relative to its folder, and what is there as data goes
 * before what is there as a file.
 *
 * Programs that make credentials (exec, auth-provider) are refused by name: a
 * controller that starts other people's programs with its own rights is not wanted,
 * and one that silently went on as nobody would be worse.
 */

#include <stdint.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "kube_config.h"
#include "kube_file.h"
#include "manifest.h"

struct kubeconfig {
	const char *path;
	const cJSON *json;
	const cJSON *cluster;
	const cJSON *user;
	const cJSON *context;
};

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* RFC 4648, section 4; blanks between are what YAML folded. NULL: it is none. */
static char *base64_decode(const char *text)
{
	_cleanup_(free) char *data = malloc(strlen(text) / 4 * 3 + 4);
	uint32_t bits = 0;
	unsigned int n_bits = 0;
	size_t len = 0;

	if (!data)
		return NULL;
	for (; *text && *text != '='; text++) {
		int digit = base64_digit(*text);

		if (*text == '\n' || *text == ' ')
			continue;
		if (digit < 0)
			return NULL;
		bits = bits << 6 | (uint32_t)digit;
		n_bits += 6;
		if (n_bits < 8)
			continue;
		n_bits -= 8;
		data[len++] = (char)(bits >> n_bits);
	}
	data[len] = '\0';
	return TAKE_PTR(data);
}

/* The entry of that name in a list such as "clusters", and in it such as "cluster". */
static int find_entry(const struct kubeconfig *config, const char *list,
		      const char *member, const char *name, const cJSON **ret,
		      struct err *err)
{
	const cJSON *entries, *entry;
	int r = json_array(config->json, list, &entries, err);

	if (r < 0)
		return r;
	cJSON_ArrayForEach (entry, entries) {
		const char *found =
			cJSON_GetStringValue(json_at(entry, "name"));

		if (found && strcmp(found, name) == 0)
			return json_object(entry, member, ret, err);
	}
	return err_set(err, -ENOENT, "there is no %s \"%s\"", member, name);
}

static int find_parts(struct kubeconfig *config, const char *context,
		      struct err *err)
{
	const char *cluster, *user;
	int r = json_string(config->json, "current-context", "", &user, err);

	if (r < 0)
		return r;
	if (!context)
		context = user;
	if (!*context)
		return err_set(err, -ENOENT,
			       "there is no current-context: name a context");
	r = find_entry(config, "contexts", "context", context, &config->context,
		       err);
	if (r < 0)
		return r;
	r = json_string(config->context, "cluster", "", &cluster, err);
	if (r < 0)
		return r;
	r = json_string(config->context, "user", "", &user, err);
	if (r < 0)
		return r;
	r = find_entry(config, "clusters", "cluster", cluster, &config->cluster,
		       err);
	if (r < 0 || !*user)
		return r;
	return find_entry(config, "users", "user", user, &config->user, err);
}

/* A path in the file, as seen from here. */
static int resolve(const struct kubeconfig *config, const char *path,
		   char **ret, struct err *err)
{
	const char *slash = strrchr(config->path, '/');
	int dir_len =
		slash && *path != '/' ? (int)(slash + 1 - config->path) : 0;

	if (asprintf(ret, "%.*s%s", dir_len, config->path, path) < 0) {
		*ret = NULL;
		return no_memory(err);
	}
	return 0;
}

static int read_data(const char *data, const char *what, char **ret,
		     struct err *err)
{
	*ret = base64_decode(data);
	if (!*ret)
		return err_set(err, -EINVAL, "%s-data is no base64", what);
	return 0;
}

/* Of "certificate-authority": itself is a file, with "-data" behind it the text. */
static int read_pem(const struct kubeconfig *config, const cJSON *json,
		    const char *what, char **ret, struct err *err)
{
	_cleanup_(free) char *path = NULL;
	const char *text;
	char member[64];
	size_t len;
	int r;

	(void)snprintf(member, sizeof(member), "%s-data", what);
	r = json_string(json, member, "", &text, err);
	if (r < 0)
		return r;
	if (*text)
		return read_data(text, what, ret, err);
	r = json_string(json, what, "", &text, err);
	if (r < 0 || !*text)
		return r;
	r = resolve(config, text, &path, err);
	if (r < 0)
		return r;
	r = kube_file_read(path, ret, &len, err);
	return r < 0 ? err_wrap(err, "%s", what) : 0;
}

/* NULL when it is not there. */
static int dup_optional(const cJSON *json, const char *member, char **ret,
			struct err *err)
{
	const char *text;
	int r = json_string(json, member, "", &text, err);

	if (r < 0 || !*text)
		return r;
	*ret = strdup(text);
	return *ret ? 0 : no_memory(err);
}

static int read_server(const cJSON *cluster, char **ret, struct err *err)
{
	const char *server;
	int r = json_string(cluster, "server", "", &server, err);
	size_t len;

	if (r < 0)
		return r;
	if (strncmp(server, "https://", 8) != 0 &&
	    strncmp(server, "http://", 7) != 0)
		return err_set(
			err, -EINVAL,
			"server: Invalid value: \"%s\": must be https://HOST:PORT",
			server);
	len = strlen(server);
	while (server[len - 1] == '/')
		len--;
	*ret = strndup(server, len);
	return *ret ? 0 : no_memory(err);
}

static int read_cluster(const struct kubeconfig *config,
			struct kube_config *ret, struct err *err)
{
	const cJSON *cluster = config->cluster;
	int r = read_server(cluster, &ret->server, err);

	if (r < 0)
		return r;
	r = read_pem(config, cluster, "certificate-authority", &ret->ca, err);
	if (r < 0)
		return r;
	r = json_bool(cluster, "insecure-skip-tls-verify", false,
		      &ret->is_insecure, err);
	if (r < 0)
		return r;
	r = dup_optional(cluster, "tls-server-name", &ret->tls_name, err);
	if (r < 0)
		return r;
	return dup_optional(cluster, "proxy-url", &ret->proxy, err);
}

static int refuse_what_we_lack(const cJSON *user, struct err *err)
{
	static const struct {
		const char *member;
		const char *what;
	} refused[] = {
		{ "exec", "credentials made by a program (exec)" },
		{ "auth-provider", "credentials of an auth-provider" },
		{ "username", "a user name with a password" },
		{ "as", "acting as somebody else (as)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (json_at(user, refused[i].member))
			return err_set(
				err, -EOPNOTSUPP,
				"%s is not supported: give it a token, a tokenFile or a client-certificate",
				refused[i].what);
	return 0;
}

static int read_token_path(const struct kubeconfig *config,
			   struct kube_config *ret, struct err *err)
{
	const char *path;
	int r = json_string(config->user, "tokenFile", "", &path, err);

	if (r < 0 || !*path)
		return r;
	return resolve(config, path, &ret->token_path, err);
}

static int read_user(const struct kubeconfig *config, struct kube_config *ret,
		     struct err *err)
{
	const cJSON *user = config->user;
	int r = refuse_what_we_lack(user, err);

	if (r < 0)
		return r;
	r = read_pem(config, user, "client-certificate", &ret->client_cert,
		     err);
	if (r < 0)
		return r;
	r = read_pem(config, user, "client-key", &ret->client_key, err);
	if (r < 0)
		return r;
	if (!ret->client_cert != !ret->client_key)
		return err_set(err, -EINVAL,
			       "client-certificate and client-key go together");
	r = dup_optional(user, "token", &ret->token, err);
	if (r < 0)
		return r;
	return read_token_path(config, ret, err);
}

static int read_kubeconfig(struct kubeconfig *config, const char *context,
			   struct kube_config *ret, struct err *err)
{
	int r = find_parts(config, context, err);

	if (r < 0)
		return r;
	r = read_cluster(config, ret, err);
	if (r < 0)
		return r;
	r = read_user(config, ret, err);
	if (r < 0)
		return r;
	return json_string_dup(config->context, "namespace", "default",
			       &ret->namespace, err);
}

int kube_config_from_file(struct kube_config *ret, const char *path,
			  const char *context, struct err *err)
{
	_cleanup_(kube_config_fini) struct kube_config config =
		KUBE_CONFIG_INIT;
	_cleanup_(manifest_fini) struct manifest manifest = { 0 };
	struct kubeconfig file = { .path = path };
	_cleanup_(free) char *text = NULL;
	size_t len;
	int r = kube_file_read(path, &text, &len, err);

	if (r < 0)
		return r;
	r = manifest_parse(path, text, len, &manifest, err);
	if (r < 0)
		return r;
	if (manifest.n != 1)
		return err_set(err, -EINVAL, "\"%s\" is no kubeconfig", path);
	file.json = manifest.documents[0].json;
	r = read_kubeconfig(&file, context, &config, err);
	if (r < 0)
		return err_wrap(err, "kubeconfig \"%s\"", path);
	*ret = config;
	config = KUBE_CONFIG_INIT;
	return 0;
}
