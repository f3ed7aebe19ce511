/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Arguments and results of the lock manager's calls, for nfs_call.h. The file is
 * args.fh.
 */

#include <stdbool.h>
#include <stdint.h>

struct nlm_args {
	const char *caller; /* our name; together with svid the owner */
	uint32_t svid;
	uint64_t offset;
	uint64_t len; /* 0 = to the end */
	bool is_exclusive;
	bool is_reclaim; /* held before the server rebooted */
};

enum nlm_outcome {
	NLM_GRANTED,  /* TEST: nobody else has it */
	NLM_DENIED,   /* somebody else has it */
	NLM_NO_GRACE, /* a reclaim, but nothing may be reclaimed (now) */
};

struct nlm_result {
	uint16_t port; /* PMAP_GETPORT; 0 = there is none */
	enum nlm_outcome outcome;
	/* Who has it, for a TEST that was denied. */
	bool is_ours; /* of the same caller */
	bool is_exclusive;
	uint32_t svid;
	uint64_t offset;
	uint64_t len;
};
