/* SPDX-License-Identifier: Apache-2.0 */

/* The engine with a table of the test's own, and volumes and servers to show. */

#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "meta_content.h"
#include "meta_tree.h"

#define DIR_MODE  (S_IFDIR | 0555)
#define FILE_MODE (S_IFREG | 0444)

enum row {
	ROOT,
	VOLUMES,
	VOLUME,
	SERVERS,
	SERVER,
};

static void say_hello(FILE *out, const struct meta_subject *subject)
{
	(void)fputs("hello\n", out);
}

static void say_volume(FILE *out, const struct meta_subject *subject)
{
	(void)fputs(subject->volume->name, out);
}

static void say_server(FILE *out, const struct meta_subject *subject)
{
	(void)fputs(subject->server, out);
}

static const struct meta_row rows[] = {
	[ROOT] = { "", ROOT, DIR_MODE },
	[VOLUMES] = { "volumes", ROOT, DIR_MODE },
	[VOLUME] = { NULL, VOLUMES, DIR_MODE, META_OBJECT_VOLUME },
	[SERVERS] = { "servers", ROOT, DIR_MODE },
	[SERVER] = { NULL, SERVERS, DIR_MODE, META_OBJECT_SERVER },
	{ "hello", ROOT, FILE_MODE, 0, say_hello },
	{ "control", ROOT, S_IFREG | 0200 },
	{ "who", VOLUME, FILE_MODE, META_OBJECT_VOLUME, say_volume },
	{ "who", SERVER, FILE_MODE, META_OBJECT_SERVER, say_server },
};

static const struct meta_tree tree = { .rows = rows,
				       .n_rows = ARRAY_SIZE(rows) };

/* What the tree is told of the node: three volumes on two servers. */
struct volume {
	struct volume_spec spec;
};

static struct volume volumes[] = { { { .server = "s" } },
				   { { .server = "fd00::1" } },
				   { { .server = "s" } } };
static const struct node_volume visible[] = {
	{ .name = "a", .volume = &volumes[0] },
	{ .name = "b", .volume = &volumes[1] },
	{ .name = "c", .volume = &volumes[2] },
};
static size_t n_visible = ARRAY_SIZE(visible);

bool node_for_each_volume(struct node *node, node_visit_fn fn, void *userdata)
{
	for (size_t i = 0; i < n_visible; i++) {
		if (fn(&visible[i], userdata))
			return true;
	}
	return false;
}

const char *node_name(const struct node *node)
{
	return "node";
}

const struct volume_spec *volume_get_spec(const struct volume *volume)
{
	return &volume->spec;
}

uint64_t volume_get_capacity(const struct volume *volume)
{
	return volume->spec.capacity;
}

uint32_t volume_get_dev_minor(const struct volume *volume)
{
	return 0;
}

uint64_t volume_get_n_locks(const struct volume *volume)
{
	return 0;
}

uint64_t volume_get_uncommitted(const struct volume *volume)
{
	return 0;
}

uint64_t volume_frozen_since(const struct volume *volume)
{
	return 0;
}

struct trace *volume_get_trace(struct volume *volume)
{
	return NULL;
}

int node_get_trace(struct node *node, const char *name, struct trace **ret)
{
	return -ENOENT;
}

struct volume_stats *volume_get_stats(struct volume *volume)
{
	return NULL;
}

void volume_get_health(struct volume *volume, struct volume_health *ret)
{
	*ret = (struct volume_health){ .reason = "" };
}

void volume_get_usage(struct volume *volume, unsigned int timeout_ms,
		      struct volume_usage *ret)
{
	*ret = (struct volume_usage){ 0 };
}

/* The id of "a/b/c" below the root; 0 = there is none. */
static uint64_t find(const char *path)
{
	_cleanup_(free) char *copy = strdup(path);
	struct meta_item item = { .id = 1 };
	char *rest = copy;
	char *name;

	while ((name = strsep(&rest, "/"))) {
		if (meta_tree_lookup(&tree, item.id, name, &item) < 0)
			return 0;
	}
	return item.id;
}

static void assert_list(const char *path, const char *expected)
{
	_cleanup_(meta_list_fini) struct meta_list list = { 0 };
	char names[128] = "";

	cr_assert_eq(meta_tree_list(&tree, *path ? find(path) : 1, &list), 0);
	for (size_t i = 0; i < list.n; i++)
		(void)strcat(strcat(names, list.items[i].name), " ");
	cr_assert_str_eq(names, expected);
}

