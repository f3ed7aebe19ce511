/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Desired x actual, all of it: what claim_plan() does for each state of a claim
 * and each state of the one volume that there is. The letters of a cell are steps:
 *
 *	R  bind-volume (claimRef: the volume is reserved)
 *	V  set-volume-phase Bound
 *	C  bind-claim (volumeName and annotations)
 *	S  set-claim-phase Bound
 *	L  set-claim-phase Lost
 *	P  set-claim-phase Pending
 *	F  remove-finalizer
 *
 * and an event is written with its reason. R V C S is the order of Kubernetes'
 * bind(), and what a crash left undone of it is what is planned next.
 */

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "claim_plan.h"

#define GI (1024ull * 1024 * 1024)

enum claim_state {
	NEW,	  /* Pending, names no volume */
	NAMED,	  /* Pending, names the volume */
	BINDING,  /* bind-completed, status not written yet */
	BOUND,	  /* to the volume */
	LOST,	  /* was bound to the volume */
	NAMELESS, /* was bound, somebody took volumeName away */
	DELETED,  /* was bound to the volume, no pod uses it */
	CLAIM_STATES,
};

enum volume_state {
	NONE,
	AVAILABLE,
	FRESH,	  /* Pending: not looked at yet */
	WISHED,	  /* claimRef has the claim's name and no uid */
	RESERVED, /* claimRef is the claim's, phase Available */
	MINE,	  /* claimRef is the claim's, phase Bound */
	FORMER,	  /* claimRef is of an earlier claim of this name */
	OTHERS,	  /* claimRef is another claim's */
	GOING,	  /* deleted, nobody's */
	SMALL,
	CLASSY, /* of another class */
	BLOCK,
	NARROW, /* without the access mode */
	VOLUME_STATES,
};

#define NO_VOLUME "FailedBinding"
#define TAKEN	  "FailedBinding"
#define LOST_IT	  "L ClaimLost"
#define MISBOUND  "L ClaimMisbound"

static const char *const table[CLAIM_STATES][VOLUME_STATES] = {
	[NEW] = {
		[NONE] = NO_VOLUME,
		[AVAILABLE] = "R V C S",
		[FRESH] = NO_VOLUME,
		[WISHED] = "R V C S",
		[RESERVED] = "V C S",
		[MINE] = "C S",
		[FORMER] = NO_VOLUME,
		[OTHERS] = NO_VOLUME,
		[GOING] = NO_VOLUME,
		[SMALL] = NO_VOLUME,
		[CLASSY] = NO_VOLUME,
		[BLOCK] = NO_VOLUME,
		[NARROW] = NO_VOLUME,
	},
	[NAMED] = {
		[NONE] = "",
		[AVAILABLE] = "R V C S",
		[FRESH] = "R V C S",
		[WISHED] = "R V C S",
		[RESERVED] = "V C S",
		[MINE] = "C S",
		[FORMER] = TAKEN,
		[OTHERS] = TAKEN,
		[GOING] = "VolumeMismatch",
		[SMALL] = "VolumeMismatch",
		[CLASSY] = "VolumeMismatch",
		[BLOCK] = "VolumeMismatch",
		[NARROW] = "VolumeMismatch",
	},
	[BINDING] = {
		[NONE] = LOST_IT,
		[AVAILABLE] = "R V S",
		[FRESH] = "R V S",
		[WISHED] = "R V S",
		[RESERVED] = "V S",
		[MINE] = "S",
		[FORMER] = MISBOUND,
		[OTHERS] = MISBOUND,
		[GOING] = "",
		[SMALL] = "R V S",
		[CLASSY] = "R V S",
		[BLOCK] = "R V S",
		[NARROW] = "R V S",
	},
	/* What was bound once is not looked at again: only whose it is. */
	[BOUND] = {
		[NONE] = LOST_IT,
		[AVAILABLE] = "R V",
		[FRESH] = "R V",
		[WISHED] = "R V",
		[RESERVED] = "V",
		[MINE] = "",
		[FORMER] = MISBOUND,
		[OTHERS] = MISBOUND,
		[GOING] = "",
		[SMALL] = "R V",
		[CLASSY] = "R V",
		[BLOCK] = "R V",
		[NARROW] = "R V",
	},
	/* A volume that comes back is found again. */
	[LOST] = {
		[NONE] = "",
		[AVAILABLE] = "R V S",
		[FRESH] = "R V S",
		[WISHED] = "R V S",
		[RESERVED] = "V S",
		[MINE] = "S",
		[FORMER] = "",
		[OTHERS] = "",
		[GOING] = "",
		[SMALL] = "R V S",
		[CLASSY] = "R V S",
		[BLOCK] = "R V S",
		[NARROW] = "R V S",
	},
	[NAMELESS] = { [NONE ... NARROW] = LOST_IT },
	[DELETED] = { [NONE ... NARROW] = "F" },
};

