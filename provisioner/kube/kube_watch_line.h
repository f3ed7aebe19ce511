/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A line of a watch: {"type": ..., "object": ...}. Pure. */

#include "kube_watch.h"

enum kube_watch_line_type {
	KUBE_LINE_EVENT,
	KUBE_LINE_BOOKMARK,
};

struct kube_watch_line {
	enum kube_watch_line_type type;
	enum kube_watch_event event; /* of KUBE_LINE_EVENT */
	struct object *object;	     /* of KUBE_LINE_EVENT */
	uint64_t resource_version;
};

#define KUBE_WATCH_LINE_INIT ((struct kube_watch_line){ 0 })

/*
 * -EINVAL: it is no line of a watch of that kind. What an ERROR says otherwise, as
 * kube_answer_judge(): -ESTALE = the version is too old.
 */
int kube_watch_line_parse(enum object_kind kind, const char *text, size_t len,
			  struct kube_watch_line *ret, struct err *err);
void kube_watch_line_fini(struct kube_watch_line *line);

DEFINE_FINI(struct kube_watch_line, kube_watch_line_fini)
