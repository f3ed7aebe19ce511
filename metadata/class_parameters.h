/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * StorageClass parameters and the volumeAttributes of a PV, by the names that
 * csi-driver-nfs users have: server, share, subDir, onDelete, mountPermissions; by
 * names of our own: shared, trashTTL;
 * and by those of exports(5), whom callers are on the server: squash, uid, gid.
 * Keys are compared without case; an unknown one is refused by name. Kubernetes'
 * own (csi.storage.k8s.io/..., storage.kubernetes.io/...) are passed over.
 */

#include "model.h"

/* Whose requests are made as another user; exports(5) has the words. */
enum squash {
	SQUASH_NONE,
	SQUASH_ROOT,
	SQUASH_ALL,
};

struct class_parameters {
	char *server;
	char *share;	/* absolute, normalised */
	char *subdir;	/* template; NULL = the PV's name */
	bool is_shared; /* claims may have one directory */
	enum on_delete on_delete;
	bool has_on_delete;
	uint64_t trash_ttl_s; /* how long what was deleted can be restored */
	uint32_t mount_permissions; /* 0 = leave as made */
	enum squash squash;
	bool has_owner;	   /* uid and gid were given */
	uint32_t uid, gid; /* CLASS_NOBODY unless given */
};

#define CLASS_TRASH_TTL_S     86400u /* unless the class says otherwise */
#define CLASS_TRASH_TTL_MAX_S (3650u * 86400u)

/* "24h", "0": -EINVAL with a sentence. */
int class_trash_ttl_parse(const char *text, uint64_t *ret_s, struct err *err);

/* exports(5): what anonuid and anongid are unless they are given. */
#define CLASS_NOBODY 65534u

/*
 * In place, as those of parameters become: an address without the brackets that IPv6 has in
 * a URL, which no resolver knows; a path without slashes that say nothing.
 */
void class_server_normalise(char *server);
void class_share_normalise(char *share);

/* server and share are required; the subDir template is checked for any claim. */
int class_parameters_parse(const struct labels *parameters,
			   struct class_parameters *ret, struct err *err);

/* Those that a volume may have another value of later. */
extern const char *const class_mutable_keys[3];
/* A VolumeAttributesClass has these only. */
int class_mutable_check(const struct labels *parameters, struct err *err);

void class_parameters_fini(struct class_parameters *parameters);

/*
 * Replaces ${pvc.metadata.name}, ${pvc.metadata.labels['KEY']} and so on (the table is
 * in subdir.c), and checks the outcome component by component: not absolute, no "..", ".", empty or
 * over-long component, no control character, not below ".claimfs". claim NULL: every value is "x". *ret is malloc'ed.
 */
int subdir_expand(const char *template, const struct claim *claim,
		  const char *pv_name, char **ret, struct err *err);
/* The same check without a template, for static volumes' subDir. */
int subdir_check(const char *subdir, struct err *err);
/* Of paths that passed it: whether this is the other, or in it. */
bool path_is_within(const char *path, const char *outer);
/* Whether one of them is within the other. */
bool paths_overlap(const char *a, const char *b);

DEFINE_FINI(struct class_parameters, class_parameters_fini)
