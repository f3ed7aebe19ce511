/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Replies come from another implementation's encoder (libnfs's). Every kind of
 * reply is then cut at every byte and damaged at every byte: nothing may be read
 * outside of it (the sanitizers watch), and nothing may be claimed that was not
 * asked for.
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

#define ENTRIES_MAX 16
#define ASKED	    10 /* bytes, of READ and WRITE */

typedef uint32_t (*zdr_fn)(ZDR *zdr, void *object);

static uint8_t wire[65536];
static size_t wire_len;
static struct nfs_entry entries[ENTRIES_MAX];

static void encode_with_libnfs(zdr_fn fn, void *res)
{
	ZDR zdr;

	zdrmem_create(&zdr, (char *)wire, sizeof(wire), ZDR_ENCODE);
	cr_assert(fn(&zdr, res), "libnfs can't write it");
	wire_len = zdr_getpos(&zdr);
	zdr_destroy(&zdr);
}

#define ENCODE(type, res) encode_with_libnfs((zdr_fn)(void *)zdr_##type, res)

static const fattr3 an_attr = {
	.type = NF3REG,
	.mode = 0100644,
	.nlink = 2,
	.uid = 1000,
	.gid = 100,
	.size = 0x123456789aULL,
	.used = 8192,
	.rdev = { 8, 1 },
	.fsid = 77,
	.fileid = 0xfedcba9876543210ULL,
	.atime = { 1, 999999999 },
	.mtime = { 2, 0 },
	.ctime = { 0xffffffff, 3 },
};

static post_op_attr post_attr(void)
{
	return (post_op_attr){ .attributes_follow = 1,
			       .post_op_attr_u.attributes = an_attr };
}

static wcc_data wcc(void)
{
	return (wcc_data){
		.before = { .attributes_follow = 1,
			    .pre_op_attr_u.attributes = { .size = 5,
							  .mtime = { 6, 7 },
							  .ctime = { 8, 9 } } },
		.after = post_attr(),
	};
}

static nfs_fh3 fh(void)
{
	static char handle[] = "12345";

	return (nfs_fh3){ .data = { 5, handle } };
}

static void assert_is_an_attr(const struct nfs_attr *attr)
{
	cr_assert_eq(attr->mode, (uint32_t)(S_IFREG | 0644));
	cr_assert_eq(attr->nlink, 2);
	cr_assert_eq(attr->uid, 1000);
	cr_assert_eq(attr->gid, 100);
	cr_assert_eq(attr->size, 0x123456789aULL);
	cr_assert_eq(attr->used, 8192);
	cr_assert_eq(attr->rdev_major, 8);
	cr_assert_eq(attr->rdev_minor, 1);
	cr_assert_eq(attr->fsid, 77);
	cr_assert_eq(attr->fileid, 0xfedcba9876543210ULL);
	cr_assert_eq(attr->atime.tv_nsec, 999999999);
	cr_assert_eq(attr->mtime.tv_sec, 2);
	cr_assert_eq(attr->ctime.tv_sec, 0xffffffff);
}

static void assert_is_wcc(const struct nfs_wcc *w)
{
	cr_assert(w->has_before && w->has_after);
	cr_assert_eq(w->size_before, 5);
	cr_assert_eq(w->mtime_before.tv_sec, 6);
	cr_assert_eq(w->ctime_before.tv_nsec, 9);
	assert_is_an_attr(&w->after);
}

/* --- one reply of every kind, as libnfs writes it -------------------------- */

static void make_null(void)
{
	wire_len = 0;
}

static void make_getattr(void)
{
	GETATTR3res res = { .GETATTR3res_u.resok.obj_attributes = an_attr };

	ENCODE(GETATTR3res, &res);
}

static void make_setattr(void)
{
	SETATTR3res res = { .SETATTR3res_u.resok.obj_wcc = wcc() };

	ENCODE(SETATTR3res, &res);
}

static void make_lookup(void)
{
	LOOKUP3res res = { .LOOKUP3res_u.resok = {
				   .object = fh(),
				   .obj_attributes = post_attr(),
				   .dir_attributes = post_attr() } };

	ENCODE(LOOKUP3res, &res);
}

