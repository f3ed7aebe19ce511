/* SPDX-License-Identifier: Apache-2.0 */

/*
 * NLM on the wire against another implementation's codec (libnfs's), both ways.
 * Replies are then cut and damaged at every byte.
 */

#include <errno.h>

#include "nfs3_xdr.h"
#include "nlm_xdr.h"

/* libnfs's headers need this order. */
/* clang-format off */
#include <nfsc/libnfs-zdr.h>
#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <nfsc/libnfs-raw-nlm.h>
/* clang-format on */

#include <criterion/criterion.h>

#include "cleanup.h"

typedef uint32_t (*zdr_fn)(ZDR *zdr, void *object);

static uint8_t wire[4096];
static size_t wire_len;
static char cookie[] = "abcd";
static char caller[] = "node-a";
static char stranger[] = "node-b";

static struct nfs_call a_call(enum nfs_proc proc)
{
	return (struct nfs_call){
		.proc = proc,
		.args = { .fh = { .len = 5, .data = { 1, 2, 3, 4, 5 } },
			  .lock = { .caller = caller,
				    .svid = 0x40000001,
				    .offset = 0x100000001,
				    .len = 7,
				    .is_exclusive = true } },
	};
}

/* --- calls ------------------------------------------------------------------ */

/* libnfs decodes the arguments, all of them. */
static void decode_with_libnfs(const struct nfs_call *call, uint32_t number,
			       zdr_fn fn, void *ret_args)
{
	struct xdr_writer w = xdr_writer_over(wire, sizeof(wire));
	struct xdr_writer head = xdr_writer_over(wire, sizeof(wire));
	static ZDR zdr;
	size_t head_len;

	cr_assert_eq(nfs3_encode_call(&w, 1, call), 0);
	cr_assert_eq(xdr_load_u32(wire + 12), 100021);
	cr_assert_eq(xdr_load_u32(wire + 16), 4);
	cr_assert_eq(xdr_load_u32(wire + 20), number);
	nfs_rpc_put_call(&head, 1, nlm_procedure(call->proc), &call->cred);
	head_len = (size_t)(head.p - wire);
	wire_len = (size_t)(w.p - head.p);
	zdrmem_create(&zdr, (char *)wire + head_len, (uint32_t)wire_len,
		      ZDR_DECODE);
	cr_assert(fn(&zdr, ret_args), "libnfs can't read it");
	cr_assert_eq(zdr_getpos(&zdr), wire_len);
}

