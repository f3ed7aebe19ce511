/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Both sides of an attachment have the finalizer of the external attacher, by its name
 * (external-attacher/DRIVER, with every other sign than a letter or digit as "-"), so
 * that either may take over from the other:
 *
 *	VolumeAttachment	until it is detached, from before it is attached
 *	PersistentVolume	while it is deleted and something is attached
 *
 * The controller manager deletes a VolumeAttachment when the node has unmounted the
 * volume, or, from a node that is lost, when it was told to force it. Then detaching is
 * nothing but letting go.
 *
 * Exclusiveness has no lock: one thread decides, and what it decided is in the record
 * before it looks at the next one. What a leader before it decided may not be there
 * yet: so the API itself is asked for the others first.
 */

#include "attach.h"

#include <ctype.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_field.h"
#include "log.h"
#include "model_decode.h"
#include "object_change.h"
#include "timestamp.h"

#define FINALIZER_PREFIX "external-attacher/"
#define FINALIZER_MAX	 128

static void finalizer_of(const char *driver, char ret[FINALIZER_MAX])
{
	int n = snprintf(ret, FINALIZER_MAX, FINALIZER_PREFIX "%s", driver);

	for (int i = (int)strlen(FINALIZER_PREFIX);
	     i < n && i < FINALIZER_MAX - 1; i++)
		if (!isalnum((unsigned char)ret[i]))
			ret[i] = '-';
}

/* --- deciding ---------------------------------------------------------------------- */

static const char *text_at(const struct object *object, const char *path)
{
	const char *text = cJSON_GetStringValue(json_at(object->json, path));

	return text ? text : "";
}

static bool has_finalizer(const struct object *object, const char *name)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, json_at(object->json, "metadata.finalizers"))
		if (cJSON_IsString(item) &&
		    strcmp(item->valuestring, name) == 0)
			return true;
	return false;
}

void volume_attachment_read(const struct object *object,
			    struct volume_attachment *ret)
{
	char finalizer[FINALIZER_MAX];

	*ret = (struct volume_attachment){
		.object = object,
		.attacher = text_at(object, "spec.attacher"),
		.node = text_at(object, "spec.nodeName"),
		.error = text_at(object, "status.attachError.message"),
		.is_deleting =
			json_at(object->json, "metadata.deletionTimestamp"),
		.is_attached =
			cJSON_IsTrue(json_at(object->json, "status.attached")),
	};
	finalizer_of(ret->attacher, finalizer);
	ret->has_finalizer = has_finalizer(object, finalizer);
}

static bool is_for_one_node(const struct persistent_volume *pv)
{
	return !(pv->access_modes & (ACCESS_RWX | ACCESS_ROX));
}

/* Attached elsewhere: also one that is being detached still has it. */
static const struct volume_attachment *find_rival(
	const struct volume_attachment *attachment,
	const struct volume_attachment *others, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (others[i].is_attached &&
		    strcmp(others[i].node, attachment->node) != 0)
			return &others[i];
	return NULL;
}

enum attach_fate attach_decide(const struct volume_attachment *attachment,
			       const struct persistent_volume *pv,
			       const struct volume_attachment *others, size_t n,
			       struct err *ret_why)
{
	const struct volume_attachment *rival;

	if (attachment->is_deleting)
		return attachment->has_finalizer ? ATTACH_DETACH : ATTACH_LEAVE;
	if (attachment->is_attached)
		return ATTACH_LEAVE;
	if (!pv) {
		(void)err_set(ret_why, -ENOENT,
			      "the PersistentVolume does not exist");
		return ATTACH_REFUSE;
	}
	if (pv->meta.is_deleting) {
		(void)err_set(ret_why, -EBUSY, "volume %s is being deleted",
			      pv->meta.name);
		return ATTACH_REFUSE;
	}
	rival = is_for_one_node(pv) ? find_rival(attachment, others, n) : NULL;
	if (!rival)
		return ATTACH_ATTACH;
	(void)err_set(
		ret_why, -EBUSY,
		"volume %s is attached to node %s, and its access modes allow only one node",
		pv->meta.name, rival->node);
	return ATTACH_REFUSE;
}

