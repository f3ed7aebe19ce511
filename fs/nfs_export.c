/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Setting up an export is a chain of questions, each a function here: which
 * addresses has the host, on which port is MOUNT, what is the share's handle,
 * what is in it, what may be transferred. The first address that accepts a
 * connection is the server from then on.
 *
 * MOUNT is version 3 over TCP and the portmapper version 2, because that is what
 * NFSv3 servers have. rpcbind is asked only if no port is given: firewalled
 * servers name theirs.
 *
 * Names come from a validated spec, but a path that leaves the share is refused
 * here once more, and a symlink is never followed: whoever can write to the share
 * must not be able to point a volume elsewhere.
 */

#include "nfs_export.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "nfs_ask.h"
#include "nfs_socket.h"
#include "nfs_status.h"
#include "nlm_xdr.h"

#define NFS_PORT	   2049
#define TIMEOUT_MS_DEFAULT 10000
#define UNMOUNT_TIMEOUT_MS 2000
#define FLAVORS_MAX	   32
#define AUTH_SYS	   1

/* RFC 1813 section 5.2. */
static const struct nfs_rpc_procedure mount_mnt = { 100005, 3, 1 };
static const struct nfs_rpc_procedure mount_umnt = { 100005, 3, 3 };

struct opening {
	const struct nfs_export_spec *spec;
	uint64_t deadline_ns;
	struct nfs_export export;
};

/* --- sentences ------------------------------------------------------------- */

static int fail_connect(const struct opening *o, uint16_t port, int r,
			struct err *err)
{
	return err_set_errno(err, r, "connect to %s:%u", o->spec->server, port);
}

/* What the RPC layer says, in terms of a mount. */
static int fail_rpc(const struct opening *o, const char *what, int r,
		    struct err *err)
{
	const struct nfs_export_spec *spec = o->spec;

	if (r == -EOPNOTSUPP)
		return err_set(err, -EPROTO,
			       "%s %s:%s: the server does not serve version 3",
			       what, spec->server, spec->share);
	if (r == -EBADMSG)
		return err_set(err, -EPROTO,
			       "%s %s:%s: the answer makes no sense", what,
			       spec->server, spec->share);
	if (r == -EAGAIN)
		return err_set(err, -EAGAIN,
			       "%s %s:%s: the server asks to try again later",
			       what, spec->server, spec->share);
	return err_set_errno(err, r, "%s %s:%s", what, spec->server,
			     spec->share);
}

static int fail_mount(const struct opening *o, int r, struct err *err)
{
	const struct nfs_export_spec *spec = o->spec;

	if (r == -ENOENT)
		return err_set(err, r,
			       "mount %s:%s: the server does not export it",
			       spec->server, spec->share);
	if (r == -EACCES || r == -EPERM)
		return err_set(
			err, -EACCES,
			"mount %s:%s: the server does not export it to this client",
			spec->server, spec->share);
	return fail_rpc(o, "mount", r, err);
}

/* --- the server's address and ports ----------------------------------------- */

static int dial(struct nfs_ask *ask, const struct opening *o, uint16_t port)
{
	struct sockaddr_storage addr = o->export.addr;

	nfs_sockaddr_set_port(&addr, port);
	return nfs_ask_connect(ask, &addr, o->export.addr_len, o->deadline_ns);
}

/* *ret_port is 0 when the server has no such service. */
static int ask_portmapper(const struct opening *o,
			  struct nfs_rpc_procedure service, uint16_t *ret_port,
			  struct err *err)
{
	_cleanup_(nfs_ask_fini) struct nfs_ask ask = NFS_ASK_INIT;
	struct xdr_reader results;
	struct xdr_writer w;
	uint32_t port;
	int r = dial(&ask, o, PMAP_PORT);

	if (r < 0)
		return fail_connect(o, PMAP_PORT, r, err);
	w = nfs_ask_begin(&ask, nlm_procedure(PMAP_GETPORT));
	xdr_put_u32(&w, service.program);
	xdr_put_u32(&w, service.version);
	xdr_put_u32(&w, PMAP_TCP);
	xdr_put_u32(&w, 0);
	r = nfs_ask_finish(&ask, &w, &results);
	if (r < 0)
		return fail_rpc(o, "ask the portmapper about", r, err);
	port = xdr_get_u32(&results);
	*ret_port = port > UINT16_MAX ? 0 : (uint16_t)port;
	return 0;
}

static int find_mount_port(struct opening *o, struct err *err)
{
	int r;

	o->export.mount_port = (uint16_t)o->spec->mount_port;
	if (o->spec->mount_port)
		return 0;
	r = ask_portmapper(o, mount_mnt, &o->export.mount_port, err);
	if (r < 0 || o->export.mount_port)
		return r;
	return err_set(err, -EPROTO,
		       "mount %s:%s: the server has no MOUNT service",
		       o->spec->server, o->spec->share);
}

/* --- MOUNT ------------------------------------------------------------------- */

static bool offers_auth_sys(struct xdr_reader *r)
{
	uint32_t n = xdr_get_u32(r);
	bool has = n == 0; /* a server without a list has no other */

	for (uint32_t i = 0; i < n && i < FLAVORS_MAX && !r->is_bad; i++)
		if (xdr_get_u32(r) == AUTH_SYS)
			has = true;
	return has;
}

