/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Everything is read once, before shares are looked at: a volume that is made in
 * between is a difference that the next check does not find any more. Volumes of other
 * drivers are known by name only.
 */

#include "check_world.h"

#include <string.h>

#include "class_parameters.h"
#include "json_field.h"
#include "mount_options.h"
#include "plan.h"

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "no memory");
}

bool check_world_is_on(const struct volume_place *place,
		       const struct volume_place *share)
{
	return strcmp(place->server, share->server) == 0 &&
	       strcmp(place->share, share->share) == 0 &&
	       place->port == share->port;
}

static int add_share(struct check_world *world,
		     const struct volume_place *place)
{
	struct volume_place *grown;

	for (size_t i = 0; i < world->n_shares; i++)
		if (check_world_is_on(place, &world->shares[i]))
			return 0;
	grown = reallocarray(world->shares, world->n_shares + 1,
			     sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	world->shares = grown;
	grown[world->n_shares] =
		(struct volume_place){ .server = strdup(place->server),
				       .share = strdup(place->share),
				       .path = strdup("."),
				       .port = place->port,
				       .mountport = place->mountport };
	world->n_shares++;
	return grown[world->n_shares - 1].server &&
			       grown[world->n_shares - 1].share &&
			       grown[world->n_shares - 1].path
		       ? 0
		       : -ENOMEM;
}

static bool is_ours(const struct api_admin *admin, const char *driver)
{
	for (size_t i = 0; i < admin->n_drivers; i++)
		if (strcmp(admin->drivers[i], driver) == 0)
			return true;
	return false;
}

/* One that can't be decoded, or is another driver's, has a name at least. */
static int load_volume(struct check_world *world, const struct api_admin *admin,
		       const struct object *object)
{
	_cleanup_(persistent_volume_fini) struct persistent_volume pv = { 0 };
	struct check_volume *volume = &world->volumes[world->n_volumes++];

	if (persistent_volume_decode(object, &pv, NULL) == 0 &&
	    is_ours(admin, pv.driver) &&
	    volume_place_of_volume(&pv, &volume->place, NULL) == 0) {
		volume->has_place = true;
		volume->is_provisioned = labels_get(&pv.meta.annotations,
						    ANNOTATION_PROVISIONED_BY);
		return add_share(world, &volume->place);
	}
	volume->place.name = strdup(object->name);
	return volume->place.name ? 0 : -ENOMEM;
}

static int load_volumes(struct check_world *world,
			const struct api_admin *admin, struct err *err)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	int r = admin->cluster->ops->list(
		admin->cluster, KIND_PERSISTENT_VOLUME, NULL, &list, err);

	if (r != 0)
		return r;
	world->volumes = calloc(list.n + 1, sizeof(*world->volumes));
	if (!world->volumes)
		return no_memory(err);
	for (size_t i = 0; i < list.n && r == 0; i++)
		r = load_volume(world, admin, list.items[i]);
	return r < 0 ? no_memory(err) : 0;
}

/* One that can't be served has no share to be looked at. */
static int load_class(struct check_world *world, const struct api_admin *admin,
		      const struct object *object)
{
	_cleanup_(storage_class_fini) struct storage_class class = { 0 };
	_cleanup_(class_parameters_fini) struct class_parameters parameters = {
		0
	};
	struct mount_options options = MOUNT_OPTIONS_INIT;
	struct volume_place place;

	if (storage_class_decode(object, &class, NULL) < 0 ||
	    !is_ours(admin, class.provisioner) ||
	    class_parameters_parse(&class.parameters, &parameters, NULL) < 0)
		return 0;
	for (size_t i = 0; i < class.n_mount_options; i++)
		if (mount_options_parse(&options, class.mount_options[i],
					NULL) < 0)
			return 0;
	place = (struct volume_place){ .server = parameters.server,
				       .share = parameters.share,
				       .port = options.port,
				       .mountport = options.mountport };
	return add_share(world, &place);
}

static int load_classes(struct check_world *world,
			const struct api_admin *admin, struct err *err)
{
	_cleanup_(object_list_fini) struct object_list list = OBJECT_LIST_INIT;
	int r = admin->cluster->ops->list(admin->cluster, KIND_STORAGE_CLASS,
					  NULL, &list, err);

	for (size_t i = 0; i < list.n && r == 0; i++)
		if (load_class(world, admin, list.items[i]) < 0)
			r = no_memory(err);
	return r;
}

int check_world_load(struct check_world *world, const struct api_admin *admin,
		     struct err *err)
{
	int r = load_volumes(world, admin, err);

	if (r == 0)
		r = load_classes(world, admin, err);
	if (r == 0)
		r = store_intent_list_open(admin->store, &world->intents, err);
	return r;
}

void check_world_fini(struct check_world *world)
{
	for (size_t i = 0; i < world->n_volumes; i++)
		volume_place_fini(&world->volumes[i].place);
	for (size_t i = 0; i < world->n_shares; i++)
		volume_place_fini(&world->shares[i]);
	for (size_t i = 0; i < world->n_paths; i++)
		free(world->paths[i]);
	free(world->volumes);
	free(world->shares);
	free(world->paths);
	store_intent_list_fini(&world->intents);
	*world = (struct check_world){ 0 };
}

static int by_name(const void *key, const void *item)
{
	return strcmp(key, ((const struct check_volume *)item)->place.name);
}

struct check_volume *check_world_find(struct check_world *world,
				      const char *name)
{
	return bsearch(name, world->volumes, world->n_volumes,
		       sizeof(*world->volumes), by_name);
}

bool check_world_is_open(const struct check_world *world, const char *volume)
{
	for (size_t i = 0; i < world->intents.n; i++)
		if (strcmp(world->intents.items[i].volume, volume) == 0)
			return true;
	return false;
}

/* --- directories ------------------------------------------------------------------ */

int check_world_has_path(struct check_world *world,
			 const struct volume_place *share, const char *path)
{
	char **grown = world->paths;

	/* Doubling at the powers of two. */
	if ((world->n_paths & (world->n_paths - 1)) == 0)
		grown = reallocarray(world->paths,
				     world->n_paths ? world->n_paths * 2 : 1,
				     sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	world->paths = grown;
	if (asprintf(&grown[world->n_paths], "%s %s %s", share->server,
		     share->share, path) < 0)
		return -ENOMEM;
	world->n_paths++;
	return 0;
}

bool check_world_owns(const struct check_world *world,
		      const struct volume_place *share, const char *name)
{
	_cleanup_(free) char *top = NULL;

	for (size_t i = 0; i < world->n_volumes; i++) {
		const struct check_volume *volume = &world->volumes[i];

		if (volume->has_place &&
		    check_world_is_on(&volume->place, share) &&
		    path_is_within(volume->place.path, name))
			return true;
	}
	if (asprintf(&top, "%s %s %s", share->server, share->share, name) < 0) {
		top = NULL;
		return true;
	}
	for (size_t i = 0; i < world->n_paths; i++)
		if (path_is_within(world->paths[i], top))
			return true;
	return false;
}
