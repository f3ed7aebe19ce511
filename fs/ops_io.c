/* SPDX-License-Identifier: Apache-2.0 */

/*
 * READ and WRITE. A request is one call when the server takes as much as the
 * kernel asked for; otherwise it goes on piece by piece, since the kernel takes a
 * short read for the end of the file.
 *
 * Data that was read is answered straight from the receive buffer of the NFS
 * connection; only pieces are gathered. A large payload of a WRITE stays in the
 * buffer that the FUSE request was read into; a small one is copied, which is
 * cheaper than another megabyte buffer. Either lives until it is committed
 * (commit.c).
 */

#include <fcntl.h>
#include <string.h>

#include "behind.h"
#include "buffer.h"
#include "commit.h"
#include "file_state.h"
#include "kept.h"
#include "meta.h"
#include "ops.h"
#include "request_log.h"
#include "write_error.h"

/* --- read ----------------------------------------------------------------------- */

static void read_piece(struct op *op);

static bool gather(struct op *op)
{
	if (!op->buffer)
		op->buffer =
			buffer_get(shard_pool(op->lane->shard), op->io.len);
	if (!op->buffer)
		return false;
	memcpy(op->buffer->data + op->io.done, op->call.res.read.data,
	       op->call.res.read.count);
	op->io.done += op->call.res.read.count;
	return true;
}

static void read_done(struct op *op)
{
	uint32_t count = op->call.res.read.count;
	bool is_last;

	if (op_failed(op))
		return;
	is_last = op->call.res.read.is_eof || count == 0 ||
		  count >= op->io.len - op->io.done;
	if (is_last && op->io.done == 0) {
		op_finish_data(op, op->call.res.read.data, count);
		return;
	}
	if (!gather(op)) {
		op_finish_err(op, -ENOMEM);
		return;
	}
	if (is_last)
		op_finish_data(op, op->buffer->data, op->io.done);
	else
		read_piece(op);
}

static void read_piece(struct op *op)
{
	uint32_t left = op->io.len - op->io.done;

	op->call.args.read.offset = op->io.offset + op->io.done;
	op->call.args.read.count =
		left < op->view->read_max ? left : op->view->read_max;
	op_call(op, NFS_READ, read_done);
}

static void read_drained(struct op *op)
{
	if (!op_failed(op))
		read_piece(op);
}

void ops_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	      struct fuse_file_info *fi)
{
	struct op *op;

	if (meta_is_node(ino)) {
		meta_view_ops.read(req, ino, size, offset, fi);
		return;
	}
	op = op_begin(req, OP_READ);
	if (!op || !op_target(op, ino))
		return;
	op_use_opener(op, fi);
	op->io = (struct op_io){
		.offset = (uint64_t)offset,
		.len = size < NFS_IO_MAX ? (uint32_t)size : NFS_IO_MAX,
	};
	behind_drain(op, read_drained);
}

/* --- write ------------------------------------------------------------------------ */

/* Whatever was answered is kept until it is committed. */
static void keep(struct op *op)
{
	struct kept_extent *extent = op->extent;

	extent->len = op->io.done;
	extent->cred = op->call.cred;
	commits_end_write_keep(op, TAKE_PTR(op->extent));
}

static void write_finish(struct op *op, int status)
{
	if (op->io.has_begun && op->io.done > 0)
		keep(op);
	else if (op->io.has_begun)
		commits_end_write(op);
	if (op->io.is_append)
		ops_append_end(op);
	if (op->io.done == 0) {
		op_finish_err(op, status);
		return;
	}
	file_extended(op->view->inodes, op->node,
		      op->io.kernel_offset + op->io.done);
	op_finish_written(op, op->io.done);
}

static void write_piece(struct op *op);

static void write_done(struct op *op)
{
	const struct nfs_result *res = &op->call.res;

	view_own_change(op->view, op->node, &op->call);
	if (op->call.status < 0) {
		write_finish(op, op->call.status);
		return;
	}
	kept_extent_note_piece(op->extent, op->io.done, res);
	op->io.done += res->write.count;
	if (op->io.done >= op->io.len || res->write.count == 0)
		write_finish(op, -EIO);
	else
		write_piece(op);
}

