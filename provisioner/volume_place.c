/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where volumes are. A path comes from a class's template or from the attributes
 * of a volume in the record, is checked here in both cases, and is never derived
 * from a volume handle.
 */

#include "volume_place.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "class_parameters.h"
#include "json_field.h"
#include "mount_options.h"
#include "plan.h"
#include "volume_attributes.h"

void volume_place_fini(struct volume_place *place)
{
	free(place->server);
	free(place->share);
	free(place->path);
	free(place->name);
	free(place->claim_namespace);
	free(place->claim_name);
	free(place->claim_uid);
	free(place->class_name);
	*place = (struct volume_place){ 0 };
}

int volume_place_set(char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

struct share_volume volume_place_borrow(const struct volume_place *place)
{
	return (struct share_volume){
		.server = place->server,
		.share = place->share,
		.port = place->port,
		.mountport = place->mountport,
		.name = place->name,
		.path = place->path,
		.claim_namespace = place->claim_namespace,
		.claim_name = place->claim_name,
		.claim_uid = place->claim_uid,
		.class_name = place->class_name,
		.capacity = place->capacity,
		.permissions = place->permissions,
		.has_owner = place->has_owner,
		.is_shared = place->is_shared,
		.uid = place->uid,
		.gid = place->gid,
	};
}

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "no memory");
}

static bool is_complete(const struct volume_place *place)
{
	return place->server && place->share && place->path && place->name &&
	       place->claim_namespace && place->claim_name &&
	       place->claim_uid && place->class_name;
}

static int take_mount_options(char *const *texts, size_t n,
			      struct volume_place *place, struct err *err)
{
	struct mount_options options = MOUNT_OPTIONS_INIT;

	for (size_t i = 0; i < n; i++) {
		int r = mount_options_parse(&options, texts[i], err);

		if (r < 0)
			return r;
	}
	place->port = options.port;
	place->mountport = options.mountport;
	place->nfs_major = options.nfsvers_major;
	place->nfs_minor = options.nfsvers_minor;
	return 0;
}

/* --- from a claim and its class ----------------------------------------------------- */

static int take_parameters(const struct claim *claim,
			   const struct storage_class *class,
			   struct volume_place *place, struct err *err)
{
	_cleanup_(class_parameters_fini) struct class_parameters parameters = {
		0
	};
	int r;

	r = class_parameters_parse(&class->parameters, &parameters, err);
	if (r < 0)
		return r;
	place->server = TAKE_PTR(parameters.server);
	place->share = TAKE_PTR(parameters.share);
	place->on_delete = parameters.on_delete;
	place->trash_ttl_s = parameters.trash_ttl_s;
	place->permissions = parameters.mount_permissions;
	place->has_owner = parameters.has_owner;
	place->is_shared = parameters.is_shared;
	place->uid = parameters.uid;
	place->gid = parameters.gid;
	if (parameters.subdir)
		return subdir_expand(parameters.subdir, claim, place->name,
				     &place->path, err);
	place->path = strdup(place->name);
	return place->path ? 0 : no_memory(err);
}

int volume_place_of_claim(const struct claim *claim,
			  const struct storage_class *class,
			  struct volume_place *ret, struct err *err)
{
	_cleanup_(volume_place_fini) struct volume_place place = {
		.name = claim_volume_name(claim),
		.claim_namespace = strdup(claim->meta.namespace),
		.claim_name = strdup(claim->meta.name),
		.claim_uid = strdup(claim->meta.uid),
		.class_name = strdup(class->meta.name),
		.capacity = claim->request,
	};
	int r;

	if (!place.name)
		return no_memory(err);
	r = take_parameters(claim, class, &place, err);
	if (r < 0)
		return r;
	r = take_mount_options(class->mount_options, class->n_mount_options,
			       &place, err);
	if (r < 0)
		return r;
	if (!is_complete(&place))
		return no_memory(err);
	*ret = place;
	place = (struct volume_place){ 0 };
	return 0;
}

int volume_place_of_class(const struct storage_class *class,
			  struct volume_place *ret, struct err *err)
{
	_cleanup_(class_parameters_fini) struct class_parameters parameters = {
		0
	};
	struct volume_place place = { 0 };
	int r = class_parameters_parse(&class->parameters, &parameters, err);

	if (r >= 0)
		r = take_mount_options(class->mount_options,
				       class->n_mount_options, &place, err);
	if (r < 0)
		return r;
	place.server = TAKE_PTR(parameters.server);
	place.share = TAKE_PTR(parameters.share);
	*ret = place;
	return 0;
}

/* --- from a volume --------------------------------------------------------------------- */

static const char *attribute(const struct persistent_volume *pv,
			     const char *key)
{
	return volume_attribute_get(pv, key).value;
}

static int take_on_delete(const struct persistent_volume *pv,
			  struct volume_place *place, struct err *err)
{
	static const struct {
		const char *name;
		enum on_delete value;
	} table[] = {
		{ "", ON_DELETE_DELETE },
		{ "delete", ON_DELETE_DELETE },
		{ "retain", ON_DELETE_RETAIN },
		{ "archive", ON_DELETE_ARCHIVE },
	};
	struct volume_attribute attribute =
		volume_attribute_get(pv, "onDelete");

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (strcasecmp(attribute.value, table[i].name) == 0) {
			place->on_delete = table[i].value;
			return 0;
		}
	}
	return err_set(
		err, -EINVAL,
		"%s: onDelete: Unsupported value: \"%s\": supported values: \"delete\", \"retain\", \"archive\"",
		attribute.where, attribute.value);
}