static void make_access(void)
{
	ACCESS3res res = { .ACCESS3res_u.resok = { .obj_attributes =
							   post_attr(),
						   .access = 0x1f } };

	ENCODE(ACCESS3res, &res);
}

static void make_readlink(void)
{
	READLINK3res res = { .READLINK3res_u.resok = {
				     .symlink_attributes = post_attr(),
				     .data = (char *)"../a" } };

	ENCODE(READLINK3res, &res);
}

static void make_read(void)
{
	READ3res res = { .READ3res_u.resok = {
				 .file_attributes = post_attr(),
				 .count = 5,
				 .eof = 1,
				 .data = { 5, (char *)"hello" } } };

	ENCODE(READ3res, &res);
}

static void make_write(void)
{
	WRITE3res res = { .WRITE3res_u.resok = {
				  .file_wcc = wcc(),
				  .count = ASKED,
				  .committed = DATA_SYNC,
				  .verf = { 0, 0, 0, 0, 0, 0, 1, 2 } } };

	ENCODE(WRITE3res, &res);
}

static void make_made(void)
{
	MKDIR3res res = { .MKDIR3res_u.resok = {
				  .obj = { .handle_follows = 1,
					   .post_op_fh3_u.handle = fh() },
				  .obj_attributes = post_attr(),
				  .dir_wcc = wcc() } };

	ENCODE(MKDIR3res, &res);
}

static void make_removed(void)
{
	REMOVE3res res = { .REMOVE3res_u.resok.dir_wcc = wcc() };

	ENCODE(REMOVE3res, &res);
}

static void make_rename(void)
{
	RENAME3res res = { .RENAME3res_u.resok = { wcc(), wcc() } };

	ENCODE(RENAME3res, &res);
}

static void make_link(void)
{
	LINK3res res = { .LINK3res_u.resok = { post_attr(), wcc() } };

	ENCODE(LINK3res, &res);
}

static void make_readdir_of(const char *name)
{
	entry3 second = { .fileid = 2, .name = (char *)name, .cookie = 22 };
	entry3 first = { .fileid = 1,
			 .name = (char *)".",
			 .cookie = 11,
			 .nextentry = &second };
	READDIR3res res = { .READDIR3res_u.resok = {
				    .dir_attributes = post_attr(),
				    .cookieverf = { 0, 0, 0, 0, 0, 0, 0, 9 },
				    .reply = { &first, 1 } } };

	ENCODE(READDIR3res, &res);
}

static void make_readdir(void)
{
	make_readdir_of("four");
}

static void make_readdirplus(void)
{
	entryplus3 second = { .fileid = 2, .name = (char *)"b", .cookie = 22 };
	entryplus3 first = { .fileid = 1,
			     .name = (char *)"four",
			     .cookie = 11,
			     .name_attributes = post_attr(),
			     .name_handle = { .handle_follows = 1,
					      .post_op_fh3_u.handle = fh() },
			     .nextentry = &second };
	READDIRPLUS3res res = { .READDIRPLUS3res_u.resok = {
					.dir_attributes = post_attr(),
					.reply = { &first, 0 } } };

	ENCODE(READDIRPLUS3res, &res);
}

static void make_fsstat(void)
{
	FSSTAT3res res = { .FSSTAT3res_u.resok = { post_attr(), 1, 2, 3, 4, 5,
						   6, 7 } };

	ENCODE(FSSTAT3res, &res);
}

static void make_fsinfo(void)
{
	FSINFO3res res = { .FSINFO3res_u.resok = { post_attr(),
						   1 << 20,
						   1 << 19,
						   512,
						   1 << 18,
						   1 << 17,
						   512,
						   65536,
						   1ULL << 62,
						   { 0, 1 },
						   0x1b } };

	ENCODE(FSINFO3res, &res);
}

static void make_commit(void)
{
	COMMIT3res res = { .COMMIT3res_u.resok = {
				   wcc(), { 0, 0, 0, 0, 0, 0, 1, 2 } } };

	ENCODE(COMMIT3res, &res);
}