/* --- doing it ----------------------------------------------------------------------- */

static struct object_target target_of(const struct object *object)
{
	return (struct object_target){ .kind = object->kind,
				       .namespace = object->namespace,
				       .name = object->name,
				       .uid = object->uid };
}

static int set_attached(cJSON *json, const void *userdata)
{
	cJSON *status = change_member(json, "status");

	(void)userdata;
	if (!status)
		return -ENOMEM;
	cJSON_DeleteItemFromObjectCaseSensitive(status, "attached");
	cJSON_DeleteItemFromObjectCaseSensitive(status, "attachError");
	return cJSON_AddTrueToObject(status, "attached") ? 0 : -ENOMEM;
}

static int set_error(cJSON *json, const void *message)
{
	cJSON *status = change_member(json, "status");
	cJSON *error = status ? change_member(status, "attachError") : NULL;
	char now[TIMESTAMP_MAX];

	timestamp_now(now);
	if (!error || change_string(error, "message", message) < 0 ||
	    change_string(error, "time", now) < 0)
		return -ENOMEM;
	if (!cJSON_GetObjectItemCaseSensitive(status, "attached") &&
	    !cJSON_AddFalseToObject(status, "attached"))
		return -ENOMEM;
	return 0;
}

/* APPLY_AGAIN: the record was behind, and is not any more. */
static int confirm_alone(const struct applier *applier,
			 const struct volume_attachment *attachment,
			 const struct volume_attachment *others, size_t n,
			 struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_(object_unref) struct object *live = NULL;
		struct volume_attachment now;
		int r;

		if (others[i].object == attachment->object)
			continue;
		r = applier->cluster->ops->get_live(
			applier->cluster, KIND_VOLUME_ATTACHMENT, "",
			others[i].object->name, &live, err);
		if (r == CLUSTER_NOT_FOUND)
			continue;
		if (r != 0)
			return apply_outcome(r);
		volume_attachment_read(live, &now);
		if (find_rival(attachment, &now, 1))
			return APPLY_AGAIN;
	}
	return 0;
}

/* The next one is decided about on what is there after it: APPLY_AGAIN. */
static int do_attach(const struct applier *applier,
		     const struct volume_attachment *attachment,
		     const struct object *volume, struct err *err)
{
	struct object_target pv = target_of(volume);
	struct object_target self = target_of(attachment->object);
	char finalizer[FINALIZER_MAX];
	int r;

	finalizer_of(attachment->attacher, finalizer);
	r = object_change(applier->cluster, &pv, change_add_finalizer,
			  finalizer, err);
	if (r == 0)
		r = object_change(applier->cluster, &self, change_add_finalizer,
				  finalizer, err);
	if (r == 0)
		r = object_change_status(applier->cluster, &self, set_attached,
					 NULL, err);
	if (r != 0)
		return apply_outcome(r);
	log_info("volume attached", F_STR("volume", volume->name),
		 F_STR("node", attachment->node));
	return APPLY_AGAIN;
}

static int do_detach(const struct applier *applier,
		     const struct volume_attachment *attachment,
		     struct err *err)
{
	struct object_target self = target_of(attachment->object);
	char finalizer[FINALIZER_MAX];
	int r;

	finalizer_of(attachment->attacher, finalizer);
	r = object_change(applier->cluster, &self, change_remove_finalizer,
			  finalizer, err);
	if (r != 0)
		return apply_outcome(r);
	log_info("volume detached",
		 F_STR("volume", text_at(attachment->object,
					 "spec.source.persistentVolumeName")),
		 F_STR("node", attachment->node));
	return 0;
}

/* It is looked at again when an attachment of the volume changes. */
static int do_refuse(const struct applier *applier,
		     const struct volume_attachment *attachment,
		     const char *why, struct err *err)
{
	struct object_target self = target_of(attachment->object);

	if (strcmp(attachment->error, why) == 0)
		return 0;
	return apply_outcome(object_change_status(applier->cluster, &self,
						  set_error, why, err));
}