#define DECODE(type, call, number, ret) \
	decode_with_libnfs(call, number, (zdr_fn)(void *)zdr_##type, ret)

static void assert_is_our_range(const nlm4_lock *lock)
{
	cr_assert_str_eq(lock->caller_name, "node-a");
	cr_assert_str_eq(lock->oh, "node-a");
	cr_assert_eq(lock->fh.data.data_len, 5);
	cr_assert_eq(lock->svid, 0x40000001);
	cr_assert_eq(lock->l_offset, 0x100000001);
	cr_assert_eq(lock->l_len, 7);
}

Test(nlm, a_lock_is_asked_for_without_blocking)
{
	struct nfs_call call = a_call(NLM_LOCK);
	NLM4_LOCKargs args = { 0 };

	call.args.lock.is_reclaim = true;
	DECODE(NLM4_LOCKargs, &call, 2, &args);
	assert_is_our_range(&args.lock);
	cr_assert_eq(args.block, 0);
	cr_assert_eq(args.exclusive, 1);
	cr_assert_eq(args.reclaim, 1);
}

Test(nlm, test_and_unlock_name_the_range)
{
	struct nfs_call call = a_call(NLM_TEST);
	NLM4_TESTargs test = { 0 };
	NLM4_UNLOCKargs unlock = { 0 };

	DECODE(NLM4_TESTargs, &call, 1, &test);
	assert_is_our_range(&test.lock);
	cr_assert_eq(test.exclusive, 1);
	call = a_call(NLM_UNLOCK);
	DECODE(NLM4_UNLOCKargs, &call, 4, &unlock);
	assert_is_our_range(&unlock.lock);
}

Test(nlm, the_portmapper_is_asked_for_the_lock_manager_on_tcp)
{
	struct nfs_call call = { .proc = PMAP_GETPORT };
	struct xdr_writer w = xdr_writer_over(wire, sizeof(wire));
	static const uint32_t args[] = { 100021, 4, 6, 0 };

	cr_assert_eq(nfs3_encode_call(&w, 1, &call), 0);
	cr_assert_eq(xdr_load_u32(wire + 12), 100000);
	cr_assert_eq(xdr_load_u32(wire + 16), 2);
	cr_assert_eq(xdr_load_u32(wire + 20), 3);
	for (size_t i = 0; i < ARRAY_SIZE(args); i++)
		cr_assert_eq(xdr_load_u32(w.p - sizeof(args) + 4 * i), args[i]);
}

/* --- replies ---------------------------------------------------------------- */

static void encode_with_libnfs(zdr_fn fn, void *res)
{
	ZDR zdr;

	zdrmem_create(&zdr, (char *)wire, sizeof(wire), ZDR_ENCODE);
	cr_assert(fn(&zdr, res), "libnfs can't write it");
	wire_len = zdr_getpos(&zdr);
	zdr_destroy(&zdr);
}

#define ENCODE(type, res) encode_with_libnfs((zdr_fn)(void *)zdr_##type, res)

static void make_lock_reply(nlmstat4 status)
{
	NLM4_LOCKres res = { .cookie = { { 4, cookie } }, .status = status };

	ENCODE(NLM4_LOCKres, &res);
}

static void make_test_reply(char *oh)
{
	NLM4_TESTres res = { .cookie = { { 4, cookie } } };
	nlm4_holder *holder = &res.reply.nlm4_testreply_u.lock.holder;

	res.reply.status = NLM4_DENIED;
	*holder = (nlm4_holder){
		.exclusive = 1, .svid = 9, .oh = oh, .l_offset = 10, .l_len = 20
	};
	ENCODE(NLM4_TESTres, &res);
}

/* From memory of exactly the reply's size, so that a sanitizer sees the end. */
static int decode(struct nfs_call *call, size_t len)
{
	_cleanup_(free) uint8_t *copy = malloc(len + 1);
	struct xdr_reader r = xdr_reader_over(copy + 1, len);

	cr_assert(copy);
	memcpy(copy + 1, wire, len);
	return nfs3_decode_results(&r, call, (struct nfs3_entries){ 0 });
}

Test(nlm, what_a_server_says_to_a_lock)
{
	static const struct {
		nlmstat4 stat;
		bool is_reclaim;
		int status;
		enum nlm_outcome outcome;
	} cases[] = {
		{ NLM4_GRANTED, false, 0, NLM_GRANTED },
		{ NLM4_DENIED, false, 0, NLM_DENIED },
		{ NLM4_BLOCKED, false, 0, NLM_DENIED },
		{ NLM4_DENIED, true, 0, NLM_DENIED },
		{ NLM4_DENIED_GRACE_PERIOD, false, -EAGAIN, 0 },
		{ NLM4_DENIED_GRACE_PERIOD, true, 0, NLM_NO_GRACE },
		{ NLM4_DENIED_NOLOCKS, false, -ENOLCK, 0 },
		{ NLM4_DEADLCK, false, -EDEADLK, 0 },
		{ NLM4_ROFS, false, -EROFS, 0 },
		{ NLM4_STALE_FH, false, -ESTALE, 0 },
		{ NLM4_FBIG, false, -EOVERFLOW, 0 },
		{ NLM4_FAILED, false, -ENOLCK, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nfs_call call = a_call(NLM_LOCK);

		call.args.lock.is_reclaim = cases[i].is_reclaim;
		make_lock_reply(cases[i].stat);
		cr_assert_eq(decode(&call, wire_len), cases[i].status,
			     "case %zu", i);
		cr_assert_eq(call.res.lock.outcome, cases[i].outcome,
			     "case %zu", i);
	}
}

Test(nlm, an_unknown_status_is_malformed)
{
	struct nfs_call call = a_call(NLM_LOCK);

	make_lock_reply(NLM4_GRANTED);
	wire[wire_len - 1] = 77;
	cr_assert_eq(decode(&call, wire_len), -EBADMSG);
}

Test(nlm, the_holder_is_told)
{
	struct nfs_call call = a_call(NLM_TEST);

	make_test_reply(stranger);
	cr_assert_eq(decode(&call, wire_len), 0);
	cr_assert_eq(call.res.lock.outcome, NLM_DENIED);
	cr_assert(!call.res.lock.is_ours);
	cr_assert(call.res.lock.is_exclusive);
	cr_assert_eq(call.res.lock.svid, 9);
	cr_assert_eq(call.res.lock.offset, 10);
	cr_assert_eq(call.res.lock.len, 20);
	make_test_reply(caller);
	cr_assert_eq(decode(&call, wire_len), 0);
	cr_assert(call.res.lock.is_ours);
}

Test(nlm, a_reply_that_ends_early_is_malformed)
{
	make_test_reply(stranger);
	for (size_t cut = 0; cut < wire_len; cut++) {
		struct nfs_call call = a_call(NLM_TEST);

		cr_assert_eq(decode(&call, cut), -EBADMSG, "cut at %zu", cut);
	}
}

Test(nlm, damage_anywhere_is_survived)
{
	make_test_reply(stranger);
	for (size_t i = 0; i < wire_len * 2; i++) {
		struct nfs_call call = a_call(NLM_TEST);
		uint8_t good = wire[i / 2];

		wire[i / 2] = i % 2 ? 0xff : 0x01;
		(void)decode(&call, wire_len);
		wire[i / 2] = good;
	}
}

Test(nlm, a_port_is_a_port)
{
	struct nfs_call call = { .proc = PMAP_GETPORT };
	struct xdr_writer w = xdr_writer_over(wire, sizeof(wire));

	xdr_put_u32(&w, 65535);
	cr_assert_eq(decode(&call, 4), 0);
	cr_assert_eq(call.res.lock.port, 65535);
	w = xdr_writer_over(wire, sizeof(wire));
	xdr_put_u32(&w, 65536);
	cr_assert_eq(decode(&call, 4), -EBADMSG);
	cr_assert_eq(decode(&call, 3), -EBADMSG);
}
