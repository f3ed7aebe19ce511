/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Everything is made of one primitive, the list of a directory's children: looking
 * a name up is finding it there, and an object exists if it is in the list of its
 * kind. Trees are small (a volume has eight files), and read by people and by a
 * scraper every few seconds, so there is nothing to cache.
 */

#include "meta_tree.h"

#include <string.h>
#include <sys/stat.h>

#include "fnv1a.h"
#include "meta_content.h"
#include "trace.h"

#define ROW_BITS 8
#define KEY_BITS 48
#define KEY_MASK ((1ull << KEY_BITS) - 1)

static uint64_t id_make(const struct meta_tree *tree, size_t row, uint64_t key)
{
	return tree->id_bits | key << ROW_BITS | (row + 1);
}

static uint64_t id_key(uint64_t id)
{
	return id >> ROW_BITS & KEY_MASK;
}

static const struct meta_row *id_row(const struct meta_tree *tree, uint64_t id)
{
	size_t row = (id & ((1u << ROW_BITS) - 1)) - 1;

	return row < tree->n_rows ? &tree->rows[row] : NULL;
}

/* Folded to KEY_BITS; never 0, which means "no object". */
static uint64_t key_of(const char *name)
{
	uint64_t hash = fnv1a(FNV1A_START, name, strlen(name));

	hash = (hash ^ hash >> KEY_BITS) & KEY_MASK;
	return hash ? hash : 1;
}

static int list_add(struct meta_list *list, const char *name, uint64_t id,
		    mode_t mode)
{
	struct meta_item *items;
	char *copy;

	/* Grows at powers of two. */
	if ((list->n & (list->n - 1)) == 0) {
		items = realloc(list->items,
				(list->n ? 2 * list->n : 1) * sizeof(*items));
		if (!items)
			return -ENOMEM;
		list->items = items;
	}
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	list->items[list->n++] =
		(struct meta_item){ .name = copy, .id = id, .mode = mode };
	return 0;
}

void meta_list_fini(struct meta_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i].name);
	free(list->items);
	*list = (struct meta_list){ 0 };
}

void meta_text_fini(struct meta_text *text)
{
	free(text->data);
	*text = (struct meta_text){ 0 };
}

static const struct meta_item *list_find(const struct meta_list *list,
					 const char *name)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->items[i].name, name) == 0)
			return &list->items[i];
	}
	return NULL;
}

/* A visit that makes a directory per object. */
struct object_list {
	const struct meta_tree *tree;
	size_t row;
	struct meta_list *list;
	int r;
};

static bool object_add(struct object_list *objects, const char *name)
{
	/* Several volumes have the same server. */
	if (objects->tree->rows[objects->row].object == META_OBJECT_SERVER &&
	    list_find(objects->list, name))
		return false;
	objects->r =
		list_add(objects->list, name,
			 id_make(objects->tree, objects->row, key_of(name)),
			 objects->tree->rows[objects->row].mode);
	return objects->r < 0;
}

static bool visit_volume_name(const struct node_volume *volume, void *userdata)
{
	return object_add(userdata, volume->name);
}

static bool visit_server_name(const struct node_volume *volume, void *userdata)
{
	_cleanup_(free) char *name = NULL;
	struct object_list *objects = userdata;

	objects->r = meta_server_name(volume_get_spec(volume->volume), &name);
	return objects->r < 0 || object_add(objects, name);
}

static int list_objects(const struct meta_tree *tree, size_t row,
			struct meta_list *list)
{
	struct object_list objects = { .tree = tree, .row = row, .list = list };

	(void)node_for_each_volume(tree->node,
				   tree->rows[row].object == META_OBJECT_SERVER
					   ? visit_server_name
					   : visit_volume_name,
				   &objects);
	return objects.r;
}

static int list_children(const struct meta_tree *tree, uint64_t id,
			 struct meta_list *list)
{
	size_t parent = (size_t)(id_row(tree, id) - tree->rows);
	int r = 0;

	for (size_t i = 1; i < tree->n_rows && r == 0; i++) {
		const struct meta_row *row = &tree->rows[i];

		if (row->parent != parent)
			continue;
		if (row->name)
			r = list_add(list, row->name,
				     id_make(tree, i, id_key(id)), row->mode);
		else
			r = list_objects(tree, i, list);
	}
	return r;
}

/* The name of the object that an id is below; -ENOENT. */
static int object_name(const struct meta_tree *tree, uint64_t id, char **ret)
{
	_cleanup_(meta_list_fini) struct meta_list list = { 0 };
	const struct meta_row *row = id_row(tree, id);
	int r;

	while (row->name)
		row = &tree->rows[row->parent];
	r = list_objects(tree, (size_t)(row - tree->rows), &list);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.n; i++) {
		if (id_key(list.items[i].id) == id_key(id)) {
			*ret = TAKE_PTR(list.items[i].name);
			return 0;
		}
	}
	return -ENOENT;
}

