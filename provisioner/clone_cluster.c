/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A cluster's VolumeSnapshot, its VolumeSnapshotContent, and the handle in that, which
 * is a snapshot's id. Both must name each other: who may write a VolumeSnapshot in his
 * namespace could name anybody's content otherwise.
 */

#include <string.h>

#include <cjson/cJSON.h>

#include "clone_source.h"
#include "json_field.h"

static const char *text_at(const struct object *object, const char *path)
{
	const char *text = cJSON_GetStringValue(json_at(object->json, path));

	return text ? text : "";
}

static int get(struct cluster *cluster, enum object_kind kind,
	       const char *namespace, const char *name, struct object **ret,
	       struct err *err)
{
	int r = cluster->ops->get_live(cluster, kind, namespace, name, ret,
				       err);

	if (r > 0)
		return err_set(
			err, -ENOENT,
			"error getting %s %s from api server: it does not exist",
			object_kind_info(kind)->singular, name);
	/* A cluster without the snapshot controller's kinds. */
	return r;
}

static int check_bound(const struct object *snapshot,
		       const struct object *content, struct err *err)
{
	if (strcmp(text_at(content, "spec.volumeSnapshotRef.uid"),
		   snapshot->uid) != 0 ||
	    strcmp(text_at(content, "spec.volumeSnapshotRef.name"),
		   snapshot->name) != 0 ||
	    strcmp(text_at(content, "spec.volumeSnapshotRef.namespace"),
		   snapshot->namespace) != 0)
		return err_set(err, -EAGAIN, "snapshot %s not bound",
			       snapshot->name);
	return 0;
}

static int check_snapshot(const struct object *snapshot, struct err *err)
{
	if (json_at(snapshot->json, "metadata.deletionTimestamp"))
		return err_set(err, -EINVAL,
			       "snapshot %s is currently being deleted",
			       snapshot->name);
	if (!*text_at(snapshot, "status.boundVolumeSnapshotContentName"))
		return err_set(err, -EAGAIN, "snapshot %s not bound",
			       snapshot->name);
	if (!cJSON_IsTrue(json_at(snapshot->json, "status.readyToUse")))
		return err_set(err, -EAGAIN, "snapshot %s is not Ready",
			       snapshot->name);
	return 0;
}

static int check_content(const struct object *snapshot,
			 const struct object *content,
			 const struct plan_world *world, struct err *err)
{
	int r = check_bound(snapshot, content, err);

	if (r < 0)
		return r;
	if (!world_has_driver(world, text_at(content, "spec.driver")))
		return err_set(
			err, -EINVAL,
			"snapshot %s is of driver \"%s\", not of this one",
			snapshot->name, text_at(content, "spec.driver"));
	if (!*text_at(content, "status.snapshotHandle"))
		return err_set(err, -EAGAIN,
			       "snapshot handle of %s is not available",
			       snapshot->name);
	return 0;
}

int clone_snapshot_handle(struct cluster *cluster,
			  const struct plan_world *world, const char *namespace,
			  const char *name, char **ret, struct err *err)
{
	_cleanup_(object_unref) struct object *snapshot = NULL;
	_cleanup_(object_unref) struct object *content = NULL;
	int r = get(cluster, KIND_VOLUME_SNAPSHOT, namespace, name, &snapshot,
		    err);

	if (r == 0)
		r = check_snapshot(snapshot, err);
	if (r == 0)
		r = get(cluster, KIND_SNAPSHOT_CONTENT, "",
			text_at(snapshot,
				"status.boundVolumeSnapshotContentName"),
			&content, err);
	if (r == 0)
		r = check_content(snapshot, content, world, err);
	if (r < 0)
		return r;
	*ret = strdup(text_at(content, "status.snapshotHandle"));
	return *ret ? 0 : err_set(err, -ENOMEM, "no memory");
}
