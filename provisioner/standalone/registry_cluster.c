/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The standalone implementation of struct cluster: each operation is the registry's
 * of the same name, so that the reconciler obeys the same rules as any client.
 */

#include "registry_cluster.h"

#include "registry.h"
#include "registry_event.h"

static struct registry *registry_of(struct cluster *cluster)
{
	return container_of(cluster, struct registry_cluster, cluster)
		->registry;
}

static int cluster_get(struct cluster *cluster, enum object_kind kind,
		       const char *namespace, const char *name,
		       struct object **ret, struct err *err)
{
	return registry_get(registry_of(cluster), kind, namespace, name, ret,
			    err);
}

static int cluster_list(struct cluster *cluster, enum object_kind kind,
			const char *namespace, struct object_list *ret,
			struct err *err)
{
	return registry_list(registry_of(cluster), kind, namespace, ret, err);
}

static int cluster_list_volumes_for(struct cluster *cluster,
				    const char *namespace, const char *claim,
				    const char *volume, struct object_list *ret,
				    struct err *err)
{
	struct registry_cluster *self =
		container_of(cluster, struct registry_cluster, cluster);

	return store_list_volumes_for(self->store, namespace, claim, volume,
				      ret, err);
}

static int cluster_each_name(struct cluster *cluster, enum object_kind kind,
			     const char *phase, cluster_name_fn fn,
			     void *userdata, struct err *err)
{
	struct registry_cluster *self =
		container_of(cluster, struct registry_cluster, cluster);

	return store_each_name(self->store, kind, phase, fn, userdata, err);
}

static int cluster_create(struct cluster *cluster, const struct object *object,
			  struct object **ret, struct err *err)
{
	return registry_create(registry_of(cluster), object, ret, err);
}

static int cluster_update(struct cluster *cluster, const struct object *object,
			  struct object **ret, struct err *err)
{
	return registry_update(registry_of(cluster), object, ret, err);
}

static int cluster_update_status(struct cluster *cluster,
				 const struct object *object,
				 struct object **ret, struct err *err)
{
	return registry_update_status(registry_of(cluster), object, ret, err);
}

static int cluster_delete(struct cluster *cluster, enum object_kind kind,
			  const char *namespace, const char *name,
			  const char *uid, struct err *err)
{
	return registry_delete(registry_of(cluster), kind, namespace, name, uid,
			       NULL, err);
}

static void cluster_event(struct cluster *cluster,
			  const struct cluster_event *event)
{
	struct registry_cluster *self =
		container_of(cluster, struct registry_cluster, cluster);

	registry_event_record(self->store, event);
}

static const struct cluster_ops ops = {
	.get = cluster_get,
	.get_live = cluster_get,
	.list = cluster_list,
	.list_volumes_for = cluster_list_volumes_for,
	.each_name = cluster_each_name,
	.create = cluster_create,
	.update = cluster_update,
	.update_status = cluster_update_status,
	.delete = cluster_delete,
	.event = cluster_event,
};

void registry_cluster_init(struct registry_cluster *self,
			   struct registry *registry, struct store *store)
{
	self->cluster.ops = &ops;
	self->registry = registry;
	self->store = store;
}