/* --- of one volume -------------------------------------------------------------------- */

struct volume_side {
	struct object *object; /* NULL = there is none */
	struct persistent_volume pv;
};

static void volume_side_fini(struct volume_side *side)
{
	object_unref(side->object);
	persistent_volume_fini(&side->pv);
}

DEFINE_FINI(struct volume_side, volume_side_fini)

static int load_volume(const struct applier *applier, const char *name,
		       struct volume_side *ret, struct err *err)
{
	int r = applier->cluster->ops->get(applier->cluster,
					   KIND_PERSISTENT_VOLUME, "", name,
					   &ret->object, err);

	if (r == CLUSTER_NOT_FOUND) {
		err_fini(err);
		return 0;
	}
	return r == 0 ? persistent_volume_decode(ret->object, &ret->pv, err)
		      : r;
}

static int settle(const struct applier *applier,
		  const struct volume_attachment *attachment,
		  const struct volume_side *side,
		  const struct volume_attachment *all, size_t n,
		  struct err *err)
{
	_cleanup_(err_fini) struct err why = ERR_INIT;
	int r;

	switch (attach_decide(attachment, side->object ? &side->pv : NULL, all,
			      n, &why)) {
	case ATTACH_ATTACH:
		r = is_for_one_node(&side->pv)
			    ? confirm_alone(applier, attachment, all, n, err)
			    : 0;
		return r != 0 ? r
			      : do_attach(applier, attachment, side->object,
					  err);
	case ATTACH_DETACH:
		return do_detach(applier, attachment, err);
	case ATTACH_REFUSE:
		return do_refuse(applier, attachment, err_text(&why), err);
	default:
		return 0;
	}
}

/* The last one is gone: nothing keeps the volume on our account. */
static int release_volume(const struct applier *applier,
			  const struct volume_side *side, struct err *err)
{
	struct object_target target;
	char finalizer[FINALIZER_MAX];

	if (!side->object || !side->pv.meta.is_deleting)
		return 0;
	finalizer_of(side->pv.driver, finalizer);
	if (!meta_has_finalizer(&side->pv.meta, finalizer))
		return 0;
	target = target_of(side->object);
	return apply_outcome(object_change(applier->cluster, &target,
					   change_remove_finalizer, finalizer,
					   err));
}

static bool is_ours(const struct volume_attachment *attachment,
		    const char *const *drivers, size_t n_drivers)
{
	for (size_t i = 0; i < n_drivers; i++)
		if (strcmp(drivers[i], attachment->attacher) == 0)
			return true;
	return false;
}

/* Those of our drivers, at the front of a new array. */
static int read_all(const struct object_list *list, const char *const *drivers,
		    size_t n_drivers, struct volume_attachment **ret,
		    size_t *ret_n)
{
	struct volume_attachment *all = calloc(list->n + 1, sizeof(*all));
	size_t n = 0;

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		volume_attachment_read(list->items[i], &all[n]);
		if (is_ours(&all[n], drivers, n_drivers))
			n++;
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

int attach(const struct applier *applier, const char *volume,
	   const char *const *drivers, size_t n_drivers, struct err *err)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	_cleanup_(free) struct volume_attachment *all = NULL;
	_cleanup_(volume_side_fini) struct volume_side side = { 0 };
	size_t n;
	int r;

	r = store_list_attachments_of(applier->store, volume, &list, err);
	if (r < 0)
		return r;
	if (read_all(&list, drivers, n_drivers, &all, &n) < 0)
		return err_set(err, -ENOMEM, "no memory");
	r = load_volume(applier, volume, &side, err);
	for (size_t i = 0; i < n && r == 0; i++)
		r = settle(applier, &all[i], &side, all, n, err);
	return r != 0 || n > 0 ? r : release_volume(applier, &side, err);
}