static char *protection[] = { (char *)"kubernetes.io/pvc-protection" };

static struct claim claim_in(enum claim_state state)
{
	struct claim claim = {
		.meta = { .namespace = "ns",
			  .name = "c",
			  .uid = "u1",
			  .finalizers = protection,
			  .n_finalizers = 1,
			  .is_deleting = state == DELETED },
		.request = GI,
		.access_modes = ACCESS_RWX,
		.has_class = true,
		.class_name = "",
		.attributes_class = "",
		.volume_name = state == NEW || state == NAMELESS ? (char *)""
								 : (char *)"pv",
		.is_bind_completed = state != NEW && state != NAMED,
	};

	if (state == BOUND || state == NAMELESS || state == DELETED)
		claim.phase = CLAIM_BOUND;
	if (state == LOST)
		claim.phase = CLAIM_LOST;
	return claim;
}

static struct claim_ref ref_in(enum volume_state state)
{
	switch (state) {
	case WISHED:
		return (struct claim_ref){ true, "ns", "c", "" };
	case RESERVED:
	case MINE:
		return (struct claim_ref){ true, "ns", "c", "u1" };
	case FORMER:
		return (struct claim_ref){ true, "ns", "c", "u0" };
	case OTHERS:
		return (struct claim_ref){ true, "ns", "other", "u2" };
	default:
		return (struct claim_ref){ 0 };
	}
}

static enum pv_phase phase_in(enum volume_state state)
{
	switch (state) {
	case FRESH:
		return PV_PENDING;
	case MINE:
	case OTHERS:
		return PV_BOUND;
	case FORMER:
		return PV_RELEASED;
	default:
		return PV_AVAILABLE;
	}
}

static struct persistent_volume volume_in(enum volume_state state)
{
	return (struct persistent_volume){
		.meta = { .namespace = "",
			  .name = "pv",
			  .uid = "v",
			  .is_deleting = state == GOING },
		.phase = phase_in(state),
		.capacity = state == SMALL ? GI - 1 : GI,
		.access_modes = state == NARROW ? ACCESS_RWO : ACCESS_RWX,
		.class_name = state == CLASSY ? (char *)"x" : (char *)"",
		.attributes_class = "",
		.is_block = state == BLOCK,
		.driver = "nfs.csi.k8s.io",
		.claim_ref = ref_in(state),
	};
}

static const char *letter(const struct plan_step *step)
{
	static const char *const phases[] = { "P", "S", "L" };

	switch (step->step) {
	case STEP_BIND_VOLUME:
		return "R";
	case STEP_SET_VOLUME_PHASE:
		return step->volume_phase == PV_BOUND ? "V" : "?";
	case STEP_BIND_CLAIM:
		return "C";
	case STEP_SET_CLAIM_PHASE:
		return phases[step->claim_phase];
	case STEP_REMOVE_FINALIZER:
		return "F";
	case STEP_EVENT:
		return step->reason;
	default:
		return claim_step_name(step->step);
	}
}

static void letters(const struct plan *plan, char *ret, size_t size)
{
	size_t len = 0;

	*ret = '\0';
	for (size_t i = 0; i < plan->n; i++)
		len += (size_t)snprintf(ret + len, size - len, "%s%s",
					i ? " " : "", letter(&plan->steps[i]));
}

static void expect_cell(enum claim_state c, enum volume_state v)
{
	const struct persistent_volume pv = volume_in(v);
	const struct claim claim = claim_in(c);
	const struct plan_world world = { .volumes = &pv,
					  .n_volumes = v != NONE,
					  .is_binder = true };
	struct plan plan;
	char found[128];

	cr_assert_eq(claim_plan(&claim, &world, &plan), 0);
	letters(&plan, found, sizeof(found));
	cr_expect_str_eq(found, table[c][v],
			 "claim state %d, volume state %d: \"%s\"", c, v,
			 found);
	plan_fini(&plan);
}

Test(claim_table, every_claim_meets_every_volume)
{
	for (int c = 0; c < CLAIM_STATES; c++)
		for (int v = 0; v < VOLUME_STATES; v++)
			expect_cell((enum claim_state)c, (enum volume_state)v);
}
