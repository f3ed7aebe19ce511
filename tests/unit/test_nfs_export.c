/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Setting up an export against a server that a thread of the test plays: MOUNT
 * and NFS on one port, one call at a time, as good or bad as the case wants.
 */

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include <criterion/criterion.h>

#include "clock.h"
#include "nfs_export.h"
#include "nfs_rpc.h"

#define PROGRAM_MOUNT 100005
#define TYPE_DIR      2
#define TYPE_LNK      5

enum behaviour {
	HONEST,
	HANGS,
	TALKS_GARBAGE,
	CLOSES,
	EXPORTS_NOTHING,
	REFUSES,
	WANTS_KERBEROS,
	GIVES_A_LONG_HANDLE,
	HAS_A_SYMLINK,
	HAS_NO_SUBDIR,
};

static int listen_fd = -1;
static enum behaviour behaviour;
static uint32_t n_getattrs;
static pthread_t thread;
static struct nfs_export_spec spec;
static struct nfs_export export;

static void put_attr(struct xdr_writer *w, uint32_t type)
{
	xdr_put_u32(w, type);
	xdr_put_u32(w, 0755);
	for (int i = 0; i < 19; i++)
		xdr_put_u32(w, 0);
}

static void put_mount(struct xdr_writer *w)
{
	static const uint8_t handle[NFS_FH_MAX + 1] = { 1, 2, 3, 4 };

	switch (behaviour) {
	case EXPORTS_NOTHING:
		xdr_put_u32(w, 2);
		return;
	case REFUSES:
		xdr_put_u32(w, 13);
		return;
	default:
		break;
	}
	xdr_put_u32(w, 0);
	xdr_put_opaque(w, handle,
		       behaviour == GIVES_A_LONG_HANDLE ? NFS_FH_MAX + 1 : 4);
	xdr_put_u32(w, 1);
	xdr_put_u32(w, behaviour == WANTS_KERBEROS ? 390003 : 1);
}

static void put_lookup(struct xdr_writer *w)
{
	static const uint8_t handle[] = { 5, 6, 7, 8 };

	if (behaviour == HAS_NO_SUBDIR) {
		xdr_put_u64(w, 2ULL << 32); /* NOENT, no attributes */
		return;
	}
	xdr_put_u32(w, 0);
	xdr_put_opaque(w, handle, sizeof(handle));
	xdr_put_u64(w, 0); /* no attributes of either */
}

static void put_fsinfo(struct xdr_writer *w)
{
	static const uint32_t limits[] = { 4 << 20, 0,	 512, 65536,
					   32768,   512, 8192 };

	xdr_put_u64(w, 0); /* OK, no attributes */
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		xdr_put_u32(w, limits[i]);
	xdr_put_u64(w, 1ULL << 40);
	xdr_put_u64(w, 0);
	xdr_put_u32(w, 0);
}

static void put_results(struct xdr_writer *w, uint32_t program, uint32_t proc)
{
	if (program == PROGRAM_MOUNT) {
		put_mount(w);
		return;
	}
	switch (proc) {
	case NFS_GETATTR:
		xdr_put_u32(w, 0);
		put_attr(w, n_getattrs++ > 0 && behaviour == HAS_A_SYMLINK
				    ? TYPE_LNK
				    : TYPE_DIR);
		break;
	case NFS_LOOKUP:
		put_lookup(w);
		break;
	default:
		put_fsinfo(w);
		break;
	}
}

/* Calls are small and come whole on loopback: one recv(2) is one call. */
static void answer(int fd, uint8_t *call)
{
	static uint8_t reply[512];
	struct xdr_writer w = xdr_writer_over(reply, sizeof(reply));

	xdr_put_u32(&w, 0);
	xdr_put_u32(&w, xdr_load_u32(call + 4));
	xdr_put_u32(&w, 1);
	xdr_put_u32(&w, 0);
	xdr_put_u64(&w, 0);
	xdr_put_u32(&w, 0);
	put_results(&w, xdr_load_u32(call + 16), xdr_load_u32(call + 24));
	*(uint32_t *)(void *)reply =
		htonl(NFS_RPC_LAST_FRAGMENT | (uint32_t)(w.p - reply - 4));
	if (behaviour == TALKS_GARBAGE)
		memset(reply + 8, 0xee, 20);
	cr_assert_eq(send(fd, reply, (size_t)(w.p - reply), MSG_NOSIGNAL),
		     w.p - reply);
}

static void serve(int fd)
{
	uint8_t call[2048];
	ssize_t n;

	while ((n = recv(fd, call, sizeof(call), 0)) > 0) {
		if (behaviour == CLOSES)
			return;
		if (behaviour == HANGS)
			continue;
		cr_assert_gt(n, 40);
		answer(fd, call);
	}
}

static void *run_server(void *userdata)
{
	int fd;

	while ((fd = accept(listen_fd, NULL, NULL)) >= 0) {
		serve(fd);
		fd_close(fd);
	}
	return NULL;
}

