/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From the server's name to a mounted share, each step by itself, so that it can be
 * said which one does not go; the last is made as the provisioner makes it.
 */

#include <netdb.h>
#include <string.h>

#include "doctor_internal.h"

#define NFS_PORT 2049

static uint32_t nfs_port(const struct doctor *doctor)
{
	uint32_t port = doctor->options->share.port;

	return port ? port : NFS_PORT;
}

/* --- name ------------------------------------------------------------------------- */

static size_t count(const struct addrinfo *found)
{
	size_t n = 0;

	for (; found; found = found->ai_next)
		n++;
	return n;
}

static void say_addresses(struct doctor *doctor, const struct addrinfo *found)
{
	const char *server = doctor->options->share.server;
	char address[NI_MAXHOST] = "?";
	size_t n = count(found);

	(void)getnameinfo(found->ai_addr, found->ai_addrlen, address,
			  sizeof(address), NULL, 0, NI_NUMERICHOST);
	if (n == 1)
		doctor_say(doctor, DOCTOR_OK, "name", NULL, "%s is %s", server,
			   address);
	else
		doctor_say(doctor, DOCTOR_OK, "name", NULL,
			   "%s is %s, the first of %zu addresses", server,
			   address, n);
}

int doctor_check_name(struct doctor *doctor)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	const char *server = doctor->options->share.server;
	_cleanup_(free) char *remedy = NULL;
	struct addrinfo *found = NULL;
	int r = getaddrinfo(server, NULL, &hints, &found);

	if (r == 0) {
		say_addresses(doctor, found);
		freeaddrinfo(found);
		return 0;
	}
	remedy = share_fault_remedy(SHARE_STEP_RESOLVE, -ENOENT, "");
	doctor_say(doctor, DOCTOR_FAIL, "name", remedy,
		   "resolve server name %s: %s", server, gai_strerror(r));
	return -EADDRNOTAVAIL;
}

/* --- port and versions ------------------------------------------------------------ */

static bool has_nfs4(struct doctor *doctor)
{
	_cleanup_(share_nfs_close) struct share_nfs *nfs = NULL;

	return share_probe_service(&nfs, doctor->options->share.server,
				   nfs_port(doctor), SHARE_SERVICE_NFS4) == 0;
}

int doctor_check_port(struct doctor *doctor)
{
	const char *server = doctor->options->share.server;
	_cleanup_(share_nfs_close) struct share_nfs *nfs = NULL;
	uint32_t port = nfs_port(doctor);
	int r = share_probe_service(&nfs, server, port, SHARE_SERVICE_NFS3);
	bool is_there = r == 0 || r == -EPROTONOSUPPORT;

	if (!is_there)
		return doctor_fail(doctor, "port", SHARE_STEP_CONNECT, r,
				   "connect to server %s port %u", server,
				   port);
	doctor_say(doctor, DOCTOR_OK, "port", NULL,
		   "server %s listens on TCP port %u", server, port);
	if (r < 0)
		return doctor_fail(
			doctor, "version", SHARE_STEP_VERSION, r,
			"call NFS version 3 of server %s port %u%s", server,
			port, has_nfs4(doctor) ? ", which has version 4," : "");
	doctor_say(doctor, DOCTOR_OK, "version", NULL,
		   "NFS version 3 is served, which is what volumes use%s",
		   has_nfs4(doctor) ? "; version 4, too" : "");
	return 0;
}

/* --- MOUNT ------------------------------------------------------------------------ */

static int find_mount_port(struct doctor *doctor, uint32_t *ret)
{
	const struct share_nfs_options *share = &doctor->options->share;
	int r;

	*ret = share->mountport;
	if (*ret)
		return 0;
	r = share_probe_port(share->server, SHARE_SERVICE_MOUNT3, ret);
	if (r < 0)
		return doctor_fail(
			doctor, "portmapper", SHARE_STEP_PORTMAPPER, r,
			"ask the portmapper of server %s for its MOUNT service",
			share->server);
	doctor_say(doctor, DOCTOR_OK, "portmapper", NULL,
		   "the MOUNT service has TCP port %u", *ret);
	return 0;
}

static bool is_at_or_below(const char *path, const char *export)
{
	size_t len = strlen(export);

	while (len > 1 && export[len - 1] == '/')
		len--;
	return strncmp(path, export, len) == 0 &&
	       (len == 1 || path[len] == '/' || path[len] == '\0');
}

static char *list(const struct share_exports *exports)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	for (size_t i = 0; i < exports->n; i++)
		fprintf(out, "%s%s", i ? ", " : "", exports->paths[i]);
	fputs(exports->is_cut ? ", ..." : "", out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* Only told: servers may hide what they export. */
static void say_exports(struct doctor *doctor, struct share_nfs *mount)
{
	const char *share = doctor->options->share.share;
	_cleanup_(share_exports_fini) struct share_exports exports = { 0 };
	_cleanup_(free) char *paths = NULL;

	if (share_probe_exports(mount, &exports) < 0)
		return;
	paths = list(&exports);
	for (size_t i = 0; i < exports.n; i++) {
		if (!is_at_or_below(share, exports.paths[i]))
			continue;
		doctor_say(doctor, DOCTOR_OK, "exports", NULL,
			   "%s is among what the server exports: %s", share,
			   paths ? paths : "?");
		return;
	}
	doctor_say(doctor, DOCTOR_WARN, "exports", NULL,
		   "%s is not among what the server says that it exports: %s",
		   share, exports.n && paths ? paths : "nothing");
}

int doctor_check_mount_service(struct doctor *doctor)
{
	const char *server = doctor->options->share.server;
	_cleanup_(share_nfs_close) struct share_nfs *mount = NULL;
	uint32_t port = 0;
	int r = find_mount_port(doctor, &port);

	if (r < 0)
		return r;
	r = share_probe_service(&mount, server, port, SHARE_SERVICE_MOUNT3);
	if (r < 0)
		return doctor_fail(
			doctor, "mount", SHARE_STEP_MOUNT_PORT, r,
			"reach the MOUNT service of server %s on port %u",
			server, port);
	doctor_say(doctor, DOCTOR_OK, "mount", NULL,
		   "MOUNT version 3 is served on TCP port %u", port);
	say_exports(doctor, mount);
	return 0;
}

/* --- the share -------------------------------------------------------------------- */

int doctor_check_share(struct doctor *doctor)
{
	const struct share_nfs_options *share = &doctor->options->share;
	_cleanup_(err_fini) struct err err = ERR_INIT;
	_cleanup_(free) char *remedy = NULL;
	enum share_step step;
	int r = share_try_open(&doctor->nfs, share, &step, &err);

	if (r == 0) {
		doctor_say(doctor, DOCTOR_OK, "share", NULL,
			   "share %s can be mounted", share->share);
		return 0;
	}
	remedy = share_fault_remedy(step, r, share->share);
	doctor_say(
		doctor, DOCTOR_FAIL, "share", remedy, "%s%s", err_text(&err),
		r == -EACCES && geteuid() != 0
			? "; only root can ask from a reserved port, which servers may demand"
			: "");
	return r;
}
