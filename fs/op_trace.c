/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a trace tells of an op: what lies at hand when it is answered, and the file
 * ids of its nodes, which is what stat(1) and find(1) know files by.
 */

#include <string.h>

#include "inode.h"
#include "op.h"
#include "trace.h"

static uint64_t ino_of(const struct op *op, uint64_t node)
{
	return node ? inode_fileid(op->view->inodes, node) : 0;
}

static void put_name(char *to, const char *name)
{
	memcpy(to, name, strlen(name) + 1);
}

/* Without the second node it was refused before its second name was read. */
static void describe_rename(const struct op *op, struct trace_record *record)
{
	record->ino = ino_of(op, op->node2);
	if (!op->node2)
		return;
	record->to_ino = ino_of(op, op->unlink.dir);
	put_name(record->to_name, op->name2);
}

static void describe(const struct op *op, struct trace_record *record)
{
	/* A name's node is its directory, unless the found one's pages go. */
	if (!op->has_seen || !op->found)
		record->ino = ino_of(op, op->node);
	if (op->call.args.name)
		put_name(record->name, op->name);
	if (op->kind == OP_RENAME)
		describe_rename(op, record);
	if (op->kind != OP_READ && op->kind != OP_WRITE)
		return;
	record->offset = op->io.offset;
	record->len = op->io.len;
}

void op_trace(const struct op *op, uint64_t latency_ns, int64_t result)
{
	struct trace_record record = {
		.latency_ns = latency_ns,
		.kind = op->kind,
		.uid = op->ctx.uid,
		.pid = op->ctx.pid,
		.result = result,
		.found = op->found,
	};

	(void)clock_gettime(CLOCK_REALTIME, &record.at);
	describe(op, &record);
	trace_add(op->view->trace, &record);
}
