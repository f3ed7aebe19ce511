/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a volume is on a share: made from a claim and its class, from an existing
 * volume, or from the detail of an intent. Pure; any thread.
 */

#include "model.h"
#include "share.h"

/* The owner of what a struct share_volume borrows. */
struct volume_place {
	char *server;
	char *share;
	char *path;
	char *name;
	char *claim_namespace;
	char *claim_name;
	char *claim_uid;
	char *class_name;
	uint64_t capacity;
	uint32_t port;
	uint32_t mountport;
	uint32_t permissions;
	bool has_owner;
	bool is_shared;
	uint32_t uid, gid;
	enum on_delete on_delete;
	uint64_t trash_ttl_s; /* 0 = removed at once */
	uint32_t nfs_major;   /* what the class asks for */
	uint32_t nfs_minor;
};

void volume_place_fini(struct volume_place *place);
/* Replaces one of a place's strings by a copy of value: 0 or -ENOMEM. */
int volume_place_set(char **field, const char *value);
struct share_volume volume_place_borrow(const struct volume_place *place);

/* Where the claim's volume is to be, by its class. -EINVAL for a bad class. */
int volume_place_of_claim(const struct claim *claim,
			  const struct storage_class *class,
			  struct volume_place *ret, struct err *err);
/* Where all volumes of a class are: server, share, their ports and nothing else. */
int volume_place_of_class(const struct storage_class *class,
			  struct volume_place *ret, struct err *err);
/* Where an existing volume is, by its attributes. -EINVAL for one without subDir. */
int volume_place_of_volume(const struct persistent_volume *pv,
			   struct volume_place *ret, struct err *err);

/* The detail of an intent and back; *ret is malloc'ed. */
int volume_place_to_detail(const struct volume_place *place, char **ret);
int volume_place_from_detail(const char *detail, struct volume_place *ret,
			     struct err *err);

DEFINE_FINI(struct volume_place, volume_place_fini)