typedef void (*make_fn)(void);

static const make_fn make[NLM_NULL] = {
	[NFS_NULL] = make_null,	      [NFS_GETATTR] = make_getattr,
	[NFS_SETATTR] = make_setattr, [NFS_LOOKUP] = make_lookup,
	[NFS_ACCESS] = make_access,   [NFS_READLINK] = make_readlink,
	[NFS_READ] = make_read,	      [NFS_WRITE] = make_write,
	[NFS_CREATE] = make_made,     [NFS_MKDIR] = make_made,
	[NFS_SYMLINK] = make_made,    [NFS_MKNOD] = make_made,
	[NFS_REMOVE] = make_removed,  [NFS_RMDIR] = make_removed,
	[NFS_RENAME] = make_rename,   [NFS_LINK] = make_link,
	[NFS_READDIR] = make_readdir, [NFS_READDIRPLUS] = make_readdirplus,
	[NFS_FSSTAT] = make_fsstat,   [NFS_FSINFO] = make_fsinfo,
	[NFS_COMMIT] = make_commit,
};

static struct nfs_call a_call(enum nfs_proc proc)
{
	struct nfs_call call = { .proc = proc };

	if (proc == NFS_READ)
		call.args.read.count = ASKED;
	if (proc == NFS_WRITE)
		call.args.write.count = ASKED;
	return call;
}

static int decode_bytes(struct nfs_call *call, uint8_t *data, size_t len)
{
	struct xdr_reader r = xdr_reader_over(data, len);

	return nfs3_decode_results(
		&r, call, (struct nfs3_entries){ entries, ENTRIES_MAX });
}

/* From memory of exactly the reply's size, so that a sanitizer sees the end. */
static int decode_copy(struct nfs_call *call, const uint8_t *data, size_t len)
{
	_cleanup_(free) uint8_t *copy = malloc(len + 1);

	cr_assert(copy);
	memcpy(copy + 1, data, len);
	return decode_bytes(call, copy + 1, len);
}

static int decode(struct nfs_call *call, enum nfs_proc proc)
{
	*call = a_call(proc);
	make[proc]();
	return decode_bytes(call, wire, wire_len);
}

/* --- good replies ---------------------------------------------------------- */

Test(nfs3_decode, getattr)
{
	struct nfs_call call;

	cr_assert_eq(decode(&call, NFS_GETATTR), 0);
	cr_assert(call.res.has_attr);
	assert_is_an_attr(&call.res.attr);
}

Test(nfs3_decode, setattr_gives_the_attributes_around_the_change)
{
	struct nfs_call call;

	cr_assert_eq(decode(&call, NFS_SETATTR), 0);
	assert_is_wcc(&call.res.wcc);
	cr_assert(call.res.has_attr);
	assert_is_an_attr(&call.res.attr);
}

Test(nfs3_decode, lookup)
{
	struct nfs_call call;

	cr_assert_eq(decode(&call, NFS_LOOKUP), 0);
	cr_assert(call.res.has_fh && call.res.has_attr);
	cr_assert_eq(call.res.fh.len, 5);
	cr_assert_arr_eq(call.res.fh.data, "12345", 5);
	assert_is_an_attr(&call.res.attr);
	assert_is_an_attr(&call.res.wcc.after);
}

Test(nfs3_decode, access_and_readlink)
{
	struct nfs_call call;

	cr_assert_eq(decode(&call, NFS_ACCESS), 0);
	cr_assert_eq(call.res.access.granted, 0x1f);
	cr_assert_eq(decode(&call, NFS_READLINK), 0);
	cr_assert_str_eq(call.res.readlink.target, "../a");
}

Test(nfs3_decode, read_points_into_the_reply)
{
	struct nfs_call call;
	const uint8_t *data;

	cr_assert_eq(decode(&call, NFS_READ), 0);
	cr_assert_eq(call.res.read.count, 5);
	cr_assert(call.res.read.is_eof);
	data = call.res.read.data;
	cr_assert(data >= wire && data + 5 <= wire + wire_len);
	cr_assert_arr_eq(data, "hello", 5);
}

