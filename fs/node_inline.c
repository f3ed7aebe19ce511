/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An inline volume is what its pod's author writes, who may be anybody. So he names a
 * class of the administrator's and perhaps a size, and nothing of where the data is:
 * server, share and mount options are the class's, the directory is the volume's id.
 *
 * Otherwise it is a volume like others, staged at the target itself:
 *
 *	(none)  -- share, record -->         made
 *	made    -- directory, node_stage --> live
 *	live    -- node_unstage, retire -->  retired
 *	made    -- publishing failed -->     retired
 *	retired -- inline_remover -->        (none)
 *
 * The record comes before the directory and goes after it. A share that can't be
 * reached leaves none, so that a class may be put right. Unpublishing does not wait
 * for the server: removing is the remover's, later and again.
 *
 * One verb at a time per volume, and none while the directory is being removed.
 */

#include "node_inline.h"

#include <inttypes.h>
#include <string.h>

#include "class_parameters.h"
#include "csi_origin.h"
#include "inline_class.h"
#include "inline_record.h"
#include "inline_remover.h"
#include "inline_tree.h"
#include "log.h"
#include "mountpoint.h"
#include "node_check.h"
#include "node_spec.h"
#include "quantity.h"

#define FOLDER "inline"
/* As an emptyDir has it: the pod's users are its author's affair. */
#define DIR_MODE 0777
/* What a volume's context has besides the class's parameters, and the end. */
#define OWN_LABELS 6

struct verb {
	const char *id; /* borrowed */
	LIST_ENTRY(verb) entry;
};

struct node_inline {
	char *folder;
	char *classes;
	struct inline_remover *remover;
	LIST_HEAD(, verb) verbs; /* under way; the node's lock */
};

int node_inline_new(struct node_inline **ret, const char *state_dir,
		    const char *classes, struct err *err)
{
	_cleanup_(node_inline_free) struct node_inline *made =
		calloc(1, sizeof(*made));
	int r;

	if (!made)
		return err_set_errno(err, -ENOMEM, "start the node");
	if (classes)
		made->classes = strdup(classes);
	if (asprintf(&made->folder, "%s/" FOLDER, state_dir) < 0)
		made->folder = NULL;
	if (!made->folder || (classes && !made->classes))
		return err_set_errno(err, -ENOMEM, "start the node");
	r = inline_remover_new(&made->remover, made->folder, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(made);
	return 0;
}

struct node_inline *node_inline_free(struct node_inline *inline_volumes)
{
	if (!inline_volumes)
		return NULL;
	(void)inline_remover_free(inline_volumes->remover);
	free(inline_volumes->folder);
	free(inline_volumes->classes);
	free(inline_volumes);
	return NULL;
}

bool node_inline_is_asked(const struct labels *context)
{
	return strcmp(node_context_get(context, "ephemeral"), "true") == 0;
}

bool node_inline_is_known(const struct node *node, const char *volume_id)
{
	return inline_record_check_id(volume_id, NULL) == 0 &&
	       inline_record_is_there(node->inline_volumes->folder, volume_id);
}

/* --- one verb at a time ------------------------------------------------------------ */

static enum rpc_status begin(struct node *node, struct verb *verb,
			     struct err *err)
{
	struct node_inline *all = node->inline_volumes;
	struct verb *other;
	enum rpc_status status = RPC_OK;

	pthread_mutex_lock(&node->lock);
	LIST_FOREACH (other, &all->verbs, entry) {
		if (strcmp(other->id, verb->id) == 0)
			break;
	}
	if (!other)
		LIST_INSERT_HEAD(&all->verbs, verb, entry);
	pthread_mutex_unlock(&node->lock);
	if (other)
		status = node_refuse(
			err, RPC_ABORTED,
			"an operation on volume \"%s\" is in progress",
			verb->id);
	return status;
}

static void end(struct node *node, struct verb *verb)
{
	pthread_mutex_lock(&node->lock);
	LIST_REMOVE(verb, entry);
	pthread_mutex_unlock(&node->lock);
}

/* --- what is asked for -------------------------------------------------------------- */

/* A wish of the pod's author, and what the administrator has for it. */
struct wish {
	const char *class_name;
	uint64_t capacity; /* 0 = he did not say */
	struct storage_class class;
	struct class_parameters parameters;
	struct mount_options options;
};

static void wish_fini(struct wish *wish)
{
	storage_class_fini(&wish->class);
	class_parameters_fini(&wish->parameters);
}

DEFINE_FINI(struct wish, wish_fini)

static int read_attribute(struct wish *wish, const struct label *label,
			  struct err *err)
{
	if (csi_key_is_told(label->key))
		return 0;
	if (strcmp(label->key, "class") == 0) {
		wish->class_name = label->value;
		return 0;
	}
	if (strcmp(label->key, "size") == 0)
		return quantity_parse(label->value, &wish->capacity, err) < 0
			       ? err_wrap(err, "volume attribute \"size\"")
			       : 0;
	return err_set(
		err, -EINVAL,
		"volume attribute \"%s\" is not for a pod to choose: an inline volume has \"class\" and perhaps \"size\"",
		label->key);
}

static int read_class(struct wish *wish, const char *path, struct err *err)
{
	int r = inline_class_read(path, wish->class_name, &wish->class, err);

	if (r == 0)
		r = class_parameters_parse(&wish->class.parameters,
					   &wish->parameters, err);
	if (r == 0 && wish->parameters.subdir)
		r = err_set(
			err, -EINVAL,
			"class \"%s\" has subDir: the directory of an inline volume is made for it",
			wish->class_name);
	wish->options = MOUNT_OPTIONS_INIT;
	for (size_t i = 0; i < wish->class.n_mount_options && r == 0; i++)
		r = mount_options_parse(&wish->options,
					wish->class.mount_options[i], err);
	return r;
}

static int read_wish(struct wish *wish, const struct labels *context,
		     const char *classes, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < context->n && r == 0; i++)
		r = read_attribute(wish, &context->items[i], err);
	if (r < 0)
		return r;
	if (!wish->class_name || !*wish->class_name)
		return err_set(
			err, -EINVAL,
			"an inline volume needs the volume attribute \"class\"");
	return read_class(wish, classes, err);
}

