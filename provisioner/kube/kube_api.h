/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The objects of a Kubernetes cluster, by the API server, in the form that the rest
 * of the provisioner has them (object.h). metadata.managedFields are dropped: they
 * are most of an object's bytes, and the server keeps its own when a PUT has none.
 *
 * Results are as cluster.h has them: 0, an enum cluster_outcome with the server's
 * sentence, or a negative errno when the server could not be asked: -EAGAIN when it
 * may be next time (kube_call.h says what is asked again within a call), -EACCES
 * when it does not know us, -EOPNOTSUPP when it does not serve the kind, -ECANCELED
 * some time after kube_api_stop().
 *
 * Any thread; calls block for as long as kube_call.h says.
 */

#include "cluster.h"
#include "kube_call.h"
#include "object.h"

struct kube_api;
struct kube_config;

int kube_api_new(struct kube_api **ret, const struct kube_config *config,
		 struct err *err);
/*
 * Calls below end with -ECANCELED after so long, and are not tried again before. What
 * has an end of its own goes on: watches, events, and the lease, which is given up last.
 * Any thread.
 */
void kube_api_stop(struct kube_api *api, unsigned int grace_ms);
/* After all watches, events and leases on it are gone. */
struct kube_api *kube_api_free(struct kube_api *api);

struct kube_http *kube_api_http(struct kube_api *api);

int kube_api_get(struct kube_api *api, enum object_kind kind,
		 const char *namespace, const char *name, struct object **ret,
		 struct err *err);
/* ret may be NULL here and below: what the server has made of it. */
int kube_api_create(struct kube_api *api, const struct object *object,
		    struct object **ret, struct err *err);
/* PUT: all but the status; of the resourceVersion that is in the object. */
int kube_api_update(struct kube_api *api, const struct object *object,
		    struct object **ret, struct err *err);
/* PUT .../status. */
int kube_api_update_status(struct kube_api *api, const struct object *object,
			   struct object **ret, struct err *err);

struct kube_patch {
	enum object_kind kind;
	const char *namespace; /* of namespaced kinds */
	const char *name;
	const char *subresource; /* "status"; NULL = none */
	/* A JSON merge patch (RFC 7396); with metadata.resourceVersion it is one of that version only. */
	const char *merge;
};
int kube_api_patch(struct kube_api *api, const struct kube_patch *patch,
		   struct object **ret, struct err *err);

/* uid "" or NULL = whatever has the name. With finalizers it is only marked. */
int kube_api_delete(struct kube_api *api, enum object_kind kind,
		    const char *namespace, const char *name, const char *uid,
		    struct err *err);

/* Which objects of a kind. */
struct kube_selection {
	enum object_kind kind;
	const char *namespace; /* NULL or "" = all */
	const char *labels;    /* labelSelector; NULL = none */
	const char *fields;    /* fieldSelector; NULL = none */
};

/* The object is the callee's to object_ref(). A negative result ends the list with it. */
typedef int (*kube_object_fn)(void *userdata, struct object *object,
			      struct err *err);

/*
 * In pages of 500; objects are made one by one, on the caller's thread. When the
 * pages' version expires on the way (410), the rest is of the present version, as
 * the server offers it: a watch from *ret_resource_version, which is the last
 * page's, sees what happened since, but an object that was deleted in between may
 * have been told. KUBE_LIST_INCONSISTENT says so; to be sure, list again.
 */
#define KUBE_LIST_INCONSISTENT 64
int kube_api_list(struct kube_api *api, const struct kube_selection *selection,
		  kube_object_fn fn, void *userdata,
		  uint64_t *ret_resource_version, struct err *err);

/* "/apis/storage.k8s.io/v1/storageclasses/x"; namespace and name may be NULL; malloc'ed. */
char *kube_api_path(enum object_kind kind, const char *namespace,
		    const char *name, const char *subresource);

DEFINE_CLEANUP(struct kube_api *, kube_api_free)
