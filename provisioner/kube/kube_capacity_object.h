/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A CSIStorageCapacity as the external provisioner makes them. Pure; any thread. */

#include "object.h"

#define KUBE_CAPACITY_NAME_MAX 32
#define KUBE_CAPACITY_KEEPER   "claimfs-provisioner"

/* "csisc-0123456789abcdef": always the same for a driver's class. */
void kube_capacity_name(const char *driver, const char *class,
			char ret[KUBE_CAPACITY_NAME_MAX]);
/* The labelSelector of a driver's; malloc'ed, NULL = no memory. */
char *kube_capacity_selector(const char *driver);

struct kube_capacity_facts {
	const char *namespace;
	const char *driver;
	const char *class;
	uint64_t bytes;
};

/* For every node: a share is as large from each. */
int kube_capacity_object_new(struct object **ret,
			     const struct kube_capacity_facts *facts,
			     struct err *err);
/* The same object with another number. */
int kube_capacity_object_change(struct object **ret, const struct object *old,
				uint64_t bytes, struct err *err);
/* 0 where it says nothing. */
uint64_t kube_capacity_object_bytes(const struct object *object);

/*
 * More than a hundredth: what is less changes the answer only for claims that ask for
 * nearly all there is, and a share that is written to would be news each minute.
 */
bool kube_capacity_matters(uint64_t before, uint64_t now);
