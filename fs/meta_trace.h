/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An open file `ops`: reading it waits for operations of its volume and gives a line
 * per operation, until the reader closes it, is killed, or the volume goes, which
 * is the end of the file.
 *
 * Threads: any shard's.
 */

#include <fuse_lowlevel.h>

#include "trace.h"

struct meta_trace;

/* -EBUSY: the volume has too many readers; -ENOENT: it goes; -ENOMEM. */
int meta_trace_new(struct meta_trace **ret, struct trace *trace,
		   const struct trace_viewer *viewer);
/* No request on it is under way. NULL is accepted. */
struct meta_trace *meta_trace_free(struct meta_trace *trace);

/* Answers req, now or later. fi->flags with O_NONBLOCK: -EAGAIN instead. */
void meta_trace_read(struct meta_trace *trace, fuse_req_t req, size_t size,
		     const struct fuse_file_info *fi);
/* Answers req. take_poll may be NULL: nobody waits. */
void meta_trace_poll(struct meta_trace *trace, fuse_req_t req,
		     struct fuse_pollhandle *take_poll);