static int decode_mount(const struct opening *o, struct xdr_reader *r,
			struct nfs_fh *ret, struct err *err)
{
	uint32_t status = xdr_get_u32(r);
	const uint8_t *data;
	bool is_auth_sys;

	if (r->is_bad)
		return fail_mount(o, -EBADMSG, err);
	if (status != 0)
		return fail_mount(o, nfs_mount_status_to_errno(status), err);
	data = xdr_get_opaque(r, NFS_FH_MAX, &ret->len);
	is_auth_sys = offers_auth_sys(r);
	if (r->is_bad || ret->len == 0)
		return fail_mount(o, -EBADMSG, err);
	memcpy(ret->data, data, ret->len);
	if (!is_auth_sys)
		return err_set(
			err, -EACCES,
			"mount %s:%s: the server does not accept AUTH_SYS",
			o->spec->server, o->spec->share);
	return 0;
}

static int ask_mount(struct opening *o, struct err *err)
{
	_cleanup_(nfs_ask_fini) struct nfs_ask ask = NFS_ASK_INIT;
	struct xdr_reader results;
	struct xdr_writer w;
	int r = dial(&ask, o, o->export.mount_port);

	if (r < 0)
		return fail_connect(o, o->export.mount_port, r, err);
	w = nfs_ask_begin(&ask, mount_mnt);
	xdr_put_opaque(&w, o->spec->share, (uint32_t)strlen(o->spec->share));
	r = nfs_ask_finish(&ask, &w, &results);
	if (r < 0)
		return fail_mount(o, r, err);
	return decode_mount(o, &results, &o->export.root, err);
}

/* --- NFS --------------------------------------------------------------------- */

static int ask_attributes(struct nfs_ask *ask, struct nfs_export *export)
{
	struct nfs_call call = { .proc = NFS_GETATTR, .args.fh = export->root };
	int r = nfs_ask_call(ask, &call);

	if (r == 0)
		export->root_attr = call.res.attr;
	return r;
}

static int fail_component(const struct opening *o, const char *name, int r,
			  struct err *err)
{
	const struct nfs_export_spec *spec = o->spec;

	if (r == -ENOENT)
		return err_set(err, r,
			       "look up \"%s\" on %s:%s: \"%s\" does not exist",
			       spec->subdir, spec->server, spec->share, name);
	if (r == -ENOTDIR)
		return err_set(
			err, r,
			"look up \"%s\" on %s:%s: \"%s\" is not a directory",
			spec->subdir, spec->server, spec->share, name);
	return fail_rpc(o, "look a directory up on", r, err);
}

/* Makes the root what name is in it. */
static int descend(struct opening *o, struct nfs_ask *ask, const char *name,
		   struct err *err)
{
	struct nfs_call call = { .proc = NFS_LOOKUP,
				 .args.fh = o->export.root,
				 .args.name = name };
	int r;

	if (strcmp(name, "..") == 0)
		return err_set(err, -EINVAL,
			       "sub-directory \"%s\": \"..\" is not allowed",
			       o->spec->subdir);
	r = nfs_ask_call(ask, &call);
	if (r < 0)
		return fail_component(o, name, r, err);
	o->export.root = call.res.fh;
	r = ask_attributes(ask, &o->export);
	if (r < 0)
		return fail_component(o, name, r, err);
	if (!S_ISDIR(o->export.root_attr.mode))
		return fail_component(o, name, -ENOTDIR, err);
	return 0;
}