static void assert_text(const char *path, const char *expected)
{
	_cleanup_(meta_text_fini) struct meta_text text = { 0 };

	cr_assert_eq(meta_tree_read(&tree, find(path), &text), 0, "%s", path);
	cr_assert_eq(text.len, strlen(expected));
	cr_assert_str_eq(text.data, expected);
}

Test(meta_tree, directories_list_files_and_objects)
{
	assert_list("", "volumes servers hello control ");
	assert_list("volumes", "a b c ");
	assert_list("servers", "s:2049 [fd00::1]:2049 ");
	assert_list("volumes/b", "who ");
}

Test(meta_tree, files_say_what_they_are_about)
{
	assert_text("hello", "hello\n");
	assert_text("volumes/a/who", "a");
	assert_text("volumes/c/who", "c");
	assert_text("servers/[fd00::1]:2049/who", "[fd00::1]:2049");
}

Test(meta_tree, the_same_file_of_two_objects_has_two_ids)
{
	cr_assert_neq(find("volumes/a/who"), find("volumes/b/who"));
	cr_assert_neq(find("volumes/a/who"), 0);
	cr_assert_eq(find("volumes/a/who"), find("volumes/a/who"));
}

Test(meta_tree, what_is_not_there_is_not_found)
{
	struct meta_item item;
	mode_t mode;

	cr_assert_eq(find("volumes/x"), 0);
	cr_assert_eq(find("volumes/a/what"), 0);
	cr_assert_eq(meta_tree_lookup(&tree, find("hello"), "x", &item),
		     -ENOTDIR);
	cr_assert_eq(meta_tree_mode(&tree, 0, &mode), -ENOENT);
	cr_assert_eq(meta_tree_mode(&tree, 200, &mode), -ENOENT);
	/* A file of no object with the key of one, and the other way round. */
	cr_assert_eq(meta_tree_mode(&tree, 5ull << 8 | 6, &mode), -ENOENT);
	cr_assert_eq(meta_tree_mode(&tree, VOLUME + 1, &mode), -ENOENT);
}

Test(meta_tree, an_object_that_went_takes_its_files_along)
{
	uint64_t id = find("volumes/c/who");
	struct meta_text text = { 0 };
	mode_t mode;

	cr_assert_eq(meta_tree_mode(&tree, id, &mode), 0);
	n_visible = 2;
	cr_assert_eq(meta_tree_mode(&tree, id, &mode), -ENOENT);
	cr_assert_eq(meta_tree_read(&tree, id, &text), -ENOENT);
	cr_assert_null(text.data);
}

Test(meta_tree, directories_and_write_only_files_are_not_read)
{
	struct meta_text text = { 0 };

	cr_assert_eq(meta_tree_read(&tree, 1, &text), -EISDIR);
	cr_assert_eq(meta_tree_read(&tree, find("control"), &text), -EACCES);
}

Test(meta_tree, a_view_s_ids_have_their_bit)
{
	const struct meta_tree view = { .rows = rows,
					.n_rows = ARRAY_SIZE(rows),
					.id_bits = META_NODE_BIT };
	struct meta_item item;
	mode_t mode;

	cr_assert_eq(meta_tree_mode(&view, META_VIEW_ROOT, &mode), 0);
	cr_assert_eq(meta_tree_lookup(&view, META_VIEW_ROOT, "hello", &item),
		     0);
	cr_assert(meta_is_node(item.id));
}

Test(meta_tree, a_pod_sees_no_handle_that_names_the_server)
{
	struct volume own = { { .server = "nfs.example.com",
				.pv = "pv",
				.handle = "3f1c",
				.access_mode = ACCESS_RWX } };
	struct node_volume volume = { .volume = &own };
	struct meta_subject subject = { .volume = &volume };
	_cleanup_(meta_text_fini) struct meta_text opaque = { 0 };
	_cleanup_(meta_text_fini) struct meta_text telling = { 0 };
	_cleanup_(meta_text_fini) struct meta_text admin = { 0 };
	FILE *out = open_memstream(&opaque.data, &opaque.len);

	meta_volume(out, &subject);
	fclose(out);
	cr_assert_not_null(strstr(opaque.data, "\"handle\":\t\"3f1c\""));
	own.spec.handle = "nfs.example.com#claims#pv##";
	out = open_memstream(&telling.data, &telling.len);
	meta_volume(out, &subject);
	fclose(out);
	cr_assert_null(strstr(telling.data, "example"), "%s", telling.data);
	subject.node = (void *)&own; /* any: it is not looked into */
	out = open_memstream(&admin.data, &admin.len);
	meta_volume(out, &subject);
	fclose(out);
	cr_assert_not_null(strstr(admin.data, "example"));
}
