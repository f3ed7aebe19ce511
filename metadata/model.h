/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the system knows, in Kubernetes' words: access modes, phases, policies, and
 * plain structs for the objects that decisions are made on. A struct is decoded
 * from an API object once, at the border (model_decode.h), and never written
 * back: changes are made on the object.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum access_mode {
	ACCESS_RWO = 1u << 0,
	ACCESS_ROX = 1u << 1,
	ACCESS_RWX = 1u << 2,
	ACCESS_RWOP = 1u << 3,
};

/* "ReadWriteOnce" and so on; -EINVAL for anything else. */
int access_mode_parse(const char *text, enum access_mode *ret);
const char *access_mode_name(enum access_mode mode);
/* "RWO", as kubectl abbreviates it. */
const char *access_mode_short(enum access_mode mode);

enum claim_phase {
	CLAIM_PENDING,
	CLAIM_BOUND,
	CLAIM_LOST,
};

enum pv_phase {
	PV_PENDING,
	PV_AVAILABLE,
	PV_BOUND,
	PV_RELEASED,
	PV_FAILED,
};

enum reclaim_policy {
	RECLAIM_DELETE,
	RECLAIM_RETAIN,
	RECLAIM_RECYCLE,
};

enum binding_mode {
	BINDING_IMMEDIATE,
	BINDING_WAIT_FOR_FIRST_CONSUMER,
};

/* PersistentVolumeClaim.status.modifyVolumeStatus.status */
enum modify_phase {
	MODIFY_NONE,
	MODIFY_PENDING, /* its class is not there */
	MODIFY_IN_PROGRESS,
	MODIFY_INFEASIBLE,
};

enum on_delete {
	ON_DELETE_DELETE,
	ON_DELETE_RETAIN,
	ON_DELETE_ARCHIVE,
};

extern const char *const claim_phase_names[3];
extern const char *const pv_phase_names[5];
extern const char *const reclaim_policy_names[3];
extern const char *const binding_mode_names[2];
extern const char *const modify_phase_names[4];

struct label {
	char *key;
	char *value;
};

struct labels {
	struct label *items;
	size_t n;
};

enum selector_operator {
	SELECTOR_IN,
	SELECTOR_NOT_IN,
	SELECTOR_EXISTS,
	SELECTOR_DOES_NOT_EXIST,
};

struct selector_term {
	char *key;
	enum selector_operator op;
	char **values;
	size_t n_values;
};

/* matchLabels become IN terms with one value; all terms must hold. */
struct selector {
	bool is_set;
	struct selector_term *terms;
	size_t n;
};

/* A selector that is not set matches everything. */
bool selector_matches(const struct selector *selector,
		      const struct labels *labels);
void selector_fini(struct selector *selector);

/* What every object has; strings owned by the decoded struct. */
struct object_meta {
	char *namespace; /* "" for cluster-scoped kinds */
	char *name;
	char *uid;
	uint64_t resource_version;
	int64_t creation_s; /* Unix time */
	bool is_deleting;   /* deletionTimestamp is set */
	char **finalizers;
	size_t n_finalizers;
	struct labels labels;
	struct labels annotations;
};

/* NULL when there is no such key. */
const char *labels_get(const struct labels *labels, const char *key);
void labels_fini(struct labels *labels);
bool meta_has_finalizer(const struct object_meta *meta, const char *name);

struct storage_class {
	struct object_meta meta;
	char *provisioner;
	struct labels parameters;
	enum reclaim_policy reclaim;
	enum binding_mode binding;
	char **mount_options;
	size_t n_mount_options;
	bool is_default;
	bool allows_expansion;
};

/* A VolumeAttributesClass: what of volumes can be another later. */
struct attributes_class {
	char *name;
	char *driver;
	struct labels parameters;
};

/* PersistentVolume.spec.claimRef */
struct claim_ref {
	bool is_set;
	char *namespace;
	char *name;
	char *uid; /* "" = pre-bound by name only */
};

struct persistent_volume {
	struct object_meta meta;
	enum pv_phase phase;
	uint64_t capacity;		    /* bytes */
	uint32_t access_modes;		    /* mask of enum access_mode */
	enum access_mode first_access_mode; /* the one that nodes are told */
	bool is_block;			    /* volumeMode: Block */
	char *class_name;		    /* "" = none */
	char *attributes_class;		    /* "" = none */
	enum reclaim_policy reclaim;
	struct claim_ref claim_ref;
	char *driver;		  /* spec.csi.driver; "" = not a CSI volume */
	char *handle;		  /* spec.csi.volumeHandle */
	struct labels attributes; /* spec.csi.volumeAttributes */
	char **mount_options;
	size_t n_mount_options;
};

/* What a claim's volume is to begin with: dataSourceRef, or dataSource. */
struct data_source {
	bool is_set;
	char *api_group; /* "" = the core's */
	char *kind;
	char *name;
	char *namespace; /* "" = the claim's */
};

struct claim {
	struct object_meta meta;
	enum claim_phase phase;
	uint64_t request; /* bytes */
	uint32_t access_modes;
	bool is_block;
	bool has_class; /* false: storageClassName absent, "" counts as given */
	char *class_name;
	char *attributes_class;
	char *volume_name; /* "" = not bound */
	struct selector selector;
	struct data_source data_source;
	bool is_bind_completed; /* annotation pv.kubernetes.io/bind-completed */
	uint64_t capacity;	/* status.capacity, bytes; 0 = none yet */
	/* status.allocatedResources while an expansion goes on; 0 = none does. */
	uint64_t resize_target;
	/* What the volume is by now: status.currentVolumeAttributesClassName. */
	char *current_attributes_class;
	enum modify_phase modify_phase;
	char *modify_target;	 /* and what it is to become */
	bool tells_of_modifying; /* by a condition ModifyingVolume */
};

struct pod_volume {
	char *name;
	char *claim_name; /* "" = not a claim */
	bool is_read_only;
};

struct pod {
	struct object_meta meta;
	char *node_name; /* "" = not scheduled */
	char *phase;
	char *fs_group; /* a group id; NULL = none */
	struct pod_volume *volumes;
	size_t n_volumes;
};

void storage_class_fini(struct storage_class *class);
void attributes_class_fini(struct attributes_class *class);
void persistent_volume_fini(struct persistent_volume *pv);
void claim_fini(struct claim *claim);
void pod_fini(struct pod *pod);

DEFINE_FINI(struct labels, labels_fini)
DEFINE_FINI(struct selector, selector_fini)
DEFINE_FINI(struct storage_class, storage_class_fini)
DEFINE_FINI(struct attributes_class, attributes_class_fini)
DEFINE_FINI(struct persistent_volume, persistent_volume_fini)
DEFINE_FINI(struct claim, claim_fini)
DEFINE_FINI(struct pod, pod_fini)
