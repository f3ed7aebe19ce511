/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who has files of a volume open, and that no open begins while its file is being
 * removed: NFSv3 servers know of no open files, so this node has to.
 *
 * Threads: the op's shard.
 */

#include <stdbool.h>
#include <stdint.h>

#include "op.h"

/*
 * Counts an open of op->node by op->call.cred, which is op->fi.fh (handle.h) from then
 * on. then(op) runs, now or later, when no removal is in the way. An op that is
 * answered with an error afterwards is counted no more.
 */
void opens_begin(struct op *op, op_fn then);

/*
 * The same for a file that op has just made: its directory is locked in the kernel
 * until the answer, so nothing can be in the way. -ENFILE.
 */
int opens_count(struct op *op, uint64_t node);

/* The kernel did not take the answer to an open of node. */
void opens_take_back(struct op *op, uint64_t node);

/* op->node, open as fi, is not any more when op is answered. */
void opens_close(struct op *op, const struct fuse_file_info *fi);

/*
 * op is going to remove a name whose file it does not know: true when nothing is
 * open, and then no open begins until op is answered.
 */
bool opens_exclude_all(struct op *op);
/*
 * It is the last name of a file, node: false when that is open, and has to be set
 * aside. Then op counts as an open of it until it is answered.
 */
bool opens_exclude(struct op *op, uint64_t node);

/* op is executed again, and is counted as an open of what it has noted (op->before). */
void opens_adopt(struct op *op);

/*
 * op is going to replace a name: then(op) runs when those have opened it who came
 * too late for the file before.
 */
void opens_let_first(struct op *op, op_fn then);

/* --- for op.c ---------------------------------------------------------------- */

/*
 * Before it answers an op that counts as an open: that is over. If it was the last
 * one, the name that was set aside is removed. op_finish_err(op, status) follows.
 */
void opens_end(struct op *op, int status);
/* When it has answered an op that excluded opens. */
void opens_include(struct op *op);