Test(nfs3_decode, write_and_commit)
{
	struct nfs_call call;

	cr_assert_eq(decode(&call, NFS_WRITE), 0);
	cr_assert_eq(call.res.write.count, ASKED);
	cr_assert_eq(call.res.write.committed, NFS_DATA_SYNC);
	cr_assert_eq(call.res.write.verf, 0x0102);
	assert_is_wcc(&call.res.wcc);
	cr_assert_eq(decode(&call, NFS_COMMIT), 0);
	cr_assert_eq(call.res.commit.verf, 0x0102);
}

Test(nfs3_decode, calls_that_make_an_object)
{
	struct nfs_call call;

	cr_assert_eq(decode(&call, NFS_CREATE), 0);
	cr_assert(call.res.has_fh && call.res.has_attr);
	cr_assert_eq(call.res.fh.len, 5);
	assert_is_an_attr(&call.res.attr);
	assert_is_wcc(&call.res.wcc);
}

Test(nfs3_decode, rename_and_link_tell_of_both_places)
{
	struct nfs_call call;

	cr_assert_eq(decode(&call, NFS_RENAME), 0);
	assert_is_wcc(&call.res.wcc);
	assert_is_wcc(&call.res.to_wcc);
	cr_assert_eq(decode(&call, NFS_LINK), 0);
	assert_is_an_attr(&call.res.attr);
	assert_is_wcc(&call.res.to_wcc);
}

Test(nfs3_decode, readdir_terminates_names_in_place)
{
	struct nfs_call call;

	cr_assert_eq(decode(&call, NFS_READDIR), 0);
	cr_assert_eq(call.res.readdir.n_entries, 2);
	cr_assert(call.res.readdir.is_eof);
	cr_assert_eq(call.res.readdir.cookieverf, 9);
	cr_assert_str_eq(entries[0].name, ".");
	cr_assert_str_eq(entries[1].name, "four");
	cr_assert_eq(entries[1].fileid, 2);
	cr_assert_eq(entries[1].cookie, 22);
	cr_assert_not(entries[1].has_attr || entries[1].has_fh);
}

Test(nfs3_decode, readdirplus_has_attributes_where_the_server_gave_them)
{
	struct nfs_call call;

	cr_assert_eq(decode(&call, NFS_READDIRPLUS), 0);
	cr_assert_eq(call.res.readdir.n_entries, 2);
	cr_assert_not(call.res.readdir.is_eof);
	cr_assert_str_eq(entries[0].name, "four");
	cr_assert(entries[0].has_attr && entries[0].has_fh);
	assert_is_an_attr(&entries[0].attr);
	cr_assert_arr_eq(entries[0].fh.data, "12345", 5);
	cr_assert_str_eq(entries[1].name, "b");
	cr_assert_not(entries[1].has_attr || entries[1].has_fh);
}

Test(nfs3_decode, fsstat_and_fsinfo)
{
	struct nfs_call call;

	cr_assert_eq(decode(&call, NFS_FSSTAT), 0);
	cr_assert_eq(call.res.fsstat.total_bytes, 1);
	cr_assert_eq(call.res.fsstat.avail_files, 6);
	cr_assert_eq(decode(&call, NFS_FSINFO), 0);
	cr_assert_eq(call.res.fsinfo.read_max, 1 << 20);
	cr_assert_eq(call.res.fsinfo.write_pref, 1 << 17);
	cr_assert_eq(call.res.fsinfo.readdir_pref, 65536);
	cr_assert_eq(call.res.fsinfo.file_size_max, 1ULL << 62);
}

Test(nfs3_decode, a_failed_call_has_its_errno_and_attributes)
{
	SETATTR3res res = { .status = NFS3ERR_NOSPC,
			    .SETATTR3res_u.resfail.obj_wcc = wcc() };
	struct nfs_call call = a_call(NFS_SETATTR);

	ENCODE(SETATTR3res, &res);
	cr_assert_eq(decode_bytes(&call, wire, wire_len), -ENOSPC);
	assert_is_wcc(&call.res.wcc);
}

/* --- bad replies ----------------------------------------------------------- */

