/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads never wait for the API server, except those that ask to (get_live). A write that
 * is refused because the record is behind brings it up to date, so that whoever tries
 * again does so on what is there.
 */

#include "kube_cluster.h"

#include "kube_event.h"
#include "kube_lease.h"
#include "store_mirror.h"

static struct kube_cluster *of(struct cluster *cluster)
{
	return container_of(cluster, struct kube_cluster, cluster);
}

/* --- reading ------------------------------------------------------------------------ */

static int cluster_get(struct cluster *cluster, enum object_kind kind,
		       const char *namespace, const char *name,
		       struct object **ret, struct err *err)
{
	int r;

	if (kind >= KIND_RECORD_N)
		return kube_api_get(of(cluster)->api, kind, namespace, name,
				    ret, err);
	r = store_get(of(cluster)->store, kind, namespace, name, ret, err);
	return r == STORE_NOT_FOUND ? CLUSTER_NOT_FOUND : r;
}

static int cluster_list(struct cluster *cluster, enum object_kind kind,
			const char *namespace, struct object_list *ret,
			struct err *err)
{
	return store_list(of(cluster)->store, kind, namespace, ret, err);
}

static int cluster_list_volumes_for(struct cluster *cluster,
				    const char *namespace, const char *claim,
				    const char *volume, struct object_list *ret,
				    struct err *err)
{
	return store_list_volumes_for(of(cluster)->store, namespace, claim,
				      volume, ret, err);
}

static int cluster_each_name(struct cluster *cluster, enum object_kind kind,
			     const char *phase, cluster_name_fn fn,
			     void *userdata, struct err *err)
{
	return store_each_name(of(cluster)->store, kind, phase, fn, userdata,
			       err);
}

/* --- the record behind the API server ------------------------------------------------ */

static int note(struct kube_cluster *self, struct object *object,
		struct err *err)
{
	if (object->kind >= KIND_RECORD_N)
		return 0;
	return store_mirror_put(self->store, object, err);
}

/*
 * What the record had when the question was put is gone by the answer 404; what it has
 * by now may be another one of that name.
 */
static int forget(struct kube_cluster *self, const struct object *known,
		  struct err *err)
{
	if (!known)
		return 0;
	return store_mirror_remove(self->store, known->kind, known->namespace,
				   known->name, known->uid, err);
}

static int cluster_get_live(struct cluster *cluster, enum object_kind kind,
			    const char *namespace, const char *name,
			    struct object **ret, struct err *err)
{
	struct kube_cluster *self = of(cluster);
	_cleanup_(object_unref) struct object *known = NULL;
	_cleanup_(object_unref) struct object *object = NULL;
	int r = 0;

	if (kind < KIND_RECORD_N)
		r = store_get(self->store, kind, namespace, name, &known, err);
	if (r >= 0)
		r = kube_api_get(self->api, kind, namespace, name, &object,
				 err);
	if (r == 0)
		r = note(self, object, err);
	else if (r == CLUSTER_NOT_FOUND && forget(self, known, err) < 0)
		return -EIO;
	if (r == 0)
		*ret = TAKE_PTR(object);
	return r;
}

/* After a refusal; the refusal is what the caller gets. */
static void refresh(struct kube_cluster *self, enum object_kind kind,
		    const char *namespace, const char *name)
{
	_cleanup_(object_unref) struct object *object = NULL;
	_cleanup_(err_fini) struct err err = ERR_INIT;

	(void)cluster_get_live(&self->cluster, kind, namespace, name, &object,
			       &err);
}

/* --- writing ------------------------------------------------------------------------ */

static int check_leader(struct kube_cluster *self, struct err *err)
{
	if (!self->lease || kube_lease_is_held(self->lease))
		return 0;
	return err_set(err, -ECANCELED, "another controller is the leader");
}

typedef int (*write_fn)(struct kube_api *api, const struct object *object,
			struct object **ret, struct err *err);

static int write_object(struct kube_cluster *self, write_fn fn,
			const struct object *object, struct object **ret,
			struct err *err)
{
	_cleanup_(object_unref) struct object *stored = NULL;
	int r = check_leader(self, err);

	if (r < 0)
		return r;
	r = fn(self->api, object, &stored, err);
	if (r == 0)
		r = note(self, stored, err);
	else if (r > 0)
		refresh(self, object->kind, object->namespace, object->name);
	if (r == 0 && ret)
		*ret = TAKE_PTR(stored);
	return r;
}

static int cluster_create(struct cluster *cluster, const struct object *object,
			  struct object **ret, struct err *err)
{
	return write_object(of(cluster), kube_api_create, object, ret, err);
}

static int cluster_update(struct cluster *cluster, const struct object *object,
			  struct object **ret, struct err *err)
{
	return write_object(of(cluster), kube_api_update, object, ret, err);
}

static int cluster_update_status(struct cluster *cluster,
				 const struct object *object,
				 struct object **ret, struct err *err)
{
	return write_object(of(cluster), kube_api_update_status, object, ret,
			    err);
}

/* With finalizers it stays, marked; what follows has to see the mark. */
static int cluster_delete(struct cluster *cluster, enum object_kind kind,
			  const char *namespace, const char *name,
			  const char *uid, struct err *err)
{
	struct kube_cluster *self = of(cluster);
	int r = check_leader(self, err);

	if (r < 0)
		return r;
	r = kube_api_delete(self->api, kind, namespace, name, uid, err);
	if (r >= 0)
		refresh(self, kind, namespace, name);
	return r;
}

static void cluster_event(struct cluster *cluster,
			  const struct cluster_event *event)
{
	kube_events_add(of(cluster)->events, event);
}

static const struct cluster_ops ops = {
	.get = cluster_get,
	.get_live = cluster_get_live,
	.list = cluster_list,
	.list_volumes_for = cluster_list_volumes_for,
	.each_name = cluster_each_name,
	.create = cluster_create,
	.update = cluster_update,
	.update_status = cluster_update_status,
	.delete = cluster_delete,
	.event = cluster_event,
};

void kube_cluster_init(struct kube_cluster *self)
{
	self->cluster.ops = &ops;
}