int meta_tree_mode(const struct meta_tree *tree, uint64_t id, mode_t *ret)
{
	_cleanup_(free) char *name = NULL;
	const struct meta_row *row = id_row(tree, id);
	int r;

	if (!row || (row->object != META_OBJECT_NONE) != (id_key(id) != 0))
		return -ENOENT;
	if (row->object != META_OBJECT_NONE) {
		r = object_name(tree, id, &name);
		if (r < 0)
			return r;
	}
	*ret = row->mode;
	return 0;
}

int meta_tree_list(const struct meta_tree *tree, uint64_t id,
		   struct meta_list *ret)
{
	_cleanup_(meta_list_fini) struct meta_list list = { 0 };
	mode_t mode;
	int r;

	r = meta_tree_mode(tree, id, &mode);
	if (r < 0)
		return r;
	if (!S_ISDIR(mode))
		return -ENOTDIR;
	r = list_children(tree, id, &list);
	if (r < 0)
		return r;
	*ret = list;
	list = (struct meta_list){ 0 };
	return 0;
}

int meta_tree_lookup(const struct meta_tree *tree, uint64_t parent,
		     const char *name, struct meta_item *ret)
{
	_cleanup_(meta_list_fini) struct meta_list list = { 0 };
	const struct meta_item *found;
	int r;

	r = meta_tree_list(tree, parent, &list);
	if (r < 0)
		return r;
	found = list_find(&list, name);
	if (!found)
		return -ENOENT;
	*ret = (struct meta_item){ .id = found->id, .mode = found->mode };
	return 0;
}

/* A visit that writes the text of one volume. */
struct volume_text {
	const char *name;
	meta_text_fn text;
	struct node *node;
	FILE *out;
};

static bool visit_volume_text(const struct node_volume *volume, void *userdata)
{
	struct volume_text *visit = userdata;

	if (strcmp(volume->name, visit->name) != 0)
		return false;
	visit->text(visit->out, &(struct meta_subject){ .node = visit->node,
							.volume = volume });
	return true;
}

static int write_object_text(const struct meta_tree *tree, uint64_t id,
			     FILE *out)
{
	_cleanup_(free) char *name = NULL;
	const struct meta_row *row = id_row(tree, id);
	struct volume_text visit;
	int r;

	r = object_name(tree, id, &name);
	if (r < 0)
		return r;
	if (row->object == META_OBJECT_SERVER) {
		row->text(out, &(struct meta_subject){ .node = tree->node,
						       .server = name });
		return 0;
	}
	visit = (struct volume_text){
		.name = name, .text = row->text, .node = tree->node, .out = out
	};
	return node_for_each_volume(tree->node, visit_volume_text, &visit)
		       ? 0
		       : -ENOENT;
}

int meta_tree_trace(const struct meta_tree *tree, uint64_t id,
		    struct trace **ret)
{
	_cleanup_(free) char *name = NULL;
	const struct meta_row *row = id_row(tree, id);
	int r;

	if (!row || !row->is_trace)
		return 0;
	if (tree->volume) {
		*ret = trace_ref(volume_get_trace(tree->volume));
		return 1;
	}
	r = object_name(tree, id, &name);
	if (r == 0)
		r = node_get_trace(tree->node, name, ret);
	return r < 0 ? r : 1;
}

static int write_text(const struct meta_tree *tree, uint64_t id, FILE *out)
{
	const struct meta_row *row = id_row(tree, id);
	const struct node_volume volume = { .volume = tree->volume };

	if (row->object != META_OBJECT_NONE)
		return write_object_text(tree, id, out);
	row->text(out, &(struct meta_subject){ .node = tree->node,
					       .volume = tree->volume ? &volume
								      : NULL,
					       .reader = tree->reader });
	return 0;
}

int meta_tree_read(const struct meta_tree *tree, uint64_t id,
		   struct meta_text *ret)
{
	_cleanup_(meta_text_fini) struct meta_text text = { 0 };
	FILE *out;
	mode_t mode;
	int r;

	r = meta_tree_mode(tree, id, &mode);
	if (r < 0)
		return r;
	if (S_ISDIR(mode))
		return -EISDIR;
	if (!id_row(tree, id)->text)
		return -EACCES;
	out = open_memstream(&text.data, &text.len);
	if (!out)
		return -ENOMEM;
	r = write_text(tree, id, out);
	/* fclose() puts the text into place, and tells if memory was short. */
	if (fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	*ret = text;
	text = (struct meta_text){ 0 };
	return 0;
}
