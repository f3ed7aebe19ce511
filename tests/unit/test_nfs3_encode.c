/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What we write is read by another implementation's decoder (libnfs's), and once
 * compared byte by byte with RFC 5531 and RFC 1813.
 */

#include <errno.h>
#include <sys/stat.h>

#include "nfs3_xdr.h"

/* libnfs's headers need this order. */
/* clang-format off */
#include <nfsc/libnfs-zdr.h>
#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <nfsc/libnfs-raw-nfs.h>
/* clang-format on */

#include <criterion/criterion.h>

#include "cleanup.h"

typedef uint32_t (*zdr_fn)(ZDR *zdr, void *object);

static uint8_t wire[NFS3_CALL_MAX];
static ZDR zdr;
static bool is_decoding;

static void release(void)
{
	if (is_decoding)
		zdr_destroy(&zdr);
}

static size_t encode(const struct nfs_call *call)
{
	struct xdr_writer w = xdr_writer_over(wire, sizeof(wire));

	cr_assert_eq(nfs3_encode_call(&w, 0x01020304, call), 0);
	return (size_t)(w.p - wire);
}

/* Encodes the call and has libnfs decode its arguments, all of them. */
static void decode_with_libnfs(const struct nfs_call *call, zdr_fn fn,
			       void *ret_args)
{
	uint8_t head[NFS_RPC_CALL_MAX];
	struct xdr_writer w = xdr_writer_over(head, sizeof(head));
	size_t len = encode(call), head_len;

	nfs_rpc_put_call(&w, 0, (struct nfs_rpc_procedure){ 0 }, &call->cred);
	head_len = (size_t)(w.p - head);
	zdrmem_create(&zdr, (char *)wire + head_len, (uint32_t)(len - head_len),
		      ZDR_DECODE);
	is_decoding = true;
	cr_assert(fn(&zdr, ret_args), "libnfs can't read it");
	cr_assert_eq(zdr_getpos(&zdr), len - head_len);
}