static void write_piece(struct op *op)
{
	kept_extent_get_piece(op->extent, op->io.done, op->view->write_max,
			      &op->call.args);
	op->call.args.write.stable = op->io.stable;
	op_call(op, NFS_WRITE, write_done);
}

static void write_begun(struct op *op)
{
	op->io.has_begun = op->call.status == 0;
	op->extent->offset = op->io.offset;
	if (op->io.has_begun)
		write_piece(op);
	else
		write_finish(op, op->call.status);
}

void ops_write_begin(struct op *op)
{
	commits_begin_write(op, write_begun);
}

/* The request's memory is gone when the handler returns: keep the payload. */
static bool take_payload(struct op *op, const char *data)
{
	struct shard *shard = op->lane->shard;
	struct buffer_pool *pool = shard_pool(shard);
	struct buffer *buffer;

	if (op->io.len <= KEPT_COPY_MAX) {
		op->extent = kept_extent_copy(
			commits_memory(op->view->commits, shard_index(shard)),
			pool, data, op->io.len);
	} else {
		buffer = TAKE_PTR(*shard_receive_buffer(shard));
		buffer_move_out(pool, buffer);
		op->extent = kept_extent_adopt(buffer, data, op->io.len);
		/* Should it be read again, it has to be there until it is answered. */
		if (op->extent && op->request != REQUEST_NONE)
			op->request_memory = kept_memory_of(op->extent);
	}
	if (op->extent)
		lane_charge(op->lane, op, op->extent->cost);
	return op->extent;
}

static bool is_stable(const struct op *op, const struct fuse_file_info *fi)
{
	return op->view->is_sync || (fi->flags & (O_SYNC | O_DSYNC));
}

/*
 * The kernel writes back a small file when it is closed, and waits; the close that
 * follows makes one stable WRITE of it. More than that is on its way since long.
 */
static bool may_be_small_file(struct op *op, const struct fuse_file_info *fi)
{
	return op->view->is_write_back && fi->writepage &&
	       op->io.len < op->view->write_max && behind_is_first(op);
}

/*
 * Pages of a mapping are on their way since long; nobody waits for them. Who has to
 * be told of an error waits for the server until he was, as with Linux's client: it
 * may have no space any more, and then write(2) says so itself.
 */
static bool may_be_behind(struct op *op, const struct fuse_file_info *fi)
{
	if (op->io.stable != NFS_UNSTABLE ||
	    write_error_get(op->view->inodes, op->node, fi->fh,
			    WRITE_ERROR_NOT_TOLD) < 0)
		return false;
	return may_be_small_file(op, fi) ||
	       (op->view->writes_behind && !(fi->flags & O_DIRECT) &&
		!fi->writepage);
}

/* Where the end is depends on who has written meanwhile. */
static void append(struct op *op)
{
	op = op_intend(op);
	if (op)
		ops_append(op);
}

static void write_passed(struct op *op)
{
	if (op_failed(op))
		return;
	if (op->io.is_append)
		append(op);
	else if (op->io.is_behind)
		behind_write(op);
	else
		ops_write_begin(op);
}

void ops_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size,
	       off_t offset, struct fuse_file_info *fi)
{
	struct op *op;

	if (meta_is_node(ino)) {
		meta_view_ops.write(req, ino, data, size, offset, fi);
		return;
	}
	op = op_begin(req, OP_WRITE);
	if (!op || !op_target(op, ino))
		return;
	/* Pages of a mapping come without a caller: only the handle knows whose. */
	op_use_opener(op, fi);
	op->io = (struct op_io){
		.offset = (uint64_t)offset,
		.kernel_offset = (uint64_t)offset,
		.len = (uint32_t)size,
		.stable = is_stable(op, fi) ? NFS_FILE_SYNC : NFS_UNSTABLE,
		/* With write-back the kernel knows where the end is. */
		.is_append = (fi->flags & O_APPEND) && !fi->writepage &&
			     !op->view->is_write_back,
	};
	op->io.is_behind = !op->io.is_append && may_be_behind(op, fi);
	if (take_payload(op, data))
		gate_pass(op, write_passed);
	else
		op_finish_err(op, -ENOMEM);
}
