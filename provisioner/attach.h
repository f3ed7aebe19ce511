/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the external attacher does, for a driver that has nothing to do on the way: it
 * says who may have a volume. A volume that may be on one node is attached to one, and
 * what is attached is not deleted.
 *
 * Threads: the reconciler's.
 */

#include "claim_apply.h"

/* A VolumeAttachment; borrowed from its object. */
struct volume_attachment {
	const struct object *object;
	const char *attacher;
	const char *node;
	const char *error; /* status.attachError.message; "" = none */
	bool is_deleting;
	bool is_attached;
	bool has_finalizer; /* the attacher's */
};

enum attach_fate {
	ATTACH_LEAVE,
	ATTACH_ATTACH,
	ATTACH_DETACH,
	ATTACH_REFUSE,
};

void volume_attachment_read(const struct object *object,
			    struct volume_attachment *ret);
/*
 * Pure. pv NULL = there is none. others: all of the volume, with this one. A refusal
 * has one sentence.
 */
enum attach_fate attach_decide(const struct volume_attachment *attachment,
			       const struct persistent_volume *pv,
			       const struct volume_attachment *others, size_t n,
			       struct err *ret_why);

/* All attachments of a volume, which need not be there. As claim_apply(). */
int attach(const struct applier *applier, const char *volume,
	   const char *const *drivers, size_t n_drivers, struct err *err);