static int take_trash_ttl(const struct persistent_volume *pv,
			  struct volume_place *place, struct err *err)
{
	struct volume_attribute attribute =
		volume_attribute_get(pv, "trashTTL");

	place->trash_ttl_s = CLASS_TRASH_TTL_S;
	if (!*attribute.value ||
	    class_trash_ttl_parse(attribute.value, &place->trash_ttl_s, err) ==
		    0)
		return 0;
	return err_wrap(err, "%s", attribute.where);
}

static int require(const struct persistent_volume *pv, const char *key,
		   struct err *err)
{
	if (*attribute(pv, key))
		return 0;
	return err_set(err, -EINVAL,
		       "spec.csi.volumeAttributes.%s: Required value", key);
}

int volume_place_of_volume(const struct persistent_volume *pv,
			   struct volume_place *ret, struct err *err)
{
	static const char *const required[] = { "server", "share", "subDir" };
	_cleanup_(volume_place_fini) struct volume_place place = {
		.server = strdup(attribute(pv, "server")),
		.share = strdup(attribute(pv, "share")),
		.path = strdup(attribute(pv, "subDir")),
		.name = strdup(pv->meta.name),
		.claim_namespace = strdup(
			pv->claim_ref.is_set ? pv->claim_ref.namespace : ""),
		.claim_name =
			strdup(pv->claim_ref.is_set ? pv->claim_ref.name : ""),
		.claim_uid =
			strdup(pv->claim_ref.is_set ? pv->claim_ref.uid : ""),
		.class_name = strdup(pv->class_name),
		.capacity = pv->capacity,
	};
	int r = is_complete(&place) ? 0 : no_memory(err);

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(required); i++)
		r = require(pv, required[i], err);
	if (r < 0)
		return r;
	class_server_normalise(place.server);
	class_share_normalise(place.share);
	r = subdir_check(place.path, err);
	if (r >= 0)
		r = take_on_delete(pv, &place, err);
	if (r >= 0)
		r = take_trash_ttl(pv, &place, err);
	if (r >= 0)
		r = take_mount_options(pv->mount_options, pv->n_mount_options,
				       &place, err);
	if (r < 0)
		return r;
	*ret = place;
	place = (struct volume_place){ 0 };
	return 0;
}

/* --- as the detail of an intent ------------------------------------------------------------ */

struct detail_field {
	const char *key;
	size_t offset;
};

static const struct detail_field detail_fields[] = {
	{ "server", offsetof(struct volume_place, server) },
	{ "share", offsetof(struct volume_place, share) },
	{ "path", offsetof(struct volume_place, path) },
	{ "volume", offsetof(struct volume_place, name) },
	{ "claimNamespace", offsetof(struct volume_place, claim_namespace) },
	{ "claimName", offsetof(struct volume_place, claim_name) },
	{ "claimUid", offsetof(struct volume_place, claim_uid) },
	{ "class", offsetof(struct volume_place, class_name) },
};

static char **field_of(struct volume_place *place,
		       const struct detail_field *field)
{
	return (char **)((char *)place + field->offset);
}

int volume_place_to_detail(const struct volume_place *place, char **ret)
{
	cJSON *json = cJSON_CreateObject();
	struct volume_place *fields = (struct volume_place *)place;
	bool ok = json;

	for (size_t i = 0; ok && i < ARRAY_SIZE(detail_fields); i++)
		ok = cJSON_AddStringToObject(
			json, detail_fields[i].key,
			*field_of(fields, &detail_fields[i]));
	ok = ok && cJSON_AddNumberToObject(json, "port", place->port) &&
	     cJSON_AddNumberToObject(json, "mountport", place->mountport) &&
	     cJSON_AddNumberToObject(json, "capacity",
				     (double)place->capacity) &&
	     cJSON_AddNumberToObject(json, "trashTTL",
				     (double)place->trash_ttl_s);
	*ret = ok ? cJSON_PrintUnformatted(json) : NULL;
	cJSON_Delete(json);
	return *ret ? 0 : -ENOMEM;
}

static uint64_t number_at(const cJSON *json, const char *key, uint64_t missing)
{
	const cJSON *number = cJSON_GetObjectItem(json, key);

	return cJSON_IsNumber(number) && number->valuedouble >= 0
		       ? (uint64_t)number->valuedouble
		       : missing;
}

static int decode_detail(const cJSON *json, struct volume_place *place,
			 struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(detail_fields); i++) {
		int r = json_string_dup(json, detail_fields[i].key, "",
					field_of(place, &detail_fields[i]),
					err);

		if (r < 0)
			return r;
	}
	place->port = (uint32_t)number_at(json, "port", 0);
	place->mountport = (uint32_t)number_at(json, "mountport", 0);
	place->capacity = number_at(json, "capacity", 0);
	place->trash_ttl_s = number_at(json, "trashTTL", CLASS_TRASH_TTL_S);
	return subdir_check(place->path, err);
}

int volume_place_from_detail(const char *detail, struct volume_place *ret,
			     struct err *err)
{
	_cleanup_(volume_place_fini) struct volume_place place = { 0 };
	cJSON *json;
	int r;

	r = json_parse(detail, strlen(detail), &json, err);
	if (r < 0)
		return r;
	r = decode_detail(json, &place, err);
	cJSON_Delete(json);
	if (r < 0)
		return r;
	*ret = place;
	place = (struct volume_place){ 0 };
	return 0;
}