Test(nfs3_decode, a_reply_that_ends_early_is_malformed)
{
	for (enum nfs_proc proc = NFS_GETATTR; proc < NLM_NULL; proc++) {
		uint8_t whole[sizeof(wire)];
		size_t len;

		make[proc]();
		len = wire_len;
		memcpy(whole, wire, len);
		for (size_t cut = 0; cut < len; cut++) {
			struct nfs_call call = a_call(proc);

			cr_assert_eq(decode_copy(&call, whole, cut), -EBADMSG,
				     "%s cut at %zu", nfs_proc_name(proc), cut);
		}
	}
}

static void assert_sane_result(const struct nfs_call *call, int status)
{
	if (status == -EBADMSG)
		return;
	cr_assert_leq(call->res.fh.len, NFS_FH_MAX);
	if (status == 0 && call->proc == NFS_READ)
		cr_assert_leq(call->res.read.count, ASKED);
	if (status == 0 && call->proc == NFS_WRITE)
		cr_assert_leq(call->res.write.count, ASKED);
	if (call->res.has_attr)
		cr_assert_lt(call->res.attr.mtime.tv_nsec, 1000000000);
}

Test(nfs3_decode, damage_anywhere_never_gives_more_than_was_asked)
{
	static const uint8_t damages[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

	for (enum nfs_proc proc = NFS_GETATTR; proc < NLM_NULL; proc++) {
		uint8_t whole[sizeof(wire)];
		size_t len;

		make[proc]();
		len = wire_len;
		memcpy(whole, wire, len);
		for (size_t i = 0; i < len * ARRAY_SIZE(damages); i++) {
			struct nfs_call call = a_call(proc);
			size_t at = i / ARRAY_SIZE(damages);
			uint8_t good = whole[at];

			whole[at] = damages[i % ARRAY_SIZE(damages)];
			assert_sane_result(&call,
					   decode_copy(&call, whole, len));
			whole[at] = good;
		}
	}
}

Test(nfs3_decode, more_data_than_asked_for_is_malformed)
{
	struct nfs_call call = a_call(NFS_READ);

	make_read();
	call.args.read.count = 4;
	cr_assert_eq(decode_bytes(&call, wire, wire_len), -EBADMSG);
	make_write();
	call = a_call(NFS_WRITE);
	call.args.write.count = ASKED - 1;
	cr_assert_eq(decode_bytes(&call, wire, wire_len), -EBADMSG);
}

Test(nfs3_decode, a_length_with_the_high_bit_is_malformed)
{
	struct nfs_call call = a_call(NFS_READ);

	make_read();
	/* The data's length: before its five bytes and their padding. */
	wire[wire_len - 12] = 0x80;
	cr_assert_eq(decode_bytes(&call, wire, wire_len), -EBADMSG);
	make_lookup();
	call = a_call(NFS_LOOKUP);
	wire[4] = 0xff;
	cr_assert_eq(decode_bytes(&call, wire, wire_len), -EBADMSG);
}

Test(nfs3_decode, names_that_no_directory_has_are_malformed)
{
	static char long_name[NFS_NAME_MAX + 2];
	const char *names[] = { "", "a/b", "/", long_name };

	memset(long_name, 'n', sizeof(long_name) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct nfs_call call = a_call(NFS_READDIR);

		make_readdir_of(names[i]);
		cr_assert_eq(decode_bytes(&call, wire, wire_len), -EBADMSG,
			     "\"%s\"", names[i]);
	}
	long_name[NFS_NAME_MAX] = '\0';
	make_readdir_of(long_name);
	cr_assert_eq(decode_bytes(&(struct nfs_call){ .proc = NFS_READDIR },
				  wire, wire_len),
		     0);
}

Test(nfs3_decode, more_entries_than_there_is_room_for_are_malformed)
{
	struct nfs_call call = a_call(NFS_READDIR);
	struct xdr_reader r;

	make_readdir();
	r = xdr_reader_over(wire, wire_len);
	cr_assert_eq(nfs3_decode_results(&r, &call,
					 (struct nfs3_entries){ entries, 1 }),
		     -EBADMSG);
}
