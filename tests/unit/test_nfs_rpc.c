/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include <criterion/criterion.h>

#include "cleanup.h"
#include "nfs_rpc.h"
#include "nfs_status.h"

#define WORDS_MAX 8

static int get_reply(const uint32_t *words, size_t n, uint32_t *ret_xid)
{
	_cleanup_(free) uint8_t *wire = malloc(4 * n + 1);
	struct xdr_writer w = xdr_writer_over(wire, 4 * n);
	struct xdr_reader r = xdr_reader_over(wire, 4 * n);

	cr_assert(wire);
	for (size_t i = 0; i < n; i++)
		xdr_put_u32(&w, words[i]);
	return nfs_rpc_get_reply(&r, ret_xid);
}

Test(nfs_rpc, replies_are_success_refusal_or_nonsense)
{
	static const struct {
		int expected;
		size_t n;
		uint32_t words[WORDS_MAX];
	} cases[] = {
		/* xid, REPLY, ACCEPTED, verifier, verifier's length, status */
		{ 0, 6, { 7, 1, 0, 0, 0, 0 } },
		{ -EOPNOTSUPP, 6, { 7, 1, 0, 0, 0, 1 } },
		{ -EOPNOTSUPP, 8, { 7, 1, 0, 0, 0, 2, 4, 4 } },
		{ -EOPNOTSUPP, 6, { 7, 1, 0, 0, 0, 3 } },
		{ -EIO, 6, { 7, 1, 0, 0, 0, 4 } },
		{ -EIO, 6, { 7, 1, 0, 0, 0, 5 } },
		{ -EBADMSG, 6, { 7, 1, 0, 0, 0, 6 } },
		/* a verifier with a body */
		{ 0, 7, { 7, 1, 0, 1, 4, 99, 0 } },
		{ -EBADMSG, 6, { 7, 1, 0, 0, 404, 0 } },
		{ -EBADMSG, 6, { 7, 1, 0, 0, 0x80000000, 0 } },
		/* DENIED: versions, authentication */
		{ -EOPNOTSUPP, 6, { 7, 1, 1, 0, 2, 2 } },
		{ -EACCES, 5, { 7, 1, 1, 1, 1 } },
		{ -EBADMSG, 4, { 7, 1, 1, 2 } },
		/* a call, garbage, too short */
		{ -EBADMSG, 6, { 7, 0, 0, 0, 0, 0 } },
		{ -EBADMSG, 6, { 7, 1, 2, 0, 0, 0 } },
		{ -EBADMSG, 5, { 7, 1, 0, 0, 0 } },
		{ -EBADMSG, 0, { 0 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t xid = 0;
		int r = get_reply(cases[i].words, cases[i].n, &xid);

		cr_assert_eq(r, cases[i].expected, "case %zu gave %d", i, r);
		if (r == 0)
			cr_assert_eq(xid, 7);
	}
}

Test(nfs_rpc, statuses_are_errnos_of_linux)
{
	cr_assert_eq(nfs_status_to_errno(0), 0);
	cr_assert_eq(nfs_status_to_errno(2), -ENOENT);
	cr_assert_eq(nfs_status_to_errno(63), -ENAMETOOLONG);
	cr_assert_eq(nfs_status_to_errno(66), -ENOTEMPTY);
	cr_assert_eq(nfs_status_to_errno(69), -EDQUOT);
	cr_assert_eq(nfs_status_to_errno(10001), -ESTALE);
	cr_assert_eq(nfs_status_to_errno(10004), -EOPNOTSUPP);
	cr_assert_eq(nfs_status_to_errno(4711), -EIO);
	cr_assert_eq(nfs_mount_status_to_errno(13), -EACCES);
	cr_assert_eq(nfs_mount_status_to_errno(10008), -EIO);
}

Test(nfs_rpc, only_jukebox_is_eagain)
{
	for (uint32_t status = 0; status < 20000; status++)
		cr_assert_eq(nfs_status_to_errno(status) == -EAGAIN,
			     status == 10008);
}

Test(nfs_rpc, every_procedure_has_a_name)
{
	for (enum nfs_proc proc = NFS_NULL; proc < NFS_N_PROCS; proc++)
		cr_assert(nfs_proc_name(proc));
	cr_assert_str_eq(nfs_proc_name(NFS_READDIRPLUS), "READDIRPLUS");
	cr_assert_str_eq(nfs_proc_name(NFS_N_PROCS), "unknown");
}