#define DECODE(type, call, ret) \
	decode_with_libnfs(call, (zdr_fn)(void *)zdr_##type, ret)

static struct nfs_call a_call(enum nfs_proc proc)
{
	return (struct nfs_call){
		.proc = proc,
		.cred = { .uid = 1000,
			  .gid = 100,
			  .n_gids = 2,
			  .gids = { 7, 8 } },
		.args = { .fh = { .len = 5, .data = { 1, 2, 3, 4, 5 } },
			  .name = "a name" },
	};
}

static const struct nfs_set a_set = {
	.mask = NFS_SET_MODE | NFS_SET_GID | NFS_SET_SIZE | NFS_SET_ATIME |
		NFS_SET_MTIME | NFS_SET_MTIME_NOW,
	.mode = 0640,
	.gid = 12,
	.size = 0x123456789aULL,
	.atime = { .tv_sec = 0x80000000, .tv_nsec = 999999999 },
};

static void assert_is_a_set(const sattr3 *set)
{
	cr_assert_eq(set->mode.set_mode3_u.mode, 0640);
	cr_assert_eq(set->uid.set_it, 0);
	cr_assert_eq(set->gid.set_gid3_u.gid, 12);
	cr_assert_eq(set->size.set_size3_u.size, 0x123456789aULL);
	cr_assert_eq(set->atime.set_it, SET_TO_CLIENT_TIME);
	cr_assert_eq(set->atime.set_atime_u.atime.seconds, 0x80000000);
	cr_assert_eq(set->atime.set_atime_u.atime.nseconds, 999999999);
	cr_assert_eq(set->mtime.set_it, SET_TO_SERVER_TIME);
}

static void assert_is_a_dirop(const diropargs3 *where)
{
	cr_assert_eq(where->dir.data.data_len, 5);
	cr_assert_arr_eq(where->dir.data.data_val, "\1\2\3\4\5", 5);
	cr_assert_str_eq(where->name, "a name");
}

TestSuite(nfs3_encode, .fini = release);

Test(nfs3_encode, a_getattr_call_is_what_the_rfcs_say)
{
	static const uint8_t
		golden[] = {
			1, 2, 3,    4,	  0,	0,   0,	  0,   0,   0,	 0,
			2, /* xid CALL 2 */
			0, 1, 0x86, 0xa3, 0,	0,   0,	  3,   0,   0,	 0,
			1, /* NFS 3 GETATTR */
			0, 0, 0,    1,	  0,	0,   0,	  36,  0,   0,	 0,
			0, /* AUTH_SYS stamp */
			0, 0, 0,    7,	  'c',	'l', 'a', 'i', 'm', 'f', 's',
			0, 0, 0,    3,	  0xe8, 0,   0,	  0,   100, /* uid gid */
			0, 0, 0,    2,	  0,	0,   0,	  7,   0,   0,	 0,
			8,				     /* gids */
			0, 0, 0,    0,	  0,	0,   0,	  0, /* AUTH_NONE */
			0, 0, 0,    5,	  1,	2,   3,	  4,   5,   0,	 0,
			0, /* handle */
		};
	struct nfs_call call = a_call(NFS_GETATTR);

	cr_assert_eq(encode(&call), sizeof(golden));
	cr_assert_arr_eq(wire, golden, sizeof(golden));
}

Test(nfs3_encode, more_groups_than_auth_sys_carries_are_left_out)
{
	struct nfs_call call = a_call(NFS_NULL);
	size_t len;

	call.cred.n_gids = NFS_GIDS_MAX;
	len = encode(&call);
	call.cred.n_gids = NFS_GIDS_MAX + 100;
	cr_assert_eq(encode(&call), len);
}

Test(nfs3_encode, commit_has_the_number_after_pathconf)
{
	struct nfs_call call = a_call(NFS_COMMIT);
	COMMIT3args args = { 0 };

	call.args.commit.offset = 1ULL << 40;
	call.args.commit.count = 77;
	DECODE(COMMIT3args, &call, &args);
	cr_assert_eq(xdr_load_u32(wire + 20), 21);
	cr_assert_eq(args.offset, 1ULL << 40);
	cr_assert_eq(args.count, 77);
}

Test(nfs3_encode, setattr_carries_set_and_guard)
{
	struct nfs_call call = a_call(NFS_SETATTR);
	SETATTR3args args = { 0 };

	call.args.setattr.set = a_set;
	call.args.setattr.has_guard = true;
	call.args.setattr.guard = (struct timespec){ 5, 6 };
	DECODE(SETATTR3args, &call, &args);
	assert_is_a_set(&args.new_attributes);
	cr_assert_eq(args.guard.check, 1);
	cr_assert_eq(args.guard.sattrguard3_u.obj_ctime.seconds, 5);
	cr_assert_eq(args.guard.sattrguard3_u.obj_ctime.nseconds, 6);
}

Test(nfs3_encode, times_outside_of_the_protocol_are_clamped)
{
	struct nfs_call call = a_call(NFS_SETATTR);
	SETATTR3args args = { 0 };

	call.args.setattr.set = (struct nfs_set){
		.mask = NFS_SET_ATIME | NFS_SET_MTIME,
		.atime = { .tv_sec = -1 },
		.mtime = { .tv_sec = 1LL << 33 },
	};
	DECODE(SETATTR3args, &call, &args);
	cr_assert_eq(args.new_attributes.atime.set_atime_u.atime.seconds, 0);
	cr_assert_eq(args.new_attributes.mtime.set_mtime_u.mtime.seconds,
		     UINT32_MAX);
}

Test(nfs3_encode, calls_on_a_name_carry_directory_and_name)
{
	struct nfs_call call = a_call(NFS_LOOKUP);
	LOOKUP3args args = { 0 };

	DECODE(LOOKUP3args, &call, &args);
	assert_is_a_dirop(&args.what);
}

Test(nfs3_encode, read_carries_offset_and_count)
{
	struct nfs_call call = a_call(NFS_READ);
	READ3args args = { 0 };

	call.args.read.offset = 0xfffffffff000ULL;
	call.args.read.count = NFS_IO_MAX;
	DECODE(READ3args, &call, &args);
	cr_assert_eq(args.offset, 0xfffffffff000ULL);
	cr_assert_eq(args.count, NFS_IO_MAX);
}

Test(nfs3_encode, write_leaves_the_payload_to_the_sender)
{
	struct nfs_call call = a_call(NFS_WRITE);
	size_t len;

	call.args.write.offset = 3;
	call.args.write.count = 1001;
	call.args.write.stable = NFS_FILE_SYNC;
	len = encode(&call);
	cr_assert_eq(nfs3_payload_len(&call), 1001);
	/* offset, count, stable, length: then the payload would begin */
	cr_assert_eq(xdr_load_u64(wire + len - 20), 3);
	cr_assert_eq(xdr_load_u32(wire + len - 12), 1001);
	cr_assert_eq(xdr_load_u32(wire + len - 8), NFS_FILE_SYNC);
	cr_assert_eq(xdr_load_u32(wire + len - 4), 1001);
}

Test(nfs3_encode, create_carries_attributes_or_verifier)
{
	struct nfs_call call = a_call(NFS_CREATE);
	CREATE3args args = { 0 };

	call.args.create.how = NFS_CREATE_GUARDED;
	call.args.create.set = a_set;
	DECODE(CREATE3args, &call, &args);
	assert_is_a_dirop(&args.where);
	cr_assert_eq(args.how.mode, GUARDED);
	assert_is_a_set(&args.how.createhow3_u.g_obj_attributes);
	zdr_destroy(&zdr);

	call.args.create.how = NFS_CREATE_EXCLUSIVE;
	call.args.create.verf = 0x0102030405060708ULL;
	DECODE(CREATE3args, &call, &args);
	cr_assert_eq(args.how.mode, EXCLUSIVE);
	cr_assert_arr_eq(args.how.createhow3_u.verf, "\1\2\3\4\5\6\7\10", 8);
}

Test(nfs3_encode, mkdir_carries_attributes)
{
	struct nfs_call call = a_call(NFS_MKDIR);
	MKDIR3args args = { 0 };

	call.args.mkdir.set = a_set;
	DECODE(MKDIR3args, &call, &args);
	assert_is_a_dirop(&args.where);
	assert_is_a_set(&args.attributes);
}

Test(nfs3_encode, symlink_carries_attributes_and_target)
{
	struct nfs_call call = a_call(NFS_SYMLINK);
	SYMLINK3args args = { 0 };

	call.args.symlink.set = a_set;
	call.args.symlink.target = "../some/where";
	DECODE(SYMLINK3args, &call, &args);
	assert_is_a_set(&args.symlink.symlink_attributes);
	cr_assert_str_eq(args.symlink.symlink_data, "../some/where");
}

Test(nfs3_encode, mknod_carries_the_type_and_a_device_its_numbers)
{
	static const struct {
		uint32_t type;
		ftype3 expected;
	} cases[] = { { S_IFIFO, NF3FIFO },
		      { S_IFSOCK, NF3SOCK },
		      { S_IFCHR, NF3CHR },
		      { S_IFBLK, NF3BLK } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nfs_call call = a_call(NFS_MKNOD);
		MKNOD3args args = { 0 };

		call.args.mknod.set = a_set;
		call.args.mknod.type = cases[i].type;
		call.args.mknod.rdev_major = 8;
		call.args.mknod.rdev_minor = 1;
		DECODE(MKNOD3args, &call, &args);
		cr_assert_eq(args.what.type, cases[i].expected);
		if (args.what.type == NF3CHR || args.what.type == NF3BLK)
			cr_assert_eq(args.what.mknoddata3_u.chr_device.spec
					     .specdata1,
				     8);
		zdr_destroy(&zdr);
	}
	is_decoding = false;
}

Test(nfs3_encode, rename_and_link_carry_the_second_place)
{
	struct nfs_call call = a_call(NFS_RENAME);
	RENAME3args rename_args = { 0 };
	LINK3args link_args = { 0 };

	call.args.rename.to_fh = (struct nfs_fh){ .len = 1, .data = { 9 } };
	call.args.rename.to_name = "b";
	DECODE(RENAME3args, &call, &rename_args);
	assert_is_a_dirop(&rename_args.from);
	cr_assert_eq(rename_args.to.dir.data.data_val[0], 9);
	cr_assert_str_eq(rename_args.to.name, "b");
	zdr_destroy(&zdr);

	call = a_call(NFS_LINK);
	call.args.link.to_fh = (struct nfs_fh){ .len = 1, .data = { 9 } };
	call.args.link.to_name = "b";
	DECODE(LINK3args, &call, &link_args);
	cr_assert_eq(link_args.file.data.data_len, 5);
	cr_assert_str_eq(link_args.link.name, "b");
}

Test(nfs3_encode, readdirplus_asks_for_names_as_much_as_for_all)
{
	struct nfs_call call = a_call(NFS_READDIRPLUS);
	READDIRPLUS3args args = { 0 };

	call.args.readdir.cookie = 42;
	call.args.readdir.cookieverf = 0x0102030405060708ULL;
	call.args.readdir.count = 65536;
	DECODE(READDIRPLUS3args, &call, &args);
	cr_assert_eq(args.cookie, 42);
	cr_assert_arr_eq(args.cookieverf, "\1\2\3\4\5\6\7\10", 8);
	cr_assert_eq(args.dircount, 65536);
	cr_assert_eq(args.maxcount, 65536);
}

Test(nfs3_encode, what_the_protocol_can_not_carry_is_refused)
{
	char name[NFS_NAME_MAX + 2] = { 0 };
	struct xdr_writer w = xdr_writer_over(wire, sizeof(wire));
	struct nfs_call call = a_call(NFS_LOOKUP);

	memset(name, 'n', sizeof(name) - 1);
	call.args.name = name;
	cr_assert_eq(nfs3_encode_call(&w, 1, &call), -ENAMETOOLONG);
	name[NFS_NAME_MAX] = '\0';
	cr_assert_eq(nfs3_encode_call(&w, 1, &call), 0);
	call.args.fh.len = 0;
	cr_assert_eq(nfs3_encode_call(&w, 1, &call), -ESTALE);
	call.args.fh.len = NFS_FH_MAX + 1;
	cr_assert_eq(nfs3_encode_call(&w, 1, &call), -ESTALE);
	call = a_call(NFS_READ);
	call.args.read.count = NFS_IO_MAX + 1;
	cr_assert_eq(nfs3_encode_call(&w, 1, &call), -EINVAL);
	call = a_call(NFS_GETATTR);
	w = xdr_writer_over(wire, 80);
	cr_assert_eq(nfs3_encode_call(&w, 1, &call), -EINVAL);
}

Test(nfs3_encode, the_longest_call_fits_its_limit)
{
	static char target[NFS_PATH_MAX];
	struct nfs_call call = a_call(NFS_SYMLINK);
	char name[NFS_NAME_MAX + 1] = { 0 };

	memset(target, 't', sizeof(target) - 1);
	memset(name, 'n', sizeof(name) - 1);
	call.cred.n_gids = NFS_GIDS_MAX;
	call.args.fh.len = NFS_FH_MAX;
	call.args.name = name;
	call.args.symlink.target = target;
	call.args.symlink.set = a_set;
	cr_assert_lt(encode(&call), NFS3_CALL_MAX);
}