/* --- publishing --------------------------------------------------------------------- */

static struct inline_place place_of(const struct wish *wish, const char *id)
{
	return (struct inline_place){ .server = wish->parameters.server,
				      .share = wish->parameters.share,
				      .port = wish->options.port,
				      .mount_port = wish->options.mountport,
				      .name = id };
}

static int make_place(struct node *node, const struct wish *wish,
		      const char *id, struct err *err)
{
	const struct inline_place place = place_of(wish, id);
	const struct inline_record record = {
		.server = wish->parameters.server,
		.share = wish->parameters.share,
		.port = wish->options.port,
		.mount_port = wish->options.mountport,
	};
	int r = inline_tree_check(&place, err);

	if (r == 0)
		r = inline_record_write(node->inline_volumes->folder, id,
					&record, err);
	if (r < 0)
		return r;
	return inline_tree_make(&place,
				wish->parameters.mount_permissions
					? wish->parameters.mount_permissions
					: DIR_MODE,
				err);
}

static void add_label(struct labels *labels, const char *key, const char *value)
{
	labels->items[labels->n++] =
		(struct label){ (char *)key, (char *)value };
}

/* What the node is told of the volume, as if its PV had it. Borrows; items are owned. */
static int make_context(const struct wish *wish, const char *id,
			const char *capacity, struct labels *ret)
{
	const struct labels *parameters = &wish->class.parameters;

	ret->items = calloc(parameters->n + OWN_LABELS, sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	for (size_t i = 0; i < parameters->n; i++)
		ret->items[ret->n++] = parameters->items[i];
	add_label(ret, NODE_INLINE_KEY, id);
	add_label(ret, "claimfs.io/class", wish->class_name);
	if (wish->capacity)
		add_label(ret, "claimfs.io/capacity", capacity);
	return 0;
}

/* The class's mount options, and "ro" where the pod wants it. */
static int make_flags(const struct wish *wish, bool is_read_only,
		      const char ***ret, size_t *ret_n)
{
	const char **flags =
		calloc(wish->class.n_mount_options + 1, sizeof(*flags));
	size_t n = 0;

	if (!flags)
		return -ENOMEM;
	for (size_t i = 0; i < wish->class.n_mount_options; i++)
		flags[n++] = wish->class.mount_options[i];
	if (is_read_only)
		flags[n++] = "ro";
	*ret = flags;
	*ret_n = n;
	return 0;
}

static enum rpc_status serve(struct node *node,
			     const struct node_publish_args *args,
			     const struct wish *wish, struct err *err)
{
	_cleanup_(free) const char **flags = NULL;
	char capacity[24];
	struct labels context = { 0 };
	struct node_stage_args stage = { .volume_id = args->volume_id,
					 .staging_path = args->target_path,
					 .capability = args->capability,
					 .context = &context };
	enum rpc_status status;

	(void)snprintf(capacity, sizeof(capacity), "%" PRIu64, wish->capacity);
	if (make_context(wish, args->volume_id, capacity, &context) < 0 ||
	    make_flags(wish, args->is_read_only, &flags,
		       &stage.capability.n_mount_flags) < 0) {
		free(context.items);
		return node_status(
			err_set_errno(err, -ENOMEM, "publish a volume"));
	}
	stage.capability.mount_flags = flags;
	status = node_stage(node, &stage, err);
	free(context.items);
	return status;
}

static void retire(struct node_inline *all, const char *id)
{
	if (inline_record_is_there(all->folder, id) &&
	    inline_record_retire(all->folder, id, NULL) == 0)
		inline_remover_kick(all->remover);
}

/* The kubelet takes it for the volume's end; after others it tries again, or unpublishes. */
static bool is_final(enum rpc_status status)
{
	return status != RPC_OK && status != RPC_UNAVAILABLE &&
	       status != RPC_ABORTED && status != RPC_RESOURCE_EXHAUSTED;
}

/* The kubelet asks again and again where a driver wants to be asked. */
static bool is_served(struct node *node, const struct node_publish_args *args)
{
	const struct node_entry *entry;
	bool is_there;

	pthread_mutex_lock(&node->lock);
	entry = node_entries_find(&node->entries, args->volume_id);
	is_there = entry && entry->volume &&
		   strcmp(entry->staging_path, args->target_path) == 0;
	pthread_mutex_unlock(&node->lock);
	return is_there;
}

/* Made and served; it has no data before the kubelet is told so. */
static enum rpc_status start_serving(struct node *node,
				     const struct node_publish_args *args,
				     struct err *err)
{
	struct node_inline *all = node->inline_volumes;
	_cleanup_(wish_fini) struct wish wish = { 0 };
	int r;

	if (is_served(node, args))
		return RPC_OK;
	r = read_wish(&wish, args->context, all->classes, err);
	if (r == 0)
		r = make_place(node, &wish, args->volume_id, err);
	return r < 0 ? node_status(r) : serve(node, args, &wish, err);
}

static enum rpc_status publish(struct node *node,
			       const struct node_publish_args *args,
			       struct err *err)
{
	struct node_inline *all = node->inline_volumes;
	enum rpc_status status;

	if (inline_record_is_retired(all->folder, args->volume_id)) {
		inline_remover_kick(all->remover);
		return node_refuse(err, RPC_ABORTED,
				   "volume \"%s\" is still being removed",
				   args->volume_id);
	}
	status = start_serving(node, args, err);
	if (status == RPC_OK &&
	    inline_record_serve(all->folder, args->volume_id, err) < 0)
		return RPC_UNAVAILABLE;
	/* There may be data in one that was served, whatever comes now. */
	if (is_final(status) &&
	    !inline_record_is_live(all->folder, args->volume_id))
		retire(all, args->volume_id);
	return status;
}

enum rpc_status node_inline_publish(struct node *node,
				    const struct node_publish_args *args,
				    struct err *err)
{
	struct verb verb = { .id = args->volume_id };
	enum rpc_status status;

	if (!node->inline_volumes->classes)
		return node_refuse(
			err, RPC_FAILED_PRECONDITION,
			"inline volumes are off on this node: claimfs-node needs --inline-classes");
	if (inline_record_check_id(args->volume_id, err) < 0)
		return RPC_INVALID_ARGUMENT;
	status = begin(node, &verb, err);
	if (status != RPC_OK)
		return status;
	status = publish(node, args, err);
	end(node, &verb);
	return status;
}

/* --- unpublishing ------------------------------------------------------------------- */

static enum rpc_status unpublish(struct node *node, const char *id,
				 const char *path, struct err *err)
{
	struct node_inline *all = node->inline_volumes;
	enum rpc_status status = node_unstage(node, id, path, err);
	int r;

	if (status != RPC_OK)
		return status;
	r = mountpoint_remove(path, err);
	if (r == 0)
		r = inline_record_retire(all->folder, id, err);
	if (r < 0)
		return RPC_INTERNAL;
	inline_remover_kick(all->remover);
	return RPC_OK;
}

enum rpc_status node_inline_unpublish(struct node *node, const char *volume_id,
				      const char *target_path, struct err *err)
{
	struct verb verb = { .id = volume_id };
	enum rpc_status status = begin(node, &verb, err);

	if (status != RPC_OK)
		return status;
	status = unpublish(node, volume_id, target_path, err);
	end(node, &verb);
	return status;
}