static int walk(struct opening *o, struct nfs_ask *ask, struct err *err)
{
	_cleanup_(free) char *path = strdup(o->spec->subdir ?: "");
	char *rest = path, *name;

	if (!path)
		return err_set(err, -ENOMEM, "look a directory up: no memory");
	while ((name = strsep(&rest, "/"))) {
		int r;

		if (*name == '\0' || strcmp(name, ".") == 0)
			continue;
		r = descend(o, ask, name, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The smaller of what the server says and we can; 0 from the server = no limit. */
static uint32_t limited(uint32_t bytes)
{
	return bytes == 0 || bytes > NFS_IO_MAX ? NFS_IO_MAX : bytes;
}

static int ask_limits(struct opening *o, struct nfs_ask *ask)
{
	struct nfs_call call = { .proc = NFS_FSINFO,
				 .args.fh = o->export.root };
	struct nfs_export *export = &o->export;
	int r = nfs_ask_call(ask, &call);

	if (r < 0)
		return r;
	export->read_max = limited(call.res.fsinfo.read_max);
	export->read_pref = limited(call.res.fsinfo.read_pref);
	export->write_max = limited(call.res.fsinfo.write_max);
	export->write_pref = limited(call.res.fsinfo.write_pref);
	export->readdir_pref = limited(call.res.fsinfo.readdir_pref);
	export->file_size_max = call.res.fsinfo.file_size_max;
	return 0;
}

static int ask_nfs(struct opening *o, struct err *err)
{
	_cleanup_(nfs_ask_fini) struct nfs_ask ask = NFS_ASK_INIT;
	uint16_t port = o->spec->port ? (uint16_t)o->spec->port : NFS_PORT;
	int r = dial(&ask, o, port);

	if (r < 0)
		return fail_connect(o, port, r, err);
	nfs_sockaddr_set_port(&o->export.addr, port);
	r = ask_attributes(&ask, &o->export);
	if (r < 0)
		return fail_rpc(o, "get the attributes of", r, err);
	r = walk(o, &ask, err);
	if (r < 0)
		return r;
	r = ask_limits(o, &ask);
	return r < 0 ? fail_rpc(o, "get the limits of", r, err) : 0;
}

/* --- the whole ---------------------------------------------------------------- */

static int open_at(struct opening *o, const struct addrinfo *info,
		   struct err *err)
{
	int r;

	memcpy(&o->export.addr, info->ai_addr, info->ai_addrlen);
	o->export.addr_len = info->ai_addrlen;
	r = find_mount_port(o, err);
	if (r < 0)
		return r;
	r = ask_mount(o, err);
	return r < 0 ? r : ask_nfs(o, err);
}

static bool is_unreachable(int r)
{
	return r == -ECONNREFUSED || r == -EHOSTUNREACH || r == -ENETUNREACH ||
	       r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL;
}

static int open_any(struct opening *o, const struct addrinfo *infos,
		    struct err *err)
{
	int r = -EHOSTUNREACH;

	for (const struct addrinfo *i = infos; i; i = i->ai_next) {
		r = open_at(o, i, err);
		if (!is_unreachable(r))
			return r;
	}
	return r == -ENETUNREACH ? -EHOSTUNREACH : r;
}

static int check_spec(const struct nfs_export_spec *spec, struct err *err)
{
	if (!spec->server || !*spec->server)
		return err_set(err, -EINVAL, "server: a name is needed");
	if (!spec->share || spec->share[0] != '/')
		return err_set(err, -EINVAL,
			       "share \"%s\": an absolute path is needed",
			       spec->share ?: "");
	if (strlen(spec->share) > 1024) /* RFC 1813 5.1.1 MNTPATHLEN */
		return err_set(err, -EINVAL,
			       "share: at most 1024 bytes are allowed");
	if (spec->port > UINT16_MAX || spec->mount_port > UINT16_MAX)
		return err_set(err, -EINVAL, "port: 1 to 65535 is allowed");
	return 0;
}

static int resolve(const char *server, struct addrinfo **ret, struct err *err)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM };
	int r = getaddrinfo(server, NULL, &hints, ret);

	if (r == 0)
		return 0;
	return err_set(err, -EHOSTUNREACH, "resolve \"%s\": %s", server,
		       gai_strerror(r));
}

static void start(struct opening *o, const struct nfs_export_spec *spec,
		  uint32_t timeout_ms)
{
	*o = (struct opening){ .spec = spec };
	o->deadline_ns = clock_ns() + timeout_ms * NS_PER_MS;
}

int nfs_export_open(struct nfs_export *ret, const struct nfs_export_spec *spec,
		    struct err *err)
{
	struct addrinfo *infos = NULL;
	struct opening opening;
	int r = check_spec(spec, err);

	if (r < 0)
		return r;
	r = resolve(spec->server, &infos, err);
	if (r < 0)
		return r;
	start(&opening, spec,
	      spec->timeout_ms ? spec->timeout_ms : TIMEOUT_MS_DEFAULT);
	r = open_any(&opening, infos, err);
	freeaddrinfo(infos);
	if (r == 0)
		*ret = opening.export;
	return r;
}

int nfs_export_find_lock_manager(const struct nfs_export *export,
				 const struct nfs_export_spec *spec,
				 uint16_t *ret_port, struct err *err)
{
	struct opening opening;
	uint16_t port = 0;
	int r;

	start(&opening, spec,
	      spec->timeout_ms ? spec->timeout_ms : TIMEOUT_MS_DEFAULT);
	opening.export = *export;
	r = ask_portmapper(&opening, nlm_procedure(NLM_NULL), &port, err);
	if (r < 0)
		return err_wrap(err, "use mount option \"lock\"");
	if (port == 0)
		return err_set(
			err, -EPROTO,
			"use mount option \"lock\": server \"%s\" has no lock manager (NLM version 4 over TCP)",
			spec->server);
	*ret_port = port;
	return 0;
}

void nfs_export_unmount(const struct nfs_export *export,
			const struct nfs_export_spec *spec)
{
	_cleanup_(nfs_ask_fini) struct nfs_ask ask = NFS_ASK_INIT;
	struct xdr_reader results;
	struct opening opening;
	struct xdr_writer w;

	start(&opening, spec,
	      spec->timeout_ms ? spec->timeout_ms : UNMOUNT_TIMEOUT_MS);
	opening.export = *export;
	if (dial(&ask, &opening, export->mount_port) < 0)
		return;
	w = nfs_ask_begin(&ask, mount_umnt);
	xdr_put_opaque(&w, spec->share, (uint32_t)strlen(spec->share));
	(void)nfs_ask_finish(&ask, &w, &results);
}
