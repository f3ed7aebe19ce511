/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A plan: the steps that are to be done next for a claim or a volume, and the
 * world that it is made from. Each step is idempotent when applied
 * (claim_apply.h); a plan is made anew after every change, so a plan that was
 * only half applied is simply followed by another one.
 *
 * Errors: only -ENOMEM. Pure; any thread.
 */

#include "cluster.h"
#include "model.h"
#include "store_attachment.h"

#define ANNOTATION_BIND_COMPLETED      "pv.kubernetes.io/bind-completed"
#define ANNOTATION_BOUND_BY_CONTROLLER "pv.kubernetes.io/bound-by-controller"
#define ANNOTATION_PROVISIONED_BY      "pv.kubernetes.io/provisioned-by"
/* What the descriptor says of the volume: volume_described(). */
#define ANNOTATION_DESCRIBED   "claimfs.io/described"
#define ANNOTATION_PROVISIONER "volume.kubernetes.io/storage-provisioner"
#define ANNOTATION_PROVISIONER_BETA \
	"volume.beta.kubernetes.io/storage-provisioner"
/* Set by the scheduler for claims that wait for their first consumer. */
#define ANNOTATION_SELECTED_NODE "volume.kubernetes.io/selected-node"
#define FINALIZER_CLAIM		 "kubernetes.io/pvc-protection"
#define FINALIZER_VOLUME	 "kubernetes.io/pv-protection"
/* Keeps a deleted PV until its directory is gone (KEP-2644). */
#define FINALIZER_EXTERNAL "external-provisioner.volume.kubernetes.io/finalizer"

#define COMPONENT_BINDER "persistentvolume-controller"

enum claim_step {
	STEP_SET_CLASS,	       /* claim: spec.storageClassName = value */
	STEP_SET_PROVISIONER,  /* claim: provisioner annotations = value */
	STEP_PROVISION,	       /* make directory and PV; value = class */
	STEP_BIND_VOLUME,      /* PV: claimRef */
	STEP_UNBIND_VOLUME,    /* PV: claimRef away, or its uid if pre-bound */
	STEP_DESCRIBE,	       /* share: the descriptor says volume_phase */
	STEP_SET_VOLUME_PHASE, /* PV: status.phase */
	STEP_BIND_CLAIM,       /* claim: volumeName and annotations */
	STEP_SET_CLAIM_PHASE,  /* claim: status, capacity from PV */
	STEP_BEGIN_EXPANSION,  /* claim: status says that it goes on */
	STEP_EXPAND,	       /* PV: capacity as the claim asks for */
	STEP_END_EXPANSION,    /* claim: status.capacity from PV */
	STEP_AWAIT_ATTRIBUTES, /* claim: status says that its class is missing */
	STEP_BEGIN_MODIFY,     /* claim: status says that it goes on */
	STEP_MODIFY,	    /* PV and its directory: attributes class value */
	STEP_END_MODIFY,    /* claim: status says it has class value */
	STEP_REFUSE_MODIFY, /* claim: status says why it is impossible: value */
	STEP_CANCEL_MODIFY, /* claim: status tells of none any more */
	STEP_ADD_FINALIZER, /* PV: value = finalizer */
	STEP_REMOVE_FINALIZER, /* PV, or the claim when volume is NULL */
	STEP_RECYCLE,	       /* empty the directory */
	STEP_RECLAIM,	       /* remove directory and PV */
	STEP_QUEUE_CLAIM,      /* the volume's claim is to be looked at */
	STEP_EVENT,
	STEP_N,
};

/* "bind-volume": for logs and store_intent_open(). */
const char *claim_step_name(enum claim_step step);

struct plan_step {
	enum claim_step step;
	char *volume; /* PV's name; NULL = none */
	char *value;  /* see enum claim_step; an event's message */
	enum pv_phase volume_phase;
	enum claim_phase claim_phase;
	enum cluster_event_type event_type;
	const char *reason;    /* events only; a literal */
	const char *component; /* events only; borrowed from the world */
};

#define PLAN_MAX_STEPS 8

struct plan {
	struct plan_step steps[PLAN_MAX_STEPS];
	size_t n;
};

/* Everything that exists; borrowed. */
struct plan_world {
	const struct storage_class *classes;
	size_t n_classes;
	const struct attributes_class *attributes_classes;
	size_t n_attributes_classes;
	const struct persistent_volume *volumes;
	size_t n_volumes;
	const struct pod *pods; /* of the claim's namespace */
	size_t n_pods;
	/* Of the volume, when the plan is a volume's. */
	const struct attachment *attachments;
	size_t n_attachments;
	/* Nodes that the volume is attached to, when the cluster attaches. */
	const char *const *nodes;
	size_t n_nodes;
	const char *copy; /* that is being made of the volume; NULL = none */
	const char *const *drivers; /* the provisioners that we are */
	size_t n_drivers;
	bool is_binder; /* false: a cluster's own controllers bind and protect */
};

void plan_fini(struct plan *plan);

/* "pvc-<uid>", or what a CSI volume is to be called; malloc'ed, NULL = no memory. */
char *claim_volume_name(const struct claim *claim);

#define VOLUME_DESCRIBED_MAX 32

/* "Released/Retain": what of a volume changes, and its record can't know. */
void volume_described(enum pv_phase phase, const char *policy,
		      char ret[VOLUME_DESCRIBED_MAX]);

/* NULL = there is none. */
const struct persistent_volume *world_find_volume(
	const struct plan_world *world, const char *name);
const struct storage_class *world_find_class(const struct plan_world *world,
					     const char *name);

const struct attributes_class *world_find_attributes_class(
	const struct plan_world *world, const char *name);

/* Whether name is one of the driver names that we serve. */
bool world_has_driver(const struct plan_world *world, const char *name);
bool pod_uses_claim(const struct pod *pod, const char *namespace,
		    const char *name);
/* A pod that is or will be on a node and uses the claim; NULL = none. */
const struct pod *world_pod_on_node(const struct plan_world *world,
				    const char *namespace, const char *name);

/* --- for the two planners ------------------------------------------------ */

/* Appends a step; strings are copied. */
int plan_add(struct plan *plan, const struct plan_step *step);
/* Appends a warning or a normal event with a formatted message. */
int plan_event(struct plan *plan, enum cluster_event_type type,
	       const char *reason, const char *component, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

DEFINE_FINI(struct plan, plan_fini)