static void set_up(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);

	listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(listen_fd, (struct sockaddr *)&addr, len), 0);
	cr_assert_eq(listen(listen_fd, 8), 0);
	cr_assert_eq(getsockname(listen_fd, (struct sockaddr *)&addr, &len), 0);
	cr_assert_eq(pthread_create(&thread, NULL, run_server, NULL), 0);
	spec = (struct nfs_export_spec){ .server = "127.0.0.1",
					 .share = "/share",
					 .port = ntohs(addr.sin_port),
					 .mount_port = ntohs(addr.sin_port),
					 .timeout_ms = 2000 };
}

static void tear_down(void)
{
	shutdown(listen_fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	fd_close(listen_fd);
}

TestSuite(nfs_export, .init = set_up, .fini = tear_down, .timeout = 30);

Test(nfs_export, gives_root_and_limits)
{
	cr_assert_eq(nfs_export_open(&export, &spec, NULL), 0);
	cr_assert_eq(export.root.len, 4);
	cr_assert_arr_eq(export.root.data, "\1\2\3\4", 4);
	cr_assert_eq(export.read_max, NFS_IO_MAX, "more is of no use to us");
	cr_assert_eq(export.read_pref, NFS_IO_MAX, "0 = no preference");
	cr_assert_eq(export.write_max, 65536);
	cr_assert_eq(export.write_pref, 32768);
	cr_assert_eq(export.readdir_pref, 8192);
	cr_assert_eq(export.mount_port, spec.port);
	nfs_export_unmount(&export, &spec);
}

Test(nfs_export, walks_to_the_subdirectory)
{
	spec.subdir = "aaaa//./bbbb/";
	cr_assert_eq(nfs_export_open(&export, &spec, NULL), 0);
	cr_assert_arr_eq(export.root.data, "\5\6\7\10", 4);
}

Test(nfs_export, never_leaves_the_share)
{
	spec.subdir = "aaaa/../../etc";
	cr_assert_eq(nfs_export_open(&export, &spec, NULL), -EINVAL);
}

struct failure {
	enum behaviour behaviour;
	int code;
	const char *sentence;
};

static const struct failure failures[] = {
	{ CLOSES, -ECONNRESET,
	  "mount 127.0.0.1:/share: Connection reset by peer" },
	{ TALKS_GARBAGE, -EPROTO,
	  "mount 127.0.0.1:/share: the answer makes no sense" },
	{ GIVES_A_LONG_HANDLE, -EPROTO,
	  "mount 127.0.0.1:/share: the answer makes no sense" },
	{ EXPORTS_NOTHING, -ENOENT,
	  "mount 127.0.0.1:/share: the server does not export it" },
	{ REFUSES, -EACCES,
	  "mount 127.0.0.1:/share: the server does not export it to this client" },
	{ WANTS_KERBEROS, -EACCES,
	  "mount 127.0.0.1:/share: the server does not accept AUTH_SYS" },
	{ HAS_A_SYMLINK, -ENOTDIR,
	  "look up \"sub\" on 127.0.0.1:/share: \"sub\" is not a directory" },
	{ HAS_NO_SUBDIR, -ENOENT,
	  "look up \"sub\" on 127.0.0.1:/share: \"sub\" does not exist" },
};

Test(nfs_export, every_failure_has_a_code_and_a_sentence)
{
	spec.subdir = "sub";
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		_cleanup_(err_fini) struct err err = ERR_INIT;

		behaviour = failures[i].behaviour;
		n_getattrs = 0;
		cr_assert_eq(nfs_export_open(&export, &spec, &err),
			     failures[i].code, "case %zu", i);
		cr_assert_str_eq(err_text(&err), failures[i].sentence);
	}
}

Test(nfs_export, a_server_that_hangs_is_given_up_in_time)
{
	uint64_t start_ns = clock_ns();

	behaviour = HANGS;
	spec.timeout_ms = 100;
	cr_assert_eq(nfs_export_open(&export, &spec, NULL), -ETIMEDOUT);
	cr_assert_lt(clock_ns() - start_ns, 2 * NS_PER_S);
}

Test(nfs_export, a_server_that_hangs_does_not_hold_up_the_end)
{
	uint64_t start_ns;

	cr_assert_eq(nfs_export_open(&export, &spec, NULL), 0);
	behaviour = HANGS;
	spec.timeout_ms = 100;
	start_ns = clock_ns();
	nfs_export_unmount(&export, &spec);
	cr_assert_lt(clock_ns() - start_ns, NS_PER_S);
}

Test(nfs_export, nobody_at_the_port_is_said_so)
{
	_cleanup_(err_fini) struct err err = ERR_INIT;

	spec.mount_port = 1;
	cr_assert_eq(nfs_export_open(&export, &spec, &err), -ECONNREFUSED);
	cr_assert_str_eq(err_text(&err),
			 "connect to 127.0.0.1:1: Connection refused");
}

Test(nfs_export, a_bad_spec_is_refused_before_anything_is_sent)
{
	spec.share = "share";
	cr_assert_eq(nfs_export_open(&export, &spec, NULL), -EINVAL);
	spec.share = "/share";
	spec.server = "";
	cr_assert_eq(nfs_export_open(&export, &spec, NULL), -EINVAL);
	spec.server = "127.0.0.1";
	spec.port = 65536;
	cr_assert_eq(nfs_export_open(&export, &spec, NULL), -EINVAL);
}
